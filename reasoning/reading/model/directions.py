"""Which way a relation is followed, where kinds decide it: the model writes no direction there, and none can be wrong.

"Works in" leads from employees to teams. Asked of a team it can only be followed backwards, so `B(b)` says all there is
to say. A mark is written where both ends may be of the kind that is asked of ("reports to"), or no kind is known.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import cast

from reasoning.errors import QueryError
from reasoning.query.rebuilding import with_parts
from reasoning.query.tree import Aggregate, Compare, Every, Measured, Project, Query, Top
from reasoning.reading.model.kinds import UNKNOWN, Kinds, KindsOfSets
from reasoning.reading.model.prompt import KIND_IDS, LITERALS, NAME_IDS, RELATION_IDS, Prompt
from reasoning.reading.model.surface import read_back, written

_FIRST_NUMBER = 917_263_554_008_000
"""Stands for the first name of the prompt where it is a number; nobody writes it out."""


def without_directions(text: str, prompt: Prompt) -> str:
    """What is written, less the marks of directions that kinds decide.

    Raises:
        QueryError: it is no query, or an id stands for nothing.
    """
    return _changed(text, prompt, lambda _: False)


def with_directions(text: str, prompt: Prompt) -> str:
    """What was written, with every direction as kinds decide it.

    Raises:
        QueryError: it is no query, or an id stands for nothing.
    """
    return _changed(text, prompt, lambda decided: decided)


def as_marked(text: str, prompt: Prompt) -> str:
    """What is written in the form that the others give, its directions as they are marked.

    Raises:
        QueryError: it is no query, or an id stands for nothing.
    """
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
    """Takes marks off, or puts them on.

    Args:
        prompt: says the kinds of names and of the ends of relations.
        mark: whether a relation that is followed backwards (True) or forwards is marked as going backwards.
    """

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
