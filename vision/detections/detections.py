"""The central value of this room: the objects found in one image, validated when made, never changed.

What turns detections into other forms stands above this file; the methods that need it import it when they are called.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vision.detections.boxes import (
    PolygonSource,
    Rings,
    checked,
    in_region,
    is_score,
    nearest,
    of_size,
)
from vision.errors import DetectionsError
from vision.task import Geometry, OutputFormat, SizeRange, Task

if TYPE_CHECKING:
    import pandas as pd
    import supervision
    from PIL import Image

    from vision.images import ImageSource, LoadedImage


@dataclass(frozen=True, eq=False)
class Detection:
    """One object, as iteration gives it.

    Attributes:
        class_name: a name from the user's own set.
        xyxy: shape (4,), float32, original pixels.
        score: 0 to 1, or None.
        model_class: the class in the model's own vocabulary.
        polygon: its rings, or None.
        track_id: or None.
    """

    class_name: str
    xyxy: NDArray[np.float32]
    score: float | None
    model_class: str
    polygon: Rings | None
    track_id: int | None


@dataclass(frozen=True, eq=False)
class Detections:
    """Objects found in one image, best first.

    Sequences and arrays are copied, and the arrays are read-only. Coordinates that rounding put up to a pixel outside
    the image are moved to its edge.

    Attributes:
        image_size: (width, height) in pixels of the upright image.
        xyxy: shape (n, 4), float32, original pixels, inside the image.
        class_names: n names from the user's own set.
        scores: shape (n,), float32, 0 to 1, or None where the model gives no real score.
        classes: the user's class set in its order, each class once; indexes and `<c0>` tokens count in it. The names
            that occur where none is given.
        model_classes: n classes in the model's own vocabulary; the class names where none is given.
        polygons: n outlines of one or more rings, or None.
        polygon_source: where the outlines come from: the model's masks, GrabCut inside the box, or the box itself.
        track_ids: shape (n,), int64, or None.
        output: how `text` writes them.
        task: the instruction as it was read, or None.
        value: the answer where it is not the objects themselves: a count, a truth value, a description; else None.
            None too where a count or a truth value is asked for that the model cannot tell; the notes say why.
        source: the image, for drawing, or None; of an image that was read from an open file the image itself.
        perhaps: objects that may be there beside these, which score a little less than was asked for; None where there
            are none, or it was not asked.
        notes: what the user should know, one sentence each.

    Raises:
        DetectionsError: something does not fit, such as a box outside the image or a name outside the class set.

    Example:
        >>> d = Detections((640, 480), [[12, 30, 200, 310]], ("dog",), [0.9])
        >>> d.text
        '(dog, 12, 30, 200, 310)'
        >>> len(d.min_score(0.95))
        0
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
    value: str | int | float | bool | None = None
    source: ImageSource | LoadedImage | None = None
    perhaps: Detections | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, value in checked(vars(self)).items():
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.class_names)

    def __getitem__(self, index: Any) -> Detections:
        """The objects at a position, a slice, a boolean mask or a sequence of positions, in that order.

        Raises:
            IndexError: a position out of range, a mask of another length.
            TypeError: anything else.
        """
        places = np.arange(len(self))[_array_index(index)].reshape(-1)
        return replace(
            self,
            xyxy=self.xyxy[places],
            class_names=tuple(self.class_names[i] for i in places),
            scores=None if self.scores is None else self.scores[places],
            model_classes=tuple(self.model_classes[i] for i in places),
            polygons=None if self.polygons is None else tuple(self.polygons[i] for i in places),
            track_ids=None if self.track_ids is None else self.track_ids[places],
        )

    def __iter__(self) -> Iterator[Detection]:
        for i, name in enumerate(self.class_names):
            yield Detection(
                class_name=name,
                xyxy=self.xyxy[i],
                score=None if self.scores is None else float(self.scores[i]),
                model_class=self.model_classes[i],
                polygon=None if self.polygons is None else self.polygons[i],
                track_id=None if self.track_ids is None else int(self.track_ids[i]),
            )

    def __eq__(self, other: object) -> bool:
        """Whether all fields are the same; the image itself is not compared."""
        if not isinstance(other, Detections):
            return NotImplemented
        return all(
            _same(getattr(self, item.name), getattr(other, item.name)) for item in fields(self) if item.name != "source"
        )

    __hash__ = None  # type: ignore[assignment]

    @property
    def class_ids(self) -> NDArray[np.int64]:
        """The index of each object's class in the class set, from 0; shape (n,)."""
        places = {name: i for i, name in enumerate(self.classes)}
        return np.array([places[name] for name in self.class_names], np.int64)

    @property
    def area(self) -> NDArray[np.float32]:
        """Square pixels of each box; shape (n,)."""
        sides = self.xyxy[:, 2:] - self.xyxy[:, :2]
        return sides[:, 0] * sides[:, 1]

    def with_classes(self, *names: str) -> Detections:
        """The objects of these classes of the class set, which stays as it is.

        Raises:
            DetectionsError: a name is not in the class set.
        """
        for name in names:
            if name not in self.classes:
                raise DetectionsError(f"no class {name!r} in the class set; nearest: {nearest(name, self.classes)}")
        return self[np.isin(self.class_ids, [self.classes.index(name) for name in names])]

    def min_score(self, score: float) -> Detections:
        """The objects that score at least so much, from 0 to 1.

        Raises:
            DetectionsError: the model gave no scores, or the bound is no such number.
        """
        if not is_score(score):
            raise DetectionsError(f"the least score is {score!r}: expected a number from 0 to 1")
        if self.scores is None:
            raise DetectionsError("these detections have no scores, so they cannot be filtered by score")
        return self[self.scores >= score]

    def with_size(self, size: SizeRange) -> Detections:
        """The objects whose boxes have a size within the bounds."""
        return self[of_size(self.xyxy, self.image_size, size)]

    def in_region(self, region: tuple[float, float, float, float]) -> Detections:
        """The objects whose box has its middle in a region, given as shares (x0, y0, x1, y1) of the image, 0 to 1."""
        return self[in_region(self.xyxy, self.image_size, region)]

    @classmethod
    def merge(cls, parts: Sequence[Detections]) -> Detections:
        """All objects of several detections of one image, best first; the class sets are united in their order.

        Scores, polygons and track ids stay where every part that has objects has them; a note names what is dropped.
        Output format, task and source are the first part's. Boxes that several parts found all stay.

        Raises:
            DetectionsError: there is no part, or they are of images of different sizes.
        """
        if not parts:
            raise DetectionsError("nothing to merge: expected at least one Detections")
        sizes = list(dict.fromkeys(part.image_size for part in parts))
        if len(sizes) > 1:
            raise DetectionsError(
                f"detections of images of {' and '.join(f'{w} x {h}' for w, h in sizes)} pixels cannot be merged: "
                "expected several of one image"
            )
        full = [part for part in parts if len(part)] or [parts[0]]
        notes = list(dict.fromkeys(note for part in parts for note in part.notes))

        def joined(field: str, words: str) -> list[Any] | None:
            """A field of every part; None where one lacks it, which a note says if others have it."""
            values = [getattr(part, field) for part in full if getattr(part, field) is not None]
            if 0 < len(values) < len(full):
                notes.append(f"The {words} were dropped in merging, since some of the detections have none.")
            return values if len(values) == len(full) else None

        scores, polygons = joined("scores", "scores"), joined("polygons", "outlines")
        track_ids = joined("track_ids", "track ids")
        origins = {part.polygon_source for part in full} if polygons is not None else set()
        if len(origins) > 1:
            notes.append(f"The outlines come from several sources: {', '.join(sorted(map(str, origins)))}.")
        whole = replace(
            parts[0],
            xyxy=np.concatenate([part.xyxy for part in full]),
            class_names=tuple(name for part in full for name in part.class_names),
            scores=None if scores is None else np.concatenate(scores),
            classes=tuple(dict.fromkeys(name for part in parts for name in part.classes)),
            model_classes=tuple(name for part in full for name in part.model_classes),
            polygons=None if polygons is None else tuple(rings for outlines in polygons for rings in outlines),
            polygon_source=origins.pop() if len(origins) == 1 else None,
            track_ids=None if track_ids is None else np.concatenate(track_ids),
            value=None,
            perhaps=None,
            notes=tuple(notes),
        )
        return whole if whole.scores is None else whole[np.argsort(-whole.scores, kind="stable")]

    @property
    def text(self) -> str:
        """The objects, written as `output` says; `from_text` reads it back. Where a value answers, it is that.

        Where nothing could be looked for, the notes say why; in a format that the instruction asks for, it is without
        objects.

        Raises:
            FormatError: they cannot be written so, such as polygons where there are none.
        """
        if self.value is None:
            unsought = self.task is not None and self.task.seeks_nothing and self.output.format == "tuple"
            return " ".join(self.notes) if unsought else self.written()
        return {True: "yes", False: "no"}[self.value] if isinstance(self.value, bool) else str(self.value)

    def written(self) -> str:
        """The objects in the format of `output`, whatever `value` says."""
        from vision.detections.formats.text import write

        return write(self)

    @staticmethod
    def from_text(
        text: str,
        image_size: tuple[int, int],
        output: OutputFormat | None = None,
        classes: Sequence[str] = (),
    ) -> Detections:
        """Read a text in any of the output formats back to pixels, within one step of its scale.

        Args:
            text: from a model, a file or `text`.
            image_size: (width, height) in pixels of the image that it is about.
            output: the format; None to find it out, which COCO, YOLO and Pascal VOC allow.
            classes: the class set in its order; needed where the text holds indexes or `<c0>` tokens. Where it is
                given, names outside it are refused.

        Raises:
            FormatError: the text is not in the format, or does not say enough to know the positions.
        """
        from vision.detections.formats.text import read

        return read(text, image_size, output, classes)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the image, in values that JSON has."""
        return {
            "image_size": list(self.image_size),
            "classes": list(self.classes),
            "objects": [
                {
                    "class_name": detection.class_name,
                    "model_class": detection.model_class,
                    "xyxy": [shortest(value) for value in detection.xyxy],
                    "score": None if self.scores is None else shortest(self.scores[i]),
                    "polygon": None
                    if detection.polygon is None
                    else [[[shortest(x), shortest(y)] for x, y in ring] for ring in detection.polygon],
                    "track_id": detection.track_id,
                }
                for i, detection in enumerate(self)
            ],
            "polygon_source": self.polygon_source,
            "value": self.value,
            "perhaps": [] if self.perhaps is None else self.perhaps.to_dict()["objects"],
            "task": None if self.task is None else asdict(self.task),
            "notes": list(self.notes),
        }

    def to_json(self) -> str:
        """`to_dict` as JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False)

    def to_coco(
        self, image_id: int = 1, category_ids: Mapping[str, int] | None = None, first_id: int = 1
    ) -> list[dict[str, Any]]:
        """COCO's annotations, which with scores are its results too; see `vision.detections.formats.coco`."""
        from vision.detections.formats.coco import to_annotations

        return to_annotations(self, image_id, category_ids, first_id)

    @staticmethod
    def from_coco(
        annotations: Sequence[Mapping[str, Any]],
        image_size: tuple[int, int],
        categories: Mapping[int, str] | None = None,
        classes: Sequence[str] = (),
    ) -> Detections:
        """The annotations or results of one image; see `vision.detections.formats.coco.from_annotations`."""
        from vision.detections.formats.coco import from_annotations

        return from_annotations(annotations, image_size, categories, classes)

    def to_yolo(self) -> tuple[str, tuple[str, ...]]:
        """The lines of a YOLO label file and the names that its indexes count in.

        A line is `index cx cy width height`, or with outlines `index x1 y1 x2 y2 ...`, in shares of the image.
        """
        return replace(self, output=OutputFormat("yolo", self._geometry)).written(), self.classes

    def to_voc(self) -> str:
        """A Pascal VOC annotation: XML, in whole pixels that count from 1."""
        output = OutputFormat("voc", self._geometry, score=self.scores is not None)
        return replace(self, output=output).written()

    @property
    def _geometry(self) -> Geometry:
        return "box" if self.polygons is None else "polygon"

    def to_supervision(self) -> supervision.Detections:
        """The `supervision.Detections` of the same objects; see `vision.detections.showing`."""
        from vision.detections.showing import to_supervision

        return to_supervision(self)

    @staticmethod
    def from_supervision(
        detections: supervision.Detections, image_size: tuple[int, int], classes: Sequence[str] = ()
    ) -> Detections:
        """The objects of a `supervision.Detections`; see `vision.detections.showing`."""
        from vision.detections.showing import from_supervision

        return from_supervision(detections, image_size, classes)

    def draw(self, image: ImageSource | LoadedImage | None = None) -> Image.Image:
        """A picture with boxes or outlines and labels; see `vision.detections.drawing.draw`."""
        from vision.detections.drawing import draw

        return draw(self, image)

    def show(self, image: ImageSource | LoadedImage | None = None) -> None:
        """Show the picture that `draw` makes: in a notebook below the cell, elsewhere in a window of the system."""
        from vision.detections.showing import show

        return show(self, image)

    def save(self, path: str | Path, image: ImageSource | LoadedImage | None = None) -> None:
        """Write the picture that `draw` makes, in the form that the file's suffix names.

        Raises:
            DetectionsError: the suffix names no form of pictures, or the file cannot be written; as `draw` besides.
            ImageError: the image cannot be read.
        """
        from vision.detections.showing import save

        return save(self, path, image)

    def crops(self, image: ImageSource | LoadedImage | None = None, margin: float = 0.0) -> list[Image.Image]:
        """What is in each box, in the pixels of the upright image.

        Args:
            image: as for `draw`.
            margin: what is added on each side, as a share of the box's width and height.

        Raises:
            DetectionsError: the margin is negative; as `draw` besides.
            ImageError: the image cannot be read.
        """
        from vision.detections.showing import crops

        return crops(self, image, margin)

    def to_pandas(self) -> pd.DataFrame:
        """A frame with an object a row: `class_name`, `model_class`, `score`, `x1`, `y1`, `x2`, `y2`, and `track_id`
        where the objects have one.

        Raises:
            MissingPackageError: pandas is not installed.
        """
        from vision.detections.showing import to_pandas

        return to_pandas(self)

    def __repr__(self) -> str:
        """How many objects there are of each class, on a line, and what of the instruction could not be looked for."""
        from vision.detections.showing import short

        return short(self)

    def _repr_html_(self) -> str:
        """What a notebook shows: the value, the picture where the image is known, the first objects, the notes."""
        from vision.detections.showing import detections_html

        return detections_html(self)

    def _repr_png_(self) -> bytes | None:
        from vision.detections.showing import detections_png

        return detections_png(self)

    @property
    def file_name(self) -> str:
        """The image's file name without its folder, or "image" where it came from no file."""
        source = getattr(self.source, "name", self.source)  # a loaded image has the name of its file
        return Path(source).name if isinstance(source, str | Path) else "image"


def shortest(value: np.float32) -> float:
    """The number with the fewest digits that is equal in 32 bits: 12.3, not 12.300000190734863."""
    return float(str(value))


def _array_index(index: Any) -> Any:
    """The index that NumPy takes for n positions; an index that NumPy would read differently is refused."""
    if isinstance(index, slice):
        return index
    array = np.asarray(index)
    if array.size == 0 and array.ndim == 1 and array.dtype.kind != "b":
        return array.astype(np.intp)
    if array.ndim > 1 or array.dtype.kind not in "iub" or (array.ndim == 0 and array.dtype.kind == "b"):
        raise TypeError(f"{index!r}: expected a position, a slice, a boolean mask or a sequence of positions")
    return array


def _same(first: Any, second: Any) -> bool:
    if isinstance(first, np.ndarray) or isinstance(second, np.ndarray):
        return first is not None and second is not None and np.array_equal(first, second)
    if isinstance(first, tuple) and isinstance(second, tuple):
        return len(first) == len(second) and all(map(_same, first, second))
    return bool(first == second)
