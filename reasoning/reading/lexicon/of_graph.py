"""The whole lexicon of a graph, made once and kept."""

from __future__ import annotations

import weakref

from reasoning.graph.names import fold
from reasoning.graph.store import KnowledgeGraph
from reasoning.reading.english.number_words import MAGNITUDES, NUMBER_WORDS
from reasoning.reading.english.vocabulary import ANYTHING, FILLER, KEYWORDS, KINDS, UNSAYABLE
from reasoning.reading.english.word_forms import stem
from reasoning.reading.lexicon.entities import EntityNames
from reasoning.reading.lexicon.relation_uses import RelationUses


class Lexicon(RelationUses, EntityNames):
    """The words of one graph; made once for a graph and kept, see `lexicon_of`."""

    def is_common(self, word: str) -> bool:
        """Whether a word means something beside any entity that carries it as a name."""
        folded = fold(word)
        return (
            folded in FILLER
            or word.casefold().replace("’", "'") in FILLER
            or folded in UNSAYABLE
            or folded in KEYWORDS
            or folded in ANYTHING
            or folded in KINDS
            or folded.removesuffix("s") in KINDS
            or folded in NUMBER_WORDS
            or folded in MAGNITUDES
            or (stem(word),) in self._uses
            or (stem(word),) in self.types
        )

    def names_itself(self, word: str) -> bool:
        """Whether a word is one of the graph's own, of a relation or a type."""
        return (stem(word),) in self._uses or (stem(word),) in self.types

    def own_words(self) -> frozenset[str]:
        """The words of the names of relations and types, types in both numbers."""
        known = {part for words in self.words.values() for part in words if len(part) > 3 and part.isalpha()}
        for kind in self.types.values():
            if kind.entity is not None and (label := self.kg.entity_labels[kind.entity].casefold()).isalpha():
                known |= {label, label[:-1] + "ies" if label.endswith("y") else label + "s"}
        return frozenset(known)


_KEPT: weakref.WeakKeyDictionary[KnowledgeGraph, Lexicon] = weakref.WeakKeyDictionary()


def lexicon_of(kg: KnowledgeGraph) -> Lexicon:
    """The lexicon of a graph, made at its first question."""
    if kg not in _KEPT:
        _KEPT[kg] = Lexicon(kg)
    return _KEPT[kg]
