"""What a phrase means among the classes of a detector, the strongest evidence first.

A detector with a closed vocabulary knows its own names and nothing else. A phrase that means none of them must be
refused, not bent to the nearest: a wrong class gives boxes that look right and aren't. A threshold on similarity
can't tell "hoodie" from "labradoodle", so the lexicon's phrases that mean no class stand beside those that do, and
the nearest of all vote. Their vectors come with the project (`tools/build_anchors.py`), since computing them takes
seconds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kg_data.sentence_vectors import Vectors, sentence_encoder
from vision.classes.lexicon import COCO_CLASSES, DATA, lexicon
from vision.classes.phrases import PhraseReader, Reading
from vision.classes.vocabulary import Evidence, Vocabulary, tidy
from vision.errors import DetectorError

ANCHORS = DATA / "anchors.npz"
SCALE = 0.004
"""Step of the stored 8-bit components; the largest component of any phrase is below 127 steps."""

VOTERS = 5
"""How many of the nearest phrases have a vote."""

SHARPNESS = 12.0
"""How much more a nearer phrase's vote counts: its weight is exp(SHARPNESS * similarity)."""

MIN_SIMILARITY = 0.65
"""If even the nearest phrase is less similar, none says anything."""

MIN_SIMILARITY_OF_PIECES = 0.8
"""The same for a single word that the encoder has to break up: "zapato" has the sound of "zap", not its meaning.
These rest on `benchmarks/words_to_classes.py --fit`."""

MIN_SIMILARITY_OF_NAME = 0.8
"""From here on a phrase of the lexicon that is no class of COCO says the same as another vocabulary's class name:
"forklift truck" and "forklift" have 0.88, "dog house" and "dog" 0.58."""

NEAREST = 3
"""How many classes are named for a word that is refused."""


def digest(phrases: Sequence[str]) -> str:
    """What the stored vectors belong to, so that a changed lexicon is noticed."""
    return hashlib.sha256("\n".join(phrases).encode()).hexdigest()


@cache
def lexicon_vectors(path: Path = ANCHORS) -> tuple[tuple[str, ...], Vectors]:
    """The lexicon's phrases and their vectors, shape (phrases, 384).

    Raises:
        DetectorError: the vectors belong to another lexicon.
    """
    phrases = tuple(lexicon())
    with np.load(path) as stored:
        if str(stored["digest"]) != digest(phrases):
            raise DetectorError(f"{path.name} belongs to another lexicon; make it anew: python -m tools.build_anchors")
        return phrases, stored["vectors"].astype(np.float32) * np.float32(SCALE)


class Anchors:
    """Known phrases of one vocabulary, classes and others, by meaning."""

    def __init__(self, names: Sequence[str], meaning: Callable[[str], Evidence | None]) -> None:
        """`meaning` says what a phrase of the lexicon means in the vocabulary of these names."""
        phrases, vectors = lexicon_vectors()
        place = {phrase: i for i, phrase in enumerate(phrases)}
        own = [name for name in names if name not in place]
        if own:
            vectors = np.concatenate([vectors, sentence_encoder().encode([tidy(name) for name in own])])
            place |= {name: len(phrases) + i for i, name in enumerate(own)}
        self._names = tuple(names)
        self._vectors = vectors
        self._name_places = np.array([place[name] for name in names], np.int64)
        self._place = place
        self._meanings = [
            meaning(phrase) or self._same_as_name(vector) for phrase, vector in zip(phrases, vectors, strict=False)
        ]
        self._meanings += [Evidence((name,)) for name in own]
        # A class is as near as its nearest phrase: "lion" is near to "kitten" though not to "bear".
        columns = [
            sorted({place[name], *(i for i, meant in enumerate(self._meanings) if meant.classes == (name,))})
            for name in names
        ]
        self._columns = np.array([column for group in columns for column in group], np.int64)
        self._starts = np.cumsum([0, *(len(group) for group in columns[:-1])])

    def _same_as_name(self, vector: NDArray[np.float32]) -> Evidence:
        """What a phrase means that is no class of COCO and nothing known here: the class whose name says just that."""
        to_names = self._vectors[self._name_places] @ vector
        best = int(to_names.argmax())
        return Evidence((self._names[best],) if to_names[best] >= MIN_SIMILARITY_OF_NAME else ())

    def similarities(self, phrases: Sequence[str]) -> NDArray[np.float32]:
        """Shape (phrases, anchors), float32, -1 to 1; a phrase that is an anchor is not weighed by itself."""
        similarities = sentence_encoder().encode(phrases) @ self._vectors.T
        for row, phrase in enumerate(phrases):
            if phrase in self._place:
                similarities[row, self._place[phrase]] = -1
        return similarities

    def decide(self, phrases: Sequence[str], similarities: NDArray[np.float32]) -> list[Evidence]:
        """What each phrase means by the votes of the nearest; no class where they disagree or none is near enough.

        The similarities have shape (phrases, anchors).
        """
        pairs = zip(phrases, similarities, strict=True)
        return [vote(row, self._meanings, least_similarity(phrase)) for phrase, row in pairs]

    def nearest(
        self, similarities: NDArray[np.float32], kinships: Sequence[NDArray[np.float32]]
    ) -> list[tuple[str, ...]]:
        """The classes nearest to each phrase in meaning and in kind, nearest first.

        The similarities have shape (phrases, anchors), the kinships of each phrase shape (classes,), 0 to 1.
        """
        best = np.maximum.reduceat(similarities[:, self._columns], self._starts, axis=1)
        nearness = best + similarities[:, self._name_places] + 1.5 * np.stack(kinships)
        ranked = np.argsort(-nearness, axis=1, kind="stable")
        return [tuple(self._names[i] for i in row[:NEAREST]) for row in ranked]


def least_similarity(phrase: str) -> float:
    """How similar the nearest known phrase must be to say anything of a phrase."""
    broken = " " not in phrase and "-" not in phrase and sentence_encoder().breaks(phrase)
    return MIN_SIMILARITY_OF_PIECES if broken else MIN_SIMILARITY


def vote(similarities: NDArray[np.float32], meanings: Sequence[Evidence], least: float) -> Evidence:
    """What the nearest phrases mean by more than half of their votes, if the nearest is as similar as `least`.

    The similarities have shape (anchors,), the meanings are of each anchor.
    """
    voters = np.argpartition(-similarities, VOTERS)[:VOTERS]
    if similarities[voters].max() < least:
        return Evidence(())
    weights = np.exp(SHARPNESS * similarities[voters])
    votes: dict[tuple[str, ...], float] = {}
    for voter, weight in zip(voters, weights, strict=True):
        votes[meanings[voter].classes] = votes.get(meanings[voter].classes, 0.0) + float(weight)
    winner = max(votes, key=votes.__getitem__)
    if 2 * votes[winner] < weights.sum():
        return Evidence(())
    nearest = max((int(i) for i in voters if meanings[i].classes == winner), key=lambda i: float(similarities[i]))
    return meanings[nearest]


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
        narrower: whether it names only a part of what the classes count, as "limousine" of "car": whether an object
            of them is one can't be told.
        nearest: where `classes` is empty, the classes that lie nearest in meaning, nearest first.
    """

    label: str
    classes: tuple[str, ...]
    colour: str | None = None
    is_group: bool = False
    nearest: tuple[str, ...] = ()
    narrower: bool = False

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
        """What each phrase means as `match` says, in the phrases' order, duplicates included.

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
    return Match(reading.label, evidence.classes, reading.colour, evidence.is_group, narrower=evidence.narrower)
