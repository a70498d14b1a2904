"""The schema that extraction is held to: relations, the kinds at their ends, and values as texts write them.

A graph's own schema is taken where more texts are added to it.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from dateutil import parser

from kg_data.columns import TYPE_RELATIONS, ValueKind
from kg_data.values import VALUE_KINDS, Value, is_kind, read_value, value_of
from reasoning.graph.content import Relation
from reasoning.graph.kinds import GraphKinds
from reasoning.graph.names import fold, label_words
from reasoning.graph.profile import NamedKinds
from reasoning.graph.store import KnowledgeGraph
from skylark.errors import UsageError
from skylark.files import write_whole

MOST_RELATIONS = 100
"""Relations that a request shows: each takes some ten tokens, and models confuse those of a long list."""

LONGEST_NAME = 100
"""Characters of a relation's or a kind's name."""

LARGEST_FILE = 1 << 20
"""Bytes of a schema's file."""

FORM = (
    '{"relations": [{"name": "works in", "head": "person", "tail": "company"}, '
    '{"name": "founded", "head": "company", "tail": "year"}]}'
)
"""A schema, for messages."""

_FIELDS = ("name", "head", "tail", "description")


@dataclass(frozen=True)
class RelationSchema:
    """A relation that may be extracted.

    Attributes:
        name: the relation's.
        heads: kinds of the things that it leads from, () for anything.
        tails: the same of those that it leads to; () where it has values.
        value: the kind of its values, None where it leads to things.
        description: what it means, where the name does not say.
    """

    name: str
    heads: tuple[str, ...] = ()
    tails: tuple[str, ...] = ()
    value: ValueKind | None = None
    description: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As in a schema's file."""
        head, tail = (ends[0] if len(ends) == 1 else list(ends) for ends in (self.heads, self.tails))
        found = {"name": self.name, "head": head, "tail": self.value or tail, "description": self.description}
        return {name: item for name, item in found.items() if item}

    @classmethod
    def from_dict(cls, found: object) -> RelationSchema:
        """A relation of a schema's file; a `UsageError` says why it is none."""
        if not isinstance(found, Mapping):
            raise UsageError(f"expected a relation as an object with {', '.join(_FIELDS)}, found {found!r:.60}")
        if unknown := [name for name in found if name not in _FIELDS]:
            raise UsageError(f'a relation has no field "{unknown[0]}"; it has {", ".join(_FIELDS)}')
        name = _text(found.get("name"), "name")
        tails = _kinds(found.get("tail", ()), f'tail of "{name}"')
        values = [kind for kind in tails if is_kind(kind)]
        if values and len(tails) > 1:
            raise UsageError(f'the tail of "{name}" is either of one kind of values, {values[0]}, or a kind of things')
        description = found.get("description", "")
        if not isinstance(description, str):
            raise UsageError(f'expected a text as description of "{name}", found {description!r:.60}')
        return cls(
            name,
            _kinds(found.get("head", ()), f'head of "{name}"'),
            () if values else tails,
            values[0] if values else None,
            " ".join(description.split()),
        )


@dataclass(frozen=True)
class ExtractionSchema:
    """The relations that may be extracted, at least one, no two with names that differ in case or marks alone."""

    relations: tuple[RelationSchema, ...]

    def __post_init__(self) -> None:
        if not self.relations:
            raise UsageError(f"a schema has at least one relation, e.g. {FORM}")
        if len(self.relations) > MOST_RELATIONS:
            raise UsageError(
                f"the schema has {len(self.relations):,} relations, and a text is read with at most {MOST_RELATIONS}: "
                "write those that matter into a schema file of their own"
            )
        seen: dict[str, str] = {}
        for relation in self.relations:
            if (other := seen.setdefault(fold(relation.name), relation.name)) is not relation.name:
                raise UsageError(f'the schema has two relations of one name, "{other}" and "{relation.name}"')

    @cached_property
    def by_name(self) -> dict[str, RelationSchema]:
        """The relations by their folded names."""
        return {fold(relation.name): relation for relation in self.relations}

    def to_dict(self) -> dict[str, Any]:
        """As in a file."""
        return {"relations": [relation.to_dict() for relation in self.relations]}

    @classmethod
    def from_dict(cls, found: object) -> ExtractionSchema:
        """The schema of a file's content; a `UsageError` says why it is none."""
        relations = found.get("relations") if isinstance(found, Mapping) else None
        if not isinstance(relations, Iterable) or isinstance(relations, str | Mapping):
            raise UsageError(f"a schema is an object with a list of relations, e.g. {FORM}")
        return cls(tuple(map(RelationSchema.from_dict, relations)))

    @classmethod
    def read(cls, path: Path) -> ExtractionSchema:
        """The schema of a file; a `UsageError` says why there is none."""
        try:
            with path.open("rb") as file:
                content = file.read(LARGEST_FILE + 1)
            if len(content) > LARGEST_FILE:
                raise UsageError(f"a schema has at most {LARGEST_FILE >> 20} MB")
            return cls.from_dict(json.loads(content))
        except OSError as error:
            raise UsageError(f"the schema {path} cannot be read: {error.strerror or error}") from None
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{path} is not JSON ({error}); a schema is e.g. {FORM}") from None
        except UsageError as error:
            raise UsageError(f"{path}: {error}") from None

    def write(self, path: Path) -> None:
        """Write the schema, whole or not at all.

        Raises:
            ResultsError: the file cannot be written.
        """
        lines = ",\n".join(f"  {json.dumps(one.to_dict(), ensure_ascii=False)}" for one in self.relations)
        write_whole(path, f'{{"relations": [\n{lines}\n]}}\n'.encode(errors="backslashreplace"))


