"""A graph's schema as prompts show it: kinds of things, relations with the kinds at their ends.

What the kinds are is told in `reasoning.graph.kinds`; here each has the query that gives its members.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache

import numpy as np
from rapidfuzz import fuzz

from kg_data.sentence_vectors import Vectors, sentence_encoder, vectors_if_installed
from reasoning.graph.index import Ids
from reasoning.graph.kinds import GraphKinds
from reasoning.graph.spelling import label_words, relation_text
from reasoning.graph.store import KnowledgeGraph
from reasoning.reading.anchors import anchor
from reasoning.reading.english.word_forms import forms_in
from reasoning.reading.model.kinds import KindsOfSets
from reasoning.reading.model.mentions import Mentions
from reasoning.reading.model.prompt import KIND_IDS, RELATION_IDS, KindEntry, RelationEntry, Schema

MOST_GRAPHS = 8
"""Graphs whose schemas are kept, the last used ones."""


class GraphSchema:
    """All kinds and relations of one graph.

    Args:
        kg: the graph.

    Attributes:
        kg: as given.
        type_relation: the relation that says what things are, None where none does.
    """

    def __init__(self, kg: KnowledgeGraph) -> None:
        self.kg = kg
        self._kinds = GraphKinds(kg)
        self.type_relation = self._kinds.type_relation

    @cached_property
    def mentions(self) -> Mentions:
        """Finds names of its entities."""
        return Mentions(self.kg, [kind.words for kind in self.kinds if kind.named])

    @cached_property
    def kinds(self) -> Sequence[KindEntry]:
        """All kinds, the most frequent first."""
        return self._typed_kinds() if self.type_relation is not None else self._untyped_kinds()

    @cached_property
    def relations(self) -> Sequence[RelationEntry]:
        """All relations, but the one that tells types; the most frequent first."""
        found: list[tuple[int, RelationEntry]] = []
        counts = self.kg.index.counts()
        for name in self.kg.relation_names():
            relation = self.kg.relation(name)
            words = label_words(name)
            if relation.kind == "values":
                column = self.kg.literals[relation.index]
                entry = RelationEntry(words, self._kinds.at_end(relation), column.kind, relation_text(name))
                found.append((len(column), entry))
            elif name != self.type_relation:
                turned = replace(relation, inverse=not relation.inverse)
                start, leads = (self._kinds.at_end(way) for way in (relation, turned))
                size = int(counts[relation.index])
                found.append((size, RelationEntry(words, start, leads, relation_text(name))))
        return [entry for _, entry in sorted(found, key=lambda pair: -pair[0])]

    @cached_property
    def whole(self) -> Schema | None:
        """The whole schema, None where it has more than a prompt can show."""
        if len(self.relations) > len(RELATION_IDS) or len(self.kinds) > len(KIND_IDS):
            return None
        return Schema(self.kinds, self.relations)

    def nearest_relations(self, question: str, count: int) -> list[int]:
        """Places of the relations whose words are most like a question's, in their own order."""
        return sorted(
            self._nearest(question, self._relation_vectors, [entry.words for entry in self.relations])[:count]
        )

    def nearest_kinds(self, question: str, count: int) -> list[int]:
        """Places of the kinds whose words are most like a question's, the nearest first."""
        return self._nearest(question, self._kind_vectors, [kind.words for kind in self.kinds])[:count]

    @cached_property
    def _relation_vectors(self) -> Vectors | None:
        return vectors_if_installed([entry.words for entry in self.relations])

    @cached_property
    def _kind_vectors(self) -> Vectors | None:
        return vectors_if_installed([kind.words for kind in self.kinds])

    def _nearest(self, question: str, vectors: Vectors | None, texts: Sequence[str]) -> list[int]:
        """By likeness of meaning, and of letters: labels run together have no meaning for an encoder."""
        shared = np.array([fuzz.partial_token_set_ratio(text.lower(), question.lower()) / 100 for text in texts])
        scores = 0.5 * shared
        if vectors is not None:
            scores += vectors @ sentence_encoder().encode([question])[0]
        return [int(at) for at in np.argsort(-scores, kind="stable")]

    def part(self, relations: Iterable[int], kinds: Iterable[int]) -> tuple[Schema, dict[int, int]]:
        """The schema of some relations, with their kinds and some further ones, the first ones first.

        Args:
            relations, kinds: by place.

        Returns:
            It, and each kind's place there.
        """
        chosen = [self.relations[at] for at in list(relations)[: len(RELATION_IDS)]]
        ends = [kind for entry in chosen for kind in (*entry.start, *(() if isinstance(entry.end, str) else entry.end))]
        shown = list(dict.fromkeys([*list(kinds)[: len(KIND_IDS) // 2], *ends]))[: len(KIND_IDS)]
        place = {kind: at for at, kind in enumerate(shown)}

        def moved(ends: tuple[int, ...]) -> tuple[int, ...]:
            return tuple(place[kind] for kind in ends if kind in place)

        entries = [
            replace(entry, start=moved(entry.start), end=entry.end if isinstance(entry.end, str) else moved(entry.end))
            for entry in chosen
        ]
        return Schema([self.kinds[kind] for kind in shown], entries), place

    @cached_property
    def words(self) -> frozenset[str]:
        """The words, with their forms, by which the graph calls its relations and kinds."""
        labels = [entry.words for entry in self.relations] + [kind.words for kind in self.kinds if kind.named]
        return forms_in(" ".join(labels))

    @cached_property
    def by_name(self) -> Mapping[str, RelationEntry]:
        """The relations by the name that a parsed query has."""
        shown = {relation_text(name): name for name in self.kg.relation_names()}
        return {shown[entry.query]: entry for entry in self.relations}

    @cached_property
    def _kind_places(self) -> Mapping[str, int]:
        return {kind.query: at for at, kind in enumerate(self.kinds)}

    def kind_by_query(self, query: str) -> int | None:
        """The place of the kind whose members a query's text says; None where it says no kind."""
        return self._kind_places.get(query)

    @cached_property
    def kinds_of_sets(self) -> KindsOfSets:
        """The kinds of what queries of this graph give."""
        return KindsOfSets(
            self.by_name,
            named=lambda entity: frozenset(self.kinds_of_entity(entity.index(self.kg))),
            whole=lambda node: self.kind_by_query(str(node)),
        )

    def kinds_of_entity(self, entity: int) -> tuple[int, ...]:
        """Places of the kinds of one entity, at most two; () where nothing is known."""
        return self._kinds.of(np.array([entity], dtype=np.int32))[:2]

    def kinds_of_entities(self, entities: Ids) -> frozenset[int]:
        """Places of the kinds that enough of some entities have; none where nothing is known."""
        return frozenset(self._kinds.of(entities)) if len(entities) else frozenset()

    def _typed_kinds(self) -> list[KindEntry]:
        assert self.type_relation is not None
        inverse = f"~{relation_text(self.type_relation)}"
        return [
            KindEntry(label_words(self.kg.entity_labels[kind]), f"{inverse}({anchor(self.kg, kind)})")
            for kind in self._kinds.types
        ]

    def _untyped_kinds(self) -> list[KindEntry]:
        if not self._kinds.groups:
            return []
        anything = anchor(self.kg, int(self.kg.universe[0]))
        everything = f"(!({anything} & !{anything}))"
        kinds: list[KindEntry] = []
        for shown, (members, ends) in zip(self._kinds.examples, self._kinds.groups, strict=True):
            covered: Ids = np.array([], dtype=np.int32)
            texts: list[str] = []
            for relation, inverse in sorted(ends, key=lambda end: -len(self._kinds.end(*end))):
                if len(covered) == len(members):
                    break
                more = np.union1d(covered, self._kinds.end(relation, inverse))
                if len(more) > len(covered):
                    covered = more
                    texts.append(
                        f"{'' if inverse else '~'}{relation_text(self.kg.relation_label(relation))}{everything}"
                    )
            kinds.append(KindEntry(shown, texts[0] if len(texts) == 1 else f"({' | '.join(texts)})", named=False))
        return kinds


@lru_cache(MOST_GRAPHS)
def schema_of(kg: KnowledgeGraph) -> GraphSchema:
    """The schema of a graph, kept."""
    return GraphSchema(kg)
