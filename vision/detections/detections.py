"""The central value of this room: what was found in one image, validated when made, never changed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from vision.detections import validation
from vision.detections.nms import kept_by_nms, merged
from vision.detectors.detector import Rings
from vision.errors import DetectionsError
from vision.images.loading import ImageSource, LoadedImage
from vision.task import OutputFormat, SizeRange, Task

if TYPE_CHECKING:
    import supervision
    from PIL import Image

PolygonSource = Literal["model", "grabcut", "box"]


@dataclass(frozen=True, eq=False)
class Detection:
    """One object, as iteration gives it.

    Attributes:
        class_name: from the user's own set.
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
        source: the image, for drawing, or None.
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
    source: ImageSource | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        size = validation.checked_size(self.image_size)
        boxes = validation.checked_boxes(self.xyxy, size)
        classes = validation.checked_classes(self.classes, self.class_names)
        names, model_classes = validation.checked_names(self.class_names, classes, self.model_classes, len(boxes))
        for name, value in {
            "image_size": size,
            "xyxy": boxes,
            "classes": classes,
            "class_names": names,
            "model_classes": model_classes,
            "scores": validation.checked_scores(self.scores, len(boxes)),
            "polygons": validation.checked_polygons(self.polygons, len(boxes), size),
            "track_ids": validation.checked_tracks(self.track_ids, len(boxes)),
            "notes": tuple(self.notes),
        }.items():
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.class_names)

    def __getitem__(self, index: Any) -> Detections:
        """The objects at a position, a slice, a boolean mask or a sequence of positions, in that order.

        Raises:
            IndexError: a position that isn't there, a mask of another length.
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
                near = validation.nearest(name, self.classes)
                raise DetectionsError(f"no class {name!r} in the class set; nearest: {near}")
        return self[np.isin(self.class_ids, [self.classes.index(name) for name in names])]

    def min_score(self, score: float) -> Detections:
        """The objects that score at least so much.

        Raises:
            DetectionsError: the model gave no scores.
        """
        if self.scores is None:
            raise DetectionsError("these detections have no scores, so they cannot be filtered by score")
        return self[self.scores >= score]

    def with_size(self, size: SizeRange) -> Detections:
        """The objects whose boxes have a size within the bounds."""
        return self._within(Task(size=size))

    def in_region(self, region: tuple[float, float, float, float]) -> Detections:
        """The objects whose box has its middle in a region, given as shares (x0, y0, x1, y1) of the image, 0 to 1."""
        return self._within(Task(region=region))

    def _within(self, task: Task) -> Detections:
        from vision.detections.selection import within

        return self[within(self.xyxy, self.image_size, task)]

    def nms(self, threshold: float = 0.5, per_class: bool = True) -> Detections:
        """Without the boxes that overlap a better one too much: greedy non-maximum suppression.

        Args:
            threshold: intersection over union, 0 to 1, above which the worse box is dropped.
            per_class: whether only boxes of one class name drop each other.

        Raises:
            DetectionsError: the threshold is outside 0 to 1.
        """
        return self[kept_by_nms(self, threshold, per_class)]

    @staticmethod
    def merge(parts: Sequence[Detections]) -> Detections:
        """All objects of several detections of one image, best first; see `vision.detections.nms.merged`."""
        return merged(parts)

    @property
    def text(self) -> str:
        """The objects, written as `output` says; `from_text` reads it back. Where a value answers, it is that.

        Raises:
            FormatError: they cannot be written so, such as polygons where there are none.
        """
        from vision.detections.formats import write

        if self.value is None:
            return write(self)
        return {True: "yes", False: "no"}[self.value] if isinstance(self.value, bool) else str(self.value)

    @classmethod
    def from_text(
        cls,
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
        from vision.detections.formats import read

        return read(text, image_size, output, classes)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the image, in values that JSON has."""
        return {
            "image_size": list(self.image_size),
            "classes": list(self.classes),
            "objects": [
                {
                    "class_name": one.class_name,
                    "model_class": one.model_class,
                    "xyxy": [shortest(value) for value in one.xyxy],
                    "score": None if self.scores is None else shortest(self.scores[i]),
                    "polygon": None if one.polygon is None else [_points(ring) for ring in one.polygon],
                    "track_id": one.track_id,
                }
                for i, one in enumerate(self)
            ],
            "polygon_source": self.polygon_source,
            "value": self.value,
            "task": None if self.task is None else asdict(self.task),
            "notes": list(self.notes),
        }

    def to_json(self) -> str:
        """`to_dict` as JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False)

    def to_coco(
        self, image_id: int = 1, category_ids: Mapping[str, int] | None = None, first_id: int = 1
    ) -> list[dict[str, Any]]:
        """COCO's annotations, which with scores are its results too; see `formats.coco.to_annotations`."""
        from vision.detections.formats.coco import to_annotations

        return to_annotations(self, image_id, category_ids, first_id)

    @classmethod
    def from_coco(
        cls,
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
        from vision.detections.formats import write

        geometry: Literal["box", "polygon"] = "box" if self.polygons is None else "polygon"
        return write(replace(self, output=OutputFormat("yolo", geometry))), self.classes

    def to_voc(self) -> str:
        """A Pascal VOC annotation: XML, in whole pixels that count from 1."""
        from vision.detections.formats import write

        geometry: Literal["box", "polygon"] = "box" if self.polygons is None else "polygon"
        return write(replace(self, output=OutputFormat("voc", geometry, score=self.scores is not None)))

    def to_supervision(self) -> supervision.Detections:
        """The `supervision.Detections` of the same objects; see `vision.detections.exchange`."""
        from vision.detections.exchange import to_supervision

        return to_supervision(self)

    @classmethod
    def from_supervision(
        cls, detections: supervision.Detections, image_size: tuple[int, int], classes: Sequence[str] = ()
    ) -> Detections:
        """The objects of a `supervision.Detections`; see `vision.detections.exchange`."""
        from vision.detections.exchange import from_supervision

        return from_supervision(detections, image_size, classes)

    def draw(self, image: ImageSource | LoadedImage | None = None) -> Image.Image:
        """A picture with boxes or outlines and labels; see `vision.images.drawing.draw`."""
        from vision.images.drawing import draw

        return draw(self, image)

    @property
    def file_name(self) -> str:
        """The image's file name without its folder, or "image" where it came from no file."""
        return Path(self.source).name if isinstance(self.source, str | Path) else "image"


def empty(image_size: tuple[int, int], classes: Sequence[str] = ()) -> Detections:
    """No object at all."""
    return Detections(image_size, np.zeros((0, 4), np.float32), (), np.zeros(0, np.float32), tuple(classes))


def shortest(value: np.float32) -> float:
    """The number with the fewest digits that is the same in 32 bits: 12.3, not 12.300000190734863."""
    return float(str(value))


def _points(ring: NDArray[np.float32]) -> list[list[float]]:
    return [[shortest(x), shortest(y)] for x, y in ring]


def _array_index(index: Any) -> Any:
    """What NumPy indexes n positions with, refusing what it would read in a way of its own."""
    if isinstance(index, slice):
        return index
    array = np.asarray(index)
    if array.size == 0 and array.ndim == 1 and array.dtype.kind != "b":
        return array.astype(np.intp)
    if array.ndim > 1 or array.dtype.kind not in "iub" or (array.ndim == 0 and array.dtype.kind == "b"):
        raise TypeError(f"{index!r}: expected a position, a slice, a boolean mask or a sequence of positions")
    return array


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return one is not None and other is not None and np.array_equal(one, other)
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(_same(a, b) for a, b in zip(one, other, strict=True))
    return bool(one == other)
