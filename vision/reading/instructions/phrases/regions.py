"""Where in the image the objects must lie: halves, thirds, quarters, corners, sides and the middle, as shares of it."""

from __future__ import annotations

import re

from vision.reading.instructions.phrases.rules import Reading, Said, compiled
from vision.reading.instructions.words.numbers import SHARE, share

Region = tuple[float, float, float, float]

_CENTRE: Region = (0.25, 0.25, 0.75, 0.75)
_WORDS = {
    "upper": "top",
    "lower": "bottom",
    "leftmost": "left",
    "rightmost": "right",
    "topmost": "top",
    "bottommost": "bottom",
}
_PARTS = {
    "half": 1 / 2,
    "third": 1 / 3,
    "quarter": 1 / 4,
    "fifth": 1 / 5,
    "tenth": 1 / 10,
    "two thirds": 2 / 3,
    "two-thirds": 2 / 3,
    "three quarters": 3 / 4,
    "three-quarters": 3 / 4,
    "side": 1 / 2,
    "part": 1 / 2,
    "portion": 1 / 2,
    "section": 1 / 2,
    "area": 1 / 2,
    "region": 1 / 2,
    "edge": 1 / 2,
    "end": 1 / 2,
}
"""How much of a side's length a part of the image takes; a part of no stated size is taken for half."""

_SIDE = r"(?P<side>left(?:most)?|right(?:most)?|top(?:most)?|bottom(?:most)?|upper|lower)(?:[ -]hand)?"
_PREPOSITION = (
    r"(?:(?:that|which|who) (?:is|are) |(?:lying|located|situated|found|positioned|placed|appearing|standing"
    r"|sitting) )?"
    r"(?:\b(?:only )?(?:in|on|at|from|within|inside|to|towards?|along|across|near|around|over|of|covering|for) )?"
    r"(?:(?:the|its|this|that|very|far|extreme|outer|entire|whole) ){0,6}"
)
_OF_IMAGE = r"(?:«of image»|(?<=half) «image»)?"
_END = (
    r"(?= ?(?:$|[.,;:!?)\ue000-\ue004]|(?:and|or|with|as|in|please|only|that|which|who|but|are|is|be|using|give"
    r"|output|return|except|excluding"
    r"|for|at|should|must|plus|then|do|you|there|can|if|who|whose|by|without|having|first|write|show|mark|box|find"
    r"|count|list|me|now|while)\b))"
)

_CORNER = compiled(
    rf"{_PREPOSITION}\b(?:(?P<row>top|upper|bottom|lower)(?:most)?[ -]?(?P<column>left|right)(?:most)?"
    r"|(?P<column2>left|right)[ -]?(?P<row2>top|upper|bottom|lower))(?:[ -]hand)?"
    r"(?:[ -](?:corner|quarter|quadrant|part|area|region|section|side|portion|fourth|end)\b){0,6}" + _OF_IMAGE
)
_PART = compiled(
    rf"{_PREPOSITION}\b{_SIDE}[ -](?P<part>{'|'.join(sorted(_PARTS, key=len, reverse=True))}|{SHARE}(?= ?%|«of "
    rf"image»))\b(?: ?%)?(?! of (?:a|an|all)\b)" + _OF_IMAGE
)
_MIDDLE_THIRD = compiled(
    rf"{_PREPOSITION}\b(?P<lying>horizontal |vertical )?(?:middle|central|centre) (?P<lying2>horizontal |vertical "
    rf")?(?:third|strip|column|row|band)\b" + _OF_IMAGE
)
_MIDDLE = compiled(
    r"(?:(?:that|which|who) (?:is|are) )?\b(?:in|at|near|around|close to|towards?|from|within|inside|of|for) "
    r"(?:(?:the|very|exact|image) ){0,6}"
    rf"(?:centre|middle)(?:«of image»| (?:part|area|region|portion|section)\b«of image»?)?(?! (?:of|point|third"
    rf"|shelf|one)\b)|\b(?:the )?(?:centre|middle)«of image»"
    rf"|{_PREPOSITION}\bcentral (?:part|area|region|portion|section|zone|half)\b«of image»?|{_PREPOSITION}\bimage "
    rf"centre\b"
)
_BARE = compiled(
    rf"(?:(?:that|which|who) (?:is|are) )?\b(?:on|at|to|in|towards?|from|along|near) (?:(?:the|far|very|extreme) "
    rf")+{_SIDE}(?:«of image»|{_END})"
    rf"|\b(?:the )?(?P<side2>left|right|top|bottom)«of image»"
)
_CORNER_FIRST = compiled(
    r"\b(?:with |starting with |starting from |beginning with |from )?the (?:top"
    r"|upper)[ -]left (?:corner )?(?:(?:coming|comes|given|goes"
    r"|being) )?first\b"
)
"""The order of a box's numbers, and no place in the image."""
_FROM_SIDE_TO_SIDE = compiled(
    r"\b(?:between|from) (?:the )?(?:left|right|top|bottom)(?:[ -]hand)?(?: (?:edge|side|border|end)s?)? (?:and|to) "
    r"(?:the )?(?:left|right|top|bottom)(?:[ -]hand)?(?: (?:edge|side|border|end)s?)?\b(?:«of image»)?"
)
"""The whole of one direction, said after a strip of it: "the middle third between the left and the right edge"."""
_OUTSIDE = re.compile(
    r"\b(?:not|outside(?: of)?|anywhere but|everywhere but|except|but not|excluding|other than|forget|skip(?:ping)?"
    r"|leave out|ignor(?:e|ing)"
    r"|away)(?: (?:in|on|at|for|those|the|anything|from|what is)){0,5} ?$"
)


