"""The central value of this room: what was found in one image, validated when made, never changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vision.detectors.detector import Rings
from vision.images import ImageSource
from vision.instructions.task import OutputFormat, Task

PolygonSource = Literal["model", "grabcut", "box"]


@dataclass(frozen=True, eq=False)
class Detections:
    """Objects found in one image, best first.

    Attributes:
        image_size: (width, height) in pixels of the upright image.
        xyxy: shape (n, 4), float32, original pixels.
        class_names: n names from the user's own set.
        scores: shape (n,), float32, 0 to 1, or None where the model gives no real score.
        classes: the user's class set in its order; indexes and `<c0>` tokens count in it.
        model_classes: n classes in the model's own vocabulary; the class names where None was given.
        polygons: n outlines of one or more rings, or None.
        polygon_source: where the outlines come from: the model's masks, GrabCut inside the box, or the box itself.
        track_ids: shape (n,), int64, or None.
        output: how `text` writes them.
        task: the instruction as it was read, or None.
        source: the image, for drawing, or None.
        notes: what the user should know, one sentence each.
    """

    image_size: tuple[int, int]
    xyxy: NDArray[np.float32]
    class_names: tuple[str, ...]
    scores: NDArray[np.float32] | None = None
    classes: tuple[str, ...] = ()
    model_classes: tuple[str, ...] = ()
    polygons: tuple[Rings, ...] | None = None
    polygon_source: PolygonSource | None = None
    track_ids: NDArray[np.int64] | None = None
    output: OutputFormat = field(default_factory=OutputFormat)
    task: Task | None = None
    source: ImageSource | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.class_names)

    def __getitem__(self, index: Any) -> Detections:
        """The objects at a boolean mask, a slice or a sequence of positions, in that order."""
        raise NotImplementedError


def empty(image_size: tuple[int, int], classes: Sequence[str] = ()) -> Detections:
    """No object at all."""
    return Detections(image_size, np.zeros((0, 4), np.float32), (), np.zeros(0, np.float32), tuple(classes))
