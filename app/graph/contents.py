"""What is in a graph, and what may come next in a query that is being typed.

A graph without types has a schema all the same: what a relation leads from, and what it leads to. Such ends count as
one kind where most of the smaller is in the larger. Names that begin as the typed word does lie together in the
graph's sorted keys, so a million entities cost no more than a thousand; the best connected come first.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import networkx as nx
import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from app.graph.drawing import drawing_svg
from app.graph.graphs import GraphRegistry
from app.graph.layout import Edge, Layout, Node
from app.server.views import counted, render, shortened
from kg_data.columns import TYPE_RELATIONS
from reasoning import KnowledgeGraph
from reasoning.graph.index import Ids
from reasoning.graph.names import fold, label_words, relation_text
from reasoning.parsing import MAX_CHARACTERS
from reasoning.query.tree import Entity
from reasoning.verbalization.words import readable_of

MOST_ROWS = 300
MOST_TYPES = 40
MOST_ASKED = 40
"""Relations of a graph on a server that are shown with a fact, which is asked for one by one."""
SCHEMA_ROW = 84
MOST_NAMED = 2
"""Relations written at a line of the schema; the others are counted there and stand in the table."""
MOST_KINDS = 11
MOST_LINKS = 22
MOST_RELATIONS = 60
"""Relations looked at for the schema of a graph without types, those with the most facts first."""
SAMPLE = 20_000
"""Facts of a relation that the schema is drawn from; a relation with more is sampled evenly."""
SHARED = 0.5
LEAST_SHARE = 0.02
"""A link that fewer of a relation's facts make is an exception, not schema."""
SEEN = 200
"""Members looked at when choosing an example."""


@dataclass(frozen=True)
class RelationRow:
    """A relation: how many facts it has and one of them; `unit` where the tail is a value with one."""

    name: str
    facts: int
    head: str
    tail: str
    unit: str = ""


@dataclass(frozen=True)
class Link:
    """Relations that lead from one kind of things to another, those with the most facts first."""

    head: int
    tail: int
    relations: tuple[str, ...]


@dataclass(frozen=True)
class Schema:
    """The kinds of things in a graph and what connects them."""

    kinds: tuple[tuple[str, int], ...]
    links: tuple[Link, ...]
    typed: bool
    left_out: int


def fact_count(kg: KnowledgeGraph) -> int:
    """How many facts there are: triples of entities, and values."""
    return len(kg) + kg.value_count


def relation_rows(kg: KnowledgeGraph) -> list[RelationRow]:
    """Every relation with a fact of it, those with the most facts first, then those with values."""
    rows: list[RelationRow] = []
    for relation, count in enumerate(kg.index.counts().tolist()):
        if count and (kg.server is None or len(rows) < MOST_ASKED):
            heads, tails = kg.index.some(relation, False, SEEN)
            at = _telling(kg, heads)
            head, tail = kg.name(int(heads[at])), kg.name(int(tails[at]))
            rows.append(RelationRow(kg.relation_label(relation), count, head, tail))
    rows.sort(key=lambda row: -row.facts)
    for column in kg.literals:
        entities, values = column.some(SEEN)
        if len(entities):
            at = _telling(kg, entities)
            value = readable_of(kg, column.relation, kg.value(column, float(values[at])))
            rows.append(RelationRow(column.relation, len(column), kg.name(int(entities[at])), value, column.unit))
    return rows


def type_counts(kg: KnowledgeGraph) -> list[tuple[str, int]]:
    """The graph's types with the number of entities of each, the largest first; [] where it has none."""
    return sorted(kg.type_sizes.items(), key=lambda pair: -pair[1])


def schema_of(kg: KnowledgeGraph) -> Schema:
    """The kinds of things and their links, at most `MOST_KINDS` and `MOST_LINKS`."""
    if kg.server is not None:
        return Schema((), (), False, 0)  # which kinds a fact joins is known only where the graph is at hand
    typed = kg.type_pairs
    return _by_types(kg, typed) if len(typed) else _by_ends(kg)


