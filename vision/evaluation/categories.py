"""Whose classes are measured: those of the annotations, those that the detector has, those that the user names.

Annotation files call things by other names than a detector does ("aeroplane", "motorbike", "tvmonitor"). A category is
tied to the class of the same name, else to the one class that its name means; one that the detector has no class for
is left out of the means and named, since a score of 0 for what was never looked for would measure nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz.process import extract

from vision.classes import ClassMatcher, Matcher
from vision.errors import EvaluationError


@dataclass(frozen=True)
class Categories:
    """Categories of the annotations and what the detector is asked for to find them.

    Attributes:
        classes: category to the detector's class, or to the phrase that it is asked for.
        lacking: categories that the detector has no class for.
    """

    classes: dict[str, str]
    lacking: tuple[str, ...]


def tie_categories(categories: Sequence[str], vocabulary: Sequence[str] | None, matcher: Matcher) -> Categories:
    """Tie categories to a detector's classes, each class to one of them at most.

    Args:
        categories: names.
        vocabulary: the detector's classes, or None where it takes any phrase.
        matcher: of that vocabulary.
    """
    if vocabulary is None:
        return Categories({name: name for name in categories}, ())
    spelled = {_key(name): name for name in vocabulary}
    classes = {name: spelled[_key(name)] for name in categories if _key(name) in spelled}
    rest = [name for name in categories if name not in classes]
    taken = set(classes.values())
    for name, match in zip(rest, matcher.match_all(rest), strict=True):
        if len(match.classes) == 1 and match.colour is None and not taken & set(match.classes):
            classes[name] = match.classes[0]
            taken.update(match.classes)
    return Categories(
        {name: classes[name] for name in categories if name in classes},
        tuple(name for name in categories if name not in classes),
    )


def named_categories(
    words: Sequence[str],
    categories: Sequence[str],
    supercategories: dict[str, str],
    whose: str = "the annotated classes",
) -> tuple[str, ...]:
    """The categories that the user's words name, in the annotations' order.

    Args:
        words: names, synonyms or groups ("animals").
        categories: names that there are.
        supercategories: category to supercategory, as far as there are any.
        whose: what the names are, for the error.

    Raises:
        EvaluationError: a word names no category; with the nearest that there are.
    """
    spelled = {_key(name): name for name in categories}
    named: set[str] = set()
    rest = []
    for word in words:
        if _key(word) in spelled:
            named.add(spelled[_key(word)])
        else:
            rest.append(word)
    matches = ClassMatcher(categories, supercategories).match_all(rest) if rest else []
    for word, match in zip(rest, matches, strict=True):
        if match.colour is not None and match.classes:
            raise EvaluationError(
                f'"{word}" asks for a colour, which is not annotated; name {" or ".join(match.classes)} without it'
            )
        if not match.classes:
            near = dict.fromkeys([*(name for name, _, _ in extract(word, categories, limit=2)), *match.nearest])
            raise EvaluationError(f'"{word}" names none of {whose}; the nearest: {", ".join(near)}')
        named.update(match.classes)
    return tuple(name for name in categories if name in named)


def _key(name: str) -> str:
    return " ".join(name.replace("_", " ").replace("-", " ").casefold().split())
