"""Which way a relation is followed, where kinds decide it: the model writes no direction there, and none can be wrong.

"Works in" leads from employees to teams. Asked of a team it can only be followed backwards, so `B(b)` says all there is
to say. A mark is written where both ends may be of the kind that is asked of ("reports to"), or no kind is known.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from reasoning.query.tree import (
    Compare,
    Entity,
    Every,
    Intersect,
    It,
    Measure,
    NameStarts,
    Project,
    Query,
    Top,
    Union,
)
from reasoning.reading.model.prompt import KIND_IDS, LITERALS, NAME_IDS, RELATION_IDS, Prompt, RelationEntry
from reasoning.reading.model.surface import read_back, written

Kinds = frozenset[int]
"""Places of the kinds that a set's members may be of; empty where nothing is known."""

NOTHING_KNOWN: Kinds = frozenset()

_FIRST_NUMBER = 900_000_000
"""Stands for the first name of the prompt where it is a number."""


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
    changed = tree if mark is None else _Directions(prompt, mark).of(tree, NOTHING_KNOWN)
    return "".join(written(str(changed), {stands: letter for letter, stands in stands_for.items()}))


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
        self._relations: Mapping[str, RelationEntry] = dict(zip(RELATION_IDS, prompt.schema.relations, strict=False))
        self._kinds: dict[str, Kinds] = {KIND_IDS[at]: frozenset((at,)) for at in range(len(prompt.schema.kinds))}
        self._kinds |= {letter: frozenset(name.kinds) for letter, name in zip(NAME_IDS, prompt.names, strict=False)}

    def of(self, node: Any, it: Kinds) -> Any:
        """A query or measure changed; `it` are the kinds of the member that a measure is about."""
        if isinstance(node, Measure):
            return Measure(self.of(node.number, it))
        if isinstance(getattr(node, "measure", None), Measure):
            it = self.kinds(node.source, it)
        parts = {}
        for field in dataclasses.fields(node):
            value = getattr(node, field.name)
            if isinstance(value, Query | Measure):
                parts[field.name] = self.of(value, it)
            elif isinstance(value, tuple):
                parts[field.name] = tuple(self.of(part, it) for part in value)
        changed = dataclasses.replace(node, **parts) if parts else node
        if not isinstance(changed, Project | Every):
            return changed
        backwards = self._decided(changed, it)
        if backwards is None:
            return changed
        return dataclasses.replace(changed, inverse=self._mark(backwards))

    def _decided(self, node: Project | Every, it: Kinds) -> bool | None:
        """Whether a relation is followed backwards; None where kinds do not decide it."""
        entry = self._relations.get(node.relation)
        kinds = self.kinds(node.source, it)
        if entry is None or isinstance(entry.end, str) or not kinds or not entry.start or not entry.end:
            return None
        starts, ends = bool(kinds & set(entry.start)), bool(kinds & set(entry.end))
        if starts == ends:
            return None
        # What every r of S leads to S, so S stands at the other end.
        return ends if isinstance(node, Project) else starts

    def kinds(self, query: Query, it: Kinds) -> Kinds:
        """The kinds of a set whose directions are marked, or decided."""
        match query:
            case Entity():
                return self._kinds.get(query.name, NOTHING_KNOWN)
            case It():
                return it
            case Project() | Every():
                entry = self._relations.get(query.relation)
                if entry is None or isinstance(entry.end, str):
                    return NOTHING_KNOWN
                decided = self._decided(query, it)
                backwards = query.inverse if decided is None else decided
                return frozenset(entry.start if backwards == isinstance(query, Project) else entry.end)
            case Intersect():
                known = [kinds for part in query.parts if (kinds := self.kinds(part, it))]
                return frozenset.intersection(*known) if known else NOTHING_KNOWN
            case Union():
                parts = [self.kinds(part, it) for part in query.parts]
                return frozenset().union(*parts) if all(parts) else NOTHING_KNOWN
            case Compare() | Top() | NameStarts():
                return self.kinds(query.source, it)
        return NOTHING_KNOWN
