"""How the camera moves from frame to frame, told by what stands still: the picture outside all boxes.

Who films a cow that walks turns the camera with it, so that the cow stays in the middle of the picture. What a thing
does by itself is what is left of its motion when the camera's is taken out.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

STILL: NDArray[np.float64] = np.eye(2, 3)
"""The motion of a camera that stands still."""

SIDE = 480
"""Pixels of the longer side at which pictures are looked at."""

CORNERS, SPACING, QUALITY = 300, 8, 0.01
"""Corners that are followed, the pixels between two of them, and how clear each must be beside the clearest."""

APART, LEAST_CORNERS, LEAST_SHARE = 3.0, 20, 0.5
"""Pixels by which corners may differ that agree on a motion, how many must agree, and which share of those that are
followed: else the camera is taken to stand still."""

MARGIN = 0.05
"""Of a box's size, how far around it nothing is looked at."""


class CameraMotion:
    """Follows the camera through a video; the frame before is kept."""

    def __init__(self) -> None:
        self._before: NDArray[np.uint8] | None = None
        self._corners: NDArray[np.float32] | None = None

    def follow(self, pixels: NDArray[np.uint8], xyxy: NDArray[np.float32]) -> NDArray[np.float64]:
        """Take the next frame.

        Args:
            pixels: shape (height, width, 3), uint8, RGB.
            xyxy: shape (n, 4), the boxes of things that may move, pixels.

        Returns:
            Shape (2, 3): the affine map of places of still things, in pixels, from the frame before to this one.
        """
        scale = max(1.0, max(pixels.shape[:2]) / SIDE)
        size = (max(1, round(pixels.shape[1] / scale)), max(1, round(pixels.shape[0] / scale)))
        smaller = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        grey = np.asarray(cv2.cvtColor(smaller, cv2.COLOR_RGB2GRAY), np.uint8)
        before, corners = self._before, self._corners
        self._before, self._corners = grey, _corners(grey, xyxy / scale)
        if before is None or before.shape != grey.shape or corners is None or len(corners) < LEAST_CORNERS:
            return STILL
        found, there, _ = cv2.calcOpticalFlowPyrLK(before, grey, corners, np.empty_like(corners))
        followed = there[:, 0] == 1
        if followed.sum() < LEAST_CORNERS:
            return STILL
        moved, agreeing = cv2.estimateAffinePartial2D(corners[followed], found[followed], ransacReprojThreshold=APART)
        if moved is None or agreeing.sum() < max(LEAST_CORNERS, LEAST_SHARE * followed.sum()):
            return STILL
        moved[:, 2] *= scale
        return np.asarray(moved, np.float64)


def _corners(grey: NDArray[np.uint8], xyxy: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Clear corners outside the boxes, shape (n, 1, 2); None where there are none."""
    height, width = grey.shape
    mask = np.full(grey.shape, 255, np.uint8)
    for x0, y0, x1, y1 in xyxy.tolist():
        around = MARGIN * max(x1 - x0, y1 - y0)
        left, top = max(0, int(x0 - around)), max(0, int(y0 - around))
        mask[top : min(height, int(y1 + around) + 1), left : min(width, int(x1 + around) + 1)] = 0
    found = cv2.goodFeaturesToTrack(grey, CORNERS, QUALITY, SPACING, mask=mask)
    return None if found is None else np.asarray(found, np.float32)
