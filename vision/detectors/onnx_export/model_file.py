"""What an ONNX file says of itself: the names of its classes, and the inputs into which an image is made.

The names stand in its metadata, where YOLO's exporter writes them, or in a file beside it.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.detectors.sessions import Session
from vision.errors import DetectorError

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
                return _of_file(beside)
    config = path.with_name("config.json")
    if config.is_file():
        labels = _parsed(_read(config), str(config))
        if isinstance(labels, dict) and "id2label" in labels:
            return _ordered(labels["id2label"], f"{config}: `id2label`")
    raise DetectorError(
        f"{path} doesn't say what its classes are called: expected `names` in its metadata, as Ultralytics' export "
        f"writes, or a file {path.with_suffix('.names').name} beside it with one name a line, in the model's order"
    )


def _of_file(path: Path) -> tuple[str, ...]:
    text = _read(path)
    if path.suffix == ".json":
        return _ordered(_parsed(text, str(path)), str(path))
    return _ordered([line.strip() for line in text.strip().splitlines()], str(path))


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
        """All inputs by name.

        Args:
            tensor: shape (3, height, width).
            size: (width, height) of the image itself in pixels.
        """
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
    """(height, width) that Ultralytics' export names as `imgsz`."""
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
        pixels: shape (height, width, 3), RGB.
        size: (width, height) of the field.
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
