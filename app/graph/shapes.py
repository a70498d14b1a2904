"""The 14 query structures as small pictures, and filling one of them with names.

A picture reads from left to right: anchors are filled dots, the answer is a ring, an arrow is a relation, a red broken
one a negated branch. Where branches meet they intersect, or unite where the sign says so.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from markupsafe import Markup

from app.graph.contents import degrees, says_types
from app.graph.graphs import GraphShelf
from app.server.templates import render
from kg_data.errors import SkylarkError
from reasoning import KnowledgeGraph, Query, Reasoner
from reasoning.errors import QueryError
from reasoning.graph.index import Ids
from reasoning.query.structures import STRUCTURES, instantiate, template
from reasoning.query.tree import Complement, Entity, Intersect, Project, Union

WIDTH, HEIGHT, EDGE = 104, 64, 14
ATTEMPTS = 150
DRAWN = 5
MOST_ANSWERS = 40
MOST_LETTERS = 300

IN_WORDS = {
    "1p": "one relation from an anchor", "2p": "two relations in a row", "3p": "three relations in a row",
    "2i": "two branches meet", "3i": "three branches meet", "ip": "two branches meet, then one relation",
    "pi": "two relations meet one", "2u": "either of two branches", "up": "either of two, then one relation",
    "2in": "one branch, but not the other", "3in": "two branches meet, but not the third",
    "inp": "one branch but not the other, then one relation", "pin": "two relations, but not the other branch",
    "pni": "one branch, but not two relations",
}  # fmt: skip


@dataclass
class Drawing:
    """A structure as dots and arrows.

    Attributes:
        anchors: dots that a name stands for, in the order of the record.
        edges: (from, to, negated) in the order of the record's relations.
        places: (column, row) of each dot; the answer is dot 0.
        united: dots where branches unite.
    """

    anchors: list[int] = field(default_factory=list)
    edges: list[tuple[int, int, bool]] = field(default_factory=list)
    places: dict[int, tuple[int, float]] = field(default_factory=dict)
    united: set[int] = field(default_factory=set)


def drawing_of(name: str) -> Drawing:
    """Dots and arrows of one of the 14 structures."""
    drawing = Drawing()
    _draw(template(name), 0, 0, False, drawing)
    return drawing


def _draw(query: Query, target: int, column: int, negated: bool, drawing: Drawing) -> float:
    """Draw what leads to a dot; gives the dot's row, the middle of what leads to it."""
    if isinstance(query, Complement):
        return _draw(query.children[0], target, column, True, drawing)
    if isinstance(query, Intersect | Union):
        rows = [_draw(part, target, column, negated, drawing) for part in query.children]
        if isinstance(query, Union):
            drawing.united.add(target)
        row = sum(rows) / len(rows)
    else:
        assert isinstance(query, Project)
        source = len(drawing.places) + 1
        drawing.places[source] = (column - 1, 0.0)
        if isinstance(query.source, Entity):
            row = float(len(drawing.anchors))
            drawing.anchors.append(source)
        else:
            row = _draw(query.source, source, column - 1, False, drawing)
        drawing.places[source] = (column - 1, row)
        drawing.edges.append((source, target, negated))
    drawing.places[target] = (column, row)
    return row


def shapes_html() -> Markup:
    """The shapes to choose from, and the form that the page's script makes of the chosen one."""
    shapes = [{"name": name, "fields": _fields(name), "words": IN_WORDS[name], **_picture(name)} for name in STRUCTURES]
    return render("graph/shapes.html", shapes=shapes, width=WIDTH, height=HEIGHT)


