"""Examples for the decoder of boxes: pictures, their image tokens, and what these are to say.

A picture's tokens never change, since the detector is frozen, so a long run reads them from a file; each picture is
there as it is and mirrored.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from skylark.files import whole_folder
from training.loop import TrainingError, WritingOptions
from vision.decoder.image_tokens import ImageTokens, TokenSource
from vision.decoder.vocabulary import BINS
from vision.detections.boxes import iou_matrix
from vision.errors import ImageError
from vision.evaluation.annotations import Annotation, read_annotations
from vision.images import LoadedImage, list_images, load_image

Stage = Literal["binding", "projector", "joint"]
STAGES: tuple[Stage, ...] = get_args(Stage)

Matching = Literal["overlap", "hungarian"]


@dataclass(frozen=True, kw_only=True)
class BoxOptions(WritingOptions):
    """How a student is taught to write boxes.

    Attributes:
        stage: "binding" teaches from text alone which class token a word was given; "projector" what image tokens
            look like, with the language model frozen; "joint" both.
        hidden: width of the projector.
        from_scores, from_boxes, sees_others, guided: see `vision.decoder.detector.Shape`; an adapter that knows
            pictures is trained further with the same, but for `sees_others`.
        image_tokens: of an image, the best ones.
        boxed: of these, whose boxes are written.
        text: share of the passes that are texts in the later stages; binding is kept up by them.
        truth: how much annotated boxes weigh beside the detector's own scores, 0 to 1.
        matching: how annotated boxes are given to tokens, see `targets`.
        fixed_tokens: give each class the same class token in every prompt (to show what random ones are good for).
    """

    stage: Stage = "binding"
    hidden: int = 768
    from_scores: bool = True
    from_boxes: bool = True
    sees_others: bool = False
    guided: bool = False
    image_tokens: int = 50
    boxed: int = 8
    text: float = 0.15
    truth: float = 0.0
    matching: Matching = "overlap"
    fixed_tokens: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_at_least_one("hidden", "image_tokens", "boxed")
        if self.stage not in STAGES:
            raise TrainingError(f"stage is one of {', '.join(STAGES)}, not {self.stage!r}")
        if self.matching not in get_args(Matching):
            raise TrainingError(f"matching is one of {', '.join(get_args(Matching))}, not {self.matching!r}")
        for name in ("text", "truth"):
            if not 0 <= getattr(self, name) <= 1:
                raise TrainingError(f"{name} is a share between 0 and 1, not {getattr(self, name)}")
        if self.boxed > self.image_tokens:
            raise TrainingError(f"boxed is at most image_tokens ({self.image_tokens}), not {self.boxed}")


IMAGES, INSTANCES = "images", "instances.json"
"""In the folder of a set."""

HELD_OUT: dict[str, float] = {"voc2007": 400 / 2200, "coco128": 1 / 3, "coco_mini_train": 1 / 3}
"""Share of the images of some sets that are measured with and never taught; of other sets it is `USUALLY_HELD_OUT`."""

USUALLY_HELD_OUT = 0.1

FIELDS = ("features", "cells", "boxes", "logits")


@dataclass(frozen=True, eq=False)
class Truth:
    """What is annotated in one picture.

    Attributes:
        known: the classes that are annotated at all; of others nothing is known.
        classes: of each box.
        boxes: shape (n, 4), x1 y1 x2 y2 as shares of the picture's width and height.
        crowds: which boxes are regions in which objects were not told apart, or that were found difficult.
    """

    known: tuple[str, ...]
    classes: tuple[str, ...]
    boxes: NDArray[np.float32]
    crowds: NDArray[np.bool_]

    def mirrored(self) -> Truth:
        """Of the picture with its left and right exchanged."""
        x1, y1, x2, y2 = self.boxes.T
        return Truth(self.known, self.classes, np.stack([1 - x2, y1, 1 - x1, y2], 1), self.crowds)


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture, as it is or mirrored.

    Attributes:
        tokens: of it.
        truth: what is annotated; None where nothing is known.
    """

    tokens: ImageTokens
    truth: Truth | None


