"""The pictures that no decoder of boxes was taught with: AP over them, and paired differences by bootstrap.

A third of the COCO images of the data folder and 400 of VOC2007's. Means over few pictures move by several hundredths
with the pictures that are drawn (0.03 for 70 of COCO), so two detectors are compared on the same resamples.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import kg_data
from vision.decoder.teaching.pictures import IMAGES, INSTANCES, PictureSet, read_set
from vision.detectors.detector import Found
from vision.evaluation.annotations import AnnotatedSet, read_annotations
from vision.evaluation.average_precision import Detection, average_precision
from vision.images.loading import LoadedImage, load_image

COCO, VOC = ("coco128", "coco_mini_train"), ("voc2007",)
UNLABELLED = ("unlabelled",)
RESAMPLES = 200
MOST_RESAMPLED = 100
"""COCO counts no more of a picture and class; the others would only make resampling slow."""
LEVEL = 0.95


@dataclass(frozen=True)
class HeldOut:
    """Annotated pictures to measure on.

    Attributes:
        annotated: of them.
        sizes: (width, height) in pixels of each.
    """

    annotated: AnnotatedSet
    sizes: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, names: Sequence[str], most: int | None = None) -> HeldOut:
        """The held-out pictures of some sets, at most so many of each."""
        folders = [folder_of(name) for name in names]
        annotated = read_annotations([(folder / IMAGES, folder / INSTANCES) for folder in folders])
        kept = {path for folder in folders for path in read_set(folder).split()[1].paths[:most]}
        places = [place for place, image in enumerate(annotated.images) if image.path in kept]
        some = drawn(annotated, places)
        return cls(some, tuple(image.size or load_image(image.path).size for image in some.images))

    def images(self) -> Iterator[LoadedImage]:
        """The pictures, one after the other."""
        for image in self.annotated.images:
            yield load_image(image.path)

    def found(self, detect: Callable[[LoadedImage], Found], name: str) -> list[list[Detection]]:
        """What is found in each picture, with progress."""
        rows = []
        for place, image in enumerate(self.images()):
            rows.append(as_detections(place, detect(image)))
            if place % 50 == 49:
                print(f"{name}: {place + 1} of {len(self.sizes)}", file=sys.stderr, flush=True)
        return rows

    def ap(self, rows: Sequence[Sequence[Detection]], categories: Sequence[str] | None = None) -> float:
        """COCO's AP over the categories, all of the set where none are given."""
        flat = [one for row in rows for one in row]
        named = self.annotated.categories if categories is None else tuple(categories)
        return float(average_precision(self.annotated, flat, named, self.sizes)["AP"] or 0.0)

    def paired(self, one: Sequence[Sequence[Detection]], other: Sequence[Sequence[Detection]]) -> tuple[float, float]:
        """The interval of AP of one minus AP of the other, on the same resamples of pictures.

        Of each picture and class the best boxes alone are looked at, `MOST_RESAMPLED` of them.
        """
        rng = np.random.default_rng(0)
        one, other = ([_best(row) for row in rows] for rows in (one, other))
        differences = []
        for _ in range(RESAMPLES):
            places = rng.integers(0, len(self.sizes), len(self.sizes)).tolist()
            again = HeldOut(drawn(self.annotated, places), tuple(self.sizes[place] for place in places))
            first, second = (
                again.ap([[replace(found, image=at) for found in rows[place]] for at, place in enumerate(places)])
                for rows in (one, other)
            )
            differences.append(first - second)
        low, high = np.quantile(differences, ((1 - LEVEL) / 2, (1 + LEVEL) / 2)).tolist()
        return low, high


def _best(row: Sequence[Detection]) -> list[Detection]:
    """The best boxes of each class in one picture."""
    groups: dict[str, list[Detection]] = {}
    for found in row:
        groups.setdefault(found.category, []).append(found)
    return [found for group in groups.values() for found in sorted(group, key=lambda one: -one.score)[:MOST_RESAMPLED]]


def folder_of(name: str) -> Path:
    """A set of the data folder."""
    return kg_data.data_root() / "vision" / name


def taught(names: Sequence[str] = (*COCO, *VOC, *UNLABELLED)) -> list[PictureSet]:
    """The pictures of some sets that are taught with."""
    return [read_set(folder_of(name)).split()[0] for name in names]


def drawn(annotated: AnnotatedSet, places: Sequence[int]) -> AnnotatedSet:
    """The pictures at some places, which may come several times, with what is annotated in them."""
    rows: dict[int, list[int]] = {}
    for number, row in enumerate(annotated.annotations):
        rows.setdefault(row.image, []).append(number)
    annotations = tuple(
        replace(annotated.annotations[number], image=at)
        for at, place in enumerate(places)
        for number in rows.get(place, ())
    )
    images = tuple(annotated.images[place] for place in places)
    return replace(annotated, images=images, annotations=annotations)


def as_detections(place: int, found: Found) -> list[Detection]:
    """What was found in the picture at a place, as the evaluation takes it."""
    assert found.scores is not None
    return [
        Detection(place, label, (x1, y1, x2 - x1, y2 - y1), score)
        for (x1, y1, x2, y2), label, score in zip(found.xyxy.tolist(), found.labels, found.scores.tolist(), strict=True)
    ]
