"""Detectors out of a user's own ONNX file, in the forms that YOLO's and DETR's exporters write.

The file is run once when it is opened, on an empty image: a file that cannot be read is refused at once, and the
shapes of what it gives decide its form. Class names stand in its metadata, where YOLO's exporter writes them, or in a
file beside it.

| form | outputs | boxes | who writes it |
| --- | --- | --- | --- |
| `GRID` | (1, 4 + classes, n) or (1, n, 4 + classes) | centre and size, pixels of the input | YOLOv8, v9, 11, 12 |
| `GRID` | (1, n, 5 + classes) or (1, 5 + classes, n): with objectness | the same | YOLOv5, v7 |
| `KEPT` | (1, n, 6): box, score, class; suppressed already | corners, pixels of the input | YOLO with NMS, v10, 26 |
| `UNIT` | (1, n, 4 + classes), n at most 1,000 | centre and size, 0 to 1 | RT-DETR by Ultralytics |
| `QUERIES` | logits (1, n, classes or classes + 1), boxes (1, n, 4) | centre and size, 0 to 1 | transformers' DETRs |
| `LABELLED` | labels (1, n), boxes (1, n, 4), scores (1, n) | corners, pixels of the image | RT-DETR, D-FINE |
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from skylark.models import usable_cores
from vision.classes.lexicon import COCO_SUPERCATEGORIES
from vision.detections.boxes import best_first, corners_of, suppressed
from vision.detectors.detector import Detector, Found, Request, class_numbers, found_in
from vision.detectors.sessions import Session, open_session, run_session
from vision.errors import DetectorError
from vision.images import LoadedImage

Raw = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.intp]]
"""Boxes of shape (n, 4) as x0 y0 x1 y1, scores of shape (n,), class numbers of shape (n,)."""

MOST_QUERIES = 1000


class Form(Enum):
    """See the table at the head of this module."""

    GRID = auto()
    KEPT = auto()
    UNIT = auto()
    QUERIES = auto()
    LABELLED = auto()


@dataclass(frozen=True)
class Layout:
    """How a file's outputs are to be read.

    Attributes:
        form: see the table.
        names: of the outputs that are read, in the form's order.
        channels_first: whether a grid's classes come before its cells.
        objectness: whether a grid has a score for there being anything.
        background: whether the last of the logits stands for nothing, so the others share 1 with it.
    """

    form: Form
    names: tuple[str, ...]
    channels_first: bool = False
    objectness: bool = False
    background: bool = False


def layout_of(outputs: Mapping[str, NDArray[Any]], classes: int) -> Layout:
    """Which form a file has.

    Raises:
        DetectorError: it has none of the forms, or its classes are more or fewer than their names.
    """
    three = {name: array for name, array in outputs.items() if array.ndim == 3 and array.shape[0] == 1}
    boxes = [name for name, array in three.items() if array.shape[2] == 4]
    if len(boxes) > 1:
        # Three classes and one for nothing make four logits, and only the name tells them from boxes.
        boxes = [name for name in boxes if "box" in name]
    flat = [name for name, array in outputs.items() if array.ndim == 2]
    if len(boxes) == 1 and len(flat) == 2:
        labels = [name for name in flat if np.issubdtype(outputs[name].dtype, np.integer)]
        if len(labels) != 1:
            labels = [name for name in flat if "label" in name or "class" in name]
        if len(labels) == 1:
            (scores,) = (name for name in flat if name != labels[0])
            return Layout(Form.LABELLED, (labels[0], boxes[0], scores))
    if len(boxes) == 1 and len(three) > 1:
        queries = three[boxes[0]].shape[1]
        for name, array in three.items():
            if name != boxes[0] and array.shape[1] == queries and array.shape[2] - classes in (0, 1):
                return Layout(Form.QUERIES, (name, boxes[0]), background=array.shape[2] == classes + 1)
    if len(outputs) == 1 and len(three) == 1:
        ((name, array),) = three.items()
        found = _single(name, array, classes)
        if found is not None:
            return found
    shown = ", ".join(f"{name} {array.shape}" for name, array in outputs.items())
    raise DetectorError(
        f"the outputs are {shown}, and {classes} classes are named. Expected of YOLO (1, {classes + 4}, n) or "
        f"(1, n, {classes + 5}), with suppression (1, n, 6); of DETR logits (1, n, {classes} or {classes + 1}) with "
        "boxes (1, n, 4), or labels (1, n), boxes (1, n, 4) and scores (1, n). If the names are more or fewer than the "
        "model's classes, correct them"
    )


def _single(name: str, array: NDArray[Any], classes: int) -> Layout | None:
    """The form of one output of shape (1, rows, columns)."""
    _, rows, columns = array.shape
    # With one or two classes others have six columns too, but theirs end in a score and not in a whole number.
    if columns == 6 and np.array_equal(array[..., 5], np.rint(array[..., 5])):
        return Layout(Form.KEPT, (name,))
    if columns == classes + 4 and rows <= MOST_QUERIES and rows != classes + 4:
        return Layout(Form.UNIT, (name,))
    # Cells are more than classes, which settles it where both sides would do.
    for channels, channels_first in sorted([(rows, True), (columns, False)]):
        if channels in (classes + 4, classes + 5):
            return Layout(Form.GRID, (name,), channels_first, channels == classes + 5)
    return None


def read_boxes(layout: Layout, outputs: Mapping[str, NDArray[Any]], min_score: float) -> Raw:
    """All boxes of all classes that score enough, as they are: in the form's units, not suppressed."""
    # In half precision, which some exports have, a box of a large image would be off by pixels.
    arrays = [np.asarray(outputs[name][0]) for name in layout.names]
    wide = [array.astype(np.float32, copy=False) for array in arrays]
    match layout.form:
        case Form.GRID | Form.UNIT:
            rows = wide[0].T if layout.channels_first else wide[0]
            scores = rows[:, 5:] * rows[:, 4:5] if layout.objectness else rows[:, 4:]
            places, classes = np.nonzero(scores >= min_score)
            return corners_of(rows[places, :4]), scores[places, classes], classes
        case Form.KEPT:
            (rows,) = wide
            rows = rows[rows[:, 4] >= min_score]
            return rows[:, :4], rows[:, 4], np.rint(rows[:, 5]).astype(np.intp)
        case Form.QUERIES:
            logits, boxes = wide
            if layout.background:
                powers = np.exp(logits - logits.max(axis=1, keepdims=True))
                scores = np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)[:, :-1]
            else:  # by the hyperbolic tangent, which no large logit overflows
                scores = np.asarray((np.tanh(logits / 2) + 1) / 2, np.float32)
            places, classes = np.nonzero(scores >= min_score)
            return corners_of(boxes[places]), scores[places, classes], classes
        case Form.LABELLED:
            _, boxes, scores = wide
            places = np.flatnonzero(scores >= min_score)
            return boxes[places], scores[places], np.rint(arrays[0][places]).astype(np.intp)


