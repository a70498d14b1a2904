"""The interface of all detectors, and one that also looks at mirror images (test-time augmentation).

A detector is asked for classes and gives boxes in pixels of the image that it was given. What the user's words mean,
what is kept and how it is written are others' business. The two looks are joined by weighted boxes fusion (Solovyev
et al. 2021, arXiv 1910.13302): overlapping boxes of a class become their mean weighted by their scores, with the mean
of the scores; a box that one look alone has keeps half of its score.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import process

from vision.detections.boxes import Rings, best_first, iou_matrix
from vision.errors import DetectorError
from vision.images import LoadedImage


@dataclass(frozen=True)
class Request:
    """What a detector is asked for.

    Attributes:
        classes: classes of its vocabulary, or phrases where its vocabulary is open; each at most once. The order
            doesn't matter: the same set in another order gives the same boxes.
        min_score: boxes with lower scores are not wanted; not used by a detector that gives none.
        polygons: whether outlines are wanted; a detector that has none gives boxes alone.
    """

    classes: tuple[str, ...]
    min_score: float = 0.0
    polygons: bool = False


@dataclass(frozen=True, eq=False)
class Found:
    """What a detector found in one image, best first.

    The order is by score, then box, then class, so it doesn't hang on the order of the request's classes.

    Attributes:
        xyxy: shape (n, 4), float32, original pixels, inside the image.
        labels: n strings, each one of the request's classes exactly.
        scores: shape (n,), float32, 0 to 1, or None where the model has no real score.
        polygons: n outlines, or None.
        notes: what the user should know (a reply cut off, a class that could not be asked), one sentence each.
    """

    xyxy: NDArray[np.float32]
    labels: tuple[str, ...]
    scores: NDArray[np.float32] | None
    polygons: tuple[Rings, ...] | None = None
    notes: tuple[str, ...] = ()


NOTHING = Found(np.zeros((0, 4), np.float32), (), np.zeros(0, np.float32))
"""What is found where no class is asked for."""


class Detector(ABC):
    """Finds objects of given classes in images."""

    name: str
    """What it was opened by, such as "embedded" or a hub name."""

    vocabulary: tuple[str, ...] | None
    """Its classes in its own order, or None where it takes any phrase."""

    supercategories: dict[str, str] | None = None
    """Class to supercategory, where the vocabulary has them (COCO's)."""

    default_min_score: float = 0.35
    """A score above which a box is more likely right than not, for people who look; evaluation asks for all."""

    trusted_score: float | None = None
    """A score above which five boxes in six are right, if that was measured: what people are told less surely below."""

    gives_polygons: bool = False
    """Whether it finds outlines by itself."""

    gives_scores: bool = True
    """Whether its boxes have real scores."""

    batch_size: int = 4
    """How many of many images are looked at in one call."""

    side: int | None = None
    """Pixels of the longer side of every image as it looks at it, or None where that depends on the image."""

    files: tuple[Path, ...] = ()
    """Where its weights lie, and what else of it decides what it finds: whether two runs had the same."""

    def take_after(self, detector: Detector) -> None:
        """Be, for whoever asks, what another detector is, by which this one looks in a way of its own."""
        self.name, self.files, self.batch_size = detector.name, detector.files, detector.batch_size
        self.vocabulary, self.supercategories = detector.vocabulary, detector.supercategories
        self.default_min_score, self.trusted_score = detector.default_min_score, detector.trusted_score
        self.gives_polygons, self.gives_scores = detector.gives_polygons, detector.gives_scores

    @abstractmethod
    def detect(self, images: Sequence[LoadedImage], request: Request) -> list[Found]:
        """Look at images, in one batch where the model can; one result an image, in order.

        Raises:
            DetectorError: the model failed.
        """

    def detect_each(self, images: Iterable[LoadedImage], request: Request) -> Iterator[Found | DetectorError]:
        """Look at many images as they come, few of them held at once; one result an image, in order.

        A model that fails on an image gives the error in place of the result and goes on with the rest.
        """
        coming = iter(images)
        while batch := list(islice(coming, self.batch_size)):
            yield from self._each_of(batch, request)

    def _each_of(self, batch: list[LoadedImage], request: Request) -> list[Found | DetectorError]:
        try:
            return list(self.detect(batch, request))
        except DetectorError as error:
            if len(batch) == 1:
                return [error]
            return [result for image in batch for result in self._each_of([image], request)]

    def describe(self, images: Sequence[LoadedImage]) -> list[str] | None:
        """A caption of each image where the model writes them, else None."""
        return None


def part_of(image: LoadedImage, pixels: NDArray[np.uint8]) -> LoadedImage:
    """Some pixels of an image as an image; copied, since models want pixels that lie side by side."""
    pixels = np.ascontiguousarray(pixels)
    pixels.flags.writeable = False
    return LoadedImage(pixels, image.name)


def all_found(results: Iterable[Found | DetectorError]) -> list[Found]:
    """The results of `Detector.detect_each` where one that failed fails them all.

    Raises:
        DetectorError: one is an error.
    """
    found = []
    for result in results:
        if isinstance(result, DetectorError):
            raise result
        found.append(result)
    return found


def class_numbers(classes: Sequence[str], vocabulary: Sequence[str], detector: str) -> NDArray[np.intp]:
    """Numbers of the classes in a vocabulary, each once, ascending.

    Raises:
        DetectorError: one is not in the vocabulary; with the nearest that are.
    """
    numbers = {name: number for number, name in enumerate(vocabulary)}
    for name in classes:
        if name not in numbers:
            nearest = ", ".join(match[0] for match in process.extract(name, vocabulary, limit=3))
            raise DetectorError(f"{detector} has no class {name!r}; the nearest of its {len(vocabulary)}: {nearest}")
    return np.array(sorted({numbers[name] for name in classes}), np.intp)


def found_in(
    vocabulary: Sequence[str],
    xyxy: NDArray[np.float32],
    scores: NDArray[np.float32],
    classes: NDArray[np.intp],
) -> Found:
    """What was found, by the names of the classes; `classes`, shape (n,), are numbers in the vocabulary.

    Args:
        vocabulary: names in the order of their numbers.
        xyxy: shape (n, 4), pixels.
        scores: shape (n,).
        classes: shape (n,), numbers.
    """
    return Found(xyxy, tuple(vocabulary[number] for number in classes.tolist()), scores)


SAME = 0.55
"""Intersection over union from which on two boxes of a class are of one object: the paper's."""

LEAST = 0.05
"""The score down to which both looks give boxes, since a low one lowers the mean."""


class FlipTTA(Detector):
    """Any detector that gives scores, looking twice at each image.

    Raises:
        DetectorError: it gives no scores, of which there is no mean.
    """

    def __init__(self, detector: Detector) -> None:
        if not detector.gives_scores:
            raise DetectorError(
                f"{detector.name} gives no scores, and what it finds in an image and in its mirror image is joined by "
                "them: look at the image alone"
            )
        self.take_after(detector)
        self.side = detector.side
        self.detector = detector

    def detect(self, images: Sequence[LoadedImage], request: Request) -> list[Found]:
        """Look at images; one result an image, in order.

        Raises:
            DetectorError: the model failed.
        """
        return all_found(self.detect_each(images, request))

    def detect_each(self, images: Iterable[LoadedImage], request: Request) -> Iterator[Found | DetectorError]:
        """Look at images as they come, one result an image, in order; an error is that of either look."""
        widths: list[int] = []

        def looks() -> Iterator[LoadedImage]:
            for image in images:
                widths.append(image.size[0])
                yield image
                yield part_of(image, image.pixels[:, ::-1])

        found = self.detector.detect_each(looks(), replace(request, min_score=min(request.min_score, LEAST)))
        for plain, mirrored in zip(found, found, strict=True):
            width = widths.pop(0)
            if isinstance(plain, DetectorError) or isinstance(mirrored, DetectorError):
                yield plain if isinstance(plain, DetectorError) else mirrored
            else:
                yield fused(plain, _turned(mirrored, width), request.min_score)

    def describe(self, images: Sequence[LoadedImage]) -> list[str] | None:
        """See `Detector.describe`; a caption is of the image itself."""
        return self.detector.describe(images)


def fused(one: Found, other: Found, min_score: float) -> Found:
    """Two looks at an image as one: of two boxes of an object their mean.

    Args:
        min_score: boxes that score less after this are left out.

    Returns:
        Best first; outlines are those of the surer of two boxes.
    """
    assert one.scores is not None and other.scores is not None
    labels, first = np.array([*one.labels, *other.labels], dtype=object), len(one.labels)
    boxes, scores = np.concatenate([one.xyxy, other.xyxy]), np.concatenate([one.scores, other.scores])
    means, in_other = (scores / 2).astype(np.float32), np.zeros(len(boxes), bool)
    for name in set(labels.tolist()):
        here = np.flatnonzero(labels == name)
        here = here[np.argsort(-scores[here], kind="stable")]
        overlaps = iou_matrix(boxes[here], boxes[here])
        overlaps[(here < first)[:, None] == (here < first)] = 0
        # As the paper has it: from the surest down, each goes to the nearest of those before it that are alone still.
        alone = np.zeros(len(here), bool)
        for row in range(len(here)):
            near = np.where(alone[:row], overlaps[row, :row], 0)
            nearest = int(near.argmax()) if row else 0
            alone[row] = not row or near[nearest] < SAME
            if not alone[row]:
                alone[nearest] = False
                surer, less = here[nearest], here[row]
                total = scores[surer] + scores[less]
                boxes[surer] = (scores[surer] * boxes[surer] + scores[less] * boxes[less]) / total
                means[surer], in_other[less] = total / 2, True
    kept = np.flatnonzero(~in_other & (means >= min_score))
    _, classes = np.unique(labels[kept].astype(str), return_inverse=True)
    places = kept[best_first(boxes[kept], means[kept], classes)]
    outlines = _outlines(one, other)
    return Found(
        xyxy=boxes[places],
        labels=tuple(labels[places].tolist()),
        scores=means[places],
        polygons=None if outlines is None else tuple(outlines[place] for place in places.tolist()),
        notes=tuple(dict.fromkeys((*one.notes, *other.notes))),
    )


def _outlines(one: Found, other: Found) -> tuple[Rings, ...] | None:
    if (one.polygons is None and one.labels) or (other.polygons is None and other.labels):
        return None
    return (*(one.polygons or ()), *(other.polygons or ())) or None


def _turned(found: Found, width: int) -> Found:
    """What was found in a mirror image, in pixels of the image."""
    left, top, right, bottom = found.xyxy.T
    xyxy = np.stack([width - right, top, width - left, bottom], axis=1)
    turn, move = np.array([-1, 1], np.float32), np.array([width, 0], np.float32)
    polygons = found.polygons and tuple(tuple(ring * turn + move for ring in rings) for rings in found.polygons)
    return replace(found, xyxy=xyxy, polygons=polygons)
