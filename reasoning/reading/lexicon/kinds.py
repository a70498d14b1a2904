"""What nouns say that an answer is: types of the graph, or without types what its relations lead to and start from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from reasoning.graph.index import Ids
from reasoning.graph.names import fold
from reasoning.graph.store import KnowledgeGraph
from reasoning.reading.english.vocabulary import OTHER_TYPES, TYPE_SYNONYMS
from reasoning.reading.english.word_forms import is_verbal, lemmas, stem, stems
from reasoning.reading.english.wordnet import SYNONYM, wordnet
from reasoning.reading.lexicon.ends import RelationEnds
from reasoning.reading.lexicon.meanings import Kind
from reasoning.reading.lexicon.relation_names import HEAD_WORD, Key
from reasoning.wording.verbalise import label_words

MOST_TYPES = 1000
"""Types whose names are known as words; a graph with more of them uses "type" for something else."""

NAMES_A_THING = 0.6
"""What it costs to take a noun that names something of the graph for what is looked for and no more."""

OTHER_TYPE = 0.15
"""What it costs to take a noun for the less usual of two types that it may mean."""


class KindWords(RelationEnds):
    """The nouns for kinds of things in one graph.

    Attributes:
        type_relation: `kind_relation` where it gives most things one of a few types, else None.
        types: the types by their names and by nouns near to these.
        other_types: the less usual type that a noun may mean.
    """

    def __init__(self, kg: KnowledgeGraph) -> None:
        super().__init__(kg)
        self.type_relation: str | None = None
        self.types: dict[Key, Kind] = {}
        self.other_types: dict[Key, Kind] = {}
        self._above: dict[str, set[str]] = {}
        self._roles: dict[str, Kind | None] = {}
        self._end_kinds: dict[tuple[int, bool], Ids] = {}
        if self.kind_relation is not None and self._read_types(self.kind_relation):
            self.type_relation = self.kind_relation

    def kind(self, text: str, words: tuple[str, ...]) -> Kind | None:
        """What a noun says an answer is, None where it names no kind of thing in this graph."""
        key = tuple(stem(word) for word in words)
        if key in self.types:
            return replace(self.types[key], text=text)
        if self.type_relation is not None or len(words) > 1 or is_verbal(words[0]):
            return None
        if words[0] not in self._roles:
            self._roles[words[0]] = self._role(words[0])
        found = self._roles[words[0]]
        return replace(found, text=text) if found is not None else None

    def end_kinds(self, relation: int, inverse: bool) -> Ids:
        """Types of all entities that a relation starts from (with `inverse`, that it leads to); entity indexes."""
        key = (relation, inverse)
        if key not in self._end_kinds:
            assert self.type_relation is not None
            found = self.kg.relation(self.type_relation)
            side = self.kg.index.side(inverse)
            ends = side.sources[side.rows(relation)]
            self._end_kinds[key] = self.kg.index.project(ends, found.index, found.inverse)
        return self._end_kinds[key]

    def has_kinds(self, entity: int) -> bool:
        """Whether something is said to be a kind of an entity."""
        assert self.kind_relation is not None
        found = self.kg.relation(self.kind_relation)
        return len(self.kg.index.side(not found.inverse).row(found.index, entity)) > 0

    def _role(self, word: str) -> Kind | None:
        """What a noun stands for in a graph without types: what relations of that sense lead to, or start from."""
        forms = lemmas(word)
        if not any(wordnet().senses(form, "n") for form in forms):
            return None
        own = self._uses.get(stems(word), {})
        named = [
            name
            for name, cost in own.items()
            if cost <= HEAD_WORD + 0.05
            and self._is_edges(name)
            and ("/" not in name or stem(word) in stems(self.shapes[name]))  # where a path leads, its end says
        ]
        typed = self._starting_at(forms)
        if named or typed:
            ends = [self._ends(names, heads) for names, heads in ((named, False), (typed, True)) if names]
            return Kind(word, members=np.unique(np.concatenate(ends)))
        upper = set(forms) | {text for form in forms for text in wordnet().above(form)}
        edges = [name for name in self.names if self._is_edges(name)]
        leading = [n for n in edges if self.agents(n) & upper] or [n for n in edges if self._is_kind_of(n, forms)]
        if leading:
            return Kind(word, members=self._ends(leading, False), cost=0.05)
        same = {text for form in forms for text, cost in wordnet().related(form, "n").items() if cost <= SYNONYM}
        starting = sorted({name for text in same for name in self._compounds.get(text, ())})
        if starting:
            return Kind(word, members=self._alike(self._ends(starting, True)), cost=0.1)
        if things := self._things_called(forms):
            return Kind(word, cost=NAMES_A_THING, named=things)
        # A noun that the graph says nothing of; what is asked then hangs on the relations alone.
        return Kind(word, cost=0.3)

    def _things_called(self, forms: tuple[str, ...]) -> tuple[int, ...]:
        """Entities that a noun names, which is a kind of things then: "actor", that somebody's occupation is."""
        found = [
            e for form in forms for e in self.kg.names.with_key(fold(form)) if fold(self.kg.entity_labels[e]) == form
        ]
        return tuple(dict.fromkeys(found))[:3]

    def _starting_at(self, forms: tuple[str, ...]) -> list[str]:
        """Relations whose path says that they start from such a thing: "/film/film/music" from a film."""
        same = {text for form in forms for text, cost in wordnet().related(form, "n", "n").items() if cost <= SYNONYM}
        kinds = set(forms) | {text for text in same if " " in text}
        return [name for name in self.names if self._is_edges(name) and kinds & set(_head_kinds(name))]

    def _is_kind_of(self, name: str, forms: tuple[str, ...]) -> bool:
        """Whether what a relation leads to is such a thing: who something is "directed by" is a person."""
        if name not in self._above:
            self._above[name] = {
                upper for text in self.agents(name) for upper, far in wordnet().above(text).items() if far < 0.75
            }
        return any(form in self._above[name] for form in forms)

    def _alike(self, members: Ids) -> Ids:
        """The entities with what else has relations of theirs: films without an actor are films too."""
        heads = [self._ends([name], True) for name in self.names if self._is_edges(name)]
        alike = [found for found in heads if np.isin(found, members, assume_unique=True).mean() > 0.6]
        return np.unique(np.concatenate([members, *alike]))

    def _ends(self, names: Iterable[str], heads: bool) -> Ids:
        ends = []
        for name in names:
            found = self.kg.relation(name)
            side = self.kg.index.side(found.inverse != (not heads))
            ends.append(side.sources[side.rows(found.index)])
        return np.unique(np.concatenate(ends))

    def _read_types(self, relation: str) -> bool:
        found = self.kg.relation(relation)
        targets = np.unique(self.kg.index.block(found.index, not found.inverse)[0])
        typed = self.kg.index.side(found.inverse)
        if not 1 < len(targets) <= MOST_TYPES or len(typed.sources[typed.rows(found.index)]) * 2 < len(
            self.kg.universe
        ):
            return False
        if len(self.kg.index.project(targets, found.index, found.inverse)) > 1:
            return False  # a hierarchy: what things are is of some kind itself
        near: dict[Key, Kind] = {}
        for target in targets:
            label = self.kg.entity_labels[int(target)]
            kind = Kind(label, int(target))
            self.types.setdefault(stems(label), kind)
            for form in lemmas(label):
                for text, cost in wordnet().related(form, "n").items():
                    key = stems(text)
                    named = key in self._uses or key[-1:] in self._uses  # a "state capital" is more than a city
                    if 0 < cost < 0.35 and not named and (key not in near or near[key].cost > cost):
                        near[key] = replace(kind, cost=cost)
        for word, meant in TYPE_SYNONYMS.items():
            if stems(meant) in self.types:
                self.types.setdefault(stems(word), replace(self.types[stems(meant)], cost=0.02))
        self.types = {**near, **self.types}
        for word, meant in OTHER_TYPES.items():
            other = self.types.get(stems(meant))
            if other is not None and self.types.get(stems(word), other) is not other:
                self.other_types[stems(word)] = replace(other, cost=OTHER_TYPE)
        return True


def _head_kinds(name: str) -> tuple[str, ...]:
    """What a path says that its relation starts from: "film" of "/film/film/music"."""
    parts = name.partition("./")[0].strip("/").split("/")
    return (label_words(parts[-2]).casefold(),) if name.startswith("/") and len(parts) > 2 else ()
