"""Answers in English: a sentence made from the result alone, and text and JSON around it.

No model writes the sentence: the names and numbers are the answer's own and the rest is the query told in words, so
it cannot say more than was found. Each part points at the triples that it rests on. An empty result only says that
nothing was found, never that there is nothing. But where the graph has the value that fails a test, or the fact that
is denied, a yes or no is settled, and both sides of the comparison, or that fact, stand in the sentence.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from kg_data.columns import TYPE_RELATIONS
from reasoning.answer import EVIDENCE_LIMIT, Answer, Contrast, Evidence, Phrase, SentencePart
from reasoning.execution.conclusion import divided_by_zero, emptying_step
from reasoning.execution.exact import execute, trace
from reasoning.execution.step_result import StepResult, inputs_of
from reasoning.graph.content import ValueColumn
from reasoning.graph.kinds import kind_of_all
from reasoning.graph.names import fold, label_words
from reasoning.graph.store import KnowledgeGraph
from reasoning.lm.calls import NO_USAGE
from reasoning.query.binding import bind
from reasoning.query.read_question import ReadQuestion
from reasoning.query.tree import (
    Compare,
    Complement,
    Count,
    Entity,
    Exists,
    Intersect,
    Measure,
    Measured,
    Number,
    Project,
    Query,
    Top,
    Union,
    Value,
    json_value,
)
from reasoning.verbalization.predicates import if_fetched, members, predicate
from reasoning.verbalization.queries import (
    direction,
    ends_in_preposition,
    entity_words,
    is_verb,
    noun_words,
    number_words,
    relation_words,
    tested_words,
    value_label,
)
from reasoning.verbalization.query_tree import tree_of
from reasoning.verbalization.words import (
    confidence_words,
    done_when,
    given_words,
    is_plural,
    plural,
    readable_of,
    tells_time,
    value_words,
)
from skylark.text import visible

MOST_NAMED = 5
"""Names that a sentence lists before it says how many others there are."""

_NOT_FOUND = {
    "exact": "graph does not say that",
    "complete": "graph does not say, nor make it likely, that",
}
"""Behind "The", by method, where nothing was found."""

_BY_ZERO = ", since nothing can be divided by 0"


def sentence_of(answer: Answer) -> tuple[SentencePart, ...]:
    """The sentence in parts; () where the answer is incomplete."""
    if answer.error is not None:
        return ()
    phrases = [phrase for phrase in (*_attributed(answer), *_statement(answer)) if phrase.text]
    facts = answer.evidence
    return tuple(SentencePart(phrase.text, _resting(phrase, facts), phrase.entity) for phrase in phrases)


def _resting(phrase: Phrase, facts: Sequence[Evidence]) -> tuple[int, ...]:
    if phrase.entity is None and phrase.relation is None:
        return ()
    return tuple(
        position
        for position, fact in enumerate(facts)
        if phrase.relation in (None, fact.relation)
        and phrase.entity in (None, fact.head_entity, fact.tail_entity)
        and phrase.anchor in (None, fact.head_entity, fact.tail_entity)
    )


def _attributed(answer: Answer) -> list[Phrase]:
    if any(step.agrees is False for step in answer.steps):
        return [Phrase("By the language model, and not by what the graph says: ")]
    if any(proof.predicted for proof in answer.proofs):
        return [Phrase("Likely, though the graph does not say all of it: ")]
    return []


def _statement(answer: Answer) -> list[Phrase]:
    query = answer.query
    if isinstance(query, Entity):
        if answer.referred:
            return [Phrase("It is "), *_subject(answer), Phrase(".")]
        return [Phrase("The query names "), *_subject(answer), Phrase(" itself.")]
    if isinstance(query, Exists | Count):
        return _verdict(answer, query)
    if isinstance(query, Number):
        return _computed(answer, query)
    if not len(answer.ranked):
        return [Phrase("The"), *_nothing_found(answer, query)]
    if isinstance(query, Measured):
        return _measures(answer, query)
    if isinstance(query, Project):
        return _values(answer, query) if answer.values is not None else _led_to(answer, query)
    return [*_subject(answer), Phrase(" "), *_claim(answer, query), Phrase(".")]


def _computed(answer: Answer, query: Number) -> list[Phrase]:
    """ "The population of Brazil divided by the population of Chile is 11.5948"."""
    words = number_words(query, answer.kg)
    if answer.value is None and _divided_by_zero(answer):
        return [Phrase(f"{_capital(words)} is no number{_BY_ZERO}.")]
    if answer.value is None:
        return [Phrase(f"The graph does not say {words}.")]
    shown = given_words(answer.kg, answer.steps[-1].step, answer.value, unit=True)
    return [Phrase(f"{_capital(words)} is "), Phrase(shown), Phrase(".")]


def _capital(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}"


def _measures(answer: Answer, query: Measured) -> list[Phrase]:
    """ "The number of its languages is 5 for Spain and 1 for France"."""
    assert answer.values is not None and isinstance(query.measure, Measure)
    words = _capital(number_words(query.measure.number, answer.kg))
    step = answer.steps[-1].step
    each = [
        [Phrase(f"{given_words(answer.kg, step, value, unit=True)} for "), Phrase(answer.kg.name(entity), entity)]
        for entity, value in zip(answer.ranked[: MOST_NAMED + 1].tolist(), answer.values, strict=False)
    ]
    return [Phrase(f"{words} is "), *_listed(each, "given for {} others", answer.count), Phrase(".")]


def _verdict(answer: Answer, query: Exists | Count) -> list[Phrase]:
    total = len(answer.ranked)
    counted = isinstance(query, Count)
    if answer.contrast is not None:
        return [Phrase("Yes: " if answer.value else "No: "), *answer.contrast.phrases, Phrase(".")]
    if not answer.value:
        return [Phrase("None found: the" if counted else "No: the"), *_nothing_found(answer, query.part)]
    if not total:
        return [Phrase(f"The number is {answer.value:,}." if counted else "Yes.")]
    if not counted:
        return [Phrase("Yes: "), *_subject(answer), Phrase(" "), *_claim(answer, query.part), Phrase(".")]
    kind = kind_of_all(answer.kg, answer.ranked)
    claim = _claim(answer, query.part if kind is None else _without_kind(query.part, kind, answer.kg))
    word = "entity" if kind is None else noun_words(kind)
    noun = word if total == 1 else plural(word)
    return [Phrase(f"{answer.value:,} {noun} "), *claim, Phrase(": "), *_subject(answer), Phrase(".")]


def _without_kind(query: Query, kind: str, kg: KnowledgeGraph) -> Query:
    """An intersection without the part that says only what its members are called anyhow."""
    if not isinstance(query, Intersect):
        return query
    others = tuple(part for part in query.parts if not _says_kind(part, kind, kg))
    return query if not others else others[0] if len(others) == 1 else Intersect(others)


def _says_kind(query: Query, kind: str, kg: KnowledgeGraph) -> bool:
    if not isinstance(query, Project) or not query.inverse or not isinstance(query.source, Entity):
        return False
    label = kg.relation_label(kg.relation(query.relation).index)
    return fold(label_words(label)) in TYPE_RELATIONS and entity_words(query.source, kg) == kind


def _claim(answer: Answer, query: Query) -> list[Phrase]:
    """What is said of the answers; that an answer is itself goes without saying."""
    total = len(answer.ranked)
    if total == 1 and (others := _without_named(answer, query)):
        query = others
    if isinstance(query, Top) and total < query.k and total > 1:
        query = Top(total, query.measure, query.source, query.largest)
    return predicate(query, answer.kg, many=total != 1)


def _without_named(answer: Answer, query: Query) -> Query | None:
    """An intersection without the entity that it is put to: of "France and what borders Spain" the latter."""
    if not isinstance(query, Intersect):
        return None
    named = [part for part in query.parts if isinstance(part, Entity)]
    others = [part for part in query.parts if not isinstance(part, Entity)]
    if len(named) != 1 or not others:
        return None
    return others[0] if len(others) == 1 else Intersect(tuple(others))


def _nothing_found(answer: Answer, query: Query) -> list[Phrase]:
    """Behind "The": that nothing was found; never that there is nothing. Since which step, a note says."""
    kg = answer.kg
    subject, claim = "anything", query
    if (others := _without_named(answer, query)) is not None and isinstance(query, Intersect):
        claim = others
        subject = next(entity_words(part, kg) for part in query.parts if isinstance(part, Entity))
    elif (source := _valued_entity(query, kg)) is not None:
        subject = entity_words(source, kg)
    by = _NOT_FOUND.get(answer.method, "language model did not find that")
    since = _BY_ZERO if _divided_by_zero(answer) else ""
    return [Phrase(f" {by} {subject} "), *predicate(claim, kg, many=False), Phrase(f"{since}.")]


def _divided_by_zero(answer: Answer) -> bool:
    step = emptying_step(answer.chain, answer.steps)
    return step is not None and divided_by_zero(step)


def _valued_entity(query: Query, kg: KnowledgeGraph) -> Entity | None:
    if not isinstance(query, Project | Compare | Top | Measured) or not isinstance(query.source, Entity):
        return None
    return None if query.relation is not None and kg.column(query.relation) is None else query.source


def _led_to(answer: Answer, query: Project) -> list[Phrase]:
    """What one relation leads to from one entity: "The capital of France is Paris", "France borders Spain"."""
    kg = answer.kg
    words, backwards = direction(query, kg, relation_words(query.relation, kg))
    if backwards or not isinstance(query.source, Entity):
        return [*_subject(answer), Phrase(" "), *_claim(answer, query), Phrase(".")]
    many, source = len(answer.ranked) > 1, entity_words(query.source, kg)
    label = kg.relation_label(kg.relation(query.relation).index)
    anchor = bind(query.source, kg).anchor
    if is_verb(words) or ends_in_preposition(words):
        frame = f"{source} {words} " if is_verb(words) else f"{source} is {words} "
    else:
        noun = plural(noun_words(words)) if many else noun_words(words)
        frame = f"The {noun} of {source} {'are' if many or is_plural(noun) else 'is'} "
    return [Phrase(frame, relation=label, anchor=anchor), *_subject(answer), Phrase(".")]


def _values(answer: Answer, query: Project) -> list[Phrase]:
    """Values that were read: "The population of France is 68,000,000", "The area is 5 for A, 3 for B"."""
    assert answer.values is not None
    kg, label = answer.kg, value_label(query.relation, answer.kg)
    column = kg.literals[kg.relation(query.relation).index]
    entities = answer.ranked[: MOST_NAMED + 1].tolist()
    shown = [
        Phrase(value_words(value, column, unit=True), entity, column.relation)
        for entity, value in zip(entities, answer.values, strict=False)
    ]
    done = done_when(noun_words(relation_words(query.relation, kg))) if tells_time(column) else ""
    if len(entities) == 1 and done:
        on = f" was {done} {'on' if column.kind == 'date' else 'in'} "
        return [Phrase(kg.name(entities[0]), entities[0]), Phrase(on), shown[0], Phrase(".")]
    if len(entities) == 1:
        return [Phrase(f"The {label} of "), Phrase(kg.name(entities[0]), entities[0]), Phrase(" is "), shown[0],
                Phrase(".")]  # fmt: skip
    each = [
        [value, Phrase(" for "), Phrase(kg.name(entity), entity)] for value, entity in zip(shown, entities, strict=True)
    ]
    return [Phrase(f"The {label} is "), *_listed(each, "given for {} others", answer.count), Phrase(".")]


def _subject(answer: Answer) -> list[Phrase]:
    """The answers' names, with their values where the query chose by them."""
    kg, named = answer.kg, answer.ranked[: MOST_NAMED + 1].tolist()
    names: list[list[Phrase]] = [[Phrase(kg.name(entity), entity)] for entity in named]
    if answer.values is not None:
        relation = None if answer.column is None else answer.column.relation
        for name, entity, value in zip(names, named, answer.values, strict=False):
            words = given_words(kg, answer.steps[-1].step, value, unit=True)
            name += [Phrase(" ("), Phrase(words, entity, relation), Phrase(")")]
    return _listed(names, "{} others", answer.count)


