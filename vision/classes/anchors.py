"""Words that no list knows, weighed by meaning: the nearest known phrases decide, class or no class.

A threshold on the similarity to class names alone can't tell "hoodie" from "labradoodle": a word that names no class
still lies nearest to one of them. So the phrases of the lexicon that mean no class stand beside those that do, and the
nearest of all vote: a word is bent to a class only where they agree and are near enough. The vectors of the
lexicon's phrases come with the project (`tools/build_anchors.py`), since reckoning them takes seconds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kg_data.sentence_vectors import Vectors, sentence_encoder
from vision.classes.lexicon import DATA, lexicon
from vision.classes.phrases import tidy
from vision.classes.vocabulary import Evidence
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
    """Known phrases of one vocabulary, classes and others, by meaning.

    Args:
        names: the vocabulary's class names.
        meaning: what a phrase of the lexicon means in this vocabulary.
    """

    def __init__(self, names: Sequence[str], meaning: Callable[[str], Evidence | None]) -> None:
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

        Args:
            similarities: shape (phrases, anchors).
        """
        return [
            vote(row, self._meanings, least_similarity(phrase))
            for phrase, row in zip(phrases, similarities, strict=True)
        ]

    def nearest(
        self, similarities: NDArray[np.float32], kinships: Sequence[NDArray[np.float32]]
    ) -> list[tuple[str, ...]]:
        """The classes nearest to each phrase in meaning and in kind, nearest first.

        Args:
            similarities: shape (phrases, anchors).
            kinships: of each phrase, shape (classes,), 0 to 1.
        """
        best = np.maximum.reduceat(similarities[:, self._columns], self._starts, axis=1)
        ranked = np.argsort(
            -(best + similarities[:, self._name_places] + 1.5 * np.stack(kinships)), axis=1, kind="stable"
        )
        return [tuple(self._names[i] for i in row[:NEAREST]) for row in ranked]


def least_similarity(phrase: str) -> float:
    """How similar the nearest known phrase must be to say anything of a phrase."""
    broken = " " not in phrase and "-" not in phrase and sentence_encoder().breaks(phrase)
    return MIN_SIMILARITY_OF_PIECES if broken else MIN_SIMILARITY


def vote(similarities: NDArray[np.float32], meanings: Sequence[Evidence], least: float) -> Evidence:
    """What the nearest phrases mean by more than half of their votes.

    Args:
        similarities: shape (anchors,).
        meanings: of each anchor.
        least: how similar the nearest must be.
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
