"""What a graph says that is nearest to what a change took it to say, in words for errors."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from reasoning.graph.changing.change import Wanted
from reasoning.graph.names import nearest_texts
from reasoning.graph.relations import Relation
from reasoning.graph.store import KnowledgeGraph

SHOWN = 3
"""Things that an error names."""
LOOKED_AT = 1000
"""Tails among which the nearest are looked for."""


class NearestFacts:
    """Puts into words what a graph says; each text ends a sentence, and is "" where there is nothing to say.

    Entities and relations may be new ones, of which the graph says nothing.

    Args:
        graph: the graph before the change.
    """

    def __init__(self, graph: KnowledgeGraph) -> None:
        self._graph = graph

    def example(self, relation: Relation) -> str:
        """An entity that a relation between entities leads to."""
        if relation.index >= self._graph.relation_count:
            return ""
        tails = self._graph.index.ends(relation.index, not relation.inverse)[:1].tolist()
        return "".join(f', such as "{self._graph.name(tail)}"' for tail in tails)

    def tails(self, head: int, relation: Relation) -> str:
        """What a relation between entities leads to from one of them."""
        tails = self._tails(head, relation)[:SHOWN]
        return f"; there it leads to {quoted(tails)}" if tails else ""

    def instead(self, fact: Wanted, head: int, relation: Relation, tail: int) -> str:
        """What the graph says in place of a fact between entities that it does not say.

        Args:
            fact: the fact in names, its tail a name too.
            head, relation, tail: what these mean.
        """
        tails = self._tails(head, relation)
        if tails:
            near = (nearest_texts(str(fact.tail), tails) or tails)[:SHOWN]
            return f'; what it says of "{fact.head}": {fact.relation} {quoted(near)}'
        if max(head, tail) < self._graph.entity_count:
            between = self._graph.index.triples(self._graph.index.around(head, False))
            labels = [self._graph.relation_label(r) for _, r, t in between.tolist() if t == tail]
            if labels:
                return f'; what leads from "{fact.head}" to "{fact.tail}": {", ".join(dict.fromkeys(labels))}'
        back = self._tails(head, Relation("edges", relation.index, not relation.inverse))
        if str(fact.tail) in back:
            return f'; it says ("{fact.tail}", "{fact.relation}", "{fact.head}")'
        return f'; it says no {fact.relation} of "{fact.head}"'

    def _tails(self, head: int, relation: Relation) -> list[str]:
        if head >= self._graph.entity_count or relation.index >= self._graph.relation_count:
            return []
        found = self._graph.index.project(np.array([head], dtype=np.int32), relation.index, relation.inverse)
        return [self._graph.name(tail) for tail in found[:LOOKED_AT].tolist()]


def quoted(texts: Iterable[str]) -> str:
    """Texts in quotes, one after the other."""
    return ", ".join(f'"{text}"' for text in texts)