@dataclass(frozen=True)
class PictureSet:
    """A folder of pictures.

    Attributes:
        name: of the folder.
        paths: of the pictures.
        truths: of each; None where the folder has no annotations.
    """

    name: str
    paths: tuple[Path, ...]
    truths: tuple[Truth | None, ...]

    def split(self) -> tuple[PictureSet, PictureSet]:
        """The pictures that are taught, and those that are held out; which, their names decide."""
        share = HELD_OUT.get(self.name, USUALLY_HELD_OUT)
        order = sorted(range(len(self.paths)), key=lambda place: zlib.crc32(self.paths[place].name.encode()))
        out = {*order[: round(share * len(order))]}
        return self._some([place for place in range(len(self.paths)) if place not in out]), self._some(sorted(out))

    def _some(self, places: Sequence[int]) -> PictureSet:
        return PictureSet(
            self.name, tuple(self.paths[place] for place in places), tuple(self.truths[place] for place in places)
        )


def read_set(folder: Path) -> PictureSet:
    """A set: `images` in a folder, and `instances.json` in COCO's form beside it, if it is there.

    Raises:
        TrainingError: there are no images.
        DataError: the annotations are not in COCO's form.
        EvaluationError: an image of the annotations is not there.
    """
    images, instances = folder / IMAGES, folder / INSTANCES
    if not images.is_dir():
        raise TrainingError(f"{folder} has no folder {IMAGES}: expected a folder with {IMAGES}, and {INSTANCES} if its "
                            f"objects are annotated")  # fmt: skip
    if not instances.is_file():
        try:
            paths = tuple(list_images(images))
        except ImageError as error:
            raise TrainingError(str(error)) from error
        return PictureSet(folder.resolve().name, paths, (None,) * len(paths))
    annotated = read_annotations([(images, instances)])
    truths = []
    rows: list[list[Annotation]] = [[] for _ in annotated.images]
    for row in annotated.annotations:
        rows[row.image].append(row)
    for image, found in zip(annotated.images, rows, strict=True):
        size = image.size or load_image(image.path).size
        boxes = np.array([row.xyxy for row in found], np.float64).reshape(-1, 4) / np.tile(size, 2)
        classes, crowds = tuple(row.category for row in found), np.array([row.crowd for row in found], bool)
        truths.append(Truth(annotated.categories, classes, boxes.astype(np.float32), crowds))
    return PictureSet(folder.resolve().name, tuple(image.path for image in annotated.images), tuple(truths))


