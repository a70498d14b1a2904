"""Names whose words were run together, as data sets write their relations: "officialvisits"."""

from __future__ import annotations

from functools import lru_cache

from reasoning.reading.english.word_forms import lemmas

ABBREVIATIONS = {"gov": "government", "org": "organization", "orgs": "organizations", "intl": "international"}
"""Short for, in names whose words were run together."""

_JOINING = {"inter": "inter", "since": "since", "non": "non"}
"""Words and beginnings of words that no dictionary of nouns and verbs has."""


def segmented(text: str) -> str:
    """A name whose words were run together, taken apart: "officialvisits" is "official visits"."""
    return " ".join(_parts(word) for word in text.split())


@lru_cache(maxsize=10_000)
def _parts(word: str) -> str:
    bare = word.rstrip("0123456789")
    if len(bare) > 3 and lemmas(bare):
        return bare
    if len(bare) < 8 or not bare.isascii() or not bare.isalpha() or lemmas(bare):
        return word
    best: list[tuple[float, str] | None] = [(0.0, ""), *[None] * len(bare)]
    for end in range(1, len(bare) + 1):
        for start in range(max(0, end - 16), end):
            before, piece = best[start], bare[start:end]
            short = ABBREVIATIONS.get(piece) or _JOINING.get(piece)
            if before is None or (len(piece) < 3) or not (short or lemmas(piece)):
                continue
            cost = before[0] + 1 + (1.0 if len(piece) == 3 and not short else 0)
            here = best[end]
            if here is None or cost < here[0]:
                best[end] = (cost, f"{before[1]} {short or piece}".strip())
    whole = best[-1]
    if whole is not None and whole[0] <= 3:
        return whole[1].replace("inter ", "inter").replace("non ", "non")
    # "pprotests": a letter that tells two columns of a table apart.
    return bare[1:] if bare[0] == bare[1] and lemmas(bare[1:]) else word
