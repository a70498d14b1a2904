"""Numbers in questions, in digits and in words: "5 million", "2,500", "twenty-five", "half a million", "a dozen"."""

from __future__ import annotations

import math
from collections.abc import Sequence

_UNITS = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen""".split()  # noqa: SIM905
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SMALL = {word: value for value, word in enumerate(_UNITS)}
_SMALL |= {word: 10 * value for value, word in enumerate(_TENS, start=2)}

MAGNITUDES = {
    "dozen": 12.0, "hundred": 100.0, "thousand": 1e3, "k": 1e3, "million": 1e6, "m": 1e6, "mn": 1e6, "mio": 1e6,
    "billion": 1e9, "bn": 1e9, "trillion": 1e12,
}  # fmt: skip

NUMBER_WORDS = {word: value for word, value in _SMALL.items() if value}
"""Words for one number each, from one on."""

_PARTS = {"half": 0.5, "quarter": 0.25}


def spoken_number(words: Sequence[str]) -> tuple[int | float, int]:
    """The number that some words begin with, and how many of the words say it; (0, 0) where they begin with none.

    Args:
        words: in lower case; digits as they were written.
    """
    total, current, length, said = 0.0, 0.0, 0, False
    while length < len(words):
        word = words[length]
        pieces = word.split("-")
        if said and word == "and" and length + 1 < len(words) and _more(words[length + 1 :], current):
            length += 1
            continue
        if all(piece in _SMALL for piece in pieces):
            room = 10 if current % 100 >= 20 and current % 10 == 0 else 100
            if said and (current % room or _SMALL[pieces[0]] >= room or pieces[0] == "zero"):
                break  # "two three" are two numbers
            current += sum(_SMALL[piece] for piece in pieces)
        elif (digits := _digits(word)) is not None and not said:
            current = digits
        elif word in _PARTS and words[length + 1 : length + 2] in (["a"], ["of"]) and not said:
            skipped = next((at for at in range(length + 1, len(words)) if words[at] not in ("a", "of")), len(words))
            if skipped == len(words) or words[skipped] not in MAGNITUDES:
                break
            current, length = _PARTS[word] * MAGNITUDES[words[skipped]], skipped
        elif word in MAGNITUDES and len(word) > 1 and (said or len(word) > 2):
            size = MAGNITUDES[word]
            if size >= 1000:
                total, current = total + max(current, 1.0 if not said else current) * size, 0.0
            else:
                current = (current or 1.0) * size
        elif said and word == "a" and words[length + 1 : length + 2] == ["half"]:
            current += 0.5
            length += 1
        else:
            break
        said = True
        length += 1
    if not said:
        return 0, 0
    value = total + current
    whole = abs(value) < 1e18 and abs(value - round(value)) < 1e-6
    return (round(value) if whole else value), length


def _more(words: Sequence[str], current: float) -> bool:
    """Whether "and" goes on with the number: "two hundred and five", "one and a half million"."""
    if words[:2] == ["a", "half"]:
        return words[2:3] != [] and words[2] in MAGNITUDES
    return current >= 100 and current % 100 == 0 and all(piece in _SMALL for piece in words[0].split("-"))


def _digits(word: str) -> float | None:
    text = word.replace(",", "").replace(" ", "").replace("−", "-")
    plain = text.rstrip("kmnb")
    size = MAGNITUDES.get(text[len(plain) :], 0.0) if plain != text else 1.0
    try:
        value = float(plain) * size if size and plain.removeprefix("-")[:1].isdigit() else math.inf
        return value if math.isfinite(value) else None
    except ValueError:
        return None