class Pictures:
    """Pictures of a set with their tokens on disk; a sequence, each picture as it is and then mirrored.

    Args:
        pictures: of the set.
        source: makes the tokens.
        most: tokens of a picture.
        cache: where they are kept.
        say: is called with each line of progress.

    Raises:
        DetectorError: the source failed.
        TrainingError: the tokens cannot be kept.
    """

    def __init__(
        self, pictures: PictureSet, source: TokenSource, most: int, cache: Path, say: Callable[[str], None]
    ) -> None:
        named = json.dumps([[str(path), (on := path.stat()).st_size, on.st_mtime_ns] for path in pictures.paths])
        digest = hashlib.sha256(f"{source.fingerprint}|{most}|{named}".encode()).hexdigest()[:16]
        folder = cache / f"{pictures.name}-{digest}"
        try:
            arrays = _kept(folder)
            if arrays is None:
                shutil.rmtree(folder, ignore_errors=True)
                try:
                    with whole_folder(folder) as part:
                        _write_tokens(pictures, source, most, part, say)
                except OSError:
                    if not folder.is_dir():
                        raise  # else another run has kept the same meanwhile
                arrays = _kept(folder)
        except OSError as error:
            raise TrainingError(f"the image tokens of {pictures.name} cannot be kept in {cache} ({error}): make "
                                f"room there, or choose another folder") from error  # fmt: skip
        assert arrays is not None
        self._arrays = arrays
        self._truths = pictures.truths

    def places(self, least: int) -> list[int]:
        """Where pictures stand that have so many tokens at least."""
        found: list[int] = np.flatnonzero(self._arrays["counts"] >= least).tolist()
        return found

    def __len__(self) -> int:
        return len(self._arrays["counts"])

    def __getitem__(self, place: int) -> Picture:
        count = int(self._arrays["counts"][place])
        arrays = [np.asarray(self._arrays[name][place, :count], np.float32) for name in FIELDS]
        truth = self._truths[place // 2]
        if truth is not None and place % 2:
            truth = truth.mirrored()
        return Picture(ImageTokens(*arrays), truth)


def _kept(folder: Path) -> dict[str, NDArray[Any]] | None:
    """What was kept, or None where nothing was or it is damaged."""
    try:
        return {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in (*FIELDS, "counts")}
    except (FileNotFoundError, ValueError, EOFError):  # numpy's, of a file that was cut off
        return None


def _write_tokens(
    pictures: PictureSet, source: TokenSource, most: int, folder: Path, say: Callable[[str], None]
) -> None:
    """Write the tokens of all pictures; one that cannot be read has none."""
    count = 2 * len(pictures.paths)
    widths = {"features": source.width, "cells": 4, "boxes": 4, "logits": len(source.vocabulary)}
    # Features to half a thousandth, places to the last bit: a place in 1/512 needs no more, a share of it does.
    kinds = {"features": np.float16, "cells": np.float32, "boxes": np.float32, "logits": np.float16}
    arrays = {}
    for name in FIELDS:
        path = folder / f"{name}.npy"
        arrays[name] = np.lib.format.open_memmap(path, "w+", kinds[name], (count, most, widths[name]))
        _reserve(path)
    counts = np.zeros(count, np.int32)
    for place, path in enumerate(pictures.paths):
        if place % 200 == 0:
            say(f"image tokens of {pictures.name}: {place} of {len(pictures.paths)} images")
        try:
            image = load_image(path)
        except ImageError as error:
            say(f"left out: {error}")
            continue
        for mirror, pixels in enumerate((image.pixels, np.ascontiguousarray(image.pixels[:, ::-1]))):
            (tokens,) = source.tokens([LoadedImage(pixels)], most)
            counts[2 * place + mirror] = len(tokens)
            for name in FIELDS:
                arrays[name][2 * place + mirror, : len(tokens)] = getattr(tokens, name)
    np.save(folder / "counts.npy", counts)
    for array in arrays.values():
        array.flush()


def _reserve(path: Path) -> None:
    """Have the disk keep room for a file: writing into a mapped one whose disk is full ends the process.

    Raises:
        OSError: there is no room.
    """
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


FLOOR = 0.08
"""Scores up to here are background."""

LEAST_OVERLAP = 0.5
"""Intersection over union with an annotated box from which on a token stands for it."""

CLASS_COST, CORNER_COST, OVERLAP_COST = 2.0, 5.0, 2.0
"""Of a token and a box: what 1 - score, the mean distance of the corners (as a share of the image), and 1 -
intersection over union cost; DETR's weights for one-to-one matching (Carion et al. 2020, arXiv 2005.12872), with plain
overlap."""


@dataclass(frozen=True, eq=False)
class Targets:
    """What the tokens of one picture are to say.

    Attributes:
        shares: of each class of a prompt and, last, of `<no>`; shape (m, k + 1), rows sum to 1.
        places: offsets of the box's sides from the token's middle, in bins; shape (m, 4), -512 to 512.
        weights: how much each token's box counts, shape (m,).
    """

    shares: NDArray[np.float32]
    places: NDArray[np.float32]
    weights: NDArray[np.float32]


class Targeting:
    """Makes targets for prompts: the detector's own scores, softened by what is annotated.

    Distilling soft scores is what Calderon et al. 2023 (arXiv 2305.02031) call pseudo-targets. What is annotated counts
    for the classes that the set annotates at all; of others nothing is known, and the detector's scores stay.

    Args:
        vocabulary: of the detector.
        truth: how much annotations weigh, 0 to 1.
        matching: "overlap" gives each token the box that it overlaps most, and its overlap as the score; "hungarian"
            gives each box one token, with the score 1, and the other tokens `<no>`.
    """

    def __init__(self, vocabulary: Sequence[str], truth: float, matching: Matching) -> None:
        self._numbers = {name: number for number, name in enumerate(vocabulary)}
        self._truth, self._matching = truth, matching

    def of(self, picture: Picture, classes: Sequence[str]) -> Targets:
        """What a picture's tokens are to say where these classes are asked for."""
        tokens = picture.tokens
        own = np.array([self._numbers.get(name, -1) for name in classes])
        detected = tokens.scores
        scores = np.where(own >= 0, detected[:, own], 0).astype(np.float32)
        boxes, weights = tokens.boxes, detected.max(1)
        if self._truth and picture.truth is not None:
            overlap = iou_matrix(tokens.boxes, picture.truth.boxes)
            given, matched = self._given(tokens, scores, overlap, picture.truth, classes)
            known = np.array([name in picture.truth.known for name in classes])
            settled = known[None] & ~_unsure(tokens.boxes, picture.truth)[:, None]
            scores = np.where(settled, (1 - self._truth) * scores + self._truth * given, scores)
            boxes = np.where((matched >= 0)[:, None], picture.truth.boxes[matched], boxes) if len(
                picture.truth.boxes) else boxes  # fmt: skip
            weights = np.maximum(weights, matched >= 0)
        offsets = (np.clip(boxes, 0, 1) - np.tile(tokens.cells[:, :2], 2)) * BINS
        return Targets(
            shares_of(scores),
            np.clip(offsets, -BINS, BINS).astype(np.float32),
            np.where(weights < 0.05, 0, weights).astype(np.float32),
        )

    def _given(
        self,
        tokens: ImageTokens,
        scores: NDArray[np.float32],
        overlap: NDArray[np.float32],
        truth: Truth,
        classes: Sequence[str],
    ) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
        """The score of each class by what is annotated, shape (m, k), and each token's box or -1."""
        given = np.zeros((len(tokens), len(classes)), np.float32)
        matched = np.full(len(tokens), -1, np.intp)
        columns = {name: column for column, name in enumerate(classes)}
        asked = [place for place, name in enumerate(truth.classes) if name in columns and not truth.crowds[place]]
        if not asked:
            return given, matched
        overlap = overlap[:, asked]
        names = np.array([columns[truth.classes[place]] for place in asked])
        if self._matching == "hungarian":
            from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]

            distance = np.abs(tokens.boxes[:, None] - truth.boxes[asked][None]).mean(2)
            cost = CLASS_COST * (1 - scores[:, names]) + CORNER_COST * distance + OVERLAP_COST * (1 - overlap)
            rows, found = linear_sum_assignment(cost)
            given[rows, names[found]] = 1
            matched[rows] = np.array(asked)[found]
            return given, matched
        for column, (name, place) in enumerate(zip(names, asked, strict=True)):
            over = np.where(overlap[:, column] >= LEAST_OVERLAP, overlap[:, column], 0)
            better = over > given[:, name]
            given[better, name] = over[better]
            matched[better & (over >= overlap.max(1))] = place
        return given, matched


