"""From a model's mask, coarse and maybe of a padded image, to an outline in the image's own pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision.detections.fields import Rings
from vision.detections.polygons.masks import rings_from_mask

WHOLE = (1.0, 1.0)


def full_mask(logits: Any, size: tuple[int, int], part: tuple[float, float] = WHOLE) -> NDArray[np.bool_]:
    """A mask in the image's pixels; one at a time, so that memory holds however many objects there are.

    Args:
        logits: shape (rows, columns), positive on the object.
        size: (width, height) of the image in pixels.
        part: shares of width and height of the mask that the image fills, from the top left; the rest is padding.

    Returns:
        Shape (height, width).
    """
    import torch

    width, height = size
    padded = (max(height, round(height / part[1])), max(width, round(width / part[0])))
    fine = torch.nn.functional.interpolate(logits[None, None].float(), padded, mode="bilinear", align_corners=False)
    return np.asarray((fine[0, 0, :height, :width] > 0).cpu().numpy(), np.bool_)


def outline(mask: NDArray[np.bool_], xyxy: NDArray[np.float32]) -> tuple[Rings, bool]:
    """The rings of a mask, or the box's own where the mask is empty; and whether there was a mask."""
    rings = rings_from_mask(mask)
    if rings:
        return rings, True
    left, top, right, bottom = xyxy.tolist()
    return (np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32),), False


def box_of(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The box around a mask's pixels, shape (4,); all zero for an empty mask."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return np.zeros(4, np.float32)
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float32)