def read_regions(reading: Reading) -> None:
    """Read every part of the image that is named."""
    reading.source.claim((match.span() for match in _CORNER_FIRST.finditer(reading.source.open)), "filler")
    across = [match.span() for match in _FROM_SIDE_TO_SIDE.finditer(reading.source.open)]
    reading.source.claim(across, "filler")
    for pattern, region_of in (
        (_CORNER, _corner),
        (_PART, _part),
        (_MIDDLE_THIRD, _third),
        (_MIDDLE, lambda match: _CENTRE),
        (_BARE, _half),
    ):
        spans = []
        for match in pattern.finditer(reading.source.open):
            region = region_of(match)
            start, end = match.span()
            start += len(match[0]) - len(match[0].lstrip())
            if before := _OUTSIDE.search(reading.source.open[max(0, start - 40) : start]):
                start -= len(before[0])
                outside = _other_half(region)
                if outside is None:
                    reading.unread.append((start, end))
                else:
                    reading.say("region", outside, start, end)
            else:
                reading.say("region", region, start, end)
            spans.append((start, end))
        reading.source.claim(spans, "selection")


def intersection(said: list[Said]) -> Region | None:
    """The part of the image that lies in every region, or None where there is none."""
    x0, y0 = (max(one.value[i] for one in said) for i in (0, 1))
    x1, y1 = (min(one.value[i] for one in said) for i in (2, 3))
    return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None


def _strip(side: str, part: float) -> Region:
    side = _WORDS.get(side, side)
    part, rest = round(part, 3), round(1 - part, 3)
    return {"left": (0, 0, part, 1), "right": (rest, 0, 1, 1), "top": (0, 0, 1, part), "bottom": (0, rest, 1, 1)}[side]


def _corner(match: re.Match[str]) -> Region:
    across = _strip(match["column"] or match["column2"], 0.5)
    down = _strip(match["row"] or match["row2"], 0.5)
    return across[0], down[1], across[2], down[3]


def _part(match: re.Match[str]) -> Region:
    words = match["part"]
    return _strip(
        match["side"],
        _PARTS[words] if words in _PARTS else share(words + "%" * ("%" in match[0] and "%" not in words))[0],
    )


def _third(match: re.Match[str]) -> Region:
    rows = "horizontal" in match[0] or " row" in match[0]
    return (0, 0.333, 1, 0.667) if rows else (0.333, 0, 0.667, 1)


def _half(match: re.Match[str]) -> Region:
    return _strip(match["side"] or match["side2"], 0.5)


def _other_half(region: Region) -> Region | None:
    halves: dict[Region, Region] = {
        _strip(a, 0.5): _strip(b, 0.5)
        for a, b in (("left", "right"), ("right", "left"), ("top", "bottom"), ("bottom", "top"))
    }
    return halves.get(region)
