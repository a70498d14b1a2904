"""What a phrase means among the classes that a detector has: the evidence, strongest first.

A detector with a closed vocabulary knows its own names and nothing else, people say "sofa", "the black cats", "things
you can eat" or "helicopter". A phrase that means no class of the detector must be refused, not bent to the nearest
one: a wrong class gives boxes that look right and aren't.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Match:
    """What a phrase means.

    Attributes:
        label: the phrase normalised: lower case, no article, the head noun in the singular ("Sofas" -> "sofa",
            "people" -> "person", "the black cats" -> "black cat").
        classes: the classes that it means, in the vocabulary's order; empty where it is not detectable.
        colour: the basic colour word that was taken off the phrase, or None.
        is_group: whether it names a kind of things ("vehicles", "things you can eat"), so that a sentence stands for
            its members rather than for one class of that label.
        nearest: where `classes` is empty, the classes that lie nearest in meaning, nearest first.
    """

    label: str
    classes: tuple[str, ...]
    colour: str | None = None
    is_group: bool = False
    nearest: tuple[str, ...] = ()


class Matcher(Protocol):
    """What the readers of instructions need of a vocabulary."""

    def match(self, phrase: str) -> Match:
        """What a phrase means."""
        ...

    def match_all(self, phrases: Sequence[str]) -> list[Match]:
        """What each phrase means; many are much quicker together than one by one."""
        ...


class ClassMatcher:
    """Maps phrases to the classes of a closed vocabulary by meaning.

    Args:
        vocabulary: the detector's class names, each once.
        supercategories: class to supercategory, where the vocabulary has them (COCO's).
    """

    def __init__(self, vocabulary: Sequence[str], supercategories: Mapping[str, str] | None = None) -> None:
        self.vocabulary = tuple(vocabulary)
        self.supercategories = dict(supercategories or {})

    def match(self, phrase: str) -> Match:
        """What a phrase means; the answer is kept, so the same phrase costs nothing the second time."""
        return self.match_all([phrase])[0]

    def match_all(self, phrases: Sequence[str]) -> list[Match]:
        """What each phrase means, in the phrases' order, duplicates included."""
        raise NotImplementedError


class OpenMatcher:
    """The same for a model that takes any phrase: each is its own class, with its colour in it.

    Groups that are known ("vehicles") become COCO's members, since an open-vocabulary model looks for what a phrase
    says and finds little for a kind of things.
    """

    def match(self, phrase: str) -> Match:
        """What a phrase means: itself, or the members of a known group."""
        return self.match_all([phrase])[0]

    def match_all(self, phrases: Sequence[str]) -> list[Match]:
        """What each phrase means, in the phrases' order, duplicates included."""
        raise NotImplementedError
