"""One number for each thing of an image, wherever the page shows it: as a box, a row, a node, an end of an edge.

What is found under an instruction and the scene that relations are told of are two lists of the same things. With one
numbering the page's script lights up all places of a thing, whichever of them is pointed at or has the focus.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision import Detections, Grounding, Scene

SAME_WITHIN = 1.0
"""Pixels by which the corners of one box may differ between two runs of a detector."""


@dataclass(frozen=True)
class Other:
    """A thing of the scene that is not among what was found.

    Attributes:
        name: in the scene.
        box: (x1, y1, x2, y2) in pixels of the image.
        number: its number on the page.
        gives_reason: whether the reasons of the answer speak of it.
    """

    name: str
    box: NDArray[np.float32]
    number: int
    gives_reason: bool


def numbered(scene: Scene, found: Detections, grounding: Grounding | None = None) -> dict[str, int]:
    """The number of each of the scene's things by its name.

    What was found has the numbers from 0 in its own order; the scene's other things come after.

    Args:
        scene: the things that relations are told of.
        found: what was found, which the page draws.
        grounding: the answer that `found` is, which knows its things by name.
    """
    numbers: dict[str, int] = {}
    if grounding is not None:
        for number, reason in enumerate(grounding.justification):
            numbers.setdefault(reason.name, number)
    else:
        free = dict(enumerate(found.xyxy))
        for item in scene.objects:
            box = scene.detections.xyxy[item.index]
            same = (
                number
                for number, other in free.items()
                if found.model_classes[number] == item.class_name and float(np.abs(other - box).max()) <= SAME_WITHIN
            )
            match = next(same, None)
            if match is not None:
                numbers[item.name] = match
                del free[match]
    after = len(found)
    for item in scene.objects:
        if item.name not in numbers:
            numbers[item.name], after = after, after + 1
    return numbers


def others(
    scene: Scene, numbers: Mapping[str, int], found: Detections, grounding: Grounding | None = None
) -> list[Other]:
    """The scene's things that are not among what was found, those that give a reason last."""
    facts = [] if grounding is None else [fact for reason in grounding.justification for fact in reason.facts]
    spoken = {str(word) for head, _, tail in facts for word in (head, tail)}
    listed = [
        Other(item.name, scene.detections.xyxy[item.index], numbers[item.name], item.name in spoken)
        for item in scene.objects
        if numbers[item.name] >= len(found)
    ]
    return sorted(listed, key=lambda other: other.gives_reason)