SUFFIXES = (".names", ".txt", ".json")
MOST = 100_000


def class_names(path: Path, metadata: Mapping[str, str]) -> tuple[str, ...]:
    """The names in the order of the classes' numbers.

    They come from `names` in the metadata, as JSON or a Python literal; else from `model.names` or `model.txt` with a
    name a line, or `model.json` with a list or an object of number to name, beside `model.onnx`; else from `id2label`
    in `config.json` beside it, which transformers' exporter writes.

    Raises:
        DetectorError: there are none, or they are not in one of these forms.
    """
    if "names" in metadata:
        return _ordered(_parsed(metadata["names"], f"`names` in the metadata of {path}"), f"{path}: `names`")
    for suffix in SUFFIXES:
        for beside in (path.with_suffix(suffix), path.with_name(path.name + suffix)):
            if beside.is_file():
                text, where = _read(beside), str(beside)
                lines = [line.strip() for line in text.strip().splitlines()]
                return _ordered(_parsed(text, where) if suffix == ".json" else lines, where)
    config = path.with_name("config.json")
    if config.is_file():
        labels = _parsed(_read(config), str(config))
        if isinstance(labels, dict) and "id2label" in labels:
            return _ordered(labels["id2label"], f"{config}: `id2label`")
    raise DetectorError(
        f"{path} doesn't say what its classes are called: expected `names` in its metadata, as Ultralytics' export "
        f"writes, or a file {path.with_suffix('.names').name} beside it with one name a line, in the model's order"
    )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DetectorError(f"{path} cannot be read: {error}; expected class names in UTF-8") from error


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        # Ultralytics writes Python's form of a dictionary; a literal is read, nothing is run.
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
        raise DetectorError(f"{where}: expected a list or an object of number to name, found {text[:60]!r}") from error