def _unsure(boxes: NDArray[np.float32], truth: Truth) -> NDArray[np.bool_]:
    """Which tokens lie on what is annotated as a crowd, with half of their own area, as COCO counts it; shape (m,)."""
    crowds = truth.boxes[truth.crowds]
    low = np.maximum(boxes[:, None, :2], crowds[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], crowds[None, :, 2:])
    inside = np.maximum(high - low, 0).prod(2)
    area = np.maximum((boxes[:, 2:] - boxes[:, :2]).prod(1), 1e-9)
    unsure: NDArray[np.bool_] = (inside / area[:, None] >= LEAST_OVERLAP).any(1)
    return unsure


def shares_of(scores: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Scores of classes, shape (n, k), as shares of one softmax with, last, that of `<no>`; shape (n, k + 1).

    What a detector gives 80 classes of which nothing is there, some 0.007 each, would be half of the whole; so scores
    below `FLOOR` are background, those above are stretched to begin with 0, and where they are more than 1 together
    they are divided by their sum. `benchmarks.visionllm` has what that costs.
    """
    stretched = np.maximum(scores - FLOOR, 0) / (1 - FLOOR)
    total = stretched.sum(1, keepdims=True)
    return np.concatenate([stretched / np.maximum(total, 1), np.maximum(1 - total, 0)], 1).astype(np.float32)
