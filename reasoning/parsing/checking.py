"""Checks of a parsed query against the graph: bound, its kinds fit, directions, missing values.

Where kinds decide which way a relation is followed, the model writes no direction, and none can be wrong: "works in"
leads from employees to teams, and asked of a team it can only be followed backwards. A mark is written where both
ends may be of the kind that is asked of ("reports to"), or no kind is known.

A set is ranked by the members that have a value, so that of Texas and France, of which one has no area, France would
be the larger one: true of the query, and no answer to the question. Such named things are told.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np

from reasoning.errors import QueryError, quoted_list
from reasoning.graph.store import KnowledgeGraph
from reasoning.parsing.codec import read_back, written
from reasoning.parsing.schema import (
    KIND_IDS,
    LITERALS,
    NAME_IDS,
    RELATION_IDS,
    UNKNOWN,
    GraphSchema,
    Kinds,
    KindsOfSets,
    Prompt,
)
from reasoning.query.binding import bind
from reasoning.query.records import parts_of, rebuilt, with_parts
from reasoning.query.tree import (
    Aggregate,
    Arithmetic,
    Compare,
    Entity,
    Every,
    Intersect,
    It,
    Measure,
    Measured,
    Operator,
    Project,
    Query,
    Top,
    Union,
)

_FIRST_NUMBER = 917_263_554_008_000
"""Stands for the first name of the prompt where it is a number; nobody writes it out."""


def without_directions(text: str, prompt: Prompt) -> str:
    """What is written, less the marks of directions that kinds decide; a QueryError where it is no query over the
    ids."""
    return _changed(text, prompt, lambda _: False)


def with_directions(text: str, prompt: Prompt) -> str:
    """What was written, with every direction as kinds decide it; a QueryError where it is no query over the ids."""
    return _changed(text, prompt, lambda decided: decided)


def as_marked(text: str, prompt: Prompt) -> str:
    """What is written in the form that the others give, its directions as marked; a QueryError where it is no query."""
    return _changed(text, prompt, None)


def _changed(text: str, prompt: Prompt, mark: Callable[[bool], bool] | None) -> str:
    stands_for = _stand_ins(prompt)
    tree = Query.parse(read_back(text, stands_for))
    changed = tree if mark is None else _Directions(prompt, mark).of(tree)
    try:
        return "".join(written(str(changed), {stands: letter for letter, stands in stands_for.items()}))
    except KeyError as error:
        raise QueryError(f"{str(error.args[0]).lstrip('~')} is the id of no relation") from None


def _stand_ins(prompt: Prompt) -> dict[str, str]:
    """What each id is written as in a query that parses."""
    found = {letter: f'"{letter}"' for letter in KIND_IDS[: len(prompt.schema.kinds)]}
    found |= {letter: letter for letter in RELATION_IDS[: len(prompt.schema.relations)]}
    for at, (letter, name) in enumerate(zip(NAME_IDS, prompt.names, strict=False)):
        found[letter] = str(_FIRST_NUMBER + at) if name.kind in LITERALS else f'"{letter}"'
    return found


class _Directions:
    """Takes marks off, or puts them on relations that are followed backwards (`mark`) or forwards, by a prompt's
    kinds."""

    def __init__(self, prompt: Prompt, mark: Callable[[bool], bool]) -> None:
        self._mark = mark
        named = {KIND_IDS[at]: frozenset((at,)) for at in range(len(prompt.schema.kinds))}
        named |= {letter: frozenset(name.kinds) for letter, name in zip(NAME_IDS, prompt.names, strict=False)}
        self._kinds = KindsOfSets(
            dict(zip(RELATION_IDS, prompt.schema.relations, strict=False)),
            named=lambda entity: named.get(entity.name, UNKNOWN),
            backwards=lambda node, kinds: node.inverse if (way := self._decided(node, kinds)) is None else way,
        )

    def of(self, node: Query, it: Kinds = UNKNOWN) -> Query:
        """A query with its directions marked; `it` are the kinds of the member that a measure is about."""
        about = self._kinds.of(node.source, it) if isinstance(node, Aggregate | Compare | Measured | Top) else it
        changed = with_parts(node, lambda part: self.of(part, about))
        if isinstance(changed, Project | Every):
            way = self._decided(changed, self._kinds.of(changed.source, it))
            if way is not None:
                return dataclasses.replace(changed, inverse=self._mark(way))
        return cast(Query, changed)

    def _decided(self, node: Project | Every, kinds: Kinds) -> bool | None:
        """Whether a relation is followed backwards from things of some kinds; None where these do not decide it."""
        starts, ends = (self._kinds.end(node, leads_to) for leads_to in (False, True))
        if not kinds or not starts or not ends or bool(kinds & starts) == bool(kinds & ends):
            return None
        # What every r of S leads to S, so S stands at the other end.
        return bool(kinds & (ends if isinstance(node, Project) else starts))


def unvalued(query: Query, kg: KnowledgeGraph) -> list[tuple[str, str]]:
    """Each thing that a query names and compares, ranks or adds up by a value that it lacks, with the relation's
    label.

    Raises:
        SkylarkError: the query cannot be bound to the graph.
    """
    found: dict[tuple[str, str], None] = {}
    for name, relation in _measured(query):
        column = kg.column(relation)
        entity = name.index(kg)
        if column is not None and not len(column.read(np.array([entity], dtype=np.int32))[0]):
            found[kg.name(entity), kg.label(kg.relation(relation))] = None
    return list(found)


def _measured(query: Query) -> Iterator[tuple[Entity, str]]:
    if isinstance(query, Aggregate | Compare | Top) and query.relation is not None:
        yield from ((name, query.relation) for name in _named(query.source))
    elif isinstance(query, Project) and isinstance(query.source, Entity):
        yield query.source, query.relation
    for part in parts_of(query):
        yield from _measured(part)


def _named(source: Query) -> list[Entity]:
    """The things that a set spells out; none of a set that is found by anything else."""
    parts = source.parts if isinstance(source, Union) else (source,)
    names = [part for part in parts if isinstance(part, Entity)]
    return names if len(names) == len(parts) else []


_FIRST, _LAST = (1, 1), (12, 31)


@dataclass(frozen=True)
class Checked:
    """A query that can be asked, mended where that took the `steps` that were put in to bridge kinds that did not
    fit."""

    query: Query
    steps: tuple[str, ...] = ()


def check(query: Query, schema: GraphSchema) -> Checked:
    """The query as it can be asked of the graph; a SkylarkError says why it cannot: it only repeats what is named,
    compares something with itself, kinds do not fit, or a name is none."""
    if _compares_with_itself(query):
        raise QueryError("the query compares something with itself: two things are to be compared")
    if not _follows_relation(query):
        raise QueryError("the query follows no relation: what is asked for is to be written, and not its answer")
    dated = rebuilt(query, lambda node: _of_years(node, schema))
    bridged: list[str] = []
    mended = rebuilt(dated, lambda node: _bridged(node, schema, bridged))
    bind(mended, schema.kg)
    return Checked(mended, tuple(bridged))


def _follows_relation(query: Query) -> bool:
    if isinstance(query, Project | Every):
        return True
    if isinstance(query, Aggregate | Compare | Measured | Top):
        measure = query.measure
        if not isinstance(measure, Measure) or _follows_relation(measure.number):
            return True
    return any(map(_follows_relation, query.children))


def _compares_with_itself(query: Query) -> bool:
    if isinstance(query, Arithmetic) and query.sign in ("-", "/") and query.left == query.right:
        return True
    if isinstance(query, Compare):
        measure, source = query.measure, query.source
        if isinstance(measure, Measure):
            own = rebuilt(measure.number, lambda part: source if isinstance(part, It) else part)
        else:
            own = Project(measure, source)
        if query.value == own:
            return True
    return any(map(_compares_with_itself, parts_of(query)))


def _of_years(node: Query, schema: GraphSchema) -> Query:
    """A comparison of dates with a year as one with the year's first or last day."""
    if not isinstance(node, Compare) or not isinstance(node.measure, str) or isinstance(node.value, bool):
        return node
    column = schema.kg.column(node.measure)
    if column is None or column.kind != "date" or not isinstance(node.value, int) or not 1 <= node.value <= 9999:
        return node
    first, last = (datetime.date(node.value, *day) for day in (_FIRST, _LAST))

    def compared(operator: Operator, value: datetime.date) -> Query:
        return dataclasses.replace(node, operator=operator, value=value)

    match node.operator:
        case ">" | "<=":
            return compared(node.operator, last)
        case ">=" | "<":
            return compared(node.operator, first)
        case "=":
            return Intersect((compared(">=", first), compared("<=", last)))
        case _:
            return Union((compared("<", first), compared(">", last)))


