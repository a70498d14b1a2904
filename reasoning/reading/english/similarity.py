"""Which relations a phrase is like in meaning, by the sentence encoder: the last resort where no word is shared."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, lru_cache

import numpy as np

from kg_data.errors import MissingPackageError
from kg_data.sentence_vectors import Vectors, sentence_encoder
from reasoning.reading.english.word_forms import lemmas

NEAR_ENOUGH = 0.6
"""Cosine from which a phrase is taken to mean a relation that it shares no word with."""

PHRASED, STANDING_OUT = 0.45, 0.02
"""The same for a verb with its preposition, and how far the next relation has to be behind."""


class Similarity:
    """A graph's relations by the meaning of their names.

    Args:
        words: the words of each relation's name that say something, by the relation's name.
        labels: all words of each relation's name, "of" and "by" with them.
    """

    def __init__(self, words: Mapping[str, str], labels: Mapping[str, str]) -> None:
        self._words, self._labels = dict(words), dict(labels)

    @cached_property
    def _questions(self) -> Vectors:
        known = [" ".join(word for word in words.split() if lemmas(word)) or words for words in self._words.values()]
        return sentence_encoder().encode([f"what is the {words} of it" for words in known])

    def asked(self, phrase: str) -> dict[str, float]:
        """The cosine of "what <phrase> it" with the question for each relation; {} where no encoder is installed."""
        try:
            cosines = self._questions @ encoded(f"what {phrase} it")
        except MissingPackageError:
            return {}
        return dict(zip(self._words, cosines.tolist(), strict=True))

    @cached_property
    def _vectors(self) -> Vectors:
        return sentence_encoder().encode(list(self._words.values()))

    def nearest(self, phrase: str, least: float = NEAR_ENOUGH) -> dict[str, float]:
        """The relations near to a phrase with their cost, the nearest first; none with a cosine below `least`."""
        likeness = self.likeness(phrase)
        ranked = sorted(likeness, key=lambda name: -likeness[name])[:3]
        if not ranked or likeness[ranked[0]] < least:
            return {}
        return {
            name: 0.3 + (1 - likeness[name]) * 0.5 for name in ranked if likeness[name] > likeness[ranked[0]] - 0.08
        }

    @cached_property
    def _whole(self) -> Vectors:
        return sentence_encoder().encode(list(self._labels.values()))

    def phrased(self, phrase: str) -> dict[str, float]:
        """The relations that a verb with its preposition is most like, with their cost; {} where none stands out."""
        try:
            cosines = self._whole @ encoded(phrase)
        except MissingPackageError:
            return {}
        order = np.argsort(-cosines)
        best = float(cosines[order[0]])
        if best < PHRASED or (len(order) > 1 and cosines[order[1]] > best - STANDING_OUT):
            return {}
        return {list(self._labels)[int(order[0])]: 0.3 + (1 - best) * 0.2}

    def likeness(self, phrase: str) -> dict[str, float]:
        """The cosine of a phrase with each relation; {} where no encoder is installed."""
        try:
            cosines = self._vectors @ encoded(phrase)
        except MissingPackageError:
            return {}
        return dict(zip(self._words, cosines.tolist(), strict=True))


@lru_cache(maxsize=4096)
def encoded(phrase: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """The vector of one phrase, kept: questions repeat their words."""
    return np.asarray(sentence_encoder().encode([phrase])[0])
