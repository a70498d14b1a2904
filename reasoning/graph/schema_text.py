"""What a graph holds, as text: its kinds of things, and its relations with the kinds at their ends.

A person reads it before asking, and so does a language model in a prompt. Where the graph does not say what things
are, each relation has a fact as its example: what ends have in common names no kind that a reader would know. Names
come from strangers: each stands on one line, and is cut where nobody would read on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from kg_data.errors import SkylarkError
from kg_data.supplied import supplies
from kg_data.visible import visible
from reasoning.graph.kinds import GraphKinds
from reasoning.graph.relations import Relation
from reasoning.graph.spelling import relation_text
from reasoning.graph.store import KnowledgeGraph

MOST_NAMED = 3
"""Kinds that are named at an end of a relation."""

LONGEST = 60
"""Characters of a name that are shown, but of a relation, which a query must name in full."""

ANYTHING = "anything"

Kinds = tuple[list[tuple[str, int]], Callable[[Relation], Sequence[int]]]
"""Each kind's name with its number of members, and the places of those that a relation leads from, most first."""


@supplies(KnowledgeGraph.schema)
def schema_text(kg: KnowledgeGraph, most: int = 50) -> str:
    """See `KnowledgeGraph.schema`."""
    if most < 1:
        raise SkylarkError(f"most must be at least 1, not {most}")
    kinds = named_kinds(kg)
    values = kg.value_count
    of = "" if kg.universe_size is None else f" of {kg.universe_size:,} entities"
    size = f"{len(kg):,} triples and {values:,} values{of}"
    lines = [f"Graph {_short(kg.graph_name)}: {size}"]
    if kinds is None:
        lines.append("Relations, each with an example and how often it is there:")
        relations = [*_with_examples(kg)]
    else:
        counted = [f"{_short(name)} ({count:,})" for name, count in kinds[0][:most]]
        lines.append(f"Kinds: {', '.join(counted)}{_more(len(kinds[0]) - most, ' ')}")
        lines.append("Relations, each with what it leads from, what it leads to, and how often it is there:")
        relations = [*_with_kinds(kg, kinds)]
    relations.sort(key=lambda pair: -pair[0])
    lines += [f"  {text} ({count:,})" for count, text in relations[:most]]
    return "\n".join(lines) + _more(len(relations) - most, "\n  ")


def named_kinds(kg: KnowledgeGraph) -> Kinds | None:
    """What a relation says that things are, else the types that came with the graph; None where neither is there."""
    kinds = GraphKinds(kg)
    if kinds.type_relation is not None:
        names = [kg.entity_labels[kind] for kind in kinds.types]
        return list(zip(names, kinds.sizes.tolist(), strict=True)), kinds.at_end
    if kg.server is not None:
        return None
    pairs = kg.type_pairs
    if not len(pairs):
        return None
    sizes = np.bincount(pairs[:, 1], minlength=len(kg.type_names))
    order = np.argsort(-sizes, kind="stable")[: np.count_nonzero(sizes)]

    def at_end(relation: Relation) -> Sequence[int]:
        at_hand = relation.kind == "values"
        entities = kg.literals[relation.index].entities if at_hand else kg.index.ends(relation.index, relation.inverse)
        there = np.bincount(pairs[np.isin(pairs[:, 0], entities), 1], minlength=len(sizes))[order]
        found: list[int] = np.argsort(-there, kind="stable")[: np.count_nonzero(there)].tolist()
        return found

    return [(kg.type_names[at], int(sizes[at])) for at in order.tolist()], at_end


def _with_kinds(kg: KnowledgeGraph, kinds: Kinds) -> Iterator[tuple[int, str]]:
    """How many facts each relation has, with its line."""
    named, at_end = kinds

    def words(relation: Relation) -> str:
        return " or ".join(_short(named[at][0]) for at in at_end(relation)[:MOST_NAMED]) or ANYTHING

    for index, count in enumerate(kg.index.counts().tolist()):
        if count:
            heads, tails = (words(Relation("edges", index, inverse)) for inverse in (False, True))
            yield count, f"{_relation(kg.relation_label(index))}: {heads} -> {tails}"
    for place, column in enumerate(kg.literals):
        unit = f" in {_short(column.unit)}" if column.unit else ""
        yield len(column), f"{_relation(column.relation)}: {words(Relation('values', place))} -> {column.kind}{unit}"


def _with_examples(kg: KnowledgeGraph) -> Iterator[tuple[int, str]]:
    """The same with a fact in place of kinds."""
    for index, count in enumerate(kg.index.counts().tolist()):
        if count:
            heads, tails = kg.index.some(index, False, 1)
            example = f"{_short(kg.name(int(heads[0])))} -> {_short(kg.name(int(tails[0])))}"
            yield count, f"{_relation(kg.relation_label(index))}: {example}"
    for column in kg.literals:
        entities, values = column.some(1)
        if len(entities):
            value = kg.value(column, float(values[0]))
            unit = f" {_short(column.unit)}" if column.unit else ""
            yield len(column), f"{_relation(column.relation)}: {_short(kg.name(int(entities[0])))} -> {value}{unit}"


def _relation(label: str) -> str:
    return visible(relation_text(label))


def _more(rest: int, before: str) -> str:
    return f"{before}and {rest:,} more" if rest > 0 else ""


def _short(name: str) -> str:
    line = visible(name)
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
