"""Writing detections in the format that was asked for, and reading any such text back to pixels."""

from __future__ import annotations

import re
from collections.abc import Sequence

from vision.detections.detections import Detections
from vision.detections.formats import coco, json_objects, tokens, tuples, voc, yolo
from vision.detections.formats.coordinates import Grid
from vision.detections.formats.effective import effective
from vision.detections.formats.records import MAX_CHARACTERS, assembled
from vision.detections.validation import checked_classes, checked_size
from vision.errors import DetectionsError, FormatError
from vision.task import OutputFormat

POSITION_LOST = (
    "Offsets from each object's centre without the centre, as asked: where in the image the objects are is lost."
)

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
    output = effective(detections.output)
    if output.geometry == "polygon":
        _check_polygons(detections, output)
    grid = Grid(output, detections.image_size)
    lost = "" if output.centre else POSITION_LOST
    if output.format == "json":
        return json_objects.write(detections, grid, lost)
    if output.format == "coco":
        return coco.write(detections, grid)
    if output.format == "yolo":
        return yolo.write(detections, grid)
    if output.format == "voc":
        return voc.write(detections, grid)
    body = tuples.write(detections, grid) if output.format == "tuple" else tokens.write(detections, grid)
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
    if output is None:
        output = _found_out(text)
        if output.format == "coco":
            return coco.read(text, size, None, known)
    form = effective(output)
    if not form.centre:
        raise FormatError(
            "offsets without the centre do not say where in the image an object is: expected a format with centre=True"
        )
    if form.format == "coco":
        return coco.read(text, size, output, known)
    grid = Grid(form, size)
    if form.format == "voc":
        records = voc.read(text, grid, known, size)
    elif form.format == "json":
        records = json_objects.read(text, grid, known)
    elif form.format == "yolo":
        records = yolo.read(text, grid, known)
    elif form.format == "tokens":
        records = tokens.read(text, grid, known)
    else:
        records = tuples.read(text, grid, known)
    return assembled(records, size, known, output)


def losses(detections: Detections) -> tuple[str, ...]:
    """What the text of these detections leaves out or has otherwise than asked, one sentence each, for the user."""
    asked, form = detections.output, effective(detections.output)
    found = []
    if not form.centre:
        found.append(POSITION_LOST)
    if form.score and detections.scores is None and len(detections):
        found.append("Scores were asked for, but the model gives none.")
    parts = sum(len(rings) > 1 for rings in detections.polygons or ())
    if form.geometry == "polygon" and parts and form.format not in ("json", "coco"):
        objects = "1 object has" if parts == 1 else f"{parts} objects have"
        found.append(
            f"{objects} several parts, which are joined by lines of no width: the format holds one outline each."
        )
    standard = OutputFormat()
    changed = [
        name
        for name, value, default in (
            ("box form", asked.box, standard.box),
            ("scale", asked.scale, standard.scale),
            ("offsets", asked.offsets, standard.offsets),
        )
        if value != default and value != getattr(form, name.replace("box form", "box"))
    ]
    if changed:
        names = {"coco": "COCO", "yolo": "YOLO", "voc": "Pascal VOC", "tokens": "Location tokens"}
        found.append(f"{names[form.format]} has its own coordinates, so this was not followed: {', '.join(changed)}.")
    return tuple(found)


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


def _found_out(text: str) -> OutputFormat:
    """The format of a text that can be told for certain, else an error that says what to give."""
    body = _REMARKS.sub("", text, count=1)
    if POSITION_LOST in text[: len(text) - len(body)]:
        raise FormatError("offsets without the centre do not say where in the image an object is")
    if not body:
        raise FormatError("an empty text could be in any format: give output=OutputFormat(...)")
    if _TOKENS.match(body):
        raise _unsaid("tokens", "their range, and whether they are offsets", "range_=512")
    if _TUPLES.match(body):
        raise _unsaid("tuple", "their scale and the order of their numbers", 'scale="pixel", box="xyxy"')
    if body.startswith("<"):
        return voc.found_out(body)
    if body.startswith(("[", "{")):
        value = json_objects.parsed(body)
        if isinstance(value, dict) and "annotations" in value:
            return OutputFormat("coco")
        if (
            isinstance(value, list)
            and value
            and all(isinstance(one, dict) and one.keys() >= _COCO_KEYS for one in value)
        ):
            return OutputFormat("coco")
        raise _unsaid("json", "their scale and the order of their numbers", 'scale="pixel", keys=("label", "bbox")')
    if found := yolo.found_out(body):
        return found
    raise FormatError(
        "a text in no known format: expected tuples, tokens, JSON, COCO, YOLO lines or Pascal VOC; "
        "give output=OutputFormat(...) to learn where it departs"
    )


def _unsaid(name: str, what: str, example: str) -> FormatError:
    return FormatError(
        f"a text of the {name} format does not say {what}: give the output that it was written with, such as "
        f'output=OutputFormat("{name}", {example})'
    )
