"""Words that nobody knows but that are one slip away from one that somebody does: "bycicle", "umberella".

Only long words are set right, by few slips, and only where all the words that lie as near mean the same: a short word
of another language ("maison") lies next to some English one ("mason") by chance. Next to one of the few class names it
lies seldom, so those may be shorter.
"""

from __future__ import annotations

from collections.abc import Sequence

from rapidfuzz import process
from rapidfuzz.distance import OSA

LEAST_LENGTH = 5
LEAST_LENGTH_OF_SYNONYM = 7
TWO_SLIPS_FROM = 9
"""Letters from which a word may be a class name with one slip, any known phrase with one slip, and one with two."""


def meant(word: str, names: Sequence[str], known: Sequence[str]) -> list[str]:
    """The phrases that a misspelt one may mean, all equally near; none where it is nobody's misspelling.

    Args:
        word: in its normal form.
        names: class names.
        known: known phrases, class names among them.
    """
    if len(word) < LEAST_LENGTH:
        return []
    slips = 2 if len(word) >= TWO_SLIPS_FROM else 1
    found = process.extract(word, known, scorer=OSA.distance, score_cutoff=slips, limit=None)
    near = {phrase: distance for phrase, distance, _ in found if phrase[0] == word[0]}
    nearest = [phrase for phrase, distance in near.items() if distance == min(near.values())]
    if len(word) < LEAST_LENGTH_OF_SYNONYM and not set(nearest).intersection(names):
        return []
    return nearest
