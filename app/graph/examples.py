"""Examples of a graph: query structures filled with names, and questions that it answers.

Those of the built-in graph are written by hand. For any other they are built from its own triples and kept only where
exact execution finds a few answers: an example that comes out empty would teach nothing. The picture of a structure
reads from left to right: anchors are filled dots, the answer is a ring, a red broken arrow is a negated branch.
"""

from __future__ import annotations

import contextlib
import math
import random
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
from langchain_core.language_models import BaseChatModel
from markupsafe import Markup

from app.graph.answer_view import ask
from app.graph.contents import degrees, says_types
from app.graph.graphs import DEFAULT_GRAPH, GraphRegistry
from app.server.views import render, shortened
from reasoning import KnowledgeGraph, Query, Reasoner
from reasoning.errors import QueryError
from reasoning.graph.content import Relation
from reasoning.graph.index import Ids
from reasoning.parsing import MAX_CHARACTERS
from reasoning.parsing.linking import LinkedQuestion
from reasoning.parsing.reader import PACKAGED, reader_of
from reasoning.query.records import STRUCTURES, instantiate, template
from reasoning.query.tree import Complement, Count, Entity, Intersect, Project, Top, Union
from skylark.errors import SkylarkError

WIDTH, HEIGHT, EDGE = 104, 64, 14
ATTEMPTS = 150
DRAWN = 5
MOST_SHAPE_ANSWERS = 40
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


def filled_shape(shelf: GraphRegistry, wanted: object) -> dict[str, object]:
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


def shape_example(shelf: GraphRegistry, wanted: object) -> dict[str, object]:
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
        if example.size <= MOST_SHAPE_ANSWERS and example.is_distinct:
            return example.anchors, example.relations
        fallback = (example.anchors, example.relations)
    return fallback


@dataclass(frozen=True)
class GrownExample:
    """Names that fill a structure."""

    anchors: list[str]
    relations: list[str]
    query: Query
    size: int

    @property
    def is_distinct(self) -> bool:
        """Whether no two branches ask the same."""
        return len(set(zip(self.anchors, self.relations, strict=False))) == len(self.anchors)


def grown(exact: Reasoner, name: str, rng: random.Random) -> Iterator[GrownExample]:
    """Examples of a structure, each grown backwards from an answer drawn by chance; none comes twice."""
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


MOST_ANSWERS = 12
"""Most answers of a built example: few enough to be checked by eye."""
LOOKED_AT = 10
"""Relations of a graph on a server, those with the most facts, among which one is chosen."""
READABLE = 40
"""Longest name of a relation that an example should have; some data sets join whole paths into one."""


@dataclass(frozen=True)
class Example:
    """A worked example: what it shows, and the text that is asked."""

    title: str
    text: str

    @property
    def label(self) -> str:
        """What stands on its button."""
        return f"{self.title}\n{shortened(self.text, 80)}"


WORLD_EXAMPLES: tuple[Example, ...] = (
    Example("One hop", 'borders("Portugal")'),
    Example("Two hops, one negated", 'capital(borders("Germany") & !~currency("Euro"))'),
    Example("And, or", '(language("Switzerland") & language("Belgium")) | language("Luxembourg")'),
    Example("A superlative", 'top(3, population, borders("Germany"))'),
    Example("Plain English", "Which countries border France and use the Euro?"),
)


def examples_for(kg: KnowledgeGraph, name: str) -> tuple[Example, ...]:
    """The examples of a graph: up to five, each with at least one answer; the same graph always has the same ones."""
    if name == DEFAULT_GRAPH:
        return WORLD_EXAMPLES
    if kg.server is not None:
        return tuple(_of_first_facts(kg))
    exact, rng, used = Reasoner(kg, method="exact"), random.Random(kg.graph_name), set[str]()
    plan: list[tuple[str, str, Callable[[Query], Query | None]]] = [
        ("One hop", "1p", lambda query: query),
        ("Two hops", "2p", lambda query: query),
        ("One, but not the other", "1p", lambda query: _without_one(query, exact, rng)),
        ("Either of two", "2u", lambda query: query),
        ("A superlative", "1p", lambda query: Top(3, kg.literals[0].relation, query))
        if kg.literals
        else ("A number", "1p", Count),
    ]
    built = [(title, _built(exact, structure, finish, rng, used)) for title, structure, finish in plan]
    return tuple(Example(title, str(query)) for title, query in built if query is not None)


def _of_first_facts(kg: KnowledgeGraph) -> Iterator[Example]:
    """Examples of a graph on a server, from the first facts of its relations: trying many out takes many queries."""
    told = [
        Relation("edges", at)
        for at in np.argsort(-kg.index.counts(), kind="stable")[:LOOKED_AT].tolist()
        if len(kg.relation_label(at)) <= READABLE and not says_types(kg, at)
    ]
    for relation in told[:1]:
        heads, tails = kg.index.some(relation.index, relation.inverse, 1)
        label, head, tail = kg.label(relation), Entity(kg.name(int(heads[0]))), Entity(kg.name(int(tails[0])))
        yield Example("One hop", str(Project(label, head)))
        yield Example("One hop, backwards", str(Project(label, tail, inverse=True)))
        yield Example("A number", str(Count(Project(label, tail, inverse=True))))
        for _, further, _ in _leaving(kg, int(tails[0])):
            yield Example("Two hops", str(Project(kg.relation_label(further), Project(label, head))))
    for column in kg.literals[:1]:
        entities, _ = column.some(1)
        for _, leads, end in _leaving(kg, int(entities[0])):
            alike = Project(kg.relation_label(leads), Entity(kg.name(end)), inverse=True)
            yield Example("A superlative", str(Top(3, column.relation, alike)))


