"""From what a detector found to what the task asks for: the user's labels, then the filters, then the ranks.

A detector answers in its own classes. The user's set may name one of them twice, or one kind that covers several
("vehicle" beside "car"). The rules here decide which label gets which box, whatever the order of the set.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from vision.detections.boxes import cover_matrix, in_region, iou_matrix, of_size, ranked, suppressed
from vision.detections.colours import colouring
from vision.detections.detections import Detections
from vision.detections.showing import in_other_colours, there_is
from vision.detectors.detector import Found, Request
from vision.images import ImageSource, LoadedImage, is_file
from vision.task import Target, Task


@dataclass(frozen=True)
class Plan:
    """What a task comes to for one detector, the same for every image.

    Attributes:
        task: what the instruction asks for.
        targets: the targets that are looked for; None for everything that the detector knows.
        class_set: the labels in which indexes and tokens count.
        request: what the detector is asked for.
        model: the detector's name.
        sure_score: the score, 0 to 1, from which an object counts as sure; the request may ask for less sure ones too.
        notes: what the user should know of how the instruction was read, one sentence each.
        settles: whether one object counts once, whatever classes were found for it.
        doubted_score: the score, 0 to 1, from which on it is said of less sure objects that they may be there too; None
            where that is not asked.
    """

    task: Task
    targets: tuple[Target, ...] | None
    class_set: tuple[str, ...]
    request: Request
    model: str
    sure_score: float
    notes: tuple[str, ...] = ()
    settles: bool = False
    doubted_score: float | None = None

    @property
    def with_doubted(self) -> Plan:
        """The plan that keeps less sure objects too."""
        if self.doubted_score is None:
            return self
        return replace(self, request=replace(self.request, min_score=self.doubted_score))


SAME_OBJECT = 0.85
"""Intersection over union from which on boxes of different classes are of one object."""

LOW_CONFIDENCE = 0.7
"""Share of the score that sure objects have, down to which others may be there too."""

DOUBLE = 0.3
"""Intersection over union with a surer object of its label, above which a less sure one is taken for the same."""

COVERED = 0.9
"""Share of the smaller box that the two have in common, from which on a less sure one is taken for the same too: a box
of several things at once, or of a part of one. Of less, more counts that are wrong would be told surely."""


def settled(found: Found) -> Found:
    """Each object once: of boxes of different classes that are nearly the same the one with the higher score stays.

    A detector finds each class by itself, so a cat may be a cat and a dog. Where there are no scores all boxes stay.
    """
    if found.scores is None or not len(found.labels):
        return found
    everything = np.zeros(len(found.labels), np.intp)
    kept = suppressed(found.xyxy, found.scores, everything, SAME_OBJECT, len(found.labels))
    polygons = None if found.polygons is None else tuple(found.polygons[i] for i in kept)
    labels = tuple(found.labels[i] for i in kept)
    return replace(found, xyxy=found.xyxy[kept], labels=labels, scores=found.scores[kept], polygons=polygons)


def labelled(found: Found, targets: Sequence[Target] | None, image: LoadedImage) -> list[str | None]:
    """The user's label of each box, or None where no target wants it, such as one of another colour.

    Of several targets that want a box the most specific has it: the one with the fewest classes, then one that names
    the colour, then the class's own name ("person" before "nurse", which the model can't tell apart), then the first in
    the alphabet. So the order of the class set changes nothing.
    """
    if targets is None:
        return list(found.labels)

    def rank(target: Target) -> tuple[int, bool, bool, str]:
        return len(target.classes), target.colour is None, target.label not in target.classes, target.label

    by_specificity = sorted(targets, key=rank)
    wanting = {name: [target for target in by_specificity if name in target.classes] for name in set(found.labels)}
    labels: list[str | None] = []
    outlines = found.polygons or (None,) * len(found.labels)
    for name, box, outline in zip(found.labels, found.xyxy, outlines, strict=True):
        coloured = any(target.colour for target in wanting[name])
        colours = colouring(image.pixels, box, outline).plausible if coloured else ()
        fitting = (target.label for target in wanting[name] if target.colour is None or target.colour in colours)
        labels.append(next(fitting, None))
    return labels


def selected(plan: Plan, found: Found, image: LoadedImage, source: ImageSource) -> Detections:
    """The objects that the plan's task keeps of what a detector found in an image, under the user's labels.

    Args:
        plan: what is kept.
        found: the detector's boxes, in pixels of the image.
        image: the upright image.
        source: where the image came from, which the result remembers; in place of an open file the image itself.
    """
    task, limit = plan.task, plan.task.limit
    found = settled(found) if plan.settles else found
    labels = labelled(found, plan.targets, image)
    keep = np.array([label is not None for label in labels], bool)
    if task.region is not None:
        keep &= in_region(found.xyxy, image.size, task.region)
    if task.size is not None:
        keep &= of_size(found.xyxy, image.size, task.size)
    if found.scores is not None:
        keep &= found.scores >= plan.request.min_score
    kept = np.flatnonzero(keep)
    notes = [*image.notes, *found.notes, *plan.notes]
    if found.scores is None and task.min_score is not None:
        notes.append(f"{plan.model} gives no score, so the bound on it was not applied.")
    if limit is not None:
        if found.scores is None and limit.by == "score":
            notes.append(f"{plan.model} gives no score, so the first that it wrote are kept.")
        scores = None if found.scores is None else found.scores[kept]
        kept = kept[ranked(found.xyxy[kept], scores, image.size, limit)]
    return Detections(
        image_size=image.size,
        xyxy=found.xyxy[kept],
        class_names=tuple(str(labels[i]) for i in kept),
        scores=None if found.scores is None else found.scores[kept],
        classes=plan.class_set,
        model_classes=tuple(found.labels[i] for i in kept),
        polygons=None if found.polygons is None else tuple(found.polygons[i] for i in kept),
        polygon_source=None if found.polygons is None else "model",
        output=task.output,
        task=task,
        source=image if is_file(source) else source,
        notes=tuple(notes),
    )


def likelier(plan: Plan, found: Found, kept: Detections) -> dict[int, int]:
    """Which objects are more likely of a class that was not asked for: it scores higher on nearly the same box.

    Returns:
        For each of them its place among those that are `kept`, which `selected` gave, and that of the best such box
        among the detector's; none where each object counts once anyway.
    """
    asked = {name for target in plan.targets or () for name in target.classes}
    others = np.array([place for place, name in enumerate(found.labels) if name not in asked], np.intp)
    if plan.settles or not len(others) or found.scores is None or kept.scores is None:
        return {}
    surer = iou_matrix(kept.xyxy, found.xyxy[others]) >= SAME_OBJECT
    surer &= found.scores[others] > kept.scores[:, None]
    best = others[np.where(surer, found.scores[others], 0).argmax(axis=1)]
    return {place: int(best[place]) for place in np.flatnonzero(surer.any(axis=1)).tolist()}


def lacking(targets: Sequence[Target], names: Collection[str]) -> list[str]:
    """What the user calls the targets of which nothing was found, each once; `names` are those of the objects."""
    there = {word for target in targets if target.label in names for word in target.words}
    return list(dict.fromkeys(word for target in targets for word in target.words if word not in there))


def narrower_words(targets: Sequence[Target], names: Collection[str]) -> list[str]:
    """The user's words that are narrower than the classes of objects of these names, each once."""
    there = (target for target in targets if target.label in names)
    return list(dict.fromkeys(word for target in there for word in target.narrower))