def _picture(name: str) -> dict[str, Any]:
    """Where the dots and arrows of a structure stand, in pixels."""
    drawing = drawing_of(name)
    wide = max(1, -min(column for column, _ in drawing.places.values()))
    deep = max(row for _, row in drawing.places.values())
    points = {}
    for dot, (column, row) in drawing.places.items():
        x = WIDTH - EDGE + column * (WIDTH - 2 * EDGE) / wide
        points[dot] = x, HEIGHT / 2 + ((row - deep / 2) * (HEIGHT - 2 * EDGE) / deep if deep else 0)
    arrows = []
    for source, target, negated in drawing.edges:
        (x1, y1), (x2, y2) = points[source], points[target]
        dx, dy = (x2 - x1) / math.dist((x1, y1), (x2, y2)), (y2 - y1) / math.dist((x1, y1), (x2, y2))
        x2, y2 = x2 - dx * 9, y2 - dy * 9
        corners = ((x2, y2), (x2 - 6 * dx - 3 * dy, y2 - 6 * dy + 3 * dx), (x2 - 6 * dx + 3 * dy, y2 - 6 * dy - 3 * dx))
        head = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
        arrows.append({"path": f"M{x1:.1f} {y1:.1f} L{x2:.1f} {y2:.1f}", "head": head, "negated": negated})
    dots = [
        {"x": x, "y": y, "is_answer": not dot, "is_anchor": dot in drawing.anchors, "unites": dot in drawing.united}
        for dot, (x, y) in points.items()
    ]
    return {"arrows": arrows, "dots": dots}


def _fields(name: str) -> str:
    """The fields in reading order, `kind/number/label`, joined by `|`: each anchor before what follows from it."""
    drawing = drawing_of(name)
    fields = []
    for number, (source, _, negated) in enumerate(drawing.edges):
        start = "onward"
        if source in drawing.anchors:
            anchor = drawing.anchors.index(source)
            fields.append(f"entity/{anchor}/Anchor {anchor + 1}")
            start = f"from anchor {anchor + 1}"
        fields.append(f"relation/{number}/{'Not: relation' if negated else 'Relation'} {number + 1}, {start}")
    return "|".join(fields)


def filled_shape(shelf: GraphShelf, wanted: object) -> dict[str, object]:
    """The query that a filled shape is, `{"query": ...}`.

    Args:
        shelf: the graphs.
        wanted: `{"graph", "shape", "anchors", "relations"}`, names in the order of the structure's record.

    Raises:
        SkylarkError: a name is missing or not in the graph; the error says which.
        ValueError: `wanted` is something else.
    """
    if not isinstance(wanted, dict):
        raise ValueError("expected an object with graph, shape, anchors and relations")
    kg = shelf.get(str(wanted.get("graph")))
    name = str(wanted.get("shape"))
    anchors, relations = _texts(wanted.get("anchors")), _texts(wanted.get("relations"))
    drawing = drawing_of(name)
    for kind, names, count in (("Anchor", anchors, len(drawing.anchors)), ("Relation", relations, len(drawing.edges))):
        empty = next((number for number in range(count) if number >= len(names) or not names[number]), None)
        if empty is not None:
            raise QueryError(f"{kind} {empty + 1} is still empty: type a name, or fill in an example")
    for anchor in anchors:
        kg.match(anchor)
    for relation in relations:
        kg.relation(relation.removeprefix("~"))
    return {"query": str(instantiate(name, [Entity(anchor) for anchor in anchors], relations))}


def shape_example(shelf: GraphShelf, wanted: object) -> dict[str, object]:
    """Names that fill a shape so that the query has answers: `{"anchors", "relations"}`.

    Args:
        shelf: the graphs.
        wanted: `{"graph", "shape"}`.

    Raises:
        SkylarkError: there is no such shape, or nothing in the graph was found to have it.
        ValueError: `wanted` is something else.
    """
    if not isinstance(wanted, dict):
        raise ValueError("expected an object with graph and shape")
    kg, name = shelf.get(str(wanted.get("graph"))), str(wanted.get("shape"))
    example = example_of(kg, name, random.Random())
    if example is None:
        raise SkylarkError(f"no example of the shape {name} was found in this graph: try another shape")
    anchors, relations = example
    return {"anchors": anchors, "relations": relations}