def _listed(items: Sequence[list[Phrase]], rest: str, total: int) -> list[Phrase]:
    """ "A", "A and B", "A, B, C, D, E and 7 others"; one that would be the only other is listed too."""
    shown = list(items) if total <= MOST_NAMED + 1 else [*items[:MOST_NAMED]]
    left = total - len(shown)
    if left:
        shown.append([Phrase(rest.format(f"{left:,}"))])
    phrases: list[Phrase] = []
    for position, item in enumerate(shown):
        joint = "" if not position else " and " if position == len(shown) - 1 else ", "
        phrases += [*([Phrase(joint)] if joint else []), *item]
    return phrases


# What settles a yes or no -------------------------------------------------------------------------------------------


def contrast_of(answer: Answer) -> Contrast | None:
    """What settles the question, None where the graph has no more to say than that something was found, or nothing.

    Only an `exists` about one named entity has a contrast.
    """
    if answer.method != "exact" or answer.error is not None or not isinstance(answer.query, Exists):
        return None
    return if_fetched(partial(_contrast, answer, answer.query), None)


def _contrast(answer: Answer, query: Exists) -> Contrast | None:
    kg, holds = answer.kg, bool(answer.value)
    for entity, claim in _claims(query.part):
        contrast = None
        if isinstance(claim, Top) and claim.relation is not None:
            contrast = _ranked(claim, claim.relation, entity, kg, holds)
        elif isinstance(claim, Compare) and claim.relation is not None and not holds:
            contrast = _failed(claim, claim.relation, entity, kg)
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


