"""What settles a yes or no beside the answer itself: both sides of a comparison, and what shows that it is false.

An empty result only says that nothing was found. Where the graph has the value that fails a test, or the fact that is
denied, the answer is known, and these are what it rests on.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from reasoning.answer import EVIDENCE_LIMIT, Answer, Contrast, Evidence, Phrase
from reasoning.execution.evidence import trace
from reasoning.execution.exact import execute, inputs_of
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.binding import bind
from reasoning.query.tree import Compare, Complement, Entity, Exists, Intersect, Project, Query, Top, Union
from reasoning.supplied import supplies
from reasoning.wording.clauses import members, predicate
from reasoning.wording.value_text import comparison_words, value_words
from reasoning.wording.verbalise import noun_words, relation_words

MOST_NAMED = 5
"""Of those that rank before the one that is asked about so many are named."""


@supplies(Answer.contrast)
def contrast_of(answer: Answer) -> Contrast | None:
    """What settles the question, None where the graph has no more to say than that something was found, or nothing.

    Only an `exists` about one named entity has a contrast.
    """
    if answer.method != "exact" or answer.error is not None or not isinstance(answer.query, Exists):
        return None
    kg, holds = answer.kg, bool(answer.value)
    for entity, claim in _claims(answer.query.part):
        contrast = None
        if isinstance(claim, Top):
            contrast = _ranked(claim, entity, kg, holds)
        elif isinstance(claim, Compare) and not holds:
            contrast = _failed(claim, entity, kg)
        elif isinstance(claim, Complement) and not holds:
            contrast = _denied(claim.part, entity, kg)
        if contrast is not None:
            return contrast
    return None


def _claims(query: Query) -> list[tuple[Entity, Query]]:
    """The named entity that is asked about, with each thing that is said of it."""
    if isinstance(query, Compare | Top) and isinstance(query.source, Entity):
        return [(query.source, query)]
    if not isinstance(query, Intersect):
        return []
    named = [part for part in query.parts if isinstance(part, Entity)]
    return [(named[0], part) for part in query.parts if part is not named[0]] if len(named) == 1 else []


def _ranked(claim: Top, entity: Entity, kg: KnowledgeGraph, holds: bool) -> Contrast | None:
    """ "the population of Paris is 2,103,778 and that of London 8,866,180"."""
    values = _values(claim, kg)
    one = bind(entity, kg).anchor
    if one not in values:
        return None
    column = kg.literals[kg.relation(claim.relation).index]
    label = noun_words(relation_words(claim.relation, kg))
    among_named = isinstance(claim.source, Union) and all(isinstance(part, Entity) for part in claim.source.parts)
    best = sorted(values, key=lambda e: (-values[e] if claim.largest else values[e], kg.entity_labels[e]))
    if among_named:
        others = [e for e in values if e != one]
    else:
        last = values[best[min(claim.k, len(best)) - 1]]
        others = [] if holds or values[one] == last or one in best[: claim.k] else best[: min(claim.k, MOST_NAMED)]
    if not others:
        return None
    told = _value_of(one, label, values[one], kg, column.relation)
    for number, other in enumerate(others):
        shown = _shown(other, values[other], kg, column.relation)
        name = Phrase(kg.name(other), other)
        if among_named:
            told += [Phrase(" and that of "), name, Phrase(" "), shown]
        else:
            joint = "; " if not number else " and " if number == len(others) - 1 else ", "
            told += [Phrase(joint), name, Phrase(" ("), shown, Phrase(")")]
    if not among_named:
        highest = Top(len(others), claim.relation, claim.source, claim.largest)
        told += [Phrase(" "), *predicate(highest, kg, many=len(others) > 1)]
    return Contrast(tuple(told), _facts([one, *others], values, kg, claim))


def _failed(claim: Compare, entity: Entity, kg: KnowledgeGraph) -> Contrast | None:
    """ "the population of Spain is 48,797,875, and not less than 40,000,000"."""
    values, one = _values(claim, kg), bind(entity, kg).anchor
    if one not in values:
        return None
    column = kg.literals[kg.relation(claim.relation).index]
    label = noun_words(relation_words(claim.relation, kg))
    told = _value_of(one, label, values[one], kg, column.relation)
    test = comparison_words(claim.operator, claim.value, column)
    return Contrast((*told, Phrase(f", and not {test}")), _facts([one], values, kg, claim))


def _denied(claim: Query, entity: Entity, kg: KnowledgeGraph) -> Contrast | None:
    """ "France has Europe as continent", where it was asked whether it has not."""
    one = bind(entity, kg).anchor
    if one is None or one not in members(claim, kg):
        return None
    chain = bind(Intersect((entity, claim)), kg)
    results = execute(kg, chain)
    inputs = [inputs_of(step, results) for step in chain]
    evidence, _ = trace(kg, chain, inputs, np.array([one], dtype=np.int32), EVIDENCE_LIMIT)
    if not evidence:  # what is denied is that it is itself
        return None
    told = (Phrase(kg.name(one), one), Phrase(" "), *predicate(claim, kg, many=False))
    return Contrast(told, tuple(evidence))


def _values(claim: Compare | Top, kg: KnowledgeGraph) -> dict[int, float]:
    """The stored values of what a test or a ranking chooses from."""
    chain = bind(Project(claim.relation, claim.source), kg)
    last = execute(kg, chain)[-1]
    assert last.values is not None
    return dict(zip(last.members.tolist(), last.values.tolist(), strict=True))


def _value_of(entity: int, label: str, value: float, kg: KnowledgeGraph, relation: str) -> list[Phrase]:
    name = Phrase(kg.name(entity), entity)
    return [Phrase(f"the {label} of "), name, Phrase(" is "), _shown(entity, value, kg, relation)]


def _shown(entity: int, value: float, kg: KnowledgeGraph, relation: str) -> Phrase:
    column = kg.literals[kg.relation(relation).index]
    return Phrase(value_words(kg.value(column, value), column, unit=True), entity, column.relation)


def _facts(
    entities: Sequence[int], values: dict[int, float], kg: KnowledgeGraph, claim: Compare | Top
) -> tuple[Evidence, ...]:
    column = kg.literals[kg.relation(claim.relation).index]
    return tuple(
        Evidence(kg.name(entity), column.relation, kg.value(column, values[entity]), entity, None)
        for entity in entities
    )