def _bridged(node: Query, schema: GraphSchema, steps: list[str]) -> Query:
    """A projection or an aggregate over things of a kind that its relation does not have, with the one step that leads
    there."""
    kinds = schema.kinds_of_sets
    if isinstance(node, Intersect):
        known = [found for part in node.parts if (found := kinds.of(part))]
        if len(known) > 1 and not frozenset.intersection(*known):
            sets = quoted_list([_words(found, schema) for found in known], "and")
            raise QueryError(f"nothing is at once {sets}")
        return node
    if isinstance(node, Project) and kinds.whole(node) is None:
        wanted = kinds.end(node, leads_to=node.inverse)
    elif isinstance(node, Aggregate | Measured) and isinstance(node.measure, str) and node.measure in schema.by_name:
        wanted = frozenset(schema.by_name[node.measure].start)  # the salaries of an office are those of its people
    else:
        return node
    there = kinds.of(node.source)
    if not there or not wanted or wanted & there:
        return node
    steps_there = [
        (entry, step)
        for name, entry in schema.by_name.items()
        for inverse in (False, True)
        if kinds.end(step := Project(name, node.source, inverse), leads_to=inverse) & there
        and kinds.end(step, leads_to=not inverse) == wanted
    ]
    forward = [found for found in steps_there if not found[1].inverse]
    chosen = forward if len(forward) == 1 else steps_there
    if len(chosen) != 1:
        asked = node.relation if isinstance(node, Project) else node.measure
        raise QueryError(f'"{asked}" is of {_words(wanted, schema)}, and asked of {_words(there, schema)}')
    entry, step = chosen[0]
    steps.append(entry.words)
    return dataclasses.replace(node, source=step)


def _words(kinds: Kinds, schema: GraphSchema) -> str:
    return " or ".join(schema.kinds[kind].words for kind in sorted(kinds))