def _ranked(claim: Top, relation: str, entity: Entity, kg: KnowledgeGraph, holds: bool) -> Contrast | None:
    """ "the population of Paris is 2,103,778 and that of London 8,866,180"."""
    values = _stored_values(relation, claim.source, kg)
    asked = bind(entity, kg).anchor
    if asked not in values:
        return None
    column = kg.literals[kg.relation(relation).index]
    label = noun_words(relation_words(relation, kg))
    among_named = isinstance(claim.source, Union) and all(isinstance(part, Entity) for part in claim.source.parts)
    best = sorted(values, key=lambda e: (-values[e] if claim.largest else values[e], kg.entity_labels[e]))
    if among_named:
        others = [e for e in values if e != asked]
    else:
        last = values[best[min(claim.k, len(best)) - 1]]
        others = [] if holds or values[asked] == last or asked in best[: claim.k] else best[: min(claim.k, MOST_NAMED)]
    if not others:
        return None
    phrases = _value_of(asked, label, values[asked], kg, column.relation)
    for number, other in enumerate(others):
        shown = _shown(other, values[other], kg, column.relation)
        name = Phrase(kg.name(other), other)
        if among_named:
            phrases += [Phrase(" and that of "), name, Phrase(" "), shown]
        else:
            joint = "; " if not number else " and " if number == len(others) - 1 else ", "
            phrases += [Phrase(joint), name, Phrase(" ("), shown, Phrase(")")]
    if not among_named:
        highest = Top(len(others), relation, claim.source, claim.largest)
        phrases += [Phrase(" "), *predicate(highest, kg, many=len(others) > 1)]
    return Contrast(tuple(phrases), _facts([asked, *others], values, kg, column))


