"""Sizes in one word: "small", "medium to large", "leave out the tiny ones"."""

from __future__ import annotations

import re
from collections.abc import Mapping

from vision.reading.instructions.phrases.bounds import EXCLUDED
from vision.reading.instructions.phrases.rules import Reading, compiled

_BARE_SIZES: Mapping[str, tuple[float | None, float | None]] = {
    r"small|tiny|little(?! ones?\b)|(?<!my )(?<!our )little(?= ones?\b)": (None, 1024),
    r"medium|mid|middle(?=[ -]sized)|average(?=[ -]size)": (1024, 9216),
    r"large|big|huge|giant|enormous": (9216, None),
}
_BARE_SIZE_PATTERNS = tuple(
    (
        compiled(
            rf"\b(?:(?:fairly|rather|quite|very|really) )?(?:{words})(?:[ -]?(?:sized?|scale))?\b(?![ -]?(?:hand|toe"
            rf"|ben|finger))"
        ),
        bounds,
    )
    for words, bounds in _BARE_SIZES.items()
)
_SIZE_WORD = r"small|medium|large|big|tiny|huge"
_TWO_SIZES = re.compile(
    rf"\b(?P<one>{_SIZE_WORD})(?:[ -]?sized)? (?:and|or|to) (?P<other>{_SIZE_WORD})\b(?:[ -]?sized)?"
)


_OF_ALL = re.compile(r" (?:ones?|things?|objects?|stuff|detections?|instances?|items?)\b")

_APART = re.compile(
    r"\b(?:leav(?:e|ing)|keep(?:ing)?|filter(?:ing)?|throw(?:ing)?|weed(?:ing)?) (?:(?:the|any|all|very|too) )*$"
)
_OUT = re.compile(r" (?:out|away)\b")
"""Around what is left out: "leave small objects out"."""


def _say_left_out(reading: Reading, low: float | None, high: float | None, start: int, end: int) -> bool:
    """Read "leave out the small ones" as the opposite bound; False where nothing is left out, or not all of a size."""
    after = _OF_ALL.match(reading.source.open, end)
    before = EXCLUDED.search(reading.source.open[max(0, start - 80) : start])
    if after is not None and before is None and (out := _OUT.match(reading.source.open, after.end())):
        before, after = _APART.search(reading.source.open[max(0, start - 80) : start]), out
    if after is None or before is None:
        return False
    start, end = start - len(before[0]), after.end()
    if low is None:
        reading.say("min_area", high, start, end)
    elif high is None:
        reading.say("max_area", low, start, end)
    else:
        return False
    reading.source.claim([(start, end)], "selection")
    return True


def read_bare_sizes(reading: Reading) -> None:
    """Read small, medium and large: COCO's areas, below 32^2, from there to 96^2, and above, in square pixels."""
    for match in list(_TWO_SIZES.finditer(reading.source.open)):
        bounds = [
            next(one for words, one in _BARE_SIZES.items() if re.fullmatch(words, match[part]))
            for part in ("one", "other")
        ]
        lows, highs = zip(*bounds, strict=True)
        low = None if None in lows else min(lows)
        high = None if None in highs else max(highs)
        if _say_left_out(reading, low, high, *match.span()):
            continue
        if low is not None:
            reading.say("min_area", low, *match.span())
        if high is not None:
            reading.say("max_area", high, *match.span())
        reading.source.claim([match.span()], "selection")
    for pattern, (low, high) in _BARE_SIZE_PATTERNS:
        matches = list(pattern.finditer(reading.source.open))
        for match in matches:
            if _say_left_out(reading, low, high, *match.span()):
                continue
            if low is not None:
                reading.say("min_area", low, *match.span())
            if high is not None:
                reading.say("max_area", high, *match.span())
        reading.source.claim([match.span() for match in matches], "selection")
