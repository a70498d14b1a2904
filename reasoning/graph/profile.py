"""The profile of a graph: kinds, relations, values and what was left out, made in one pass and kept in the cache.

Whoever brings a graph reads here whether it was understood: `describe` prints it, prompts get a part of it as
`KnowledgeGraph.schema`, and a mapping (`kg_data.loaders.mapping`) corrects it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from pydantic import TypeAdapter, ValidationError

from kg_data.columns import HIDDEN, TYPE_RELATIONS
from kg_data.loaders.mapping import CATEGORY, Entry, Mapping
from reasoning.graph.content import Relation, ValueColumn
from reasoning.graph.index import Ids
from reasoning.graph.kinds import GraphKinds
from reasoning.graph.names import fold, label_words, relation_text
from reasoning.graph.store import KnowledgeGraph
from reasoning.graph.updates.edits import is_store
from skylark.errors import ResultsError, SkylarkError
from skylark.files import write_whole
from skylark.text import visible

log = logging.getLogger(__name__)

VERSION = 1
"""Raised where profiles that were stored before lack something."""

FILE = "profile.json"
"""Of the folder of a graph in the cache."""

MOST_NAMED = 3
"""Kinds that are named at an end of a relation."""

MOST_EXAMPLES = 3
"""Texts of a column that are shown."""

LONGEST = 60
"""Characters of a name that are shown, but of a relation, which a query must name in full."""

ANYTHING = "anything"

Scalar = int | float | str
"""A value as JSON has it, a date in ISO 8601."""


@dataclass(frozen=True)
class KindProfile:
    """A kind of things.

    Attributes:
        name: what queries call it.
        size: its number of members.
        namer: the predicate or column that names them; "" where the source does not say.
        definition: what counts as one, a sentence; "" where the source does not say.
        members: the names of two with many facts; () of a graph on a server.
    """

    name: str
    size: int
    namer: str = ""
    definition: str = ""
    members: tuple[str, ...] = ()


@dataclass(frozen=True)
class RelationProfile:
    """A relation between entities.

    Attributes:
        name: what queries call it.
        id: its id in the source.
        heads, tails: the most frequent kinds that it leads from and to; () where the graph has no kinds.
        facts: the number of its triples.
        head_count, tail_count: distinct entities at both ends; None of a graph on a server.
        aliases: further names.
        inverse_names: names of its inverse.
        example: head and tail of a fact; () where the kinds of a graph on a server say enough.
    """

    name: str
    id: str
    heads: tuple[str, ...]
    tails: tuple[str, ...]
    facts: int
    head_count: int | None = None
    tail_count: int | None = None
    aliases: tuple[str, ...] = ()
    inverse_names: tuple[str, ...] = ()
    example: tuple[str, ...] = ()


@dataclass(frozen=True)
class ColumnProfile:
    """A relation with values.

    Attributes:
        name: what queries call it.
        id: its id in the source.
        heads: the most frequent kinds that have such values.
        kind: the kind of the values, such as "decimal".
        unit: of the values, "" where they have none.
        facts: the number of values.
        entity_count: entities that have one or more; None of a graph on a server.
        lowest, highest: the range; None of texts, and of a graph on a server.
        examples: some of its values, of texts alone.
        aliases: further names.
        example: an entity with its value, as `RelationProfile.example`.
    """

    name: str
    id: str
    heads: tuple[str, ...]
    kind: str
    unit: str
    facts: int
    entity_count: int | None = None
    lowest: Scalar | None = None
    highest: Scalar | None = None
    examples: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    example: tuple[str, Scalar] | tuple[()] = ()


@dataclass(frozen=True)
class GraphProfile:
    """What a graph holds, as it was understood.

    Attributes:
        name, source: the graph's.
        triples, values, entities: their numbers; entities None where a server does not say.
        typed: whether the graph says what its things are.
        kinds: the most frequent first.
        relations, columns: in the order of the graph.
        hidden: the kinds and relations that its mapping hides.
        left_out: the number of triples or cells of the source that the graph leaves out, by the reason.
        notes: how its files were read, in sentences.
    """

    name: str
    source: str
    triples: int
    values: int
    entities: int | None
    typed: bool
    kinds: tuple[KindProfile, ...]
    relations: tuple[RelationProfile, ...]
    columns: tuple[ColumnProfile, ...]
    hidden: tuple[str, ...] = ()
    left_out: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, kg: KnowledgeGraph) -> Self:
        """The profile of a graph: from the cache, else made in one pass over its relations."""
        path = None if kg.origin is None or is_store(kg.origin.name) else kg.origin.folder / FILE
        if path is not None:
            with suppress(OSError, ValidationError, ValueError, KeyError, TypeError):
                saved = json.loads(path.read_bytes())
                if saved["version"] == VERSION:
                    profile: Self = TypeAdapter(cls).validate_python(saved["profile"])
                    return profile
        profile = cls._made(kg)
        if path is not None and path.parent.is_dir():
            try:
                write_whole(path, json.dumps({"version": VERSION, "profile": profile.to_dict()}).encode())
            except ResultsError as error:
                log.warning("the profile of %s could not be cached: %s", kg.graph_name, error)
        return profile

    @classmethod
    def _made(cls, kg: KnowledgeGraph) -> Self:
        kinds = NamedKinds.of(kg)
        return cls(
            kg.graph_name,
            kg.source,
            len(kg),
            kg.value_count,
            kg.universe_size,
            kinds is not None,
            () if kinds is None else tuple(kinds.profiles(kg)),
            tuple(_relations(kg, kinds)),
            tuple(_column(kg, place, kinds) for place in range(len(kg.literals))),
            tuple(reason.removeprefix(HIDDEN) for reason in kg.left_out_triples if reason.startswith(HIDDEN)),
            dict(kg.left_out_triples),
            tuple(kg.loading_notes),
        )

    def to_dict(self) -> dict[str, Any]:
        """The profile as JSON has it: lists and numbers."""
        content: dict[str, Any] = TypeAdapter(type(self)).dump_python(self, mode="json")
        return content

    def __str__(self) -> str:
        """The whole profile as text for people."""
        lines = [self._size, *([visible(self.source)] if self.source else [])]
        lines += ["Kinds:"] * bool(self.kinds) + [f"  {_kind_line(kind)}" for kind in self.kinds]
        lines += ["Relations:"] * bool(self.relations)
        lines += [f"  {_relation(one.name)}: {_relation_line(one)}" for one in self.relations]
        lines += ["Values:"] * bool(self.columns)
        lines += [f"  {_relation(one.name)}: {_column_line(one)}" for one in self.columns]
        lines += ["Left out:"] * bool(self.left_out)
        lines += [f"  {count:,}: {visible(reason)}" for reason, count in self.left_out.items()]
        lines += ["Notes:"] * bool(self.notes) + [f"  {visible(note)}" for note in self.notes]
        return "\n".join(lines)

    def mapping_text(self, given: Mapping | None = None) -> str:
        """A mapping to begin with, as TOML: the kinds of values as they are now, the rest as comments.

        Args:
            given: a mapping of the same graph whose entries are taken over.
        """
        entries: list[tuple[str, str, Entry, str]] = []  # table, name, what is said, comment
        known = Mapping(Path(), {}, {}) if given is None else given
        for kind in self.kinds:
            entries.append(("kinds", kind.name, known.kinds.get(kind.name, Entry()), _kind_line(kind)))
        for one in self.relations:
            category = self.typed and not one.tails and fold(label_words(one.name)) not in TYPE_RELATIONS
            said = Entry(values=CATEGORY if category else "")
            entries.append(("relations", one.id, _entry_of(known, one, said), f"{one.name}: {_relation_line(one)}"))
        for column in self.columns:
            said = Entry(values=column.kind)
            line = f"{column.name}: {_column_line(column)}"
            entries.append(("relations", column.id, _entry_of(known, column, said), line))
        keys = "name, hide, synonyms, definition, namer of kinds; name, hide, synonyms, inverse, values of relations"
        lines = [f"# {visible(self.name)}: {keys} (see docs/profile.md)"]
        for table, name, entry, comment in entries:
            lines += ["", f"# {visible(comment)}", f"[{table}.{_toml(name)}]"]
            said_now = {key: value for key, value in asdict(entry).items() if key != "line" and value}
            lines += [f"{key} = {_toml(value)}" for key, value in said_now.items()]
        return "\n".join(lines) + "\n"

    def schema(self, most: int = 50) -> str:
        """The part of it that prompts get; see `KnowledgeGraph.schema`."""
        if most < 1:
            raise SkylarkError(f"most must be at least 1, not {most}")
        lines = [self._size]
        if self.typed:
            counted = [f"{_short(kind.name)} ({kind.size:,})" for kind in self.kinds[:most]]
            lines.append(f"Kinds: {', '.join(counted)}{_more(len(self.kinds) - most, ' ')}")
            lines.append("Relations, each with what it leads from, what it leads to, and how often it is there:")
        else:
            lines.append("Relations, each with an example and how often it is there:")
        relations = [*self._schema_lines()]
        relations.sort(key=lambda pair: -pair[0])
        lines += [f"  {text} ({count:,})" for count, text in relations[:most]]
        return "\n".join(lines) + _more(len(relations) - most, "\n  ")

    @property
    def _size(self) -> str:
        of = "" if self.entities is None else f" of {self.entities:,} entities"
        return f"Graph {_short(self.name)}: {self.triples:,} triples and {self.values:,} values{of}"

    def _schema_lines(self) -> Iterator[tuple[int, str]]:
        """The number of facts of each relation, with its line."""
        for one in self.relations:
            ends = (_words(one.heads), _words(one.tails)) if self.typed else (_short(end) for end in one.example)
            yield one.facts, f"{_relation(one.name)}: {' -> '.join(ends)}"
        for column in self.columns:
            if self.typed:
                unit = f" in {_short(column.unit)}" if column.unit else ""
                yield column.facts, f"{_relation(column.name)}: {_words(column.heads)} -> {column.kind}{unit}"
            elif column.example:
                unit = f" {_short(column.unit)}" if column.unit else ""
                head, value = column.example
                yield column.facts, f"{_relation(column.name)}: {_short(head)} -> {_short(str(value))}{unit}"


@dataclass(frozen=True)
class NamedKinds:
    """The kinds of a graph that have names: those of the relation that says types, else the types of its source.

    Attributes:
        sizes: each kind's name with its number of members, the most frequent first.
        at_end: the places of the kinds that a relation leads from, most first.
        members: the members of the kind at a place, sorted.
    """

    sizes: list[tuple[str, int]]
    at_end: Callable[[Relation], Sequence[int]]
    members: Callable[[int], Ids]

    @classmethod
    def of(cls, kg: KnowledgeGraph) -> Self | None:
        """Those of a graph; None where it has none."""
        kinds = GraphKinds(kg)
        if kinds.type_relation is not None:
            types, relation = kinds.types, kg.relation(kinds.type_relation)
            names = [kg.entity_labels[kind] for kind in types]

            def typed(place: int) -> Ids:
                of = np.array(types[place : place + 1], dtype=np.int32)
                return kg.index.project(of, relation.index, not relation.inverse)

            return cls(list(zip(names, kinds.sizes.tolist(), strict=True)), kinds.at_end, typed)
        pairs = kg.type_pairs if kg.server is None else np.zeros((0, 2), np.int32)
        if not len(pairs):
            return None
        sizes = np.bincount(pairs[:, 1], minlength=len(kg.type_names))
        order = np.argsort(-sizes, kind="stable")[: np.count_nonzero(sizes)]
        by_type = pairs[np.argsort(pairs[:, 1], kind="stable"), 0]
        bounds = np.concatenate(([0], np.cumsum(sizes)))

        def at_end(relation: Relation) -> Sequence[int]:
            there = np.bincount(pairs[np.isin(pairs[:, 0], _heads(kg, relation)), 1], minlength=len(sizes))[order]
            found: list[int] = np.argsort(-there, kind="stable")[: np.count_nonzero(there)].tolist()
            return found

        named = [(kg.type_names[at], int(sizes[at])) for at in order.tolist()]
        return cls(named, at_end, lambda place: by_type[bounds[order[place]] : bounds[order[place] + 1]])

    def names_at(self, relation: Relation) -> tuple[str, ...]:
        """The names of the most frequent kinds that a relation leads from."""
        return tuple(self.sizes[at][0] for at in self.at_end(relation)[:MOST_NAMED])

    def profiles(self, kg: KnowledgeGraph) -> Iterator[KindProfile]:
        """Each kind with what names and defines it, and two of its members."""
        for place, (name, size) in enumerate(self.sizes):
            best: list[int] = []
            if kg.server is None:
                members = self.members(place)
                best = members[np.argsort(-kg.index.degrees(members), kind="stable")[:2]].tolist()
            known = tuple(kg.name(entity) for entity in best)
            yield KindProfile(name, size, kg.namers.get(name, ""), kg.definitions.get(name, ""), known)


def _heads(kg: KnowledgeGraph, relation: Relation) -> Ids:
    if relation.kind == "values":
        return kg.literals[relation.index].entities
    return kg.index.ends(relation.index, relation.inverse)


def _relations(kg: KnowledgeGraph, kinds: NamedKinds | None) -> Iterator[RelationProfile]:
    names: dict[tuple[int, bool], list[str]] = {}
    for name, target in kg.relation_aliases.items():
        names.setdefault(target, []).append(name)
    for index, facts in enumerate(kg.index.counts().tolist()):
        if not facts:
            continue
        ends = [Relation("edges", index, inverse) for inverse in (False, True)]
        heads, tails = ((), ()) if kinds is None else map(kinds.names_at, ends)
        sources, targets = (len(_heads(kg, end)) if kg.server is None else None for end in ends)
        example: tuple[str, ...] = ()
        if kg.server is None or kinds is None:
            example = tuple(kg.name(int(entities[0])) for entities in kg.index.some(index, False, 1))
        others, back = (tuple(names.get((index, inverse), ())) for inverse in (False, True))
        name, identifier = kg.relation_label(index), kg.relation_ids[index]
        yield RelationProfile(name, identifier, heads, tails, facts, sources, targets, others, back, example)


def _column(kg: KnowledgeGraph, place: int, kinds: NamedKinds | None) -> ColumnProfile:
    column = kg.literals[place]
    heads = () if kinds is None else kinds.names_at(Relation("values", place))
    common = (column.relation, column.identifier, heads, column.kind, column.unit, len(column))
    aliases = tuple(name for name, at in kg.content.relations.value_aliases.items() if at == place)
    example: tuple[str, Scalar] | tuple[()] = ()
    if kg.server is None or kinds is None:
        entities, values = column.some(1)
        if len(entities):
            example = (kg.name(int(entities[0])), _scalar(kg, column, float(values[0])))
    if kg.server is not None or not len(column):
        return ColumnProfile(*common, aliases=aliases, example=example)
    values = column.values
    lowest, highest = (_scalar(kg, column, float(end)) for end in (values.min(), values.max()))
    return ColumnProfile(*common, len(np.unique(column.entities)), lowest, highest, (), aliases, example)


def _scalar(kg: KnowledgeGraph, column: ValueColumn, raw: float) -> Scalar:
    value = kg.value(column, raw)
    return value if isinstance(value, int | float | str) else value.isoformat()


def _entry_of(known: Mapping, one: RelationProfile | ColumnProfile, usual: Entry) -> Entry:
    """What a mapping says of a relation, by its id or name."""
    return known.relations.get(one.id) or known.relations.get(one.name) or usual


def _toml(value: str | bool | Sequence[str]) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        return f"[{', '.join(map(_toml, value))}]"
    plain = value.encode("utf-8", "replace").decode()  # TOML knows no lone surrogates
    return '"' + "".join(c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08x}" for c in plain) + '"'


def _kind_line(kind: KindProfile) -> str:
    parts = [f"{_short(kind.name)} ({kind.size:,})"]
    parts += [f"named by {_short(kind.namer)}"] * bool(kind.namer)
    parts += [f"such as {', '.join(map(_short, kind.members))}"] * bool(kind.members)
    return "; ".join(parts) + (f": {visible(kind.definition)}" if kind.definition else "")


def _relation_line(one: RelationProfile) -> str:
    ends = [
        f"{_words(kinds)}{'' if count is None else f' ({count:,})'}"
        for kinds, count in ((one.heads, one.head_count), (one.tails, one.tail_count))
    ]
    parts = [" -> ".join(ends), f"{one.facts:,} facts"]
    for what, names in (("also", one.aliases), ("inverse", one.inverse_names)):
        parts += [f"{what}: {', '.join(map(_short, names))}"] * bool(names)
    parts += [f"e.g. {' -> '.join(map(_short, one.example))}"] * bool(one.example and not one.heads)
    return "; ".join(parts)


def _column_line(one: ColumnProfile) -> str:
    unit = f" in {_short(one.unit)}" if one.unit else ""
    of = "" if one.entity_count is None else f" of {one.entity_count:,} entities"
    parts = [f"{_words(one.heads)} -> {one.kind}{unit}", f"{one.facts:,} values{of}"]
    parts += [f"{one.lowest} to {one.highest}"] * (one.lowest is not None)
    parts += [f"such as {', '.join(map(_short, one.examples))}"] * bool(one.examples)
    parts += [f"also: {', '.join(map(_short, one.aliases))}"] * bool(one.aliases)
    return "; ".join(parts)


def _words(kinds: Sequence[str]) -> str:
    return " or ".join(map(_short, kinds)) or ANYTHING


def _relation(label: str) -> str:
    return visible(relation_text(label))


def _more(rest: int, before: str) -> str:
    return f"{before}and {rest:,} more" if rest > 0 else ""


def _short(name: str) -> str:
    line = visible(name)
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