def _ordered(names: Any, where: str) -> tuple[str, ...]:
    """A list, or a mapping of every number from 0, as names."""
    if isinstance(names, dict):
        try:
            numbered = {int(number): name for number, name in names.items()}
            names = [numbered[number] for number in range(len(numbered))]
        except (ValueError, TypeError, KeyError) as error:
            raise DetectorError(f"{where}: expected each number from 0 to {len(names) - 1} once as a key") from error
    if not isinstance(names, list | tuple) or not names or not all(isinstance(name, str) for name in names):
        raise DetectorError(f"{where}: expected a list of names or an object of number to name")
    if len(names) > MOST:
        raise DetectorError(f"{where}: {len(names):,} names; at most {MOST:,} were expected")
    return tuple(names)


DEFAULT_SIDE = 640
"""Where the file leaves the size free and names none: what YOLO and RT-DETR are trained at."""

GREY = 114
"""What YOLO pads with."""

IMAGENET_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
IMAGENET_STD = np.array([0.229, 0.224, 0.225], np.float32)

_DTYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
_EXPECTED = "expected one image of shape (1, 3, height, width) in float, and beside it at most sizes or a mask"


@dataclass(frozen=True)
class ModelInputs:
    """The inputs of a model.

    Attributes:
        image: name of the image's input, of shape (1, 3, height, width).
        dtype: of the image's numbers.
        size: (width, height) in pixels.
        sizes: name of the input that wants the image's own (width, height), or None.
        mask: name of the input that wants 1 where there is no padding, and its (height, width), or None.
    """

    image: str
    dtype: Any
    size: tuple[int, int]
    sizes: str | None = None
    mask: tuple[str, tuple[int, int]] | None = None

    def feed(self, tensor: NDArray[np.float32], size: tuple[int, int]) -> dict[str, NDArray[Any]]:
        """All inputs by name, of pixels of shape (3, height, width) and the image's own (width, height)."""
        inputs: dict[str, NDArray[Any]] = {self.image: np.ascontiguousarray(tensor[None], self.dtype)}
        if self.sizes is not None:
            inputs[self.sizes] = np.array([size], np.int64)
        if self.mask is not None:
            inputs[self.mask[0]] = np.ones((1, *self.mask[1]), np.int64)
        return inputs


def read_inputs(session: Session, path: Path) -> ModelInputs:
    """What a model's inputs are.

    Raises:
        DetectorError: it takes no image of three channels, several at once, or something that is not known here.
    """
    inputs = session.get_inputs()
    refused = f"{path} takes {', '.join(f'{one.name} {one.type} {one.shape}' for one in inputs)}: {_EXPECTED}"
    images = [one for one in inputs if len(one.shape) == 4]
    if len(images) != 1 or images[0].type not in _DTYPES or images[0].shape[1] in (1, 4) or images[0].shape[3] == 3:
        raise DetectorError(refused)
    image = images[0]
    if isinstance(image.shape[0], int) and image.shape[0] != 1:
        raise DetectorError(f"{path} takes {image.shape[0]} images at once: export it with a batch of 1 or a free one")
    stated_height, stated_width = _stated_size(session.get_modelmeta().custom_metadata_map)
    height, width = _fixed(image.shape[2], stated_height), _fixed(image.shape[3], stated_width)
    sizes: str | None = None
    mask: tuple[str, tuple[int, int]] | None = None
    for other in inputs:
        if other is image:
            continue
        if other.type == "tensor(int64)" and len(other.shape) == 2:
            sizes = other.name
        elif other.type == "tensor(int64)" and len(other.shape) == 3 and "mask" in other.name:
            mask = (other.name, (_fixed(other.shape[1], height), _fixed(other.shape[2], width)))
        else:
            raise DetectorError(refused)
    return ModelInputs(image.name, _DTYPES[image.type], (width, height), sizes, mask)


