"""What all formats share: labels and numbers as text, bounds on what is read, and how records become detections."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision.detections.boxes import Rings, nearest
from vision.detections.detections import Detections
from vision.detections.polygons import joined
from vision.errors import DetectionsError, FormatError
from vision.task import ClassForm, OutputFormat

MAX_CHARACTERS = 16_000_000
MAX_OBJECTS = 100_000

NUMBER = re.compile(r"[-+]?[0-9]{1,12}(?:\.[0-9]{0,20})?(?:[eE][-+]?[0-9]{1,3})?")
_CLASS_TOKEN = re.compile(r"<c(?:ls)?([0-9]{1,9})>")
_INDEX = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True)
class Place:
    """Where in a text something stands, for error messages.

    Attributes:
        what: "line" or "object".
        number: counted from 1.
    """

    what: str
    number: int

    def wrong(self, expected: str, actual: object, hint: str = "") -> FormatError:
        """The error that names the place, what was expected there, and what stands there."""
        shown = actual if isinstance(actual, str) else repr(actual)
        shown = shown if len(shown) <= 80 else f"{shown[:77]}..."
        return FormatError(f"{self.what} {self.number}: expected {expected}, found {shown}{hint and f'; {hint}'}")


@dataclass(frozen=True)
class Record:
    """One object as it was read: its label, corners in pixels, rings or None, and score or None."""

    label: str
    xyxy: NDArray[np.float64]
    rings: tuple[NDArray[np.float64], ...] | None
    score: float | None

    @classmethod
    def of_rings(cls, label: str, rings: Sequence[NDArray[np.float64]], score: float | None) -> Record:
        """An object that is known by its outline alone: its box is the outline's bounds."""
        points = np.concatenate(rings)
        return cls(label, np.concatenate([points.min(axis=0), points.max(axis=0)]), tuple(rings), score)


class Labels:
    """Class names as a format writes them: names, `<c0>` tokens or indexes.

    Args:
        classes: the class set in its order; empty where any name is welcome.
        form: how classes are written.
    """

    def __init__(self, classes: Sequence[str], form: ClassForm) -> None:
        self.classes, self.form = tuple(classes), form
        self._places = {name: i for i, name in enumerate(self.classes)}

    def written(self, names: Sequence[str]) -> list[str | int]:
        """What stands for the class of each object: a string, or a number for an index."""
        if self.form == "name":
            return list(names)
        places = [self._places[name] for name in names]
        return [f"<c{place}>" for place in places] if self.form == "token" else list(places)

    def name(self, written: object, place: Place) -> str:
        """The class that a string or number stands for.

        Raises:
            FormatError: it is of another form, or not in the class set.
        """
        if self.form == "name":
            if not isinstance(written, str) or not written:
                raise place.wrong("the name of a class", written)
            if self._places and written not in self._places:
                raise place.wrong(
                    "a class of the class set", repr(written), f"nearest: {nearest(written, self.classes)}"
                )
            return written
        if self.form == "token":
            token = _CLASS_TOKEN.fullmatch(written) if isinstance(written, str) else None
            if token is None:
                raise place.wrong("a class token such as <c0>", written)
            return self.at(int(token[1]), place)
        if isinstance(written, str) and _INDEX.fullmatch(written):
            written = int(written)
        if not isinstance(written, int) or isinstance(written, bool):
            raise place.wrong("the index of a class, a whole number from 0", written)
        return self.at(written, place)

    def at(self, index: int, place: Place) -> str:
        """The class at an index of the class set.

        Raises:
            FormatError: there is none.
        """
        if not self.classes:
            raise place.wrong("the class set, without which an index has no meaning", index, "give classes=(...)")
        if not 0 <= index < len(self.classes):
            raise place.wrong(f"a class from 0 to {len(self.classes) - 1}", index)
        return self.classes[index]


def quoted(value: object) -> str:
    """JSON on one line, with letters of every script as they are unless some character cannot be seen."""
    text = json.dumps(value, ensure_ascii=False)
    return text if text.isprintable() else json.dumps(value)


def number(text: str, place: Place) -> float:
    """A number in a text.

    Raises:
        FormatError: it is none, or not finite.
    """
    text = text.strip()
    if not NUMBER.fullmatch(text):
        raise place.wrong("a number", repr(text))
    return finite(float(text), place)


def finite(value: Any, place: Place) -> float:
    """A finite number that is neither a string nor a truth value.

    Raises:
        FormatError: it is something else.
    """
    try:
        good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:
        good = False
    if not good:
        raise place.wrong("a finite number", value if isinstance(value, float | str) else repr(value)[:80])
    return float(value)


def checked_score(value: float, place: Place) -> float:
    """A score from 0 to 1.

    Raises:
        FormatError: it is outside.
    """
    if not 0 <= value <= 1:
        raise place.wrong("a score from 0 to 1", value)
    return value


def written_scores(detections: Detections, asked: bool) -> list[float] | list[None]:
    """The score of each object as it is written, with four digits; None where it is not asked for or not known."""
    if detections.scores is None or not asked:
        return [None for _ in detections.class_names]
    return [round(score, 4) for score in detections.scores.tolist()]


def one_ring(rings: Rings) -> NDArray[np.float32]:
    """One ring for all parts of an object, joined by bridges of no width, for formats that hold one ring an object."""
    whole = rings[0]
    for other in rings[1:]:
        whole = joined(whole, other).astype(np.float32)
    return whole


def assembled(
    records: Sequence[Record], image_size: tuple[int, int], classes: Sequence[str], output: OutputFormat
) -> Detections:
    """Detections of what was read, in its order.

    Raises:
        FormatError: some objects have a score or an outline and others none.
    """
    if len(records) > MAX_OBJECTS:
        raise FormatError(f"{len(records)} objects: expected at most {MAX_OBJECTS}")
    scored = [record.score is not None for record in records]
    if any(scored) and not all(scored):
        i = scored.index(False) + 1
        raise FormatError(f"object {i} has no score, though others have one: expected one for each or for none")
    outlined = bool(records) and records[0].rings is not None
    try:
        return Detections(
            image_size=image_size,
            xyxy=np.array([record.xyxy for record in records], np.float32).reshape(-1, 4),
            class_names=tuple(record.label for record in records),
            scores=np.array([record.score for record in records], np.float32) if any(scored) else None,
            classes=tuple(classes),
            polygons=tuple(tuple(ring.astype(np.float32) for ring in record.rings or ()) for record in records)
            if outlined
            else None,
            output=output,
        )
    except DetectionsError as error:
        raise FormatError(str(error)) from error
