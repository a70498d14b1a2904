"""From what is asked to what guides a search: the anchors, the relations in their order, the types."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from reasoning.graph.relations import Relation
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.binding import BoundChain, bind
from reasoning.query.read_question import QuestionError
from reasoning.query.tree import Entity, Project, Query
from reasoning.reading.english.word_forms import forms_in
from reasoning.reading.model.linked_question import WELL_LINKED
from reasoning.reading.model.names import link_names
from reasoning.reading.model.schema import schema_of
from reasoning.retrieval.facts import Facts
from reasoning.retrieval.neighbourhood import Anchor

MOST_ANCHORS = 64
"""Ways from anchors to the answer that are followed; a query that uses one set twice has more of them than anchors."""

MOST_RELATIONS = 3
"""Relations that a text without a query may name."""


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
    """The entities that a text names, the relations that its words are most like, and the types that it names.

    No anchors where it names no entity.
    """
    schema = schema_of(kg)
    try:
        names = [name for name in link_names(text, schema) if not name.literal and name.weight >= WELL_LINKED]
    except QuestionError:
        return Guidance(())
    entities = dict.fromkeys(found.index(kg) for name in names if isinstance(found := Query.parse(name.query), Entity))
    near = {schema.relations[place].query for place in schema.nearest_relations(text, MOST_RELATIONS)}
    relations = [kg.relation(name) for name, entry in schema.by_name.items() if entry.query in near]
    said = forms_in(text)
    kinds = [kind for kind in schema.kinds if kind.named and set(kind.words.casefold().split()) <= said]
    return Guidance(
        tuple(Anchor(entity) for entity in entities),
        frozenset(map(Facts(kg).number, relations)),
        frozenset(
            kg.entity_labels[one.source.index(kg)]
            for kind in kinds
            if isinstance(one := Query.parse(kind.query), Project) and isinstance(one.source, Entity)
        ),
    )
