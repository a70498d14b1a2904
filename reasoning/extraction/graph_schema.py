"""The schema that a graph has already, so that more texts add to what is there; and the kinds of its things."""

from __future__ import annotations

import numpy as np

from kg_data.errors import UsageError
from reasoning.extraction.schema import MOST_RELATIONS, ExtractionSchema, RelationSchema
from reasoning.graph.kinds import TYPE_RELATIONS, GraphKinds
from reasoning.graph.names import fold
from reasoning.graph.relations import Relation
from reasoning.graph.schema_text import named_kinds
from reasoning.graph.spelling import label_words
from reasoning.graph.store import KnowledgeGraph

MOST_AT_END = 3
"""Kinds at an end of a relation that a schema names; where there are more, it leads from or to anything."""


def schema_of_graph(kg: KnowledgeGraph) -> ExtractionSchema:
    """The relations of a graph with the kinds at their ends, without the one that says what things are.

    Raises:
        UsageError: it has more relations than a text is read with, or none.
    """
    kinds = named_kinds(kg)

    def ends(relation: Relation) -> tuple[str, ...]:
        if kinds is None:
            return ()
        names = [kinds[0][at][0] for at in kinds[1](relation)]
        return tuple(dict.fromkeys(names)) if len(names) <= MOST_AT_END else ()

    found = []
    for place, count in enumerate(kg.index.counts().tolist()):
        name = kg.relation_label(place)
        if count and fold(label_words(name)) not in TYPE_RELATIONS:
            heads, tails = (ends(Relation("edges", place, inverse)) for inverse in (False, True))
            found.append(RelationSchema(name, heads, tails))
    found += [
        RelationSchema(column.relation, ends(Relation("values", place)), value=column.kind)
        for place, column in enumerate(kg.literals)
    ]
    if len(found) > MOST_RELATIONS:
        raise UsageError(
            f'the graph "{kg.graph_name}" has {len(found):,} relations, and a text is read with at most '
            f"{MOST_RELATIONS}: write those that matter into a schema file"
        )
    return ExtractionSchema(tuple(found))


class ThingKinds:
    """What kinds the things of a graph are of.

    Args:
        kg: the graph.
    """

    def __init__(self, kg: KnowledgeGraph) -> None:
        self._kg, self._kinds = kg, GraphKinds(kg)

    @property
    def type_relation(self) -> str | None:
        """The relation of the graph that says what things are, None where none does."""
        return self._kinds.type_relation

    def of(self, entity: int) -> set[str]:
        """The folded names of an entity's kinds, none where the graph does not say."""
        if self._kinds.type_relation is None:
            return set(map(fold, self._kg.types(entity)))
        at = self._kg.relation(self._kinds.type_relation)
        kinds = self._kg.index.edges(np.array([entity], dtype=np.int32), at.index, at.inverse)[1]
        return {fold(self._kg.entity_labels[kind]) for kind in kinds.tolist()}