def degrees(kg: KnowledgeGraph, entities: Ids) -> NDArray[np.int64]:
    """How many facts each entity stands in, shape as `entities`."""
    return kg.index.degrees(entities)


def _telling(kg: KnowledgeGraph, heads: Ids) -> int:
    """The position of a head that a visitor may know: named, and with many facts."""
    seen = np.unique(np.linspace(0, len(heads) - 1, SEEN).astype(np.int64))
    order = seen[np.argsort(-degrees(kg, np.asarray(heads[seen])), kind="stable")]
    named = (int(at) for at in order[:20] if kg.entity_labels[int(heads[at])] != kg.identifier(int(heads[at])))
    return next(named, int(order[0]))


def _sampled(kg: KnowledgeGraph, relation: int) -> tuple[Ids, Ids, float]:
    """Heads and tails of a relation, and how many facts each stands for."""
    heads, tails = kg.index.block(relation, inverse=False)
    if len(heads) <= SAMPLE:
        return heads, tails, 1.0
    at = np.linspace(0, len(heads) - 1, SAMPLE).astype(np.int64)
    return heads[at], tails[at], len(heads) / SAMPLE


def _by_types(kg: KnowledgeGraph, typed: NDArray[np.int32]) -> Schema:
    counts = np.bincount(typed[:, 1], minlength=len(kg.type_names))
    # Of an entity's types the one that most entities have: the more special ones would scatter the picture.
    kind = np.full(kg.entity_count, -1, dtype=np.int64)
    ordered = typed[np.argsort(counts[typed[:, 1]], kind="stable")]
    kind[ordered[:, 0]] = ordered[:, 1]
    names = {number: (kg.type_names[number], int(counts[number])) for number in range(len(kg.type_names))}
    weights: Counter[tuple[int, int, int]] = Counter()
    for relation in range(kg.relation_count):
        if says_types(kg, relation):
            continue
        heads, tails, each = _sampled(kg, relation)
        known = (kind[heads] >= 0) & (kind[tails] >= 0)
        pairs, numbers = np.unique(np.column_stack((kind[heads], kind[tails]))[known], axis=0, return_counts=True)
        for (head, tail), number in zip(pairs.tolist(), numbers.tolist(), strict=True):
            if number >= LEAST_SHARE * len(heads):
                weights[head, tail, relation] += round(number * each)
    return _chosen(kg, names, weights, typed=True)


def says_types(kg: KnowledgeGraph, relation: int) -> bool:
    """Whether a relation says the types once more, as facts: in a picture of the types it says nothing."""
    if kg.server is not None:
        return fold(label_words(kg.relation_label(relation))) in TYPE_RELATIONS
    tails = kg.index.ends(relation, inverse=True)[: len(kg.type_names) + 1]
    known = set(kg.type_names)
    return 0 < len(tails) <= len(known) and all(kg.entity_labels[int(tail)] in known for tail in tails)


def _by_ends(kg: KnowledgeGraph) -> Schema:
    facts = kg.index.counts()
    relations = [int(relation) for relation in np.argsort(-facts, kind="stable")[:MOST_RELATIONS] if facts[relation]]
    ends: dict[tuple[int, bool], Ids] = {}
    for relation in relations:
        for is_tail in (False, True):
            ends[relation, is_tail] = kg.index.ends(relation, is_tail)
    same = nx.Graph()
    same.add_nodes_from(ends)
    keys = list(ends)
    for place, end in enumerate(keys):
        same.add_edges_from((end, other) for other in keys[:place] if _overlap(ends[end], ends[other]) >= SHARED)
    names: dict[int, tuple[str, int]] = {}
    kind_of: dict[tuple[int, bool], int] = {}
    kinds = list(nx.connected_components(same))
    for number, members in enumerate(kinds):
        first = min(members, key=lambda end: (-facts[end[0]], end))
        name = f"{'objects' if first[1] else 'subjects'} of {kg.relation_label(first[0])}"
        names[number] = (
            "entities" if len(kinds) == 1 else name, len(np.unique(np.concatenate([ends[end] for end in members])))
        )  # fmt: skip
        kind_of |= dict.fromkeys(members, number)
    weights = Counter({
        (kind_of[relation, False], kind_of[relation, True], relation): int(facts[relation]) for relation in relations
    })  # fmt: skip
    return _chosen(kg, names, weights, typed=False)


