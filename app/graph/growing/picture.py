"""The graph so far as a picture: its newest triples, those of the last passage marked.

Entities keep their keys from picture to picture, so that the page's script moves each from where it stood before.
"""

from __future__ import annotations

from collections.abc import Sequence

import networkx as nx
from markupsafe import Markup

from app.graph.drawing import drawing_svg
from app.graph.layout import Edge, Key, Layout, Node, columns_of, rows_of
from app.server.templates import render
from app.server.words import counted
from kg_data.values import Value
from reasoning.extraction.extraction import Extracted

MOST_DRAWN = 60
"""Triples that are drawn, the newest: with more of them their lines have no room for words."""
MOST_LISTED = 12
"""Triples in the text alternative; all of them are listed below the picture."""
ROW = 44


def growth_html(triples: Sequence[Extracted], newest: int) -> Markup:
    """The picture with a line that says how much of the graph it shows.

    Args:
        triples: all so far, in their order.
        newest: how many of the last ones have just come; 0 marks none.
    """
    layout = laid_out(triples, newest)
    labels = {node.key: node.label for node in layout.nodes}
    listed = "; ".join(f"{labels[e.head]}, {e.relation}, {labels[e.tail]}" for e in layout.edges[-MOST_LISTED:])
    more = f"; and {len(layout.edges) - MOST_LISTED} more" if len(layout.edges) > MOST_LISTED else ""
    return render(
        "growing/picture.html",
        drawing=drawing_svg(layout, "growing", f"The graph so far: {listed}{more}.", ROW),
        drawn=counted(len(layout.edges), "fact"),
        total=layout.total,
        all_drawn=len(layout.edges) == layout.total,
        newest=sum(edge.newest for edge in layout.edges),
    )  # fmt: skip


def laid_out(triples: Sequence[Extracted], newest: int) -> Layout:
    """The last `MOST_DRAWN` facts, each once: in the middle of what hangs together what most of them are about."""
    keys: dict[str, int] = {}
    edges: dict[Edge, bool] = {}
    labels: dict[Key, str] = {}
    first: dict[Key, int] = {}
    for place, triple in enumerate(triples):
        head = keys.setdefault(triple.head, len(keys))
        is_value = isinstance(triple.tail, Value)
        tail: Key = (head, triple.relation) if is_value else keys.setdefault(str(triple.tail), len(keys))
        labels |= {head: triple.head, tail: str(triple.tail)}
        for key in (head, tail):
            first.setdefault(key, place)
        # Of a fact that is said again the first saying counts.
        edges.setdefault(Edge(head, triple.relation, tail), place >= len(triples) - newest)
    drawn = [Edge(e.head, e.relation, e.tail, newest=is_new) for e, is_new in edges.items()][-MOST_DRAWN:]
    graph = nx.DiGraph()
    for edge in drawn:
        graph.add_edge(edge.head, edge.tail)
    things = [key for key in graph if isinstance(key, int)]
    hub = {max(things, key=lambda key: (graph.degree(key), -key))} if things else set()
    columns = columns_of(graph, hub)
    rows = rows_of(graph, columns)
    nodes = tuple(
        Node(
            key, labels[key], "value" if isinstance(key, tuple) else "between", columns[key], rows[key],
            newest=first[key] >= len(triples) - newest,
        )
        for key in graph
    )  # fmt: skip
    return Layout(nodes, tuple(drawn), len(edges), len(drawn))