def _failed(claim: Compare, relation: str, entity: Entity, kg: KnowledgeGraph) -> Contrast | None:
    """ "the population of Spain is 48,797,875, and not below 40,000,000", and of a number of the graph, which it is."""
    values, asked = _stored_values(relation, claim.source, kg), bind(entity, kg).anchor
    if asked not in values:
        return None
    column = kg.literals[kg.relation(relation).index]
    label = noun_words(relation_words(relation, kg))
    phrases = _value_of(asked, label, values[asked], kg, column.relation)
    test = tested_words(claim, kg)
    if isinstance(claim.value, Query):
        number = execute(kg, bind(claim.value, kg))[-1].number("what is compared with")
        if not math.isfinite(number):  # the other side is unknown
            return None
        test += f", {_compared_words(number, column, kg)}"
    return Contrast((*phrases, Phrase(f", and not {test}")), _facts([asked], values, kg, column))


def _compared_words(number: float, column: ValueColumn, kg: KnowledgeGraph) -> str:
    """A computed number as a value of the column, where it is one: neither 0.5 nor -3 is a date."""
    is_value = column.kind == "decimal" or number.is_integer()
    if is_value and (column.kind != "date" or 0 < number <= datetime.date.max.toordinal()):
        return value_words(kg.value(column, number), column, unit=True)
    return value_words(number, None)


