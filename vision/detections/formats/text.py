"""Writing detections in the format that was asked for, and reading any such text back to pixels."""

from __future__ import annotations

import re
from collections.abc import Sequence

from vision.detections.boxes import checked_classes, checked_size
from vision.detections.detections import Detections
from vision.detections.formats import coco, lines
from vision.detections.formats.layout import POSITION_LOST, Grid
from vision.detections.formats.records import MAX_CHARACTERS, assembled
from vision.errors import DetectionsError, FormatError
from vision.task import OutputFormat

_TOKENS = re.compile(r"\s*<c(?:ls)?[0-9]+>|\s*<p-?[0-9]+>")
_REMARKS = re.compile(r"(?:\s|#[^\n]*+)*+")
_COCO_KEYS = {"category_id", "bbox"}
_TUPLES = re.compile(r"[\s\[]*\(")


def write(detections: Detections) -> str:
    """The text of detections in their output format.

    Raises:
        FormatError: no text can be in that format, or outlines are asked for and missing, or of another number
            of points.
    """
    grid = Grid(detections.output, detections.image_size)
    output = grid.output
    if output.geometry == "polygon":
        _check_polygons(detections, output)
    lost = "" if output.centre else POSITION_LOST
    if output.format == "json":
        return lines.write_json(detections, grid, lost)
    if output.format == "coco":
        return coco.write(detections, grid)
    if output.format == "voc":
        return coco.write_voc(detections, grid)
    body = lines.write_lines(detections, grid)
    return f"# {lost}\n{body}" if lost else body


def read(
    text: str, image_size: tuple[int, int], output: OutputFormat | None = None, classes: Sequence[str] = ()
) -> Detections:
    """Detections from a text; see `Detections.from_text`.

    Raises:
        FormatError: the text is not in the format, or does not say enough to know the positions.
    """
    if len(text) > MAX_CHARACTERS:
        raise FormatError(f"a text of {len(text)} characters: expected at most {MAX_CHARACTERS}")
    try:
        size = checked_size(image_size)
        known = checked_classes(classes, ())
    except DetectionsError as error:
        raise FormatError(str(error)) from error
    asked = _format_of(text) if output is None else output
    grid = Grid(asked, size)
    if not grid.output.centre:
        raise FormatError(
            "offsets without the centre do not say where in the image an object is: expected a format with centre=True"
        )
    if grid.output.format == "coco":
        return coco.read(text, size, output, known)
    readers = {
        "voc": coco.read_voc,
        "json": lines.read,
        "yolo": lines.read_yolo,
        "tokens": lines.read_tokens,
        "tuple": lines.read_tuples,
    }
    return assembled(readers[grid.output.format](text, grid, known), size, known, asked)


def _check_polygons(detections: Detections, output: OutputFormat) -> None:
    if detections.polygons is None:
        if len(detections):
            raise FormatError("outlines are asked for, but these detections have boxes alone: expected polygons")
        return
    for i, rings in enumerate(detections.polygons):
        if output.points is not None and [len(ring) for ring in rings] != [output.points]:
            raise FormatError(
                f"object {i} has rings of {[len(ring) for ring in rings]} points: expected one ring of "
                f"{output.points}; vision.detections.polygons.with_points makes it"
            )


def _format_of(text: str) -> OutputFormat:
    """The format of a text where the text alone decides it."""
    body = _REMARKS.sub("", text, count=1)
    if POSITION_LOST in text[: len(text) - len(body)]:
        raise FormatError("offsets without the centre do not say where in the image an object is")
    if not body:
        raise FormatError("an empty text could be in any format: give output=OutputFormat(...)")
    if _TOKENS.match(body):
        raise _ambiguous("tokens", "their range, and whether they are offsets", "range_=512")
    if _TUPLES.match(body):
        raise _ambiguous("tuple", "their scale and the order of their numbers", 'scale="pixel", box="xyxy"')
    if body.startswith("<"):
        return coco.format_of(body)
    if body.startswith(("[", "{")):
        value = lines.parsed(body)
        if isinstance(value, dict) and "annotations" in value:
            return OutputFormat("coco")
        if (
            isinstance(value, list)
            and value
            and all(isinstance(item, dict) and item.keys() >= _COCO_KEYS for item in value)
        ):
            return OutputFormat("coco")
        raise _ambiguous("json", "their scale and the order of their numbers", 'scale="pixel", keys=("label", "bbox")')
    if yolo := lines.yolo_format(body):
        return yolo
    raise FormatError(
        "a text in no known format: expected tuples, tokens, JSON, COCO, YOLO lines or Pascal VOC; "
        "give output=OutputFormat(...) to learn where it departs"
    )


def _ambiguous(name: str, unknown: str, example: str) -> FormatError:
    return FormatError(
        f"a text of the {name} format does not say {unknown}: give the output that it was written with, such as "
        f'output=OutputFormat("{name}", {example})'
    )