def _kinds(given: object, what: str) -> tuple[str, ...]:
    kinds = [given] if isinstance(given, str) else given
    if not isinstance(kinds, list | tuple):
        values = ", ".join(VALUE_KINDS)
        raise UsageError(f"expected a kind of things, {values}, or a list of kinds as {what}, found {given!r:.60}")
    return tuple(dict.fromkeys(_text(kind, what) for kind in kinds if kind != ""))


def _text(given: object, what: str) -> str:
    text = " ".join(given.split()) if isinstance(given, str) else ""
    if not text or len(text) > LONGEST_NAME or not text.isprintable():
        raise UsageError(f"expected a text of 1 to {LONGEST_NAME} characters as {what}, found {given!r:.60}")
    return text


_THOUSANDS = re.compile(r"(?<=\d)[,\u00a0\u202f\u2009'’](?=\d{3}(?!\d))")
_NUMBER = re.compile(r"[+-]?\d[\d,.\u00a0\u202f\u2009'’]*")

LONGEST = 60
"""Characters of a number or date."""

UNLIKE = (datetime.datetime(1904, 2, 3), datetime.datetime(1908, 5, 7))
"""Two days with no part in common: what a text does not say of a date differs between readings that begin from them."""


def value_in(kind: ValueKind, tail: str, span: str) -> Value | None:
    """The value that a tail spells, if the span of the text spells it too; None where one does not.

    A number may be written with or without marks between thousands; of a date day, month and year are needed, in any
    order that can mean one day alone.
    """
    value = spelled_value(kind, tail)
    if value is None:
        return None
    if f" {fold(tail)} " in f" {fold(span)} ":
        return value
    if kind == "date":
        return None
    there = (spelled_value(kind, found.rstrip(".,'’")) for found in _NUMBER.findall(span))
    return value if value in there else None


def spelled_value(kind: ValueKind, text: str) -> Value | None:
    """The value that a text spells, None where it spells none of the kind."""
    text = text.strip()
    if not text or len(text) > LONGEST:
        return None
    try:
        return read_value(kind, text if kind == "date" else _THOUSANDS.sub("", text))
    except ValueError:
        return _day(text) if kind == "date" else None


def _day(text: str) -> Value | None:
    try:
        days = {
            parser.parse(text, default=default, dayfirst=first).date() for default in UNLIKE for first in (True, False)
        }
    except (ValueError, OverflowError, TypeError):
        return None
    return value_of(days.pop()) if len(days) == 1 else None


MOST_AT_END = 3
"""Kinds at an end of a relation that a schema names; where there are more, it leads from or to anything."""


def schema_of_graph(kg: KnowledgeGraph) -> ExtractionSchema:
    """The relations of a graph with the kinds at their ends, without the one that says what things are.

    Raises:
        UsageError: it has more relations than a text is read with, or none.
    """
    kinds = NamedKinds.of(kg)

    def ends(relation: Relation) -> tuple[str, ...]:
        if kinds is None:
            return ()
        names = [kinds.sizes[at][0] for at in kinds.at_end(relation)]
        return tuple(dict.fromkeys(names)) if len(names) <= MOST_AT_END else ()

    found = []
    for place, count in enumerate(kg.index.counts().tolist()):
        name = kg.relation_label(place)
        if count and fold(label_words(name)) not in TYPE_RELATIONS:
            heads, tails = (ends(Relation("edges", place, inverse)) for inverse in (False, True))
            found.append(RelationSchema(name, heads, tails))
    found += [
        RelationSchema(column.relation, ends(Relation("values", place)), value=column.kind)
        for place, column in enumerate(kg.literals)
    ]
    if len(found) > MOST_RELATIONS:
        raise UsageError(
            f'the graph "{kg.graph_name}" has {len(found):,} relations, and a text is read with at most '
            f"{MOST_RELATIONS}: write those that matter into a schema file"
        )
    return ExtractionSchema(tuple(found))


class ThingKinds:
    """What kinds the things of a graph are of."""

    def __init__(self, kg: KnowledgeGraph) -> None:
        self._kg, self._kinds = kg, GraphKinds(kg)

    @property
    def type_relation(self) -> str | None:
        """The relation of the graph that says what things are, None where none does."""
        return self._kinds.type_relation

    def of(self, entity: int) -> set[str]:
        """The folded names of an entity's kinds, none where the graph does not say."""
        if self._kinds.type_relation is None:
            return set(map(fold, self._kg.types(entity)))
        at = self._kg.relation(self._kinds.type_relation)
        kinds = self._kg.index.edges(np.array([entity], dtype=np.int32), at.index, at.inverse)[1]
        return {fold(self._kg.entity_labels[kind]) for kind in kinds.tolist()}
