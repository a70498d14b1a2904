"""What is in a graph, as the page shows it: counts, its schema as a picture, its relations with a fact of each."""

from __future__ import annotations

import threading
from weakref import WeakKeyDictionary

from app.graph.contents import Link, RelationRow, Schema, fact_count, relation_rows, schema_of, type_counts
from app.graph.drawing import svg
from app.graph.evidence_layout import Edge, Layout, Node
from app.server.markup import counted, muted, name, shortened, table, text
from reasoning import KnowledgeGraph

MOST_ROWS = 300
MOST_TYPES = 40
SCHEMA_ROW = 84
MOST_NAMED = 2
"""Relations written at a line of the schema; the others are counted there and stand in the table."""

_made: WeakKeyDictionary[KnowledgeGraph, str] = WeakKeyDictionary()
_making = threading.Lock()


def contents_html(kg: KnowledgeGraph) -> str:
    """The whole section; made once for each graph."""
    with _making:
        if kg not in _made:
            _made[kg] = _contents(kg)
        return _made[kg]


def _contents(kg: KnowledgeGraph) -> str:
    rows = relation_rows(kg)
    types = type_counts(kg)
    told = [
        (f"{len(kg.universe):,}", "entities"), (f"{fact_count(kg):,}", "facts"), (f"{len(rows):,}", "relations"),
        *([(f"{len(types):,}", "types")] if types else []),
    ]  # fmt: skip
    counts = "".join(f"<div><dt>{what}</dt><dd>{number}</dd></div>" for number, what in told)
    chips = "".join(
        f'<li><span class="sk-chip-still">{name(shortened(label, 40))} <b>{count:,}</b></span></li>'
        for label, count in types[:MOST_TYPES]
    )
    more = f"<li>and {len(types) - MOST_TYPES:,} more</li>" if len(types) > MOST_TYPES else ""
    kinds = f'<h2 class="sk-label">Types</h2><ul class="sk-chips">{chips}{more}</ul>' if types else ""
    return (
        f'<dl class="sk-counts">{counts}</dl>{muted(text(kg.source)) if kg.source else ""}'
        f"{schema_html(schema_of(kg))}{kinds}"
        f'<h2 class="sk-label">Relations, with a fact of each</h2>{_relations(rows)}'
    )


def _relations(rows: list[RelationRow]) -> str:
    cells = [
        [
            f"<code>{text(row.name)}</code>", f'<span class="sk-number">{row.facts:,}</span>', name(row.head),
            name(row.tail) + (f" {text(row.unit)}" if row.unit else ""),
        ]
        for row in rows[:MOST_ROWS]
    ]  # fmt: skip
    more = muted(f"The first {MOST_ROWS} of {len(rows):,} are shown.") if len(rows) > MOST_ROWS else ""
    return table("Relations, with a fact of each", ["Relation", "Facts", "For example", "Leads to"], cells) + more


def schema_html(schema: Schema) -> str:
    """The picture of the schema; a sentence where all is of one kind."""
    if not schema.links:
        return ""
    layout = schema_layout(schema)
    labels = {node.key: _in_one_line(node) for node in layout.nodes}
    facts = "; ".join(f"{labels[edge.head]}, {edge.relation}, {labels[edge.tail]}" for edge in layout.edges)
    told = (
        "Types and the relations between them"
        if schema.typed
        else "This graph gives its entities no types: these are what its relations lead from and to, taken together "
        "where they are mostly the same entities"
    )
    if schema.left_out:
        told += f"; {counted(schema.left_out, 'further kind')} left out"
    picture = svg(layout, "schema", f"The schema of the graph: {facts}.", _titled, SCHEMA_ROW)
    return (
        '<h2 class="sk-label">Schema</h2><figure class="sk-figure"><div class="sk-scroll sk-schema" tabindex="0" '
        f'role="region" aria-label="Picture of the schema">{picture}</div>{muted(told + ".")}</figure>'
    )


def _in_one_line(node: Node) -> str:
    return node.label.replace("\n", " ")


def _titled(node: Node) -> str:
    return f' role="img" aria-label="{text(_in_one_line(node))}"'


def schema_layout(schema: Schema) -> Layout:
    """The kind with the most links in the middle, what leads to it on the left, what it leads to on the right."""
    near: dict[int, set[int]] = {kind: set() for kind in range(len(schema.kinds))}
    for link in schema.links:
        near[link.head].add(link.tail)
        near[link.tail].add(link.head)
    hub = max(near, key=lambda kind: (len(near[kind]), -kind))
    columns = {hub: 0}
    frontier = [hub]
    while frontier:
        onward = []
        for link in schema.links:
            for here, there, side in ((link.head, link.tail, 1), (link.tail, link.head, -1)):
                if here in frontier and there not in columns:
                    # What stands left of the hub and leads on to more has it further left, not on the hub.
                    columns[there] = columns[here] + (side if columns[here] == 0 else (1 if columns[here] > 0 else -1))
                    onward.append(there)
        frontier = onward
    linked = {kind for link in schema.links for kind in (link.head, link.tail)} & columns.keys()
    first = min((columns[kind] for kind in linked), default=0)
    order: dict[int, list[int]] = {}
    for kind in sorted(linked, key=lambda kind: -len(near[kind])):
        order.setdefault(columns[kind] - first, []).append(kind)
    nodes = tuple(
        Node(kind, f"{shortened(schema.kinds[kind][0], 24)}\n{schema.kinds[kind][1]:,}",
             "anchor" if kind == hub else "between", column, row - (len(kinds) - 1) / 2)
        for column, kinds in order.items() for row, kind in enumerate(kinds)
    )  # fmt: skip
    edges = tuple(Edge(link.head, _named(link), link.tail) for link in schema.links if {link.head, link.tail} <= linked)
    return Layout(nodes, edges, len(edges))


def _named(link: Link) -> str:
    shown = ", ".join(shortened(relation, 22) for relation in link.relations[:MOST_NAMED])
    rest = len(link.relations) - MOST_NAMED
    return f"{shown} +{rest}" if rest > 0 else shown