def _overlap(first: Ids, second: Ids) -> float:
    """The share of the smaller set that is in the larger, from a sample; both sorted."""
    small, large = sorted((first, second), key=len)
    if not len(small):
        return 0.0
    some = small[:: max(1, len(small) // SEEN)]
    at = np.searchsorted(large, some)
    at[at == len(large)] = 0
    return float(np.mean(large[at] == some))


def _chosen(
    kg: KnowledgeGraph, names: dict[int, tuple[str, int]], weights: Counter[tuple[int, int, int]], typed: bool
) -> Schema:
    """The kinds and links that most facts make, numbered anew."""
    of_kind: Counter[int] = Counter()
    of_pair: Counter[tuple[int, int]] = Counter()
    for (head, tail, _), weight in weights.items():
        of_kind[head] += weight
        of_kind[tail] += weight
        of_pair[head, tail] += weight
    kept = [kind for kind, _ in of_kind.most_common(MOST_KINDS)]
    place = {kind: number for number, kind in enumerate(kept)}
    pairs = [pair for pair, _ in of_pair.most_common() if pair[0] in place and pair[1] in place][:MOST_LINKS]
    links = []
    for head, tail in pairs:
        ranked = sorted((r for h, t, r in weights if (h, t) == (head, tail)), key=lambda r: -weights[head, tail, r])
        links.append(Link(place[head], place[tail], tuple([kg.relation_label(r) for r in ranked])))
    return Schema(tuple(names[kind] for kind in kept), tuple(links), typed, len(of_kind) - len(kept))


_contents_of: WeakKeyDictionary[KnowledgeGraph, Markup] = WeakKeyDictionary()
_making = threading.Lock()


def contents_html(kg: KnowledgeGraph) -> Markup:
    """The section of the page; made once for each graph."""
    with _making:
        if kg not in _contents_of:
            relations, types = relation_rows(kg), type_counts(kg)
            total = len(relations) if kg.server is None else len(kg.relation_names())
            counts = [("facts", fact_count(kg)), ("relations", total)]
            if kg.universe_size is not None:
                counts.insert(0, ("entities", kg.universe_size))
            _contents_of[kg] = render(
                "graph/contents.html",
                counts=[*counts, ("types", len(types))] if types else counts,
                source=kg.source,
                schema=schema_html(schema_of(kg)),
                types=types,
                most_types=MOST_TYPES,
                relations=relations,
                most_relations=MOST_ROWS,
            )
        return _contents_of[kg]


def schema_html(schema: Schema) -> Markup:
    """The picture of the schema; "" where there are no links to draw."""
    if not schema.links:
        return Markup("")
    layout = schema_layout(schema)
    labels = {node.key: " ".join(node.label.split("\n")) for node in layout.nodes}
    facts = "; ".join(f"{labels[edge.head]}, {edge.relation}, {labels[edge.tail]}" for edge in layout.edges)
    picture = drawing_svg(layout, "schema", f"The schema of the graph: {facts}.", SCHEMA_ROW)
    return render("graph/schema.html", picture=picture, typed=schema.typed, left_out=schema.left_out)


def schema_layout(schema: Schema) -> Layout:
    """The kind with the most links in the middle, what leads to it on the left, what it leads to on the right."""
    graph = nx.DiGraph([(link.head, link.tail) for link in schema.links])
    neighbours = graph.to_undirected()
    neighbours.remove_edges_from(list(nx.selfloop_edges(neighbours)))
    hub = max(graph, key=lambda kind: (len(neighbours[kind]), -kind))
    columns = {hub: 0}
    for kind, path in nx.single_source_shortest_path(neighbours, hub).items():
        if kind != hub:
            # What stands left of the hub and leads on to more has it further left, not on the hub.
            columns[kind] = len(path[1:]) * (1 if graph.has_edge(hub, path[1]) else -1)
    first = min(columns.values())
    order: dict[int, list[int]] = {}
    for kind in sorted(columns, key=lambda kind: (-len(neighbours[kind]), kind)):
        order.setdefault(columns[kind] - first, []).append(kind)
    nodes = tuple(
        Node(kind, f"{shortened(schema.kinds[kind][0], 24)}\n{schema.kinds[kind][1]:,}",
             "anchor" if kind == hub else "between", column, row - (len(kinds) - 1) / 2)
        for column, kinds in order.items() for row, kind in enumerate(kinds)
    )  # fmt: skip
    edges = tuple(Edge(link.head, _named(link), link.tail) for link in schema.links if link.head in columns)
    return Layout(nodes, edges, len(edges))


def _named(link: Link) -> str:
    shown = ", ".join(shortened(relation, 22) for relation in link.relations[:MOST_NAMED])
    rest = len(link.relations) - MOST_NAMED
    return f"{shown} +{rest}" if rest > 0 else shown


MOST_SHOWN = 8
CONSIDERED = 64
"""Best connected entities among which those that a person knows by this name come first."""
MOST_RANKED = 50_000
"""Keys with one beginning that are ranked; of more the first."""
SHORTEST = 2
"""Letters of a name in a question in words before others are proposed for it."""

OPENINGS = frozenset(
    ("what which who whose where when how is are does do did in name list show give find the").split(" ")  # noqa: SIM905
)
"""First words of questions, for which no name is proposed."""

_WORD = re.compile(r"[^\W\d]\w*$")
_NAME = re.compile(r"(?:[^\W\d_][\w'’.-]*)(?: [^\W_][\w'’.-]*){0,2}$")


@dataclass(frozen=True)
class Word:
    """The word at the cursor."""

    start: int
    typed: str
    quoted: bool
    formal: bool


def completions(shelf: GraphRegistry, wanted: object) -> dict[str, object]:
    """What may come next: what the page's script asks for at every letter.

    Args:
        shelf: the graphs.
        wanted: `{"graph", "text", "cursor", "kind"}`; the kind is "query", or "entity" or "relation" where the field
            takes a name alone.

    Returns:
        "start" and "end" of what a choice replaces, and "choices": each with "shown", "detail" and "insert".

    Raises:
        SkylarkError: the graph is no longer available.
        ValueError: `wanted` is something else.
    """
    if not isinstance(wanted, dict):
        raise ValueError("expected an object with graph, text and cursor")
    text, cursor, kind = str(wanted.get("text"))[:MAX_CHARACTERS], wanted.get("cursor"), wanted.get("kind")
    end = min(cursor, len(text)) if isinstance(cursor, int) and cursor >= 0 else len(text)
    kg = shelf.get(str(wanted.get("graph")))
    if kind in ("entity", "relation"):
        back = "~" if kind == "relation" and text.lstrip().startswith("~") else ""
        names = _entities(kg, text) if kind == "entity" else _relations(kg, text.lstrip().removeprefix("~"))
        return {"start": 0, "end": len(text), "choices": _choices(names, lambda name: back + name)}
    word = word_at(text, end)
    if word is None:
        return {"start": end, "end": end, "choices": []}
    capital = word.typed[:1].isupper()
    if word.formal:
        if word.quoted and text[end:].startswith('"'):
            end += 1
        opens = "" if text[end:].startswith("(") else "("
        named = _choices(_entities(kg, word.typed), lambda name: str(Entity(name)))
        related = _choices(_relations(kg, word.typed), lambda name: relation_text(name) + opens)
        first, second = (named, related) if word.quoted or capital else (related, named)
        choices = first[: MOST_SHOWN - min(3, len(second))] + second
    else:
        begins = not text[: word.start].strip() and " " not in word.typed
        related = _choices(_relations(kg, word.typed) if begins else [], lambda name: f"{relation_text(name)}(")
        named = _choices(_entities(kg, word.typed), str)[: MOST_SHOWN - min(3, len(related))]
        choices = named + related if capital else related + named
    return {"start": word.start, "end": end, "choices": choices[:MOST_SHOWN]}


def _choices(names: list[tuple[str, str]], insert: Callable[[str], str]) -> list[dict[str, str]]:
    return [{"shown": name, "detail": detail, "insert": insert(name)} for name, detail in names]


def word_at(text: str, cursor: int) -> Word | None:
    """The word that ends at the cursor; None where there is none to be completed."""
    before, start, at = text[:cursor], -1, 0
    while at < len(before):
        if before[at] == "\\" and start >= 0:
            at += 1
        elif before[at] == '"':
            start = -1 if start >= 0 else at
        at += 1
    formal = start >= 0 or any(sign in text for sign in '("~&|!')
    if start >= 0:
        typed = before[start + 1 :].replace('\\"', '"')
        return Word(start, typed, quoted=True, formal=True) if typed.strip() else None
    if formal:
        word = _WORD.search(before)
        return Word(word.start(), word.group(), quoted=False, formal=True) if word else None
    name = _NAME.search(before)
    if name is None or before.strip().lower() in OPENINGS:
        return None
    # Of the last words those from the first with a capital on: "the capital of New Yor".
    words = name.group().split(" ")
    capital = next((number for number, word in enumerate(words) if word[:1].isupper()), None)
    if capital is None:
        return Word(0, before, quoted=False, formal=False) if " " not in before else None
    typed = " ".join(words[capital:])
    if capital == 0 and len(words) > 1 and not before[: name.start()].strip():
        # The first word of a question has a capital in any case.
        capital_after = next((number for number, word in enumerate(words) if number and word[:1].isupper()), None)
        typed = " ".join(words[capital_after:]) if capital_after else typed
    return Word(cursor - len(typed), typed, quoted=False, formal=False) if len(typed) >= SHORTEST else None


def _entities(kg: KnowledgeGraph, typed: str) -> list[tuple[str, str]]:
    """Display names of entities that begin so, with what tells them apart."""
    key = fold(typed)
    if not any(char.isalnum() for char in key):
        return []
    owners = np.unique(np.array(kg.names.beginning(key, MOST_RANKED), dtype=np.int32))
    if not len(owners):
        return []
    facts = degrees(kg, owners)
    best = np.argsort(-facts, kind="stable")[:CONSIDERED]

    def rank(position: int) -> tuple[bool, bool, int]:
        label = fold(kg.entity_labels[int(owners[position])])
        return label != key, not label.startswith(key), -int(facts[position])

    ranked = sorted(map(int, best), key=rank)[:MOST_SHOWN]
    known = [(int(owners[position]), int(facts[position])) for position in ranked]
    return [(kg.name(entity), ", ".join([*kg.types(entity)[:1], counted(many, "fact")])) for entity, many in known]


def _relations(kg: KnowledgeGraph, typed: str) -> list[tuple[str, str]]:
    """Relations that begin so, then those with it inside."""
    key = fold(typed)
    if not any(char.isalnum() for char in key):
        return []
    folded = [(fold(name), name) for name in dict.fromkeys(kg.relation_names())]
    first = [name for form, name in folded if form.startswith(key)]
    inside = [name for form, name in folded if not form.startswith(key) and key in form]
    values = {column.relation for column in kg.literals}
    names = [*sorted(first, key=len), *sorted(inside, key=len)][:MOST_SHOWN]
    return [(name, "a value" if name in values else "relation") for name in names]