def _fixed(dimension: Any, otherwise: int) -> int:
    return dimension if isinstance(dimension, int) else otherwise


def _stated_size(metadata: Mapping[str, str]) -> tuple[int, int]:
    try:
        height, width = ast.literal_eval(metadata.get("imgsz", ""))
        return int(height), int(width)
    except (ValueError, SyntaxError, TypeError):
        return DEFAULT_SIDE, DEFAULT_SIDE


@dataclass(frozen=True, eq=False)
class Placed:
    """An image in the model's input.

    Attributes:
        tensor: shape (3, height, width), RGB.
        scale: (x, y): pixels of the image per pixel of the input.
        offset: (x, y) of the image's corner in the input.
    """

    tensor: NDArray[np.float32]
    scale: tuple[float, float]
    offset: tuple[int, int] = (0, 0)


def letterboxed(pixels: NDArray[np.uint8], size: tuple[int, int]) -> Placed:
    """Fit an image to the middle of a grey field, its aspect kept, 0 to 1, as YOLO's training has it.

    Args:
        pixels: shape (height, width, 3), RGB.
        size: (width, height) of the field.
    """
    height, width = pixels.shape[:2]
    factor = min(size[0] / width, size[1] / height)
    new = max(1, round(width * factor)), max(1, round(height * factor))
    left, top = (size[0] - new[0]) // 2, (size[1] - new[1]) // 2
    field = np.full((size[1], size[0], 3), GREY, np.uint8)
    field[top : top + new[1], left : left + new[0]] = _resized(pixels, new)
    return Placed(_unit(field), (width / new[0], height / new[1]), (left, top))


def stretched(pixels: NDArray[np.uint8], size: tuple[int, int], normalise: bool) -> Placed:
    """Fit an image to the whole field, as DETR's and RT-DETR's exports want it.

    Args:
        normalise: by ImageNet's mean and deviation (DETR); else 0 to 1 (RT-DETR).
    """
    tensor = _unit(_resized(pixels, size))
    if normalise:
        tensor = (tensor - IMAGENET_MEAN[:, None, None]) / IMAGENET_STD[:, None, None]
    return Placed(tensor, (pixels.shape[1] / size[0], pixels.shape[0] / size[1]))


def _resized(pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    shrunk = size[0] * 2 < pixels.shape[1] or size[1] * 2 < pixels.shape[0]
    interpolation = cv2.INTER_AREA if shrunk else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, size, interpolation=interpolation), np.uint8)


