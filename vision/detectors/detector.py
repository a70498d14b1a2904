"""The one interface behind which every detector stands.

A detector is asked for classes and gives boxes in pixels of the image that it was given. What the user's words mean,
what is kept and how it is written are others' business, so all detectors share them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import process

from vision.detections.fields import Rings
from vision.errors import DetectorError
from vision.images.loading import LoadedImage


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
        self.name = detector.name
        self.files = detector.files
        self.vocabulary = detector.vocabulary
        self.supercategories = detector.supercategories
        self.default_min_score = detector.default_min_score
        self.trusted_score = detector.trusted_score
        self.gives_polygons = detector.gives_polygons
        self.gives_scores = detector.gives_scores
        self.batch_size = detector.batch_size

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
    """What was found, with the classes' names.

    Args:
        vocabulary: names in the order of their numbers.
        xyxy: shape (n, 4), pixels.
        scores: shape (n,).
        classes: shape (n,), numbers.
    """
    return Found(xyxy, tuple(vocabulary[number] for number in classes.tolist()), scores)
