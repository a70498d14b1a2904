"""The pictures that no decoder of boxes was taught with: AP over them, and paired differences by bootstrap.

A third of the COCO images of the data folder and 400 of VOC2007's. Means over few pictures move by several hundredths
with the pictures that are drawn (0.03 for 70 of COCO), so two detectors are compared on the same resamples.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import faster_coco_eval.faster_eval_api_cpp as _C  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

import kg_data
from training.box_examples import IMAGES, INSTANCES, PictureSet, read_set
from vision.detectors.detector import Found
from vision.evaluation.annotations import AnnotatedSet, read_annotations
from vision.evaluation.runs import Detection, average_precision, evaluated
from vision.images import LoadedImage, load_image

COCO, VOC = ("coco128", "coco_mini_train"), ("voc2007",)
UNLABELLED = ("unlabelled",)
RESAMPLES = 1000
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
        """The interval of AP of one minus AP of the other, on the same resamples of pictures."""
        draws = np.random.default_rng(0).integers(0, len(self.sizes), (RESAMPLES, len(self.sizes)))
        first, second = (self.resampled(rows, draws) for rows in (one, other))
        low, high = np.quantile(first - second, ((1 - LEVEL) / 2, (1 + LEVEL) / 2)).tolist()
        return low, high

    def resampled(self, rows: Sequence[Sequence[Detection]], draws: NDArray[np.int64]) -> NDArray[np.float64]:
        """AP over pictures that are drawn, some of them several times; they are matched once and counted each time.

        Args:
            rows: what was found in each picture.
            draws: places of pictures, shape (resamples, pictures).
        """
        flat = [one for row in rows for one in row]
        evaluation = evaluated(self.annotated, flat, self.annotated.categories, self.sizes, by_image=True)
        params, images = evaluation._paramsEval, len(self.sizes)
        # By category, then by range of areas, of which the first holds all, then by picture.
        areas = len(params.areaRng)
        matched = [
            evaluation._evalImgs_cpp[start : start + images]
            for start in range(0, len(evaluation._evalImgs_cpp), areas * images)
        ]
        params.areaRng, params.areaRngLbl = params.areaRng[:1], params.areaRngLbl[:1]
        found = []
        for places in draws.tolist():
            counted = _C.COCOevalAccumulate(params, [category[place] for category in matched for place in places])
            precision = np.asarray(counted["precision"])[..., -1]
            found.append(precision[precision > -1].mean())
        return np.array(found)


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