def _unit(field: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Shape (height, width, 3), 0 to 255, to (3, height, width), 0 to 1."""
    return field.transpose(2, 0, 1).astype(np.float32) / np.float32(255)


IOU_THRESHOLD = 0.6
"""Between what YOLO's authors suppress at: 0.45 in YOLOv5, 0.7 in YOLOv8."""

LOWEST_SCORE = 0.001
"""The bound that YOLO's and DETR's authors evaluate with; below it are all cells and queries of all classes."""

MOST_PER_CLASS = 1000
NO_NAMES = ("", "N/A")
"""What numbers without a class are called, as COCO's numbers that were left out."""


class OnnxExport(Detector):
    """A YOLO- or DETR-style export, run by onnxruntime on the processor.

    Class names come from the file or from one beside it, see `class_names`; the form of the outputs from their shapes,
    see `layouts`. A DETR whose logits have one for "nothing" is given ImageNet-normalised images, others 0 to 1.

    Args:
        threads: how many threads one run uses; None for one a core.

    Raises:
        DetectorError: no such file, not ONNX, of another form, or its classes have no names.
    """

    def __init__(self, path: Path, threads: int | None = None) -> None:
        self.name = f"onnx:{path}"
        self._path = path
        self.files = (path,)
        self._session = open_session(path, usable_cores() if threads is None else threads)
        self._names = class_names(path, self._session.get_modelmeta().custom_metadata_map)
        # Several numbers may have one name; the vocabulary has each name once.
        self.vocabulary: tuple[str, ...] = tuple(dict.fromkeys(name for name in self._names if name not in NO_NAMES))
        numbers = {name: number for number, name in enumerate(self.vocabulary)}
        self._numbers = np.array([numbers.get(name, -1) for name in self._names], np.intp)
        if set(self.vocabulary) <= COCO_SUPERCATEGORIES.keys():
            self.supercategories = COCO_SUPERCATEGORIES
        self._inputs = read_inputs(self._session, path)
        self.side = max(self._inputs.size)
        empty = np.zeros((3, *self._inputs.size[::-1]), np.float32)
        try:
            self._layout = layout_of(self._run(empty, self._inputs.size), len(self._names))
        except DetectorError as error:
            raise DetectorError(f"{path}: {error}") from error
        yolo = self._layout.form in (Form.GRID, Form.KEPT)
        self.default_min_score = 0.25 if yolo else 0.5

    def detect(self, images: Sequence[LoadedImage], request: Request) -> list[Found]:
        """Look at images one by one; one result an image, in order.

        Raises:
            DetectorError: a class of the request is not in the vocabulary, or the model failed.
        """
        asked = class_numbers(request.classes, self.vocabulary, self.name)
        return [self._look(image, asked, request.min_score) for image in images]

    def _look(self, image: LoadedImage, asked: NDArray[np.intp], min_score: float) -> Found:
        form, size = self._layout.form, self._inputs.size
        if form in (Form.GRID, Form.KEPT):
            placed = letterboxed(image.pixels, size)
        else:
            placed = stretched(image.pixels, size, normalise=self._layout.background)
        outputs = self._run(placed.tensor, image.size)
        xyxy, scores, numbers = read_boxes(self._layout, outputs, max(min_score, LOWEST_SCORE))
        for number in np.unique(numbers).tolist():
            if not 0 <= number < len(self._names):
                raise DetectorError(
                    f"{self.name} found class number {number}, and {len(self._names)} names are known for it, numbers "
                    f"0 to {len(self._names) - 1}: give as many names as the model has classes"
                )
        classes = self._numbers[numbers]
        if form in (Form.GRID, Form.KEPT):
            xyxy = (xyxy - np.array(placed.offset * 2, np.float32)) * np.array(placed.scale * 2, np.float32)
        elif form is not Form.LABELLED or self._inputs.sizes is None:
            field = (1, 1) if form is not Form.LABELLED else size
            xyxy = xyxy * np.array((image.width / field[0], image.height / field[1]) * 2, np.float32)
        xyxy = np.clip(xyxy, 0, np.array(image.size * 2, np.float32)).astype(np.float32, copy=False)
        return found_in(self.vocabulary, *self._kept((xyxy, np.clip(scores, 0, 1), classes), asked))

    def _kept(self, raw: Raw, asked: NDArray[np.intp]) -> Raw:
        """Of the classes that are asked for, the boxes that stay, best first."""
        xyxy, scores, classes = raw
        solid = (xyxy[:, 2] > xyxy[:, 0]) & (xyxy[:, 3] > xyxy[:, 1])
        places = np.flatnonzero(np.isin(classes, asked) & solid)
        xyxy, scores, classes = xyxy[places], scores[places], classes[places]
        if self._layout.form is Form.GRID:
            order = suppressed(xyxy, scores, classes, IOU_THRESHOLD, MOST_PER_CLASS)
        else:
            order = best_first(xyxy, scores, classes)
        return xyxy[order], scores[order], classes[order]

    def _run(self, tensor: NDArray[np.float32], size: tuple[int, int]) -> dict[str, NDArray[Any]]:
        names = [output.name for output in self._session.get_outputs()]
        outputs = run_session(self._session, self._inputs.feed(tensor, size))
        return dict(zip(names, outputs, strict=True))
