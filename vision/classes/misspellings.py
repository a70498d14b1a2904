"""Words that nobody knows but that are one slip away from one that somebody does: "bycicle", "umberella".

Only long words are set right, by few slips, and only where all the words that lie as near mean the same: a short word
of another language ("maison") lies next to some English one ("mason") by chance. Next to one of the few class names it
lies seldom, so those may be shorter.
"""

from __future__ import annotations

from collections.abc import Sequence

from rapidfuzz import process
from rapidfuzz.distance import OSA

SLIPS_IN_NAME = ((7, 2), (5, 1))
"""From how many letters on a word may be a class name with so many slips."""

SLIPS_IN_PHRASE = ((9, 2), (7, 1))
"""The same for any known phrase."""


def meant(word: str, names: Sequence[str], known: Sequence[str]) -> list[str]:
    """The phrases that a misspelt one may mean, all equally near; none where it is nobody's misspelling.

    Args:
        word: in its normal form.
        names: class names.
        known: known phrases, class names among them.
    """
    most = _slips(word, SLIPS_IN_NAME)
    if not most:
        return []
    found = process.extract(word, known, scorer=OSA.distance, score_cutoff=most, limit=None)
    near = {phrase: distance for phrase, distance, _ in found if phrase[0] == word[0]}
    least = min(near.values(), default=0)
    nearest = [phrase for phrase, distance in near.items() if distance == least]
    if least > _slips(word, SLIPS_IN_PHRASE) and not set(nearest).intersection(names):
        return []
    return nearest


def _slips(word: str, allowed: tuple[tuple[int, int], ...]) -> int:
    return next((slips for letters, slips in allowed if len(word) >= letters), 0)
