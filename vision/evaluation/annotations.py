"""Annotations in COCO's form: categories, boxes, and masks as run lengths, checked before anything is measured.

The form is that of COCO's `instances` files (Lin et al. 2014, arXiv 1405.0312). A wrong id or a mask of another size
would not stop the counting of matches; it would only make the figures wrong. Run lengths that don't fill the image
would have the evaluation's compiled code read past their end. A category is tied to the class of the same name, else
to the one class that its name means ("aeroplane", "tvmonitor"); one that the detector has no class for is left out of
the means and named, since a score of 0 for what was never looked for would measure nothing.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from faster_coco_eval import mask  # type: ignore[import-untyped]
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from rapidfuzz.process import extract

from skylark.errors import DataError
from skylark.files import files_like
from vision.classes import ClassMatcher, Matcher
from vision.detections.boxes import Rings
from vision.errors import EvaluationError


@dataclass(frozen=True)
class Categories:
    """Categories of the annotations and what the detector is asked for to find them.

    Attributes:
        classes: category to the detector's class, or to the phrase that it is asked for.
        lacking: categories that the detector has no class for.
    """

    classes: dict[str, str]
    lacking: tuple[str, ...]


def tie_categories(categories: Sequence[str], vocabulary: Sequence[str] | None, matcher: Matcher) -> Categories:
    """Tie categories to a detector's classes, each class to one at most; the vocabulary is None where any phrase is
    taken."""
    if vocabulary is None:
        return Categories({name: name for name in categories}, ())
    spelled = {_key(name): name for name in vocabulary}
    classes = {name: spelled[_key(name)] for name in categories if _key(name) in spelled}
    rest = [name for name in categories if name not in classes]
    taken = set(classes.values())
    for name, match in zip(rest, matcher.match_all(rest), strict=True):
        if len(match.classes) == 1 and match.colour is None and not taken & set(match.classes):
            classes[name] = match.classes[0]
            taken.update(match.classes)
    tied = {name: classes[name] for name in categories if name in classes}
    return Categories(tied, tuple(name for name in categories if name not in tied))


def named_categories(
    words: Sequence[str],
    categories: Sequence[str],
    supercategories: dict[str, str],
    whose: str = "the annotated classes",
) -> tuple[str, ...]:
    """The categories that the user's words name, in the annotations' order.

    Args:
        words: names, synonyms or groups ("animals").
        categories: names that there are.
        supercategories: category to supercategory, as far as there are any.
        whose: what the names are, for the error.

    Raises:
        EvaluationError: a word names no category; with the nearest that there are.
    """
    spelled = {_key(name): name for name in categories}
    named = {spelled[_key(word)] for word in words if _key(word) in spelled}
    rest = [word for word in words if _key(word) not in spelled]
    matches = ClassMatcher(categories, supercategories).match_all(rest) if rest else []
    for word, match in zip(rest, matches, strict=True):
        if match.colour is not None and match.classes:
            bare = " or ".join(match.classes)
            raise EvaluationError(f'"{word}" asks for a colour, which is not annotated; name {bare} without it')
        if not match.classes:
            near = dict.fromkeys([*(name for name, _, _ in extract(word, categories, limit=2)), *match.nearest])
            raise EvaluationError(f'"{word}" names none of {whose}; the nearest: {", ".join(near)}')
        named.update(match.classes)
    return tuple(name for name in categories if name in named)


def _key(name: str) -> str:
    return " ".join(name.replace("_", " ").replace("-", " ").casefold().split())


def check_run_lengths(counts: str | Sequence[int], size: tuple[int, int]) -> str | None:
    """Whether run lengths fill an image of this height and width exactly: None, or what is wrong with them."""
    try:
        lengths = decompressed(counts) if isinstance(counts, str) else counts
    except ValueError as error:
        return str(error)
    if any(length < 0 for length in lengths):
        return "a negative length"
    return f"{sum(lengths):,} pixels" if sum(lengths) != size[0] * size[1] else None


def decompressed(text: str) -> list[int]:
    """The lengths in COCO's compressed form.

    Each is a number of groups of five bits, lowest first, in characters from "0" on; the sixth bit says that more
    follow, and the fifth of the last group is the sign. From the fourth on they are differences to the one before the
    last (`rleFrString` in COCO's maskApi.c).

    Raises:
        ValueError: the text is no such form.
    """
    lengths: list[int] = []
    value = shift = 0
    for character in text:
        group = ord(character) - 48
        if not 0 <= group < 64:
            raise ValueError(f"the character {character!r}")
        value |= (group & 31) << shift
        shift += 5
        if group & 32:
            if shift > 60:
                raise ValueError("a length of more than 60 bits")
            continue
        if group & 16:
            value -= 1 << shift
        lengths.append(value + lengths[-2] if len(lengths) > 2 else value)
        value = shift = 0
    if shift:
        raise ValueError("an end in the middle of a length")
    return lengths


def from_rings(rings: Rings, size: tuple[int, int]) -> dict[str, Any] | None:
    """The mask that an outline encloses, in the form of COCO's results; None where no ring has three points.

    What any ring, shape (points, 2), encloses belongs to the object; the size is (width, height) of the image.

    Args:
        rings: polygons of shape (points, 2), xy in pixels; what any of them encloses belongs to the object.
        size: (width, height) of the image.
    """
    polygons = [ring.reshape(-1).tolist() for ring in rings if len(ring) >= 3]
    if not polygons:
        return None
    width, height = size
    lengths = mask.merge(mask.frPyObjects(polygons, height, width))
    counts = lengths["counts"]
    return {"size": [height, width], "counts": counts.decode() if isinstance(counts, bytes) else counts}


Finite = Annotated[float, Field(allow_inf_nan=False)]
Length = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Pixels = Annotated[int, Field(ge=1)]


class _Row(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class RunLengths(_Row):
    """A mask as run lengths down its columns, first of what is outside it; a text is COCO's compressed form."""

    size: tuple[Pixels, Pixels]
    """Height and width."""
    counts: str | list[int]


class _Image(_Row):
    id: int
    file_name: str = Field(min_length=1)
    width: Pixels | None = None
    height: Pixels | None = None


class _Annotation(_Row):
    id: int
    image_id: int
    category_id: int
    bbox: tuple[Finite, Finite, Length, Length]
    area: Length | None = None
    iscrowd: Literal[0, 1] = 0
    segmentation: RunLengths | list[list[Finite]] | None = None


class _Category(_Row):
    id: int
    name: str = Field(min_length=1)
    supercategory: str | None = None


class _Instances(_Row):
    images: list[_Image]
    annotations: list[_Annotation]
    categories: list[_Category]


@dataclass(frozen=True)
class AnnotatedImage:
    """One image of a set.

    Attributes:
        id: its id in the annotation file.
        file: its name there.
        path: where it lies.
        size: (width, height) in pixels as the annotation file says, or None where it does not.
        source: the place of its annotation file among those of the set, from 0.
    """

    id: int
    file: str
    path: Path
    size: tuple[int, int] | None
    source: int


@dataclass(frozen=True)
class Annotation:
    """One object of an image, or a region of a crowd of them.

    Attributes:
        id: its id in the annotation file.
        image: the place of its image in the set, from 0.
        category: its category's name.
        xywh: left, top, width and height in pixels.
        area: of its mask or, where there is none, of its box, in pixels; None where the file does not say.
        crowd: whether it stands for several objects that were not told apart.
        segmentation: run lengths, one or more polygons [x, y, x, y, ...], or None.
    """

    id: int
    image: int
    category: str
    xywh: tuple[float, float, float, float]
    area: float | None
    crowd: bool
    segmentation: RunLengths | list[list[float]] | None

    @property
    def xyxy(self) -> tuple[float, float, float, float]:
        """The box by its corners."""
        x, y, width, height = self.xywh
        return x, y, x + width, y + height


@dataclass(frozen=True)
class AnnotatedSet:
    """Images with what is to be found in them, of one annotation file or several.

    Attributes:
        images: in the order of the files.
        annotations: of all images, in the order of the files.
        categories: names, each once, in the order of the files.
        supercategories: category to supercategory, as far as the files say.
        category_ids: for each file, category to its id there.
        digest: hex digest of the files.
    """

    images: tuple[AnnotatedImage, ...]
    annotations: tuple[Annotation, ...]
    categories: tuple[str, ...]
    supercategories: dict[str, str]
    category_ids: tuple[dict[str, int], ...]
    digest: str

    def first(self, count: int | None) -> AnnotatedSet:
        """The set of its first images alone; all of it for None."""
        if count is None or count >= len(self.images):
            return self
        kept = tuple(row for row in self.annotations if row.image < count)
        if not kept:
            raise EvaluationError(f"the first {count:,} images have no annotation, so that there is nothing to measure")
        return replace(self, images=self.images[:count], annotations=kept)


def read_annotations(pairs: Sequence[tuple[Path, Path]]) -> AnnotatedSet:
    """Read one set from one or several folders of images with their annotation files.

    Args:
        pairs: (folder of the images, annotation file).

    Raises:
        DataError: a file has not the form of COCO's instances, or contradicts itself.
        EvaluationError: a file, a folder or an image is not there, an image is there twice, nothing is annotated.
    """
    images: list[AnnotatedImage] = []
    annotations: list[Annotation] = []
    categories: dict[str, str | None] = {}
    category_ids: list[dict[str, int]] = []
    digest = hashlib.sha256()
    for source, (folder, path) in enumerate(pairs):
        if not folder.is_dir():
            raise EvaluationError(f"there is no folder of images {folder}{_nearest_in(folder)}")
        if not path.is_file():
            raise EvaluationError(f"there is no annotation file {path}{_nearest_in(path)}")
        content = path.read_bytes()
        digest.update(hashlib.sha256(content).digest())
        instances = _parsed(path, content)
        _check(path, instances)
        names = {row.id: row.name for row in instances.categories}
        for row in instances.categories:
            categories[row.name] = categories.get(row.name) or row.supercategory
        category_ids.append({row.name: row.id for row in instances.categories})
        places = {row.id: place for place, row in enumerate(instances.images, start=len(images))}
        for image in instances.images:
            images.append(AnnotatedImage(image.id, image.file_name, folder / image.file_name, _size(image), source))
        for one in instances.annotations:
            place, name, crowd = places[one.image_id], names[one.category_id], bool(one.iscrowd)
            annotations.append(Annotation(one.id, place, name, one.bbox, one.area, crowd, one.segmentation or None))
    _check_files(images, pairs)
    if not annotations:
        raise EvaluationError(
            f"{', '.join(str(path) for _, path in pairs)} annotates no object, so that there is nothing to measure"
        )
    supercategories = {name: above for name, above in categories.items() if above}
    named = (tuple(categories), supercategories, tuple(category_ids))
    return AnnotatedSet(tuple(images), tuple(annotations), *named, digest.hexdigest()[:16])


def _parsed(path: Path, content: bytes) -> _Instances:
    try:
        return _Instances.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if first["type"] == "json_invalid":
            raise DataError(path, "a JSON file", hint=first["msg"]) from None
        # Of a segmentation pydantic also says which of its forms it tried; that is no place in the file.
        place = [str(part) for part in first["loc"]]
        where = ".".join(place[: place.index("segmentation") + 1] if "segmentation" in place else place)
        expected = "COCO's instances: an object with images, annotations and categories"
        raise DataError(path, expected, hint=f"{where or 'the whole'}: {first['msg']}") from None


def _check(path: Path, instances: _Instances) -> None:
    _check_once(path, "each image id once", (row.id for row in instances.images))
    _check_once(path, "each annotation id once", (row.id for row in instances.annotations))
    _check_once(path, "each category id once", (row.id for row in instances.categories))
    _check_once(path, "each category name once", (row.name for row in instances.categories))
    images = {row.id: row for row in instances.images}
    categories = {row.id for row in instances.categories}
    for row in instances.annotations:
        which = f"annotation {row.id}"
        for what, number, known in (("image", row.image_id, images), ("category", row.category_id, categories)):
            if number not in known:
                expected = f"the {what} of each annotation, and {which} has an unknown {what}_id"
                raise DataError(path, expected, found=str(number))
        if isinstance(row.segmentation, RunLengths):
            size = _size(images[row.image_id])
            if size is None:
                raise DataError(path, f"width and height of image {row.image_id}, since {which} has run lengths")
            if row.segmentation.size != size[::-1]:
                expected = f"run lengths of {which} of its image's height and width, {size[::-1]}"
                raise DataError(path, expected, found=str(row.segmentation.size))
            if (wrong := check_run_lengths(row.segmentation.counts, row.segmentation.size)) is not None:
                raise DataError(path, f"run lengths of {which} that fill its image", found=wrong)
        elif any(len(polygon) < 6 or len(polygon) % 2 for polygon in row.segmentation or ()):
            raise DataError(path, f"polygons of {which} of at least three points, x and y of each")


def _check_once(path: Path, expected: str, values: Iterable[object]) -> None:
    value, count = next(iter(Counter(values).most_common(1)), (None, 0))
    if count > 1:
        raise DataError(path, expected, found=str(value))


def _check_files(images: Sequence[AnnotatedImage], pairs: Sequence[tuple[Path, Path]]) -> None:
    missing = [image for image in images if not image.path.is_file()]
    if missing:
        folder, path = pairs[missing[0].source]
        raise EvaluationError(
            f"{len(missing):,} of the {len(images):,} images of {path} are not there, the first is {missing[0].path}"
            f"{_nearest_in(missing[0].path)}; {folder} is the folder that their file_name starts from"
        )
    name, count = next(iter(Counter(image.path.resolve() for image in images).most_common(1)), (None, 0))
    if count > 1:
        raise EvaluationError(f"{name} is there {count} times; each image may count once")


def _size(row: _Image) -> tuple[int, int] | None:
    return None if row.width is None or row.height is None else (row.width, row.height)


def _nearest_in(path: Path) -> str:
    """What a missing file's or folder's neighbours offer in its place, as the end of a sentence; may be empty."""
    found = files_like(path.absolute())
    return f"; the nearest name there is {found[0].name}" if found else ""


def as_coco(segmentation: RunLengths | list[list[float]]) -> Any:
    """A segmentation as it stands in COCO's files."""
    if isinstance(segmentation, RunLengths):
        return {"size": list(segmentation.size), "counts": segmentation.counts}
    return segmentation
