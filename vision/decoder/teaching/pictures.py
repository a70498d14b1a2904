"""Pictures that are taught with: their image tokens, computed once and kept, and what is annotated in them.

A picture's tokens never change, since the detector is frozen, so a long run reads them from a file; each picture is
there as it is and mirrored.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reasoning.language.errors import TeachingError
from vision.decoder.image_tokens import ImageTokens, TokenSource
from vision.errors import ImageError
from vision.evaluation.annotations import Annotation, read_annotations
from vision.images.loading import LoadedImage, list_images, load_image

IMAGES, INSTANCES = "images", "instances.json"
"""In the folder of a set."""

HELD_OUT: dict[str, float] = {"voc2007": 400 / 2200, "coco128": 1 / 3, "coco_mini_train": 1 / 3}
"""Share of the images of some sets that are measured with and never taught; of other sets it is `USUALLY_HELD_OUT`."""

USUALLY_HELD_OUT = 0.1

FIELDS = ("features", "cells", "boxes", "logits")

PART, LEFT_SECONDS = ".part-", 24 * 3600
"""How folders begin that are being written, and when one is taken for what a killed run left."""


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
        TeachingError: there are no images.
        DataError: the annotations are not in COCO's form.
        EvaluationError: an image of the annotations is not there.
    """
    images, instances = folder / IMAGES, folder / INSTANCES
    if not images.is_dir():
        raise TeachingError(f"{folder} has no folder {IMAGES}: expected a folder with {IMAGES}, and {INSTANCES} if its "
                            f"objects are annotated")  # fmt: skip
    if not instances.is_file():
        try:
            paths = tuple(list_images(images))
        except ImageError as error:
            raise TeachingError(str(error)) from error
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
        TeachingError: the tokens cannot be kept.
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
                _keep(pictures, source, most, folder, say)
                arrays = _kept(folder)
        except OSError as error:
            raise TeachingError(f"the image tokens of {pictures.name} cannot be kept in {cache} ({error}): make "
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


def _keep(pictures: PictureSet, source: TokenSource, most: int, folder: Path, say: Callable[[str], None]) -> None:
    """Write the tokens of all pictures, whole or not at all; one that cannot be read has none."""
    count = 2 * len(pictures.paths)
    widths = {"features": source.width, "cells": 4, "boxes": 4, "logits": len(source.vocabulary)}
    # Features to half a thousandth, places to the last bit: a place in 1/512 needs no more, a share of it does.
    kinds = {"features": np.float16, "cells": np.float32, "boxes": np.float32, "logits": np.float16}
    folder.parent.mkdir(parents=True, exist_ok=True)
    for left in folder.parent.glob(f"{PART}*"):
        if time.time() - left.stat().st_mtime > LEFT_SECONDS:  # a run was killed
            shutil.rmtree(left, ignore_errors=True)
    part = Path(tempfile.mkdtemp(prefix=PART, dir=folder.parent))
    try:
        arrays = {}
        for name in FIELDS:
            path = part / f"{name}.npy"
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
        np.save(part / "counts.npy", counts)
        for array in arrays.values():
            array.flush()
        try:
            part.rename(folder)
        except OSError:  # another run has kept the same meanwhile
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _reserve(path: Path) -> None:
    """Have the disk keep room for a file: writing into a mapped one whose disk is full ends the process.

    Raises:
        OSError: there is no room.
    """
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