def _denied(claim: Query, entity: Entity, kg: KnowledgeGraph) -> Contrast | None:
    """ "France has Europe as continent", where it was asked whether it has not."""
    asked = bind(entity, kg).anchor
    if asked is None or asked not in members(claim, kg):
        return None
    chain = bind(Intersect((entity, claim)), kg)
    results = execute(kg, chain)
    inputs = [inputs_of(step, results) for step in chain]
    evidence, _ = trace(kg, chain, inputs, np.array([asked], dtype=np.int32), EVIDENCE_LIMIT)
    if not evidence:  # what is denied is that it is itself
        return None
    phrases = (Phrase(kg.name(asked), asked), Phrase(" "), *predicate(claim, kg, many=False))
    return Contrast(phrases, tuple(evidence))


def _stored_values(relation: str, source: Query, kg: KnowledgeGraph) -> dict[int, float]:
    chain = bind(Project(relation, source), kg)
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
    entities: Sequence[int], values: dict[int, float], kg: KnowledgeGraph, column: ValueColumn
) -> tuple[Evidence, ...]:
    number = kg.relation(column.identifier).index
    return tuple(Evidence.value(kg, number, entity, values[entity]) for entity in entities)


MOST_ANSWERS = 50
MOST_IN_STEP = 5
MOST_EVIDENCE = 10


def answer_text(answer: Answer) -> str:
    """The answer in full sentences and lists, without a final line break."""
    return "\n".join(map(visible, _lines(answer)))


def answer_words(answer: Answer) -> str:
    """See `Answer.__str__`."""
    return "\n".join(map(visible, _words(answer)))


def answer_dict(answer: Answer) -> dict[str, Any]:
    """See `Answer.to_dict`."""
    answers: list[dict[str, Any]] = [
        {"entity": name, "id": identifier, "score": score}
        for name, identifier, score in zip(answer.entities, answer.ids, answer.scores, strict=True)
    ]
    if answer.values is not None:
        for entry, value in zip(answers, answer.values, strict=True):
            entry["value"] = json_value(value)
    shown = {
        "query": str(answer.query),
        "verbalised": answer.query.verbalise(answer.kg),
        "tree": tree_of(answer.query, answer.kg).to_dict(),
        "method": answer.method,
        "answers": answers,
        "value": json_value(answer.value),
        "sentence": answer.sentence,
        "sentence_parts": [part.to_dict() for part in answer.sentence_parts],
        "steps": [step.to_dict() for step in answer.steps],
        "evidence": [triple.to_list() for triple in answer.evidence],
        "evidence_total": answer.evidence_total,
        **_sources(answer),
        "notes": list(answer.notes),
        "usage": answer.usage.to_dict(),
        "error": answer.error,
    }
    if answer.soft is not None:
        shown["proofs"] = [proof.to_dict() for proof in answer.proofs]
    return shown if answer.understood is None else {**answer.understood.to_dict(answer.kg), **shown}


def _words(answer: Answer) -> Iterator[str]:
    if answer.error is not None:
        yield f"No answer: {answer.error}"
    else:
        yield answer.sentence
        if answer.value is None and len(answer.ranked) > MOST_NAMED:
            yield "All of them:"
            yield from _named(answer)
    yield from (f"Note: {note}" for note in answer.notes)


