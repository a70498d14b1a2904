"""A mapping: what the owner of a graph decides of its kinds and relations, in a TOML file that can be committed.

What a loader finds out by looking at the data may change with the next row; what a mapping says stays. It is applied to
the columns of any loader, and `python -m reasoning describe --write` writes one to begin with.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from kg_data.columns import HIDDEN, GraphColumns, LiteralColumn, lexical_form, type_relations, without_unused
from kg_data.loaders.text import read_text
from kg_data.values import NUMBER_KINDS, VALUE_KINDS, is_kind, read_value, with_article
from skylark.errors import DataError

CATEGORY = "category"
"""Of `Entry.values`: the relation leads to entities, each text or number being one."""

_KEYS = {
    "kinds": ("name", "hide", "synonyms", "definition", "namer"),
    "relations": ("name", "hide", "synonyms", "inverse", "values"),
}
_FORMS: dict[str, tuple[type, str]] = {
    "hide": (bool, "true or false"),
    **dict.fromkeys(("synonyms", "inverse"), (list, "a list of texts")),
}


@dataclass(frozen=True)
class Entry:
    """What a mapping says of one kind or relation.

    Attributes:
        line: of its heading in the file; None where it has none of its own.
        name: what it is called from now on; the old name stays an alias.
        hide: whether it is left out of the graph; of a kind with the things that are of no other one.
        synonyms: further names and verb phrases.
        inverse: names and verb phrases of the inverse.
        definition: what counts as a thing of the kind, a sentence.
        namer: the relation whose texts name the members of the kind.
        values: the kind of its values, or `CATEGORY`.
    """

    line: int | None = None
    name: str = ""
    hide: bool = False
    synonyms: tuple[str, ...] = ()
    inverse: tuple[str, ...] = ()
    definition: str = ""
    namer: str = ""
    values: str = ""


@dataclass(frozen=True)
class Mapping:
    """A mapping file: its entries by the name or id of the kind or relation in the graph as it is without it."""

    path: Path
    kinds: dict[str, Entry]
    relations: dict[str, Entry]

    @classmethod
    def read(cls, path: Path) -> Mapping:
        """Read a file.

        Raises:
            DataError: it cannot be read, is no TOML, or says something else than a mapping does; with the line.
        """
        text = read_text(path)
        try:
            content = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            found = re.search(r"at line (\d+)", str(error))
            raise DataError(path, f"TOML ({error})", line=int(found[1]) if found else None) from None
        lines = _headings(text)
        sections: dict[str, dict[str, Entry]] = {}
        for section, entries in content.items():
            if section not in _KEYS or not isinstance(entries, dict):
                raise DataError(path, "the tables [kinds.NAME] and [relations.NAME]", found=section)
            sections[section] = {
                name: _entry(path, section, name, said, lines.get((section, name))) for name, said in entries.items()
            }
        return cls(path, sections.get("kinds", {}), sections.get("relations", {}))

    def apply(self, columns: GraphColumns) -> GraphColumns:
        """The graph as the mapping has it.

        Raises:
            DataError: it names a kind or relation that the graph does not have; with the line and the nearest names.
        """
        before, counted = columns, dict(columns.left_out_triples)
        for name, entry in self.relations.items():
            columns = self._with_values(columns, name, entry, counted)
        for name, entry in self.kinds.items():
            self._members(columns, name, entry.line)  # an error here and not once its members are hidden
            if entry.namer:
                columns = self._named(columns, name, entry)
        for name, entry in self.relations.items():
            if entry.hide:
                size = fact_count(columns)
                columns = _without_relation(columns, self._relation(columns, name, entry.line))
                counted[f'{HIDDEN}relation "{name}"'] = size - fact_count(columns)
        for name, entry in self.kinds.items():
            if entry.hide:
                size = fact_count(columns)
                columns = self._without_kind(columns, name, entry.line)
                counted[f'{HIDDEN}kind "{name}"'] = size - fact_count(columns)
        columns = self._renamed(without_unused(before, columns))
        return replace(columns, left_out_triples={reason: count for reason, count in counted.items() if count})

    def _relation(self, columns: GraphColumns, name: str, line: int | None) -> int:
        """The place of a relation among those between entities and, behind them, those with values."""
        places, ids = _places(columns, name)
        if len(places) > 1:
            hint = f"say which by its id: {', '.join(ids[at] for at in places[:5])}"
            raise DataError(self.path, f'one relation that is called "{name}"', line, hint=hint)
        if not places:
            there = {*ids, *columns.relation_labels, *(column.relation for column in columns.literals)}
            raise DataError(self.path, "a relation of the graph", line, name, _nearest(name, there))
        return places[0]

    def _members(self, columns: GraphColumns, name: str, line: int | None) -> tuple[set[int], set[int]]:
        """The members of a kind, and the entities that stand for it."""
        kinds = _kinds(columns)
        things = {thing for _, kind, thing in kinds if kind == name and thing >= 0}
        members = {entity for entity, kind, _ in kinds if kind == name}
        if not members:
            raise DataError(
                self.path, "a kind of the graph", line, name, _nearest(name, {kind for _, kind, _ in kinds})
            )
        return members, things

    def _with_values(self, columns: GraphColumns, name: str, entry: Entry, counted: dict[str, int]) -> GraphColumns:
        """The relation with values of the kind that its entry says, or with entities."""
        place, count = self._relation(columns, name, entry.line), len(columns.relation_ids)
        if not entry.values or (entry.values == CATEGORY and place < count):
            return columns
        if place >= count:
            kind = columns.literals[place - count].kind
            if kind == entry.values or {kind, entry.values} <= {*NUMBER_KINDS}:
                return columns
            columns, place = _as_links(columns, place - count), count
        return columns if entry.values == CATEGORY else _as_values(columns, place, entry.values, counted)

    def _named(self, columns: GraphColumns, name: str, entry: Entry) -> GraphColumns:
        """The members of a kind called by what its namer says, which is a fact of theirs no longer."""
        members, _ = self._members(columns, name, entry.line)
        place, count = self._relation(columns, entry.namer, entry.line), len(columns.relation_ids)
        kind = columns.literals[place - count].kind if place >= count else None
        columns, place = (columns, place) if kind is None else (_as_links(columns, place - count), count)
        labels, aliases, splits = list(columns.entity_labels), list(columns.aliases), {}
        named: set[int] = set()
        for split, triples in columns.splits.items():
            naming = (triples[:, 1] == place) & np.isin(triples[:, 0], list(members))
            splits[split] = triples[~naming]
            for entity, text in triples[naming][:, [0, 2]].tolist():
                other = columns.entity_labels[text]
                if entity not in named:
                    named.add(entity)
                    other, labels[entity] = labels[entity], other
                aliases += [(entity, other)] * (other not in (labels[entity], columns.entity_ids[entity]))
        namers = {**columns.namers, name: columns.relation_labels[place]}
        columns = replace(columns, splits=splits, entity_labels=labels, aliases=aliases, namers=namers)
        if not any((part[:, 1] == place).any() for part in splits.values()):
            return _without_relation(columns, place)
        return columns if kind is None else _as_values(columns, place, kind, {})

    def _without_kind(self, columns: GraphColumns, name: str, line: int | None) -> GraphColumns:
        """Without a kind, and without the facts of its members that are of no other."""
        members, things = self._members(columns, name, line)
        others = {entity for entity, kind, _ in _kinds(columns) if kind != name}
        gone = np.zeros(len(columns.entity_ids), dtype=bool)
        gone[[*(members - others), *things]] = True
        splits = {split: part[~(gone[part[:, 0]] | gone[part[:, 2]])] for split, part in columns.splits.items()}
        literals = [
            replace(column, entities=column.entities[kept], values=column.values[kept])
            for column in columns.literals
            for kept in [~gone[column.entities]]
        ]
        types = [(entity, kind) for entity, kind in columns.types if kind != name]
        return replace(columns, splits=splits, literals=literals, types=types)

    def _renamed(self, columns: GraphColumns) -> GraphColumns:
        """With the names, synonyms and definitions that the mapping gives."""
        labels, aliases, kinds = list(columns.entity_labels), list(columns.aliases), dict[str, str]()
        definitions, members = dict(columns.definitions), _kinds(columns)
        for name, entry in self.kinds.items():
            if not entry.hide:
                kinds[name] = entry.name or name
                definitions |= {name: entry.definition} if entry.definition else {}
                for thing in {thing for _, kind, thing in members if kind == name and thing >= 0}:
                    aliases += [(thing, other) for other in (*[name] * bool(entry.name), *entry.synonyms)]
                    labels[thing] = kinds[name]
        count, relations, literals = len(columns.relation_ids), list(columns.relation_labels), list(columns.literals)
        of_relations, of_values = dict(columns.relation_aliases), dict(columns.value_aliases)
        for name, entry in self.relations.items():
            place = next(iter(_places(columns, name)[0]), None)
            if place is None:
                continue  # it is hidden, or all its facts are
            others = (*[name] * bool(entry.name), *entry.synonyms)
            if place < count:
                relations[place] = entry.name or relations[place]
                of_relations |= dict.fromkeys(others, (place, False)) | dict.fromkeys(entry.inverse, (place, True))
                continue
            if entry.inverse:
                raise DataError(self.path, "no inverse of a relation with values", entry.line, name)
            column = literals[place - count]
            literals[place - count] = replace(column, relation=entry.name or column.relation)
            of_values |= dict.fromkeys(others, place - count)
        return replace(
            columns,
            entity_labels=labels,
            aliases=aliases,
            types=[(entity, kinds.get(kind, kind)) for entity, kind in columns.types],
            relation_labels=relations,
            relation_aliases=of_relations,
            literals=literals,
            value_aliases=of_values,
            definitions={kinds.get(kind, kind): text for kind, text in definitions.items()},
            namers={kinds.get(kind, kind): namer for kind, namer in columns.namers.items()},
        )


def _headings(text: str) -> dict[tuple[str, str], int]:
    """The line of each table of two keys, such as `[kinds."city"]`, in TOML."""
    found: dict[tuple[str, str], int] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        with suppress(tomllib.TOMLDecodeError):
            if line.lstrip().startswith("["):
                [(section, names)] = tomllib.loads(line).items()
                found |= {(section, name): number for name in names}
    return found


def _entry(path: Path, section: str, name: str, said: object, line: int | None) -> Entry:
    """One table of a mapping, checked."""
    keys = _KEYS[section]
    if not isinstance(said, dict):
        raise DataError(path, f"a table [{section}.{name}]", line, str(said))
    given: dict[str, Any] = {}
    for key, value in said.items():
        if key not in keys:
            raise DataError(path, f"the keys {', '.join(keys)} in [{section}.{name}]", line, key, _nearest(key, keys))
        kind, what = _FORMS.get(key, (str, "a text"))
        texts = value if isinstance(value, list) else [value] if isinstance(value, str) else []
        if not isinstance(value, kind) or not all(isinstance(text, str) and text.strip() for text in texts):
            raise DataError(path, f"{what} as {key} in [{section}.{name}]", line, str(value))
        given[key] = tuple(value) if isinstance(value, list) else value
    kinds = (CATEGORY, *VALUE_KINDS)
    if (values := given.get("values", CATEGORY)) not in kinds:
        raise DataError(path, f"values of the kinds {', '.join(kinds)}", line, values, _nearest(values, kinds))
    return Entry(line, **given)


def _nearest(name: str, there: Iterable[str]) -> str:
    known = sorted(there)
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.4) or known[:3]
    return f"nearest: {', '.join(near)}" if near else "it has none"


def _places(columns: GraphColumns, name: str) -> tuple[list[int], list[str]]:
    """The places of the relations with an id, else label, as `Mapping._relation` gives them, and the ids of all."""
    ids = [*columns.relation_ids, *(column.identifier for column in columns.literals)]
    labels = [*columns.relation_labels, *(column.relation for column in columns.literals)]
    of_id = [at for at, one in enumerate(ids) if one == name]
    return of_id or [at for at, one in enumerate(labels) if one == name], ids


def fact_count(columns: GraphColumns) -> int:
    """How many triples and values there are."""
    return sum(map(len, columns.splits.values())) + sum(map(len, columns.literals))


def _kinds(columns: GraphColumns) -> list[tuple[int, str, int]]:
    """Each entity with the name of a kind that it is of, and with the entity that stands for the kind; else -1."""
    kinds = [(entity, kind, -1) for entity, kind in columns.types]
    types = type_relations(columns)
    for triples in columns.splits.values():
        for entity, thing in triples[np.isin(triples[:, 1], types)][:, [0, 2]].tolist():
            kinds.append((entity, columns.entity_labels[thing], thing))
    return kinds


def _without_relation(columns: GraphColumns, place: int) -> GraphColumns:
    """Without a relation by its place, as `Mapping._relation` gives it."""
    count = len(columns.relation_ids)
    if place >= count:
        gone = place - count
        literals = [column for at, column in enumerate(columns.literals) if at != gone]
        names = {name: at - (at > gone) for name, at in columns.value_aliases.items() if at != gone}
        return replace(columns, literals=literals, value_aliases=names)
    splits = {split: part[part[:, 1] != place] for split, part in columns.splits.items()}
    for part in splits.values():  # copies
        part[:, 1] -= part[:, 1] > place
    aliases = {name: (at - (at > place), back) for name, (at, back) in columns.relation_aliases.items() if at != place}
    return replace(
        columns,
        relation_ids=[*columns.relation_ids[:place], *columns.relation_ids[place + 1 :]],
        relation_labels=[*columns.relation_labels[:place], *columns.relation_labels[place + 1 :]],
        splits=splits,
        relation_aliases=aliases,
    )


def _as_links(columns: GraphColumns, place: int) -> GraphColumns:
    """With a relation with values as the last one between entities, each value being an entity."""
    column = columns.literals[place]
    known = {identifier: at for at, identifier in enumerate(columns.entity_ids)}
    ids, labels = list(columns.entity_ids), list(columns.entity_labels)
    tails = []
    for raw in column.values.tolist():
        text = lexical_form(column.kind, raw)
        tails.append(known.setdefault(text, len(known)))
    ids += list(known)[len(ids) :]
    labels += list(known)[len(labels) :]
    relation = np.full(len(column), len(columns.relation_ids))
    links = np.column_stack((column.entities, relation, np.array(tails, dtype=np.int32))).astype(np.int32)
    split = next(iter(columns.splits))
    further = {name: (len(columns.relation_ids), False) for name, at in columns.value_aliases.items() if at == place}
    fewer = _without_relation(columns, len(columns.relation_ids) + place)
    return replace(
        fewer,
        entity_ids=ids,
        entity_labels=labels,
        relation_ids=[*columns.relation_ids, column.identifier],
        relation_labels=[*columns.relation_labels, column.relation],
        splits={**columns.splits, split: np.concatenate((columns.splits[split], links))},
        relation_aliases={**columns.relation_aliases, **further},
    )


def _as_values(columns: GraphColumns, place: int, kind: str, counted: dict[str, int]) -> GraphColumns:
    """With a relation between entities as one with values: the labels of its tails, those that spell such a value."""
    assert is_kind(kind)
    links = np.concatenate([part[part[:, 1] == place] for part in columns.splits.values()])
    values: dict[int, float] = {}
    for entity, tail in links[:, [0, 2]].tolist():
        with suppress(ValueError):
            values.setdefault(entity, read_value(kind, columns.entity_labels[tail]).number)
    name, identifier = columns.relation_labels[place], columns.relation_ids[place]
    counted[f'"{name}" is {with_article(kind)} by the mapping: what spells none'] = len(links) - len(values)
    entities = np.array(sorted(values), dtype=np.int32)
    raw = np.array([values[entity] for entity in entities.tolist()], dtype=np.float64)
    column = LiteralColumn(name, kind, entities, raw, identifier=identifier)
    names = [other for other, (at, inverse) in columns.relation_aliases.items() if at == place and not inverse]
    fewer = _without_relation(columns, place)
    further = dict.fromkeys(names, len(fewer.literals))
    return replace(fewer, literals=[*fewer.literals, column], value_aliases={**fewer.value_aliases, **further})
