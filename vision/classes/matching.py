"""What a phrase means among the classes that a detector has: the evidence, strongest first.

A detector with a closed vocabulary knows its own names and nothing else, people say "sofa", "the black cats", "things
you can eat" or "helicopter". A phrase that means no class of the detector must be refused, not bent to the nearest
one: a wrong class gives boxes that look right and aren't.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from vision.classes.anchors import Anchors
from vision.classes.coco import COCO_CLASSES
from vision.classes.reading import PhraseReader, Reading
from vision.classes.vocabulary import Evidence, Vocabulary

MAX_KEPT = 65_536
"""Answers kept by a matcher."""

BATCH = 1024
"""Phrases weighed by meaning at a time, which bounds the memory that they take."""


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

    @property
    def thing(self) -> str:
        """The label without its colour: "cat" of "black cat"."""
        return self.label.removeprefix(f"{self.colour} ") if self.colour else self.label


class Matcher(Protocol):
    """What the readers of instructions need of a vocabulary."""

    def match(self, phrase: str) -> Match:
        """What a phrase means."""
        ...

    def __hash__(self) -> int:
        """Matchers are told apart by identity, so what is read with one can be kept."""
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
        self._matches: dict[str, Match] = {}

    def match(self, phrase: str) -> Match:
        """What a phrase means; the answer is kept, so the same phrase costs nothing the second time.

        Raises:
            MissingPackageError: no word of the phrase is known, and the sentence encoder is not installed.
        """
        known = self._matches.get(phrase)
        return known if known is not None else self.match_all([phrase])[0]

    def match_all(self, phrases: Sequence[str]) -> list[Match]:
        """What each phrase means, in the phrases' order, duplicates included.

        Raises:
            MissingPackageError: as `match`.
        """
        new = [phrase for phrase in dict.fromkeys(phrases) if phrase not in self._matches]
        if len(self._matches) + len(new) > MAX_KEPT:
            self._matches = {phrase: self._matches[phrase] for phrase in phrases if phrase in self._matches}
        readings = {phrase: self._reader.read(phrase) for phrase in new}
        by_meaning = [phrase for phrase in new if not (found := readings[phrase].evidence) or not found.classes]
        for start in range(0, len(by_meaning), BATCH):
            batch = by_meaning[start : start + BATCH]
            cores = [readings[phrase].core for phrase in batch]
            similarities = self._anchors.similarities(cores)
            decisions = self._anchors.decide(cores, similarities)
            nearest_classes = self._anchors.nearest(similarities, [self._words.kinship(core) for core in cores])
            for phrase, decision, nearest in zip(batch, decisions, nearest_classes, strict=True):
                self._matches[phrase] = self._weigh(readings[phrase], decision, nearest)
        for phrase in new:
            if phrase not in self._matches:
                self._matches[phrase] = _found(readings[phrase], readings[phrase].evidence)
        return [self._matches[phrase] for phrase in phrases]

    def _weigh(self, reading: Reading, decision: Evidence, nearest: tuple[str, ...]) -> Match:
        """What the votes say where nothing else is known, or a refusal with the nearest classes."""
        open_to_meaning = reading.evidence is None or self._words.opaque.issuperset(decision.classes)
        if reading.core and decision.classes and open_to_meaning:
            return _found(reading, decision)
        return Match(reading.label, (), reading.colour, nearest=nearest if reading.core else ())

    @cached_property
    def _words(self) -> Vocabulary:
        return Vocabulary(self.vocabulary, self.supercategories)

    @cached_property
    def _reader(self) -> PhraseReader:
        return PhraseReader(self._words)

    @cached_property
    def _anchors(self) -> Anchors:
        return Anchors(self.vocabulary, self._words.known)


class OpenMatcher:
    """The same for a model that takes any phrase: each is its own class, with its colour in it.

    Groups that are known ("vehicles") become COCO's members, since an open-vocabulary model looks for what a phrase
    says and finds little for a kind of things. A kind of which COCO has only one member ("clothes") stays as it is.
    """

    def __init__(self) -> None:
        self._reader = PhraseReader(Vocabulary(COCO_CLASSES))

    def match(self, phrase: str) -> Match:
        """What a phrase means: itself, or the members of a known group."""
        reading = self._reader.read(phrase)
        evidence = reading.evidence
        if evidence is not None and evidence.is_group and len(evidence.classes) > 1:
            colour = f"{reading.colour} " if reading.colour else ""
            return Match(reading.label, tuple(colour + name for name in evidence.classes), is_group=True)
        return Match(reading.label, (reading.label,) if reading.label else ())

    def match_all(self, phrases: Sequence[str]) -> list[Match]:
        """What each phrase means, in the phrases' order, duplicates included."""
        return [self.match(phrase) for phrase in phrases]


def _found(reading: Reading, evidence: Evidence | None) -> Match:
    assert evidence is not None
    return Match(reading.label, evidence.classes, reading.colour, evidence.is_group)
