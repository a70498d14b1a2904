"""Numbers with what they are numbers of: "at least 50 pixels wide", "confidence: 0.4", "up to 5 % of the image".

People put the same bound in many orders. So a number is read with whatever comparator, unit and dimension stand around
it, from tables of wordings, and what it bounds is decided from all of them together (`bound_phrases`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from vision.reading.instructions.phrases.rules import IMAGE
from vision.reading.instructions.source import Source
from vision.reading.instructions.words.numbers import NUMBER, SHARE, number, share
from vision.reading.instructions.words.tables import phrases

Side = Literal["min", "max"]
Dimension = Literal["width", "height", "area", "size", "area_share", "score", "threshold", "sides", "points", "range"]
Unit = Literal["%", "pixel", "square pixel", "point"]

_COMPARATORS: Mapping[str, tuple[Side, Dimension | None]] = {
    **dict.fromkeys(
        phrases(
            """at or over, at or above, equal to or above, equal to or greater than, at least, at the least, at
            minimum, at a minimum, a minimum of, minimum of, minimum, min, min., more than, greater than, over,
            above, exceeding, exceeds, exceed, upwards of, upward of, in excess of, higher than, better than,
            beyond, from, starting at, starting from, no fewer than, >=, =>, >, ≥, not below, not under, no
            lower than, not lower than, no less than, not less than, never less than"""
        ),
        ("min", None),
    ),
    **dict.fromkeys(
        phrases(
            """at or below, at or under, equal to or below, at most, at the most, at maximum, at a maximum, a
            maximum of, maximum of, maximum, max, max., less than, fewer than, under, below, up to, lower than,
            <=, =<, <, ≤, no more than, not more than, never more than, no higher than, not over, not above, not
            exceeding, no greater than, not greater than, not beyond, worse than"""
        ),
        ("max", None),
    ),
    **dict.fromkeys(["wider than", "broader than"], ("min", "width")),
    **dict.fromkeys(["narrower than", "no wider than", "not wider than", "thinner than"], ("max", "width")),
    **dict.fromkeys(["no narrower than", "not narrower than"], ("min", "width")),
    "taller than": ("min", "height"),
    **dict.fromkeys(["shorter than", "no taller than", "not taller than"], ("max", "height")),
    **dict.fromkeys(["no shorter than", "not shorter than"], ("min", "height")),
    **dict.fromkeys(["larger than", "bigger than", "no smaller than", "not smaller than"], ("min", "size")),
    **dict.fromkeys(
        ["smaller than", "no larger than", "no bigger than", "not larger than", "not bigger than"], ("max", "size")
    ),
}
_STRICT = frozenset(
    phrases("""more than, greater than, over, above, exceeding, less than, fewer than, under, below, >, <""")
)
_AFTER: Mapping[str, Side] = {
    **dict.fromkeys(
        phrases(
            """is the minimum, is the least, or more, or higher, or above, or better, or over, or up, or
            upwards, or greater, or larger, or bigger, or wider, or taller, or at least, and more, and higher,
            and above, and up, and over, and upwards, and better, upwards, at least, at the least, at minimum,
            minimum, +, plus"""
        ),
        "min",
    ),
    **dict.fromkeys(
        phrases(
            """must not be exceeded, should not be exceeded, may not be exceeded, not to be exceeded, is the
            maximum, is the limit, is the most, or less, or fewer, or lower, or below, or under, or smaller, or
            narrower, or shorter, and below, and less, and under, and lower, and smaller, at most, at the most,
            at maximum, maximum, tops, max"""
        ),
        "max",
    ),
}
_UNITS: Mapping[str, Unit] = {
    "%": "%",
    **dict.fromkeys(["px", "pixel", "pixels", "pix"], "pixel"),
    **dict.fromkeys(
        phrases(
            """square pixels, square pixel, square px, sq px, sq. px, sq pixels, sq. pixels, px^2,
                px2, pixels^2, pixels squared, pixel squared, px squared, square-pixels, pixel area,
                pixels in area, pixels of area, px in area, px of area, px area, pixels area"""
        ),
        "square pixel",
    ),
    **dict.fromkeys(phrases("point, points, pts, vertices, vertex, vertexes, corner points, nodes"), "point"),
}
_CONFIDENCE = (
    "confidence|confident|score|scores|scoring|scored|probability|certainty|certain|sure|likelihood|likely|conf"
    "|confidence score"
    "|confidence level"
    "|confidence value|detection score|detection confidence|confidence scores|probable|convinced|reliable|reliability"
)
_DIMENSIONS: Mapping[str, Dimension] = {
    **dict.fromkeys(phrases("wide, width, in width, across, of width, broad, wider"), "width"),
    **dict.fromkeys(["tall", "high", "height", "in height", "of height", "taller"], "height"),
    **dict.fromkeys(phrases("in area, of area, area, large, big, in size, surface"), "size"),
    **dict.fromkeys(_CONFIDENCE.split("|"), "score"),
    **dict.fromkeys(["in confidence", "of confidence", "in score", "in certainty", "in probability"], "score"),
    **dict.fromkeys(["threshold", "confidence threshold", "score threshold", "cutoff", "cut-off"], "score"),
}
_KEYS: Mapping[str, Dimension] = {
    **dict.fromkeys(["width", "widths", "box width"], "width"),
    **dict.fromkeys(["height", "heights", "box height"], "height"),
    **dict.fromkeys(
        [
            "area",
            "areas",
            "size",
            "sizes",
            "box area",
            "surface",
            "area share",
            "image share",
            "share",
            "share of the image",
            "share of the picture",
            "part of the image",
        ],
        "size",
    ),
    **dict.fromkeys(
        [
            *_CONFIDENCE.split("|"),
            *[
                "threshold",
                "thresholds",
                "confidence threshold",
                "score threshold",
                "cutoff",
                "cut-off",
                "confidence cutoff",
                "score cutoff",
                "confidence cut-off",
            ],
            *["detection threshold", "probability threshold", "confidence limit", "min_score", "min score", "p"],
        ],
        "score",
    ),
    **dict.fromkeys(
        phrases(
            """number of points, number of vertices, point count, vertex count, points per polygon,
                vertices per polygon, points, vertices, num_points, points per object, points per
                outline, points each, number of polygon points, count of points, polygon points"""
        ),
        "points",
    ),
    **dict.fromkeys(["range", "coordinate range", "coordinates range"], "range"),
}


def _any_of(words: Mapping[str, object]) -> str:
    """A pattern for one of the wordings, longest first; whole words where they begin or end with a letter."""
    options = sorted(words, key=len, reverse=True)
    return "|".join(
        (r"(?:\b|(?<=\d))" if word[0].isalpha() else "")
        + re.escape(word).replace(r"\ ", " ")
        + (r"(?![\w-])" if word[-1].isalpha() else "")
        for word in options
    )


_OF_IMAGE = (
    rf"(?:(?: (?:of|in)|(?<=half)|(?<=third)|(?<=quarter)) (?:(?:the|this|that|my|its|whole|entire|full|total)"
    rf" ){{0,6}}{IMAGE}\b(?:'s)?(?: (?:area"
    rf"|surface|size))?| of (?:the|its) (?:(?:whole|total|entire|full|image) )*(?:area|surface|canvas|whole)\b| of"
    rf" it\b)"
)
_COMMA = r"(?:,(?= (?:or|and)\b))?"
_NO_NUMBER = rf"(?! than\b| to\b| ?{NUMBER})"
"""What follows "at most" is what it bounds, not the number before it."""
_QUANTITY = re.compile(
    rf"(?:(?P<bound>\b(?:min(?:imum|imal)?|max(?:imum|imal)?|lowest|smallest|highest|largest)\b\.?)[ _])?"
    rf"(?:(?P<before>{_any_of(_COMPARATORS)}) (?:an? |the )?(?=(?:{_any_of(_KEYS)}) of\b))?"
    rf"(?:(?P<key>{_any_of(_KEYS)})"
    r"(?P<link>(?: ?(?:\b(?:of|is|are|be|being|at|to|set|should|must|that|in|pixels|equal|the|equals|value|level"
    r"|limit|each|per polygon"
    r"|per object|as|has|have|with)\b|, say\b|[:=])){0,6}) ?)?"
    rf"(?P<comparator>{_any_of(_COMPARATORS)})? ?"
    rf"(?:(?P<both>\b(?:between|from|in|of|within)?) ?\[?(?P<low>{SHARE})(?P<unit1> ?(?:%|px\b|pixels?\b))? "
    rf"?(?:\band\b|\bto\b|-|,|\.\.+) ?)?"
    rf"(?P<value>{SHARE})"
    rf"(?:(?: ?(?:x|by) ?(?P<second>\d+)))?"
    rf"(?:[ -]?(?P<unit>{_any_of(_UNITS)}))?"
    rf"(?P<of_image>{_OF_IMAGE})?"
    rf"(?:{_COMMA} ?(?P<after>{_any_of(_AFTER)}){_NO_NUMBER})?"
    rf"(?:[ -](?P<dimension>{_any_of(_DIMENSIONS)}))?"
    rf"(?P<of_image2>{_OF_IMAGE})?"
    rf"(?:{_COMMA} ?(?P<after2>{_any_of(_AFTER)}){_NO_NUMBER})?"
)


@dataclass(frozen=True)
class Quantity:
    """A number and what stands around it.

    Attributes:
        start: where it begins in the canonical text.
        end: one past its last character.
        value: the number; a share where `is_share`.
        is_share: whether its words make it a share of one ("60 %", "half", "0.6").
        low: the lower of two numbers ("between 20 and 80"), else None.
        second: the second side of "32 x 32", else None.
        side: whether it is a lower or an upper bound, or None where nothing says it.
        dimension: what it is a number of, or None.
        unit: its unit, or None.
        of_image: whether it is a share of the image.
        strict: whether the bound itself is out ("fewer than five").
    """

    start: int
    end: int
    value: float
    is_share: bool
    low: float | None
    second: float | None
    side: Side | None
    dimension: Dimension | None
    unit: Unit | None
    of_image: bool
    strict: bool

    def opposite(self) -> Quantity:
        """The same with the other side bound."""
        return replace(self, side={"min": "max", "max": "min", None: None}[self.side])


def quantities(source: Source) -> Iterator[Quantity]:
    """Every number in what is open of a text, in order."""
    for match in _QUANTITY.finditer(source.open):
        yield _quantity(match)


def _quantity(match: re.Match[str]) -> Quantity:
    value, is_share = share(match["value"])
    unit = _UNITS[match["unit"]] if match["unit"] else None
    if unit == "%":
        value, is_share = value / 100, True
    elif unit is not None and match["value"].isdigit():
        is_share = False
    elif match["value"].endswith("%"):
        unit = "%"
    low = None
    if match["low"]:
        low, low_is_share = share(match["low"])
        if unit == "%" and not low_is_share:
            low /= 100
    compared = match["comparator"] or match["before"]
    comparator, implied = _COMPARATORS[compared] if compared else (None, None)
    after = next((_AFTER[match[name]] for name in ("after", "after2") if match[name]), None)
    bound: Side | None = None
    if match["bound"]:
        bound = "min" if match["bound"].startswith(("min", "low", "small")) else "max"
    dimension = implied
    if match["dimension"]:
        dimension = _DIMENSIONS[match["dimension"]]
    elif match["key"]:
        dimension = _KEYS[match["key"]]
    elif unit == "pixel" and re.search(r"higher|lower", match["comparator"] or ""):
        # "No higher than 250 pixels" is a height; of a number of anything else it is a bound.
        dimension = "height"
    return Quantity(
        start=match.end() - len(match[0].lstrip()),
        end=match.end(),
        value=value,
        is_share=is_share,
        low=low,
        second=number(match["second"]) if match["second"] else None,
        side=after or comparator or bound,
        dimension=dimension,
        unit=unit,
        of_image=bool(match["of_image"] or match["of_image2"]),
        strict=match["comparator"] in _STRICT and not after,
    )
