"""From what is asked to what guides a search: the anchors, the relations in their order, the types."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from reasoning.graph.store import KnowledgeGraph, Relation
from reasoning.query.binding import BoundChain, bind
from reasoning.query.read_question import QuestionError
from reasoning.query.tree import Query
from reasoning.reading.lexicon import lexicon_of
from reasoning.reading.linking import link
from reasoning.retrieval.facts import Facts
from reasoning.retrieval.neighbourhood import Anchor

MOST_ANCHORS = 64
"""Ways from anchors to the answer that are followed; a query that uses one set twice has more of them than anchors."""


@dataclass(frozen=True)
class Guidance:
    """What guides a search.

    Attributes:
        anchors: where to begin, with the relations that lead on from there in their order.
        named: numbers (see `reasoning.retrieval.facts`) of relations whose place is not known, and of all with values.
        types: names of types that are asked for.
    """

    anchors: tuple[Anchor, ...]
    named: frozenset[int] = frozenset()
    types: frozenset[str] = frozenset()


def guidance_of_query(query: Query, kg: KnowledgeGraph) -> Guidance:
    """Each anchor with the relations on its way to the answer, and the relations whose values the query reads.

    Raises:
        UnknownEntityError, AmbiguousEntityError, UnknownRelationError: a name does not say one thing in the graph.
    """
    chain = bind(query, kg)
    if chain.anchor is not None:
        return Guidance((Anchor(chain.anchor),))
    read = {step.relation for step in chain if step.relation is not None and step.relation.kind == "values"}
    anchors = tuple(dict.fromkeys(islice(_anchors(chain), MOST_ANCHORS)))
    return Guidance(anchors, frozenset(map(Facts(kg).number, read)))


def _anchors(chain: BoundChain) -> Iterator[Anchor]:
    def ways(position: int) -> Iterator[tuple[Relation, ...]]:
        """The relations followed from a step on, the step's own first."""
        step = chain.steps[position]
        own = (step.relation,) if step.relation is not None and step.relation.kind == "edges" else ()
        users = [later.position for later in chain if position in later.inputs]
        if not users:
            yield own
        for user in users:
            yield from (own + way for way in ways(user))

    for step in chain:
        for anchor in step.anchors:
            if anchor is not None:
                yield from (Anchor(anchor, way) for way in ways(step.position))


def guidance_of_text(text: str, kg: KnowledgeGraph) -> Guidance:
    """The entities, relations and types that a text names; no anchors where it names no entity."""
    try:
        linked = link(text, lexicon_of(kg))
    except QuestionError:
        return Guidance(())
    entities = dict.fromkeys(entity for mention in linked.names() for entity in mention.candidates[0])
    uses = (kg.relation(name) for item in linked.items if item.use is not None for name in item.use.relations)
    return Guidance(
        tuple(Anchor(entity) for entity in entities),
        frozenset(map(Facts(kg).number, uses)),
        frozenset(
            kg.entity_labels[item.type.entity]
            for item in linked.items
            if item.type is not None and item.type.entity is not None
        ),
    )
