"""An answer in a sentence, made from the result and nothing else: "Germany, Spain and 3 others border France."

No model writes it: the names and numbers are the answer's own and the rest is the query told in words, so it cannot
say more than was found. Each part points at the triples that it rests on. Where nothing was found it never says that
there is nothing, only that the graph does not say so.
"""

from __future__ import annotations

from collections.abc import Sequence

from reasoning.answer import Answer, Evidence, Phrase, SentencePart
from reasoning.execution.conclusion import emptying_step
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.binding import bind
from reasoning.query.tree import Compare, Count, Entity, Exists, Intersect, Project, Query, Top
from reasoning.supplied import supplies
from reasoning.wording.clauses import predicate
from reasoning.wording.inflection import done_when, is_plural, plural
from reasoning.wording.value_text import tells_time, value_words
from reasoning.wording.verbalise import (
    direction,
    ends_in_preposition,
    entity_words,
    is_verb,
    noun_words,
    relation_words,
    value_label,
)

MOST_NAMED = 5
"""Names that a sentence lists before it says how many others there are."""

_NOT_FOUND = {
    "exact": "graph does not say that",
    "complete": "graph does not say, nor make it likely, that",
}
"""Behind "The", by method, where nothing was found."""


@supplies(Answer.sentence_parts)
def sentence_of(answer: Answer) -> tuple[SentencePart, ...]:
    """The sentence in parts; () where the answer is incomplete."""
    if answer.error is not None:
        return ()
    told = [phrase for phrase in (*_attributed(answer), *_told(answer)) if phrase.text]
    facts = answer.evidence
    return tuple(SentencePart(phrase.text, _resting(phrase, facts), phrase.entity) for phrase in told)


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
    """Who says so, where it is not the graph."""
    if any(step.agrees is False for step in answer.steps):
        return [Phrase("By the language model, and not by what the graph says: ")]
    if any(proof.predicted for proof in answer.proofs):
        return [Phrase("Likely, though the graph does not say all of it: ")]
    return []


def _told(answer: Answer) -> list[Phrase]:
    query = answer.query
    if isinstance(query, Entity):
        return [Phrase("The query names "), *_subject(answer), Phrase(" itself.")]
    if isinstance(query, Exists | Count):
        return _verdict(answer, query)
    if not len(answer.ranked):
        return [Phrase("The"), *_nothing(answer, query)]
    if isinstance(query, Project):
        return _values(answer, query) if answer.values is not None else _led_to(answer, query)
    return [*_subject(answer), Phrase(" "), *_said(answer, query), Phrase(".")]


def _verdict(answer: Answer, query: Exists | Count) -> list[Phrase]:
    total = len(answer.ranked)
    counted = isinstance(query, Count)
    if answer.contrast is not None:
        return [Phrase("Yes: " if answer.value else "No: "), *answer.contrast.phrases, Phrase(".")]
    if not answer.value:
        return [Phrase("None found: the" if counted else "No: the"), *_nothing(answer, query.part)]
    if not total:
        return [Phrase(f"The number is {answer.value:,}." if counted else "Yes.")]
    said = _said(answer, query.part)
    if not counted:
        return [Phrase("Yes: "), *_subject(answer), Phrase(" "), *said, Phrase(".")]
    noun = "entity" if total == 1 else "entities"
    return [Phrase(f"{answer.value:,} {noun} "), *said, Phrase(": "), *_subject(answer), Phrase(".")]


def _said(answer: Answer, query: Query) -> list[Phrase]:
    """What is said of the answers; that an answer is itself goes without saying."""
    total = len(answer.ranked)
    if total == 1 and (others := _beside(answer, query)):
        query = others
    if isinstance(query, Top) and total < query.k and total > 1:
        query = Top(total, query.relation, query.source, query.largest)
    return predicate(query, answer.kg, many=total != 1)


def _beside(answer: Answer, query: Query) -> Query | None:
    """An intersection without the entity that it is put to: of "France and what borders Spain" the latter."""
    if not isinstance(query, Intersect):
        return None
    named = [part for part in query.parts if isinstance(part, Entity)]
    others = [part for part in query.parts if not isinstance(part, Entity)]
    if len(named) != 1 or not others:
        return None
    return others[0] if len(others) == 1 else Intersect(tuple(others))


def _nothing(answer: Answer, query: Query) -> list[Phrase]:
    """Behind "The": that nothing was found, and since when; never that there is nothing."""
    kg = answer.kg
    subject, said = "anything", query
    if (others := _beside(answer, query)) is not None and isinstance(query, Intersect):
        said = others
        subject = next(entity_words(part, kg) for part in query.parts if isinstance(part, Entity))
    elif (source := _put_to(query, kg)) is not None:
        subject = entity_words(source, kg)
    by = _NOT_FOUND.get(answer.method, "language model did not find that")
    step = emptying_step(answer.chain, answer.steps)
    since = f" Step {step.step.position + 1} of {len(answer.chain)} found nothing." if step is not None else ""
    return [Phrase(f" {by} {subject} "), *predicate(said, kg, many=False), Phrase(f".{since}")]


def _put_to(query: Query, kg: KnowledgeGraph) -> Entity | None:
    """The one entity whose value is read or tested."""
    if not isinstance(query, Project | Compare | Top) or not isinstance(query.source, Entity):
        return None
    return query.source if kg.relation(query.relation).kind == "values" else None


def _led_to(answer: Answer, query: Project) -> list[Phrase]:
    """What one relation leads to from one entity: "The capital of France is Paris", "France borders Spain"."""
    kg = answer.kg
    words, backwards = direction(query, kg, relation_words(query.relation, kg))
    if backwards or not isinstance(query.source, Entity):
        return [*_subject(answer), Phrase(" "), *_said(answer, query), Phrase(".")]
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
    entities = answer.ranked.tolist()
    shown = [
        Phrase(value_words(value, column, unit=True), entity, column.relation)
        for entity, value in zip(entities, answer.values, strict=True)
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
    return [Phrase(f"The {label} is "), *_listed(each, "given for {} others"), Phrase(".")]


def _subject(answer: Answer) -> list[Phrase]:
    """The answers' names, with their values where the query chose by them."""
    kg = answer.kg
    names: list[list[Phrase]] = [[Phrase(kg.name(entity), entity)] for entity in answer.ranked.tolist()]
    last = answer.steps[-1].step if answer.steps else None
    if answer.values is not None and last is not None and last.relation is not None:
        column = kg.literals[last.relation.index]
        for name, entity, value in zip(names, answer.ranked.tolist(), answer.values, strict=True):
            told = value_words(value, column, unit=True)
            name += [Phrase(" ("), Phrase(told, entity, column.relation), Phrase(")")]
    return _listed(names, "{} others")


def _listed(items: Sequence[list[Phrase]], rest: str) -> list[Phrase]:
    """ "A", "A and B", "A, B, C, D, E and 7 others"; one that would be the only other is listed too."""
    shown = list(items) if len(items) <= MOST_NAMED + 1 else [*items[:MOST_NAMED]]
    left = len(items) - len(shown)
    if left:
        shown.append([Phrase(rest.format(f"{left:,}"))])
    found: list[Phrase] = []
    for position, item in enumerate(shown):
        joint = "" if not position else " and " if position == len(shown) - 1 else ", "
        found += [*([Phrase(joint)] if joint else []), *item]
    return found