def _leaving(kg: KnowledgeGraph, entity: int) -> list[tuple[int, int, int]]:
    """One edge that leaves an entity, as a triple; none where none does."""
    triples = kg.index.triples(kg.index.around(entity, incoming=False)[:1]).tolist()
    return [(head, relation, tail) for head, relation, tail in triples]


def _built(
    exact: Reasoner, structure: str, finish: Callable[[Query], Query | None], rng: random.Random, used: set[str]
) -> Query | None:
    """A query with one to `MOST_ANSWERS` answers, if possible over short-named relations that are not `used` yet."""
    fallback: Query | None = None
    for example in grown(exact, structure, rng):
        if not example.is_distinct:
            continue
        try:
            query = finish(example.query)
            if query is None:
                continue
            size = len(exact.answer(query).ranked)
            # A number or a superlative of one or two says little, and a "not" should take something away.
            least = {Count: 1, Top: 3, Intersect: size}.get(type(query), -1)
            if not 1 <= size <= MOST_ANSWERS or len(exact.answer(query.children[0]).ranked) <= least:
                continue
        except SkylarkError:
            continue
        names = {relation.removeprefix("~") for relation in example.relations}
        if not names & used and all(len(name) <= READABLE for name in names):
            used |= names
            return query
        fallback = fallback or query
    return fallback


def _without_one(query: Query, exact: Reasoner, rng: random.Random) -> Query | None:
    """The query, but not those that share a fact with one of its answers, drawn by chance."""
    kg, answers = exact.kg, exact.answer(query).ranked
    facts = kg.index.triples(kg.index.around(int(rng.choice(answers)), incoming=False)[:20]).tolist()
    if not facts:
        return None
    _, relation, tail = rng.choice(facts)
    return Intersect((query, Complement(Project(kg.relation_label(relation), Entity(kg.name(tail)), inverse=True))))


MOST = 3
"""Questions that are offered at once."""
TRIED = 8
"""Questions that are tried for them."""


def about_graph(
    kg: KnowledgeGraph, graph: str, text: str, llm: str | BaseChatModel, most: int = MOST, but: Collection[str] = ()
) -> tuple[str, ...]:
    """At most `most` questions but `but` that the graph answers, of the names in a text, else of its first facts; each
    was asked."""
    tried = islice(_simple(kg, text), TRIED)
    found = (question for question, _ in answered(kg, graph, tried, llm) if question not in but)
    return tuple(islice(found, most))


def answered(
    kg: KnowledgeGraph, graph: str, queries: Iterable[Query], llm: str | BaseChatModel
) -> Iterator[tuple[str, Query]]:
    """Those of some queries that are read as they are meant when asked in English, and have an answer: question and
    query."""
    for query in queries:
        with contextlib.suppress(SkylarkError):
            question = query.verbalise(kg)
            asked = ask(kg, graph, question, llm)
            if asked.query == query and (len(asked.answer.ranked) or asked.answer.value is not None):
                yield question, query


def _simple(kg: KnowledgeGraph, text: str) -> Iterator[Project]:
    """Each relation that leads from an entity named in the text, then from the heads of the graph's first facts."""
    seen = set[Project]()
    leaving = [kg.index.triples(kg.index.around(entity, incoming=False)[:TRIED]).tolist() for entity in named(kg, text)]
    for entity, relation in (*((head, relation) for facts in leaving for head, relation, _ in facts), *_first(kg)):
        query = Project(kg.relation_label(relation), Entity(kg.name(entity)))
        if query not in seen:
            seen.add(query)
            yield query


def named(kg: KnowledgeGraph, text: str, surely: bool = False) -> tuple[int, ...]:
    """The entities of the graph that a text names, as the graph's reader links them.

    Args:
        kg: the graph.
        text: the text.
        surely: whether those are left out that its words may name by chance: who is "reading" need not be in Reading.
    """
    found: list[int] = []
    with contextlib.suppress(SkylarkError):
        question = LinkedQuestion.of(text[:MAX_CHARACTERS], reader_of(kg, PACKAGED).schema)
        for name in question.names:
            if not name.literal and (not surely or question.is_surely_named(name)):
                found.append(kg.entity(name.label))
    return tuple(dict.fromkeys(found))


def _first(kg: KnowledgeGraph) -> Iterator[tuple[int, int]]:
    for relation in np.argsort(-kg.index.counts(), kind="stable").tolist():
        heads, _ = kg.index.some(relation, False, 1)
        if len(heads):
            yield int(heads[0]), relation
