"""A sentence on what is in a picture, written by rule: no language model adds anything that was not found."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

from vision.detections.detections import Detections

if TYPE_CHECKING:
    from inflect import engine


def sentence(detections: Detections) -> str:
    """A sentence such as "2 people, a dog and 3 cars.", the most frequent first."""
    counts = Counter(detections.class_names)
    if not counts:
        return "Nothing that this model knows was found."
    parts = [
        _with_article(name) if count == 1 else f"{count} {_plural(name)}"
        for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]
    listed = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    return f"{listed[0].upper()}{listed[1:]}."


# Names of classes that are plurals or masses already.
_PAIRS = frozenset({"skis", "scissors"})
_MASSES = frozenset({"broccoli"})


@cache
def _english() -> engine:
    import inflect  # takes a second to import, which detection shouldn't

    return inflect.engine()


def _plural(name: str) -> str:
    if name in _PAIRS:
        return f"pairs of {name}"
    return name if name in _MASSES else str(_english().plural_noun(name) or name)


def _with_article(name: str) -> str:
    if name in _PAIRS:
        return f"a pair of {name}"
    return name if name in _MASSES else str(_english().a(name))
