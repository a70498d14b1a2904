"""Which action of a video a phrase names: labels are terse ("peel_cucumber"), and people say "peeling the cucumber"."""

from __future__ import annotations

import re
from collections.abc import Sequence

from vision.errors import InstructionError

LEAST_LIKE = 0.5
"""How like a label, 0 to 1, a phrase must be to name it: of two words each has one in common at least."""

SHOWN = 20
"""Labels that an error names."""

_WORD = re.compile(r"[^\W_]+")
_LITTLE = frozenset({"the", "a", "an", "some", "his", "her", "their", "its", "it"})


def action_named(phrase: str, labels: Sequence[str]) -> str:
    """The label of the action that a phrase names.

    Args:
        phrase: such as "peels the cucumber".
        labels: of the actions that the video was divided into.

    Raises:
        InstructionError: there are none, or none is like it.
    """
    if not labels:
        raise InstructionError(f'"{phrase}" is an action, and this video was not divided into actions')
    best = max(labels, key=lambda label: _likeness(phrase, label))
    if _likeness(phrase, best) < LEAST_LIKE:
        raise InstructionError(f'no action is like "{phrase}"; there are: {", ".join(labels[:SHOWN])}')
    return best


def _likeness(phrase: str, label: str) -> float:
    """The harmonic mean of how much of the phrase's words the label has, and of the label's the phrase, 0 to 1."""
    said, named = ([word for word in _WORD.findall(text.lower()) if word not in _LITTLE] for text in (phrase, label))
    if not said or not named:
        return 0.0
    of_said = sum(max(_shared(word, other) for other in named) for word in said) / len(said)
    of_named = sum(max(_shared(word, other) for other in said) for word in named) / len(named)
    return 2 * of_said * of_named / (of_said + of_named) if of_said + of_named else 0.0


def _shared(word: str, other: str) -> float:
    """Share of the shorter word that both begin with, if it is most of it: "placing" and "place", "cuts" and "cut"."""
    short, long = sorted((word, other), key=len)
    same = next((place for place, letter in enumerate(short) if letter != long[place]), len(short))
    return same / len(short) if same >= 0.75 * len(short) else 0.0
