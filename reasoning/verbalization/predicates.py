"""What a query says of its answers, as the predicate of a sentence: "border France and have Euro as currency".

`verbalise` names the set that a query denotes; here the same tree is told of its members, in the singular or plural
and negated where it has to be. Each phrase knows which triples it speaks of, so that a sentence can point at them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from reasoning.answer import Phrase
from reasoning.errors import EndpointError
from reasoning.execution.exact import execute
from reasoning.graph.index import Ids
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.binding import bind
from reasoning.query.tree import (
    Compare,
    Complement,
    Count,
    Entity,
    Every,
    Exists,
    Intersect,
    Measured,
    NameStarts,
    Project,
    Query,
    Top,
    Union,
)
from reasoning.verbalization.queries import (
    TYPE_WORDS,
    VERBS,
    chooses_among_all,
    direction,
    ends_in_preposition,
    entity_words,
    goes_on,
    is_short,
    is_verb,
    measure_words,
    noun_words,
    place_of,
    relation_words,
    telling,
    tested_words,
    thing_words,
)
from reasoning.verbalization.words import (
    base_form,
    done_when,
    extreme_words,
    is_past,
    is_plural,
    participle,
    past,
    plural,
    tells_time,
    with_article,
)

Found = TypeVar("Found")


@dataclass(frozen=True)
class _Mood:
    """How a predicate is put: of several, negated, within another clause."""

    many: bool = False
    negated: bool = False
    inside: bool = False

    @property
    def be(self) -> str:
        return ("are" if self.many else "is") + (" not" if self.negated else "")

    @property
    def was(self) -> str:
        return ("were" if self.many else "was") + (" not" if self.negated else "")

    @property
    def have(self) -> str:
        if self.negated:
            return "do not have" if self.many else "does not have"
        return "have" if self.many else "has"

    def verb(self, words: str) -> str:
        if is_past(words):
            return f"{'have' if self.many else 'has'} not {words}" if self.negated else words
        if self.negated:
            return f"{'do' if self.many else 'does'} not {base_form(words)}"
        return base_form(words) if self.many else words

    def within(self) -> _Mood:
        return _Mood(self.many, self.negated, True)


def predicate(query: Query, kg: KnowledgeGraph, many: bool, *, inside: bool = False) -> list[Phrase]:
    """What a query says of its members.

    Args:
        query: a query that denotes a set and whose names are all in the graph.
        kg: the graph.
        many: whether it is said of several.
        inside: whether it stands within another clause, so that what has several parts is put in brackets.

    Returns:
        The phrases in order; their texts make up the predicate.
    """
    return _predicate(query, kg, _Mood(many, False, inside))


def _predicate(query: Query, kg: KnowledgeGraph, mood: _Mood) -> list[Phrase]:
    if query.is_everything:
        return [Phrase(f"{mood.be} in the graph")]
    if isinstance(query, Complement):
        return _predicate(query.part, kg, _Mood(mood.many, not mood.negated, mood.inside))
    if isinstance(query, Entity):
        return [Phrase(f"{mood.be} {entity_words(query, kg)}")]
    if isinstance(query, Project):
        return _projected(query, kg, mood)
    if mood.negated:
        return [Phrase(f"{mood.be} among "), *_those(query, kg, True)]
    if isinstance(query, Intersect):
        return _all_of(query, kg, mood)
    if isinstance(query, Union):
        return _any_of(query, kg, mood)
    if isinstance(query, Compare):
        return _compared(query, kg, mood)
    if isinstance(query, Count | Exists):
        return _predicate(query.part, kg, mood)
    if isinstance(query, Every):
        return _every(query, kg, mood)
    if isinstance(query, NameStarts):
        has = Phrase(f'{mood.have} {"names" if mood.many else "a name"} that {"begin" if mood.many else "begins"} with '
                     f'"{query.prefix}"')  # fmt: skip
        if query.source.is_everything:
            return [has]
        return [has, Phrase(" and "), *_predicate(query.source, kg, mood.within())]
    if isinstance(query, Measured):
        has = Phrase(f"{mood.have} {_measure_with_article(query, kg)}")
        if query.source.is_everything:
            return [has]
        return [has, Phrase(" and "), *_predicate(query.source, kg, mood.within())]
    assert isinstance(query, Top)
    column = None if query.relation is None else kg.column(query.relation)
    label, place, source = measure_words(query.measure, kg), place_of(query), query.source
    largest = query.largest
    if place is not None and isinstance(source, Top):
        largest, source = source.largest, source.source
    label = plural(label) if mood.many and column is not None else label
    words = f"{mood.have} the {f'{place} ' if place else ''}{extreme_words(largest, column)} {label}"
    extreme = Phrase(words, relation=None if column is None else column.relation)
    if chooses_among_all(query, kg):
        return [extreme]
    return [extreme, Phrase(" among "), *_those(source, kg, mood.inside)]


def _all_of(query: Intersect, kg: KnowledgeGraph, mood: _Mood) -> list[Phrase]:
    parts = telling(query) or [query.parts[0]]
    kept = [part for part in parts if part.is_everything or not isinstance(part, Complement)]
    dropped = [part for part in parts if isinstance(part, Complement) and not part.is_everything]
    kept.sort(key=lambda part: isinstance(part, Union | Intersect | Top))  # what is long stands last
    within = mood.within()
    holds = _joined([_predicate(part, kg, within) for part in kept], " and ")
    denied = _joined([_predicate(part, kg, within) for part in dropped], " and ")
    return [*holds, Phrase(", but "), *denied] if holds and denied else [*holds, *denied]


def _any_of(query: Union, kg: KnowledgeGraph, mood: _Mood) -> list[Phrase]:
    parts = [_predicate(part, kg, mood.within()) for part in query.parts]
    mixed = any(isinstance(part, Intersect) for part in query.parts)
    either = _joined(parts, ", or " if mixed else " or ")
    return [Phrase("either "), *either] if mood.inside else either


def _compared(query: Compare, kg: KnowledgeGraph, mood: _Mood) -> list[Phrase]:
    column = None if query.relation is None else kg.column(query.relation)
    label = measure_words(query.measure, kg) if column is None else noun_words(relation_words(column.relation, kg))
    test, relation = tested_words(query, kg), None if column is None else column.relation
    if column is not None and tells_time(column) and (done := done_when(label)):
        on = "" if query.operator in ("<", ">", "!=") else "on " if column.kind == "date" else "in "
        has = Phrase(f"{mood.was} {done} {on}{test}", relation=relation)
    else:
        has = Phrase(f"{mood.have} {_measure_with_article(query, kg)} {test}", relation=relation)
    if isinstance(query.source, Entity) or chooses_among_all(query, kg):
        return [has]
    return [has, Phrase(" and "), *_predicate(query.source, kg, mood.within())]


def _every(query: Every, kg: KnowledgeGraph, mood: _Mood) -> list[Phrase]:
    """ "border every one of those that ...": what a projection says, of all members of its source."""
    relation = kg.relation(query.relation)
    words, backwards = direction(query, kg, relation_words(query.relation, kg))
    label, those = kg.relation_label(relation.index), _those(query.source, kg, mood.inside)
    every = "" if isinstance(query.source, Entity) or query.source.is_everything else "every one of "
    if is_verb(words):
        does = f"{mood.be} {participle(words)} by" if backwards else mood.verb(words)
        return [Phrase(f"{does} {every}", relation=label), *those]
    if backwards:
        return [Phrase(f"{mood.be} {_kind_of(noun_words(words), mood)} of {every}", relation=label), *those]
    return [Phrase(f"{mood.have} {every}", relation=label), *those, Phrase(f" as {noun_words(words)}")]


def _measure_with_article(query: Compare | Measured, kg: KnowledgeGraph) -> str:
    """ "a population", "a number of its languages", "its population divided by its area"."""
    if query.relation is not None:
        return with_article(noun_words(relation_words(query.relation, kg)))
    words = measure_words(query.measure, kg)
    return words if words.startswith("its ") else f"a {words}"


def _kind_of(noun: str, mood: _Mood) -> str:
    return plural(noun) if mood.many else with_article(noun)


def _projected(query: Project, kg: KnowledgeGraph, mood: _Mood) -> list[Phrase]:
    relation = kg.relation(query.relation)
    if relation.kind == "values":
        column = kg.literals[relation.index]
        has_value = Phrase(f"{mood.have} a value for {relation_words(query.relation, kg)}", relation=column.relation)
        if isinstance(query.source, Entity) or query.source.is_everything:
            return [has_value]
        return [has_value, Phrase(" and "), *_predicate(query.source, kg, mood.within())]
    words, backwards = direction(query, kg, relation_words(query.relation, kg))
    label = kg.relation_label(relation.index)
    anchor = bind(query.source, kg).anchor if isinstance(query.source, Entity) else None

    def about(text: str) -> Phrase:
        return Phrase(text, relation=label, anchor=anchor)

    if query.source.is_everything and backwards and (words in TYPE_WORDS or not goes_on(words)):
        return [about(f"{mood.have} {with_article(thing_words(words))}")]
    target = _target(query.source, kg, mood)
    if is_verb(words):
        if backwards or _mutual(query, kg):
            return [about(f"{mood.verb(words)} "), *target]
        if is_past(words) and " " not in words:
            return [about(f"{mood.was} {words} by "), *target]
        if words in VERBS:
            return [about(f"{mood.be} {participle(words)} by "), *target]
        return [about(f"{mood.be} what "), *target, Phrase(f" {words}")]
    if words in TYPE_WORDS:
        if backwards:
            return [about(f"{mood.be} of type "), *target]
        if words == "type":
            return [about(f"{mood.be} {_one_of(query, kg, 'type', mood)} of "), *target]
        return [about(f"{mood.be} what "), *target, Phrase(" is a kind of")]
    if not backwards and not mood.negated and (did := past(words)):
        return [about(f"{did} "), *target]
    if ends_in_preposition(words):
        if backwards:
            return [about(f"{mood.be} {words} "), *target]
        return [about(f"{mood.be} what "), *target, Phrase(f" is {words}")]
    noun = noun_words(words)
    if backwards:
        if anchor is not None:
            return [about(f"{mood.have} "), *target, about(f" as {noun}")]
        return [about(f"{mood.have} as {noun} "), *target]
    return [about(f"{mood.be} {_one_of(query, kg, noun, mood)} of "), *target]


def _one_of(query: Project, kg: KnowledgeGraph, noun: str, mood: _Mood) -> str:
    """ "the capital", "a language", "languages", "among the starred actors"."""
    if mood.many:
        return plural(noun)
    if is_plural(noun):
        return f"among the {noun}"
    relation = kg.relation(query.relation)

    def is_only_one() -> bool:
        sources = members(query.source, kg)
        left, _ = kg.index.edges(sources, relation.index, relation.inverse != query.inverse)
        return len(np.unique(left)) == len(left)

    return f"the {noun}" if if_fetched(is_only_one, False) else with_article(noun)


def _mutual(query: Project, kg: KnowledgeGraph) -> bool:
    """Whether what leads there is what is led to, so that "X borders France" is as true as "France borders X"."""
    turned = Project(query.relation, query.source, not query.inverse)
    return if_fetched(lambda: np.array_equal(members(query, kg), members(turned, kg)), False)


def if_fetched(look: Callable[[], Found], otherwise: Found) -> Found:
    """What is found out of the graph to word something, or something else where a server would have to give too much.

    Raises:
        EndpointError: the server fails.
    """
    try:
        return look()
    except EndpointError as error:
        if not error.too_much:
            raise
        return otherwise


def members(query: Query, kg: KnowledgeGraph) -> Ids:
    """The set that a query denotes in the graph; int32, sorted, shape (m,)."""
    chain = bind(query, kg)
    if chain.result is None:
        return np.array([chain.anchor], dtype=np.int32)
    return execute(kg, chain)[-1].members


def _target(query: Query, kg: KnowledgeGraph, mood: _Mood) -> list[Phrase]:
    """What a relation leads to: a name, or "something that borders France"."""
    if query.is_everything:
        return [Phrase("anything" if mood.negated else "something")]
    if isinstance(query, Entity):
        return [Phrase(entity_words(query, kg))]
    if isinstance(query, Union) and all(isinstance(part, Entity) for part in query.parts):
        return [Phrase(" or ".join(entity_words(part, kg) for part in query.parts if isinstance(part, Entity)))]
    return _bracketed([Phrase("something that "), *_predicate(query, kg, _Mood())], query, mood.inside)


def _those(query: Query, kg: KnowledgeGraph, inside: bool) -> list[Phrase]:
    if query.is_everything:
        return [Phrase("everything")]
    if isinstance(query, Entity):
        return [Phrase(entity_words(query, kg))]
    if isinstance(query, Union) and all(isinstance(part, Entity) for part in query.parts):
        return [Phrase(" and ".join(entity_words(part, kg) for part in query.parts if isinstance(part, Entity)))]
    return _bracketed([Phrase("those that "), *_predicate(query, kg, _Mood(many=True))], query, inside)


def _bracketed(phrases: list[Phrase], query: Query, inside: bool) -> list[Phrase]:
    return phrases if is_short(query) or not inside else [Phrase("("), *phrases, Phrase(")")]


def _joined(clauses: Sequence[list[Phrase]], word: str) -> list[Phrase]:
    phrases: list[Phrase] = []
    for clause in clauses:
        phrases += [*([Phrase(word)] if phrases else []), *clause]
    return phrases
