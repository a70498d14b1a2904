"""Words that no list knows, weighed by meaning: the nearest known phrase decides, class or no class.

A threshold on the similarity to class names alone can't tell "hoodie" from "labradoodle": a word that names no class
still lies nearest to one of them. So the phrases of the lexicon that mean no class stand beside those that do, and a
word is bent to a class only where a phrase of that class is the nearest of all and near enough. The vectors of the
lexicon's phrases come with the project (`build_anchors`), since reckoning them takes seconds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision.classes.lexicon import DATA, lexicon
from vision.classes.sentence_vectors import Vectors, sentence_encoder
from vision.classes.vocabulary import Evidence
from vision.errors import DetectorError

ANCHORS = DATA / "anchors.npz"
SCALE = 0.004
"""Step of the stored 8-bit components; the largest component of any phrase is below 127 steps."""

MIN_SIMILARITY = 0.66
"""A lower similarity to the nearest known phrase says nothing; fitted by `benchmarks/words_to_classes.py --fit`."""

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
            raise DetectorError(
                f"{path.name} belongs to another lexicon; make it anew: python -m vision.classes.build_anchors"
            )
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
            vectors = np.concatenate([vectors, sentence_encoder().encode(own)])
            place |= {name: len(phrases) + i for i, name in enumerate(own)}
        self._names = tuple(names)
        self._vectors = vectors
        self._name_places = np.array([place[name] for name in names], np.int64)
        self._place = place
        self._meanings = [meaning(phrase) or Evidence(()) for phrase in phrases] + [Evidence((name,)) for name in own]
        # A class is as near as its nearest phrase: "lion" is near to "kitten" though not to "bear".
        self._by_class = [
            np.array(
                sorted({place[name], *(i for i, meant in enumerate(self._meanings) if meant.classes == (name,))}),
                np.int64,
            )
            for name in names
        ]

    def similarities(self, phrases: Sequence[str]) -> NDArray[np.float32]:
        """Shape (phrases, anchors), float32, -1 to 1; a phrase that is an anchor is not weighed by itself."""
        similarities = sentence_encoder().encode(phrases) @ self._vectors.T
        for row, phrase in enumerate(phrases):
            if phrase in self._place:
                similarities[row, self._place[phrase]] = -1
        return similarities

    def decide(self, similarities: NDArray[np.float32]) -> Evidence:
        """What the nearest phrase of all means; no class where it is not near enough.

        Args:
            similarities: shape (anchors,).
        """
        best = int(similarities.argmax())
        return self._meanings[best] if similarities[best] >= MIN_SIMILARITY else Evidence(())

    def nearest(self, similarities: NDArray[np.float32]) -> tuple[str, ...]:
        """The classes nearest in meaning, nearest first.

        Args:
            similarities: shape (anchors,).
        """
        scores = np.array([similarities[places].max() for places in self._by_class])
        scores += similarities[self._name_places]
        return tuple(self._names[i] for i in np.argsort(-scores, kind="stable")[:NEAREST])
