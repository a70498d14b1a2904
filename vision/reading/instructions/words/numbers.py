"""Numbers and shares as people write them: 16, 1,000, .5, "twenty-four", "a dozen", "60 %", "three quarters"."""

from __future__ import annotations

import re

_UNITS = {
    word: value
    for value, word in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
        ]
    )
}
_TENS = {
    word: 10 * value
    for value, word in enumerate(
        ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], start=2
    )
}
_SMALL = _UNITS | _TENS
_WORD = "(?:" + "|".join(sorted([*_SMALL, "hundred", "thousand", "dozen"], key=len, reverse=True)) + r")\b"
NUMBER_WORDS = (
    rf"(?:\b(?:half a|a couple of|a|an) (?=dozen|hundred|thousand))?\b{_WORD}(?:(?:[ -]| and "
    rf"(?={_WORD}))(?={_WORD}){_WORD}){{0,9}}"
)
DIGITS = (
    r"(?<![\w.])(?:[1-9]\d{0,2}(?:,\d{3})+(?![\d,])|(?![1-9]\d{0,2}(?:,\d{3})+(?!\d))\d+)(?:\.\d+)?|(?<![\w.])\.\d+"
)

NUMBER = rf"(?:{DIGITS}|{NUMBER_WORDS})"
"""A pattern for a number that is not negative."""

_FRACTIONS = {
    "half": 1 / 2,
    "third": 1 / 3,
    "quarter": 1 / 4,
    "fifth": 1 / 5,
    "sixth": 1 / 6,
    "eighth": 1 / 8,
    "tenth": 1 / 10,
    "twentieth": 1 / 20,
    "hundredth": 1 / 100,
}
_FRACTION = (
    r"(?:\b(?:a |one |an )?half\b(?! of a| a)|\b(?:a|an|one|two|three|four|five|seven|nine)[ -]"
    rf"(?:{'|'.join(name for name in _FRACTIONS if name != 'half')})s?\b)"
)

SHARE = rf"(?:{NUMBER} ?%|{_FRACTION}|(?<![\w.])0,\d+(?![\d,])|{NUMBER})"
"""A pattern for a share of one: with a per cent sign, as a fraction in words, or as a plain number."""


def number(text: str) -> float:
    """The value of what `NUMBER` matched; `whole` gives it as an integer."""
    text = text.strip()
    if re.fullmatch(r"[\d.,]+", text):
        return float(text.replace(",", ""))
    factor = 0.5 if text.startswith("half a") else 1.0
    total, current = 0.0, 0.0
    for word in re.findall(r"[a-z]+", text):
        if word in _SMALL:
            current += _SMALL[word]
        elif word == "dozen":
            current = max(current, 1) * 12
        elif word == "hundred":
            current = max(current, 1) * 100
        elif word == "thousand":
            total, current = total + max(current, 1) * 1000, 0.0
    return factor * (total + current)


def share(text: str) -> tuple[float, bool]:
    """The value of what `SHARE` matched, and whether its words say that it is a share.

    A plain number says it by being at most 1; "60" could be sixty of anything.
    """
    text = text.strip()
    if text.endswith("%"):
        return number(text[:-1]) / 100, True
    if re.fullmatch(r"0,\d+", text):
        return float(text.replace(",", ".")), True
    words = re.findall(r"[a-z]+", text)
    if (words and words[-1].removesuffix("s") in _FRACTIONS) or words == ["halves"]:
        size = _FRACTIONS["half" if words[-1] == "halves" else words[-1].removesuffix("s")]
        many = 1 if len(words) == 1 or words[0] in ("a", "an") else _SMALL[words[0]]
        return many * size, True
    value = number(text)
    return value, value <= 1
