"""Where the entities behind an answer stand in its picture.

Facts read from left to right, from the entities that the question names to the answers: columns by distance from the
anchors, rows ordered so that few lines cross.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import networkx as nx

from reasoning import KnowledgeGraph
from reasoning.answer import Answer
from reasoning.evidence import Evidence
from reasoning.query.value_text import readable_of

MOST_EDGES = 40
"""Most facts drawn; beyond that lines and labels cover one another."""

Role = Literal["anchor", "answer", "between", "value"]

Key = int | tuple[int, str]
"""A node's key: an entity's index, or for a value the index of the entity that has it, and the relation."""


@dataclass(frozen=True)
class Node:
    """An entity or a value in the picture.

    Attributes:
        key: unique in the picture.
        label: what is written in it.
        role: how it is drawn.
        column, row: its place; `row` is a real number so that columns can be centred.
    """

    key: Key
    label: str
    role: Role
    column: int = 0
    row: float = 0.0


@dataclass(frozen=True)
class Edge:
    """A fact between two nodes, by their keys."""

    head: Key
    relation: str
    tail: Key


@dataclass(frozen=True)
class Layout:
    """A placed picture: `total` facts there are, of which `edges` are drawn."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    total: int

    @property
    def columns(self) -> int:
        """How many columns there are."""
        return 1 + max((node.column for node in self.nodes), default=-1)

    @property
    def rows(self) -> int:
        """The most nodes in one column."""
        counts = [sum(node.column == column for node in self.nodes) for column in range(self.columns)]
        return max(counts, default=0)


def lay_out(answer: Answer) -> Layout:
    """Choose and place at most `MOST_EDGES` facts behind an answer."""
    anchors = _anchors(answer)
    edges, labels = _as_edges(answer.kg, answer.evidence)
    chosen = _connected_first(edges, anchors, answer.ranked[:MOST_EDGES].tolist(), MOST_EDGES)
    graph = nx.DiGraph()
    for edge in chosen:
        graph.add_edge(edge.head, edge.tail)
    columns = _columns(graph, anchors)
    rows = _rows(graph, columns)
    answers = set(answer.ranked.tolist())

    def role(key: Key) -> Role:
        if isinstance(key, tuple):
            return "value"
        return "answer" if key in answers else "anchor" if key in anchors else "between"

    nodes = tuple(Node(key, labels[key], role(key), columns[key], rows[key]) for key in graph)
    return Layout(nodes, tuple(chosen), answer.evidence_total)


def _anchors(answer: Answer) -> set[int]:
    return {anchor for step in answer.chain for anchor in step.anchors if anchor is not None}


def _as_edges(kg: KnowledgeGraph, facts: Sequence[Evidence]) -> tuple[list[Edge], dict[Key, str]]:
    """Edges by node keys, and the nodes' labels: each value belongs to one entity alone."""
    edges: list[Edge] = []
    labels: dict[Key, str] = {}
    for fact in facts:
        labels[fact.head_entity] = fact.head
        tail: Key
        if isinstance(fact.tail, str):
            assert fact.tail_entity is not None
            tail = fact.tail_entity
            labels[tail] = fact.tail
        else:
            tail = (fact.head_entity, fact.relation)
            labels[tail] = readable_of(kg, fact.relation, fact.tail)
        edges.append(Edge(fact.head_entity, fact.relation, tail))
    return edges, labels


def _connected_first(edges: Sequence[Edge], anchors: set[int], answers: Sequence[int], most: int) -> list[Edge]:
    """All edges where they are few; else those that lead to the first answers, so that what is drawn hangs together."""
    unique = list(dict.fromkeys(edges))
    if len(unique) <= most:
        return unique
    between: dict[frozenset[Key], list[Edge]] = {}
    for edge in unique:
        between.setdefault(frozenset((edge.head, edge.tail)), []).append(edge)
    graph = nx.Graph([(edge.head, edge.tail) for edge in unique])
    chosen: dict[Edge, None] = {}
    for answer in answers:
        if answer not in graph:
            continue
        for anchor in anchors & set(graph):
            if not nx.has_path(graph, anchor, answer):
                continue
            for pair in nx.utils.pairwise(nx.shortest_path(graph, anchor, answer)):
                chosen |= dict.fromkeys(between[frozenset(pair)])
        chosen |= dict.fromkeys(edge for edge in unique if edge.head == answer and isinstance(edge.tail, tuple))
        if len(chosen) >= most:
            break
    return list(dict.fromkeys([*chosen, *unique]))[:most]


def _columns(graph: nx.DiGraph, anchors: set[int]) -> dict[Key, int]:
    undirected = graph.to_undirected()
    present = [key for key in graph if key in anchors]
    # An anchor that facts only lead to ("... whose currency is Euro") reads best on the far right.
    last = [key for key in present if not graph.out_degree(key)]
    first = [key for key in present if key not in last] or last
    last = [key for key in last if key not in first]
    columns: dict[Key, int] = {}
    rest = undirected.subgraph([key for key in undirected if key not in last])
    for sources in ([key for key in first if key in rest], *([key] for key in rest)):
        fresh = [key for key in sources if key not in columns]
        if fresh:
            for depth, layer in enumerate(nx.bfs_layers(rest, fresh)):
                for key in layer:
                    columns.setdefault(key, depth)
    end = 1 + max(columns.values(), default=-1)
    return columns | dict.fromkeys(last, end)


def _rows(graph: nx.DiGraph, columns: dict[Key, int]) -> dict[Key, float]:
    """Rows by the mean of the neighbours' rows (barycentres), swept both ways a few times; columns are centred."""
    undirected = graph.to_undirected()
    order: dict[int, list[Key]] = {}
    for key in graph:
        order.setdefault(columns[key], []).append(key)
    rows: dict[Key, float] = {}

    def settle(column: int) -> None:
        for position, key in enumerate(order[column]):
            rows[key] = position - (len(order[column]) - 1) / 2

    for column in order:
        settle(column)
    for sweep in range(4):
        for column in sorted(order, reverse=bool(sweep % 2)):
            centre = {
                key: [rows[near] for near in undirected[key] if columns[near] != column] or [rows[key]]
                for key in order[column]
            }
            order[column].sort(key=lambda key: sum(centre[key]) / len(centre[key]))
            settle(column)
    return rows