def _lines(answer: Answer) -> Iterator[str]:
    yield f"Query: {answer.query}"
    yield f"In words: {answer.query.verbalise(answer.kg)}"
    if answer.understood is not None:
        yield f"Probability that the question means it: {answer.understood.confidence:.2f}"
    yield "As a tree:"
    yield from tree_of(answer.query, answer.kg).lines("  ", "  ")
    yield from (f"Note: {note}" for note in answer.notes)
    if answer.understood is not None:
        yield from choice_lines(answer.understood, answer.kg, "It may also mean")
    yield ""
    if answer.sentence:
        yield answer.sentence
        yield ""
    if answer.error is not None:
        yield f"No answer: {answer.error}"
    elif answer.value is not None:
        yield f"Answer: {given_words(answer.kg, answer.steps[-1].step, answer.value, unit=True)}"
    else:
        yield from _answers(answer)
    if answer.steps:
        yield ""
        yield "Steps:"
        yield from (line for step in answer.steps for line in _step(step))
    if answer.evidence:
        yield ""
        yield f"Evidence ({_count(answer.evidence_total, 'triple')}):"
        for triple in answer.evidence[:MOST_EVIDENCE]:
            sure = "" if triple.known else f"  (not in the graph, confidence {confidence_words(triple.confidence)})"
            said = f"  [{'; '.join(map(visible, map(str, triple.sources)))}]" if triple.sources else ""
            yield f"  {triple.head} | {triple.relation} | {_tail(answer, triple.relation, triple.tail)}{sure}{said}"
        if (rest := answer.evidence_total - MOST_EVIDENCE) > 0:
            yield f"  and {rest:,} more"
    if answer.usage != NO_USAGE:
        yield ""
        yield f"Language model: {answer.usage}"


def _sources(answer: Answer) -> dict[str, Any]:
    if not any(triple.sources for triple in answer.evidence):
        return {}
    return {"sources": [[source.to_dict() for source in triple.sources] for triple in answer.evidence]}


def choice_lines(understood: ReadQuestion, kg: KnowledgeGraph, before: str) -> Iterator[str]:
    """What a person may choose from, as lines with `before` above them; none where there is nothing to choose."""
    if not understood.alternatives:
        return
    yield f"{before}:"
    for alternative in understood.alternatives:
        yield visible(f"  {alternative.words(kg)}")
        yield visible(f"    {alternative.probability:.2f}  {alternative.query}")


def _answers(answer: Answer) -> Iterator[str]:
    total = len(answer.ranked)
    if not total:
        yield "No answers."
        return
    yield f"{_count(total, 'answer')}:"
    yield from _named(answer)


def _named(answer: Answer) -> Iterator[str]:
    total = len(answer.ranked)
    for position in range(min(total, MOST_ANSWERS)):
        name = answer.kg.name(int(answer.ranked[position]))
        value = ""
        if answer.values is not None:
            value = f": {given_words(answer.kg, answer.steps[-1].step, answer.values[position], unit=True)}"
        score = answer.scores[position]
        sure = f"  ({confidence_words(score)})" if answer.soft is not None and score < 1 else ""
        yield f"  {name}{value}{sure}"
    if total > MOST_ANSWERS:
        yield f"  and {total - MOST_ANSWERS:,} more"


def _step(step: StepResult) -> Iterator[str]:
    if step.error is not None:
        outcome = f"failed: {step.error}"
    elif step.value is not None:
        outcome = given_words(step.kg, step.step, step.value, unit=True)
    else:
        outcome = _members_text(step)
    # Set algebra needs no mark where everything is done by it.
    parts = f" in {step.parts_total} parts" if step.parts_total > 1 else ""
    by = "" if step.agrees is None else f", by the language model{parts}"
    by += ", not what the graph says" if step.agrees is False else ""
    yield f"  {step.step.position + 1}. {step.question}"
    yield f"     {outcome}{by}"


def _members_text(step: StepResult) -> str:
    names = [step.kg.name(int(entity)) for entity in step.members[:MOST_IN_STEP]]
    if step.values is not None:
        values = [given_words(step.kg, step.step, value, unit=True) for value in step.values[:MOST_IN_STEP]]
        names = [f"{name} ({value})" for name, value in zip(names, values, strict=True)]
    shown = ", ".join(names)
    rest = len(step.members) - MOST_IN_STEP
    return f"{shown} and {rest:,} more" if rest > 0 else shown or "nothing"


def _tail(answer: Answer, relation: str, tail: str | Value) -> str:
    return tail if isinstance(tail, str) else readable_of(answer.kg, relation, tail, unit=True)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
