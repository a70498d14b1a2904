"""Pascal VOC's annotation of one image: Everingham et al. 2010, doi 10.1007/s11263-009-0275-4, and its development kit.

Its pixels count from 1 and both corners name pixels that belong to the object, so `xmin` is 1 more than our x1, and
`xmax` is our x2. Two elements are not in the standard: `polygon`, as supervision and Roboflow write it, and `score`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
from defusedxml.common import DefusedXmlException  # type: ignore[import-untyped]
from defusedxml.ElementTree import fromstring  # type: ignore[import-untyped]
from numpy.typing import NDArray

from vision.detections.detections import Detections
from vision.detections.formats.layout import Grid
from vision.detections.formats.lines import written
from vision.detections.formats.records import (
    Labels,
    Place,
    Record,
    checked_score,
    number,
    one_ring,
    written_scores,
)
from vision.errors import FormatError
from vision.task import OutputFormat

_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_POLYGON_DIGITS = 2


def write(detections: Detections, grid: Grid) -> str:
    """One `annotation` with an `object` for each."""
    width, height = detections.image_size
    root = ElementTree.Element("annotation")
    _add(root, "filename", detections.file_name)
    size = _add(root, "size")
    for tag, value in (("width", width), ("height", height), ("depth", 3)):
        _add(size, tag, str(value))
    _add(root, "segmented", "1" if grid.output.geometry == "polygon" else "0")
    for detection, score in zip(detections, written_scores(detections, grid.output.score), strict=True):
        element = _add(root, "object")
        _add(element, "name", detection.class_name)
        _add(element, "pose", "Unspecified")
        _add(element, "truncated", "0")
        _add(element, "difficult", "0")
        box = _add(element, "bndbox")
        for tag, pixel in zip(_CORNERS, _pixels(detection.xyxy, detections.image_size), strict=True):
            _add(box, tag, str(pixel))
        if grid.output.geometry == "polygon":
            assert detection.polygon is not None
            polygon = _add(element, "polygon")
            vertices = (one_ring(detection.polygon).astype(np.float64) + 1).tolist()
            for k, vertex in enumerate(written(vertices, _POLYGON_DIGITS), start=1):
                for axis, text in zip("xy", vertex, strict=True):
                    _add(polygon, f"{axis}{k}", text)
        if score is not None:
            _add(element, "score", written([[score]], 4)[0][0])
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode")


def read(text: str, grid: Grid, classes: Sequence[str]) -> list[Record]:
    """The objects of an annotation.

    Raises:
        FormatError: it isn't well-formed XML without a document type, about an image of another size, or an object
            lacks something.
    """
    root = _parsed(text)
    if root.tag != "annotation":
        raise FormatError(f"expected a Pascal VOC annotation, found the element {root.tag[:80]!r}")
    _check_size(root, grid.image_size)
    labels = Labels(classes, "name")
    boxes = Grid(replace(grid.output, geometry="box"), grid.image_size)
    objects = enumerate(root.findall("object"), start=1)
    return [_record(element, Place("object", i), grid, boxes, labels) for i, element in objects]


def format_of(text: str) -> OutputFormat:
    """What an annotation holds: outlines if every object has one, scores if any has.

    Raises:
        FormatError: it isn't well-formed XML without a document type.
    """
    objects = _parsed(text).findall("object")
    outlined = bool(objects) and all(element.find("polygon") is not None for element in objects)
    scored = any(element.find("score") is not None for element in objects)
    return OutputFormat("voc", "polygon" if outlined else "box", score=scored)


def _record(element: ElementTree.Element, place: Place, grid: Grid, boxes: Grid, labels: Labels) -> Record:
    written_name = _text(element, "name", place)
    name = written_name if written_name in labels.classes else written_name.strip()
    name = labels.name(name if labels.classes else written_name, place)
    score_element, score = element.find("score"), None
    if score_element is not None and grid.output.score:
        score = checked_score(number(score_element.text or "", place), place)
    box, xyxy = element.find("bndbox"), None
    if box is not None:
        corners = [number(_text(box, tag, place), place) for tag in _CORNERS]
        xyxy = boxes.box((), [corners[0] - 1, corners[1] - 1, *corners[2:]], place)
    if grid.output.geometry == "box":
        if xyxy is None:
            raise place.wrong("an element bndbox", "none")
        return Record(name, xyxy, None, score)
    polygon = element.find("polygon")
    if polygon is None:
        raise place.wrong("an element polygon", "none")
    values = {child.tag: child.text or "" for child in polygon}
    count = len(values) // 2
    tags = [f"{axis}{k}" for k in range(1, count + 1) for axis in "xy"]
    if set(tags) != set(values) or len(polygon) != len(values):
        raise place.wrong("x1, y1, x2, y2, ... in a polygon", ", ".join(values)[:80])
    ring = grid.ring((), [number(values[tag], place) - 1 for tag in tags], place)
    return Record.of_rings(name, [ring], score) if xyxy is None else Record(name, xyxy, (ring,), score)


def _pixels(xyxy: NDArray[np.float32], image_size: tuple[int, int]) -> list[int]:
    """xmin, ymin, xmax, ymax, from 1. A box that rounds to no pixel is the one pixel that its middle lies in."""
    low, high = [], []
    for axis in (0, 1):
        first, last = round(float(xyxy[axis])) + 1, round(float(xyxy[axis + 2]))
        if first > last:
            middle = math.floor((float(xyxy[axis]) + float(xyxy[axis + 2])) / 2)
            first = last = min(middle + 1, image_size[axis])
        low.append(first)
        high.append(last)
    return low + high


def _parsed(text: str) -> ElementTree.Element:
    try:
        root: ElementTree.Element = fromstring(text.strip(), forbid_dtd=True)
    except ElementTree.ParseError as error:
        raise FormatError(f"line {error.position[0]}: expected XML; {error}") from error
    except DefusedXmlException:
        raise FormatError("expected an annotation without a document type or entities, found one with them") from None
    except (ValueError, UnicodeError) as error:
        raise FormatError(f"expected XML; {error}") from error
    return root


def _check_size(root: ElementTree.Element, image_size: tuple[int, int]) -> None:
    sides: list[float] = []
    for tag, expected in zip(("width", "height"), image_size, strict=True):
        element = root.find(f"size/{tag}")
        sides.append(expected if element is None else number(element.text or "", Place("element", 1)))
    # Some tools write 0 x 0 where they don't know the size.
    if sides != list(image_size) and sides != [0, 0]:
        raise FormatError(f"an annotation of an image of {sides[0]:g} x {sides[1]:g} pixels: expected {image_size}")


def _text(parent: ElementTree.Element, tag: str, place: Place) -> str:
    element = parent.find(tag)
    if element is None or not element.text:
        raise place.wrong(f"an element {tag} with a text", "none")
    return element.text


def _add(parent: ElementTree.Element, tag: str, text: str | None = None) -> ElementTree.Element:
    element = ElementTree.SubElement(parent, tag)
    element.text = text
    return element
