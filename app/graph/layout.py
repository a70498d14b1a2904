"""The facts behind an answer, chosen and placed for a picture.

Facts read from left to right, from the entities that the question names to the answers: columns by distance from the
anchors, rows ordered so that few lines cross. An entity that the visitor opens gets some of its other facts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import networkx as nx
import numpy as np

from app.graph.predictions import AnswerWithPredictions
from reasoning import KnowledgeGraph
from reasoning.answer import Answer, Evidence
from reasoning.execution.exact import trace
from reasoning.verbalization.words import readable_of

MOST_EDGES = 200
"""Most facts behind the answer that are drawn."""
CHOSEN_FROM = 2_000
MOST_OPENED = 12
"""Most entities opened in one picture."""
MOST_NEIGHBOURS = 12
"""Most further facts drawn of an opened entity."""
LOOKED_AT = 2_000
"""Facts of an opened entity among which those drawn are chosen."""

Role = Literal["anchor", "answer", "likely", "between", "value", "near"]

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
        named: whether an answer is named in the question as well.
        newest: whether it has just come, in a picture that grows.
    """

    key: Key
    label: str
    role: Role
    column: int = 0
    row: float = 0.0
    named: bool = False
    newest: bool = False


@dataclass(frozen=True)
class Edge:
    """A fact between two nodes, by their keys; where the graph lacks it, with its confidence, which is below 1.

    `newest` says that it has just come, in a picture that grows.
    """

    head: Key
    relation: str
    tail: Key
    confidence: float = 1.0
    newest: bool = False

    @property
    def predicted(self) -> bool:
        """Whether the graph lacks it."""
        return self.confidence < 1


@dataclass(frozen=True)
class Layout:
    """A placed picture.

    Attributes:
        nodes, edges: what is drawn.
        total: how many facts there are behind the answer.
        behind: how many of them are drawn; the other edges were opened.
        opened: the opened entities, each with the number of its facts in the graph.
    """

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    total: int
    behind: int = 0
    opened: tuple[tuple[int, int], ...] = ()

    @property
    def predicted(self) -> int:
        """How many edges are drawn that the graph lacks."""
        return sum(edge.predicted for edge in self.edges)

    @property
    def columns(self) -> int:
        """How many columns there are."""
        return 1 + max((node.column for node in self.nodes), default=-1)


def lay_out(answer: Answer, opened: Iterable[int] = ()) -> Layout:
    """Choose and place at most `MOST_EDGES` facts behind an answer, and some of the facts of opened entities.

    Args:
        answer: the answer.
        opened: entities in the picture whose other facts are to be drawn as well, in the order in which they were
            opened; those that are not in the picture, and more than `MOST_OPENED`, are passed over.
    """
    kg, anchors = answer.kg, {anchor for step in answer.chain for anchor in step.anchors if anchor is not None}
    edges, labels = _as_edges(kg, _facts(answer))
    likely = set(answer.ranked[answer.known :].tolist()) if isinstance(answer, AnswerWithPredictions) else set()
    proved = _as_edges(kg, answer.proved)[0] if isinstance(answer, AnswerWithPredictions) else []
    # What makes an answer likely is few edges, and none of it may give way to what is known.
    chosen = _connected_first(edges, anchors, answer.ranked[:MOST_EDGES].tolist(), MOST_EDGES - len(proved))
    chosen = list(dict.fromkeys([*chosen, *proved]))
    graph = nx.DiGraph()
    for edge in chosen:
        graph.add_edge(edge.head, edge.tail)
    columns = columns_of(graph, anchors)
    drawn, degrees = list(chosen), list[tuple[int, int]]()
    for entity in list(dict.fromkeys(opened))[:MOST_OPENED]:
        if entity not in columns:
            continue
        further, facts = neighbours(kg, entity, set(drawn), columns.keys())
        degrees.append((entity, facts))
        for edge in further:
            side = 1 if edge.head == entity else -1
            other = edge.tail if edge.head == entity else edge.head
            assert isinstance(other, int)
            columns.setdefault(other, columns[entity] + side)
            labels.setdefault(other, kg.name(other))
            graph.add_edge(edge.head, edge.tail)
            drawn.append(edge)
    first = min(columns.values(), default=0)
    columns = {key: column - first for key, column in columns.items()}
    rows = rows_of(graph, columns)
    answers, behind = set(answer.ranked.tolist()), {key for edge in chosen for key in (edge.head, edge.tail)}

    def role(key: Key) -> Role:
        if isinstance(key, tuple):
            return "value"
        if key in likely:
            return "likely"
        return "answer" if key in answers else "anchor" if key in anchors else "between" if key in behind else "near"

    nodes = tuple(
        Node(key, labels[key], role(key), columns[key], rows[key], key in answers and key in anchors) for key in graph
    )
    return Layout(nodes, tuple(drawn), answer.evidence_total, len(chosen), tuple(degrees))


def neighbours(
    kg: KnowledgeGraph, entity: int, drawn: set[Edge], present: Iterable[Key], most: int = MOST_NEIGHBOURS
) -> tuple[list[Edge], int]:
    """Further facts of an entity, at most `most`, and how many it has in all.

    Facts that join it to what is in the picture come first, then one of each relation after the other.
    """
    drawn_keys, facts = set(present), 0
    joining: list[Edge] = []
    by_relation: dict[tuple[int, bool], list[Edge]] = {}
    for incoming in (False, True):
        positions = kg.index.around(entity, incoming)
        facts += len(positions)
        for head, relation, tail in kg.index.triples(positions[:LOOKED_AT]).tolist():
            edge = Edge(head, kg.relation_label(relation), tail)
            if edge in drawn or head == tail:
                continue
            other = head if incoming else tail
            (joining if other in drawn_keys else by_relation.setdefault((relation, incoming), [])).append(edge)
    queues = list(by_relation.values())
    turn = [queue[place] for place in range(most) for queue in queues if place < len(queue)]
    return (joining[:most] + turn)[:most], facts


def _facts(answer: Answer) -> list[Evidence]:
    """The facts behind the answer; where they are many, more than are drawn, so that whole ways can be chosen."""
    if isinstance(answer, AnswerWithPredictions):
        return [*_facts(answer.exact), *answer.proved]
    if answer.evidence_total <= MOST_EDGES or answer.kg.server is not None:
        return answer.evidence
    inputs = [step.inputs for step in answer.steps]
    return trace(answer.kg, answer.chain, inputs, np.sort(answer.ranked), CHOSEN_FROM)[0]


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
        edges.append(Edge(fact.head_entity, fact.relation, tail, fact.confidence))
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


def columns_of(graph: nx.DiGraph, anchors: set[int]) -> dict[Key, int]:
    """The column of each node, by its distance from the anchors; what hangs together with none of them begins anew."""
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


def rows_of(graph: nx.DiGraph, columns: dict[Key, int]) -> dict[Key, float]:
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
