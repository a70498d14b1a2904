"""Detections of every kind for property tests: image sizes, class names, boxes, outlines and formats at random."""

from typing import Any, get_args

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from vision.detections.detections import Detections
from vision.task import BoxForm, ClassForm, FormatName, OutputFormat, Scale

AWKWARD = (
    *("dog", "traffic light", "a, b", 'the "big" one', "(x)", "<c0>", "<c1>", "</name>", "driver's", "'quoted'"),
    *("# remark", " lead", "trail ", "two\nlines", "tab\there", "3", "-1.5", "nan", "[]", "{}", "back\\slash", "\\"),
    *('"', "&amp;", "]]>", "<!-- x -->", "犬", "chien méchant", "🐕", "line\u2028separator", "\u200fright to left"),
    *("no\u00a0break", "e\u0301"),
)

_CHARACTERS = st.characters(
    exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff", include_characters="\t\n"
)
NAMES = st.one_of(st.sampled_from(AWKWARD), st.text(_CHARACTERS, min_size=1, max_size=12))
SIZES = st.tuples(st.integers(1, 20_000), st.integers(1, 20_000))

_CHOICES: dict[str, tuple[Any, ...]] = {
    "format": get_args(FormatName), "geometry": ("box",), "box": get_args(BoxForm), "scale": get_args(Scale),
    "range_": (1, 7, 256, 512, 1000, 1024, 4096), "offsets": (False, True), "class_as": get_args(ClassForm),
    "keys": (("label", "bbox"), ("name", "box"), ('a "key"', "Ort\n")), "score": (False, True),
}  # fmt: skip
OUTPUTS = st.builds(OutputFormat, **{name: st.sampled_from(values) for name, values in _CHOICES.items()})


def empty(image_size: tuple[int, int], classes: tuple[str, ...] = ()) -> Detections:
    """No object at all."""
    return Detections(image_size, np.zeros((0, 4), np.float32), (), np.zeros(0, np.float32), classes)


def coordinates(side: int) -> st.SearchStrategy[float]:
    """Places along a side, its ends and halves of pixels among them."""
    halves = st.integers(0, 2 * side).map(lambda half: half / 2)
    return st.one_of(st.sampled_from((0.0, side / 2, float(side))), halves, st.floats(0, side, width=32))


@st.composite
def boxes(draw: st.DrawFn, size: tuple[int, int]) -> list[float]:
    """Corners inside an image; without width or height now and then."""
    x1, x2 = sorted((draw(coordinates(size[0])), draw(coordinates(size[0]))))
    y1, y2 = sorted((draw(coordinates(size[1])), draw(coordinates(size[1]))))
    return [x1, y1, x2, y2]


def rings(size: tuple[int, int], points: int | None) -> st.SearchStrategy[NDArray[np.float32]]:
    """Rings of so many points, or of 3 to 12."""
    point = st.tuples(coordinates(size[0]), coordinates(size[1]))
    low, high = (3, 12) if points is None else (points, points)
    return st.lists(point, min_size=low, max_size=high).map(lambda listed: np.array(listed, np.float32))


@st.composite
def detections(draw: st.DrawFn, parts: int = 1) -> Detections:
    """Up to five objects of up to six classes, as boxes or as outlines of up to `parts` rings, in any format."""
    size = draw(SIZES)
    classes = tuple(draw(st.lists(NAMES, min_size=1, max_size=6, unique=True)))
    names = draw(st.lists(st.sampled_from(classes), max_size=5))
    output: Any = draw(OUTPUTS)
    polygons = None
    if draw(st.booleans()):
        points = draw(st.sampled_from((None, None, 3, 8))) if parts == 1 else None
        output = OutputFormat(**{**output.__dict__, "geometry": "polygon", "points": points})
        polygons = tuple(tuple(draw(st.lists(rings(size, points), min_size=1, max_size=parts))) for _ in names)
    if polygons:
        both = [np.concatenate(outline) for outline in polygons]
        xyxy = np.array([[*points.min(axis=0), *points.max(axis=0)] for points in both])
    else:
        xyxy = np.array([draw(boxes(size)) for _ in names])
    scores = np.array(draw(st.lists(st.floats(0, 1, width=32), min_size=len(names), max_size=len(names))), np.float32)
    scored = scores if draw(st.booleans()) else None
    return Detections(size, xyxy, tuple(names), scored, classes, polygons=polygons, output=output)


def step(output: OutputFormat, size: tuple[int, int]) -> NDArray[np.float64]:
    """Pixels in x and y between one number of a format and the next, as the docs state it."""
    pixel = np.ones(2)
    if output.format == "tokens" or (output.format in ("tuple", "json") and output.scale == "range"):
        return np.array(size) / output.range_
    if output.format == "coco" or (output.format == "json" and output.scale == "pixel"):
        return 0.01 * pixel
    if output.format == "yolo" or (output.format in ("tuple", "json") and output.scale == "unit"):
        return 0.001 * pixel
    return pixel