def example_of(kg: KnowledgeGraph, name: str, rng: random.Random) -> tuple[list[str], list[str]] | None:
    """Anchors and relations with which a structure has answers, if possible a few, and no branch twice."""
    fallback = None
    for example in grown(Reasoner(kg, method="exact"), name, rng):
        if example.size <= MOST_ANSWERS and example.is_distinct:
            return example.anchors, example.relations
        fallback = (example.anchors, example.relations)
    return fallback


@dataclass(frozen=True)
class GrownExample:
    """Names that fill a structure.

    Attributes:
        anchors: in the order of the structure's record.
        relations: likewise.
        query: what they make of it.
        size: how many answers it has, at least one.
    """

    anchors: list[str]
    relations: list[str]
    query: Query
    size: int

    @property
    def is_distinct(self) -> bool:
        """Whether no two branches ask the same."""
        return len(set(zip(self.anchors, self.relations, strict=False))) == len(self.anchors)


def grown(exact: Reasoner, name: str, rng: random.Random) -> Iterator[GrownExample]:
    """Examples of a structure, each grown backwards from an answer drawn by chance; none comes twice.

    Args:
        exact: the graph, and what counts the answers.
        name: the structure.
        rng: draws the answers and what leads to them, `ATTEMPTS` times.
    """
    kg, shape, tried = exact.kg, template(name), set[Query]()
    for _ in range(ATTEMPTS if len(kg) else 0):
        anchors, relations = list[str](), list[str]()
        answer = _known(kg, None, rng.choice((0, 2)), rng)[rng.choice((0, 2))]
        if not _ground(kg, shape, answer, anchors, relations, rng):
            continue
        query = instantiate(name, [Entity(anchor) for anchor in anchors], relations)
        if query in tried:
            continue
        tried.add(query)
        try:
            size = len(exact.answer(query).ranked)
        except SkylarkError:
            continue
        if size:
            yield GrownExample(anchors, relations, query, size)


def _ground(
    kg: KnowledgeGraph, query: Query, answer: int, anchors: list[str], relations: list[str], rng: random.Random
) -> bool:
    """Fill what leads to `answer`, in the record's order; False where the graph has nothing there."""
    if isinstance(query, Entity):
        anchors.append(kg.name(answer))
        return True
    if isinstance(query, Complement):
        # What is taken away is about another entity, so that the answer stays.
        other = _known(kg, None, 0, rng)[0]
        return _ground(kg, query.children[0], other, anchors, relations, rng)
    if isinstance(query, Intersect | Union):
        return all(_ground(kg, part, answer, anchors, relations, rng) for part in query.children)
    assert isinstance(query, Project)
    incoming, outgoing = kg.index.around(answer, True), kg.index.around(answer, False)
    if not len(incoming) + len(outgoing):
        return False
    forward = bool(len(incoming)) and (rng.random() < 0.6 or not len(outgoing))
    head, relation, tail = _known(kg, incoming if forward else outgoing, 0 if forward else 2, rng)
    if says_types(kg, relation):
        return False
    label = kg.relation_label(relation)
    if not _ground(kg, query.source, head if forward else tail, anchors, relations, rng):
        return False
    relations.append(label if forward else f"~{label}")
    return True


def _known(kg: KnowledgeGraph, edges: Ids | None, end: int, rng: random.Random) -> tuple[int, int, int]:
    """Of some triples drawn by chance the one whose head (`end` 0) or tail (2) is best connected, so perhaps known."""
    if edges is None:
        triples = kg.index.drawn(DRAWN, rng)
    else:
        triples = kg.index.triples(edges[[rng.randrange(len(edges)) for _ in range(DRAWN)]])
    head, relation, tail = triples[int(np.argmax(degrees(kg, triples[:, end])))].tolist()
    return head, relation, tail


def _texts(items: object) -> list[str]:
    return [str(item).strip()[:MOST_LETTERS] for item in items[:8]] if isinstance(items, list) else []