def parted(every: Detections, sure: float, others: Collection[int] = ()) -> tuple[Detections, Detections | None]:
    """What is sure, and what may be there beside it: it scores less, and is none of that again.

    Args:
        every: what `selected` gave of a plan `with_doubted`, with scores.
        sure: the score, 0 to 1, from which an object is sure.
        others: places of objects that are more likely something else; of those that are not sure nothing is said.

    Returns:
        The second is None where there is nothing of that kind.
    """
    assert every.scores is not None
    labels = np.array(every.class_names)
    overlap = iou_matrix(every.xyxy, every.xyxy) > DOUBLE
    overlap |= cover_matrix(every.xyxy, every.xyxy) >= COVERED
    same = overlap & (labels[:, None] == labels)
    once = np.flatnonzero(every.scores >= sure).tolist()
    less: list[int] = []
    for place in np.argsort(-every.scores, kind="stable")[len(once) :].tolist():
        if place not in others and not same[place, once + less].any():
            less.append(place)
    perhaps = replace(every[sorted(less)], source=None, notes=()) if less else None
    return every[every.scores >= sure], perhaps


def passed_over(plan: Plan, found: Found, image: LoadedImage, kept: Detections) -> list[str]:
    """What there is of each target of which `selected` kept nothing, and what it fails: colour, place or size."""
    found = settled(found) if plan.settles else found
    sure = np.ones(len(found.labels), bool) if found.scores is None else found.scores >= plan.request.min_score
    notes = []
    for target in plan.targets or ():
        there = [i for i in np.flatnonzero(sure).tolist() if found.labels[i] in target.classes]
        if not there or target.label in kept.class_names:
            continue
        names = [found.labels[i] for i in there]
        outlines = found.polygons or (None,) * len(found.labels)
        coloured = there if target.colour else []
        colours = [colouring(image.pixels, found.xyxy[i], outlines[i]).plausible for i in coloured]
        if colours and not any(target.colour in seen for seen in colours):
            notes.append(in_other_colours(names, colours))
        elif plan.task.region is not None or plan.task.size is not None:
            notes.append(f"{there_is(names)}, but not of the size or in the place that is asked for.")
    return notes
