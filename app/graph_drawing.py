"""A placed graph as SVG in the page: it follows light and dark, and its words are text.

Nodes differ in shape as well as in colour. A column of many nodes is folded into several, and of many lines that say
the same of one node only the first is labelled until one of them is pointed at.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from app.evidence_layout import Edge, Key, Layout, Node, Role
from app.markup import shortened, text

ROW = 40
CROWDED_ROW = 32
FOLDED = 14
"""Nodes in a column beyond which it is folded."""
FOLD_GAP = 30
BUNDLED = 5
"""Lines of one relation at one node from which on they share one label."""
MANY = 60
"""Lines beyond which they are drawn faintly until they are pointed at."""
NODE_HEIGHT = 26
MARGIN = 16
LETTER = 7.2
"""Width of a letter in a node, in pixels; a little more than most, since a label must not leave its shape."""
BOLD_LETTER = 8.0
EDGE_LETTER = 6.4
MOST_LETTERS = 24
MOST_EDGE_LETTERS = 22
LOOP = 30

ROLE_WORDS: dict[Role, str] = {
    "anchor": "named in the question",
    "between": "on the way",
    "answer": "answer",
    "value": "value",
    "near": "neighbour",
}


@dataclass(frozen=True)
class Place:
    """Where a node stands: its centre and its width, in pixels."""

    x: float
    y: float
    width: float


def svg(layout: Layout, name: str, label: str, node_extras: Callable[[Node], str], row: float | None = None) -> str:
    """The picture.

    Args:
        layout: what is drawn.
        name: tells its arrowheads from those of another picture in the page.
        label: a text alternative for the whole (not escaped).
        node_extras: further attributes of a node's group, as HTML.
        row: distance between two rows, in pixels; by default as many nodes allow.
    """
    places, width, height = _places(layout, row)
    degrees = Counter(key for edge in layout.edges for key in (edge.head, edge.tail))
    lines, words = [], []
    seen: Counter[frozenset[Key]] = Counter()
    bundles = _Bundles(layout.edges)
    for edge in layout.edges:
        pair = frozenset((edge.head, edge.tail))
        line, x, y = _line(edge, places, degrees, name, nth=seen[pair])
        seen[pair] += 1
        lines.append(line)
        words.append(_label(edge, x, y, hidden=bundles.of(edge) is not None))
        words.append(bundles.label(edge, places))
    nodes = "".join([_node(node, places[node.key], node_extras(node)) for node in in_reading_order(layout)])
    return (
        f'<svg class="sk-picture{" sk-many" if len(layout.edges) > MANY else ""}" role="group" '
        f'aria-label="{text(label)}" xmlns="http://www.w3.org/2000/svg" '
        f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}">'
        f'<defs><marker id="sk-arrow-{name}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
        'orient="auto-start-reverse"><path class="sk-arrowhead" d="M0 0 L10 5 L0 10 z"/></marker></defs>'
        f'<g aria-hidden="true">{"".join(lines)}{"".join(words)}</g>{nodes}</svg>'
    )


def in_reading_order(layout: Layout) -> list[Node]:
    """The nodes from left to right, and from top to bottom: the order in which they are read out."""
    return sorted(layout.nodes, key=lambda node: (node.column, node.row))


def key_text(key: Key) -> str:
    """A node's key as an attribute."""
    return str(key) if isinstance(key, int) else f"{key[0]}-{key[1]}"


def _places(layout: Layout, row: float | None) -> tuple[dict[Key, Place], float, float]:
    """Each node's place, and the picture's width and height, in pixels."""
    columns: list[list[list[Node]]] = []
    for column in range(layout.columns):
        there = sorted((node for node in layout.nodes if node.column == column), key=lambda node: node.row)
        deep = len(there) if len(there) <= FOLDED else max(FOLDED, math.ceil(math.sqrt(2.6 * len(there))))
        columns.append([there[start : start + deep] for start in range(0, len(there), max(1, deep))])
    deepest = max((len(fold) for folds in columns for fold in folds), default=0)
    row = row or (ROW if deepest < FOLDED else CROWDED_ROW)
    loops = LOOP if any(edge.head == edge.tail for edge in layout.edges) else 0
    height = deepest * row + 2 * MARGIN + loops
    longest = max((len(shortened(edge.relation, MOST_EDGE_LETTERS)) for edge in layout.edges), default=0)
    gap = 80 + longest * EDGE_LETTER
    places: dict[Key, Place] = {}
    left = float(MARGIN)
    for number, folds in enumerate(columns):
        left += gap if number else 0
        for nth, fold in enumerate(folds):
            left += FOLD_GAP if nth else 0
            widest = max(map(_width, fold))
            for at, node in enumerate(fold):
                y = (height + loops) / 2 + (at - (len(fold) - 1) / 2) * row
                places[node.key] = Place(left + widest / 2, y, _width(node))
            left += widest
    # Edges within the last column bow out to its right.
    column_of = {node.key: node.column for node in layout.nodes}
    bows = any(
        column_of[edge.head] == column_of[edge.tail] == layout.columns - 1 and edge.head != edge.tail
        for edge in layout.edges
    )
    return places, left + MARGIN + (gap if bows else 0), height


def _width(node: Node) -> float:
    letter = BOLD_LETTER if node.role == "answer" else LETTER
    return len(shortened(node.label, MOST_LETTERS)) * letter + (34 if node.role == "anchor" else 26)


def _line(edge: Edge, places: dict[Key, Place], degrees: Counter[Key], name: str, nth: int) -> tuple[str, float, float]:
    """An arrow, and where its label stands; the `nth` one between the same two nodes stands a little apart."""
    head, tail = places[edge.head], places[edge.tail]
    x1, y1, x2, y2 = head.x, head.y, tail.x, tail.y
    shift = 13 * nth
    if edge.head == edge.tail:
        top = y1 - NODE_HEIGHT / 2
        points = (x1 - 16, top, x1 - 24, top - LOOP - shift, x1 + 24, top - LOOP - shift, x1 + 16, top)
        return _path(edge, points, name), x1, top - LOOP * 0.86 - shift
    if abs(x1 - x2) < (head.width + tail.width) / 2 + 8:
        x1, x2 = x1 + head.width / 2, x2 + tail.width / 2
        bow = max(x1, x2) + 40 + shift
        points, t = (x1, y1, bow, y1, bow, y2, x2, y2), 0.5
    else:
        side = 1 if x2 > x1 else -1
        x1, x2 = x1 + side * head.width / 2, x2 - side * tail.width / 2
        # Where many lines meet in one node, each runs level into its other end early, and has its label there.
        lean = (degrees[edge.head] > degrees[edge.tail]) - (degrees[edge.head] < degrees[edge.tail])
        reach = x2 - x1
        near, far = x1 + reach * (0.5 - 0.25 * lean), x2 - reach * (0.5 + 0.25 * lean)
        points, t = (x1, y1, near, y1 + shift, far, y2 + shift, x2, y2), 0.5 + 0.14 * lean
    s = 1 - t
    weights = (s**3, 3 * s * s * t, 3 * s * t * t, t**3)
    x = sum(weight * value for weight, value in zip(weights, points[::2], strict=True))
    y = sum(weight * value for weight, value in zip(weights, points[1::2], strict=True))
    return _path(edge, points, name), x, y + 4


def _path(edge: Edge, points: tuple[float, ...], name: str) -> str:
    x1, y1, x2, y2, x3, y3, x4, y4 = points
    return (
        f'<path class="sk-edge" {_ends(edge)} d="M{x1:.1f} {y1:.1f} C{x2:.1f} {y2:.1f} {x3:.1f} {y3:.1f} '
        f'{x4:.1f} {y4:.1f}" marker-end="url(#sk-arrow-{name})"/>'
    )


def _ends(edge: Edge) -> str:
    return f'data-head="{text(key_text(edge.head))}" data-tail="{text(key_text(edge.tail))}"'


def _label(edge: Edge, x: float, y: float, hidden: bool) -> str:
    label = shortened(edge.relation, MOST_EDGE_LETTERS)
    full = f"<title>{text(edge.relation)}</title>" if label != edge.relation else ""
    more = " sk-more" if hidden else ""
    return f'<text class="sk-edge-label{more}" {_ends(edge)} x="{x:.1f}" y="{y:.1f}">{full}{text(label)}</text>'


class _Bundles:
    """Which lines share a label: many of one relation at one node, all in the same direction."""

    def __init__(self, edges: tuple[Edge, ...]) -> None:
        self._counts: Counter[tuple[Key, str, bool]] = Counter()
        for edge in edges:
            self._counts[edge.head, edge.relation, True] += 1
            self._counts[edge.tail, edge.relation, False] += 1
        self._told: set[tuple[Key, str, bool]] = set()
        self._at: Counter[tuple[Key, bool]] = Counter()

    def of(self, edge: Edge) -> tuple[Key, str, bool] | None:
        """The bundle that an edge belongs to, by its hub, relation and whether it leads away from the hub."""
        ends = ((edge.head, edge.relation, True), (edge.tail, edge.relation, False))
        hub = max(ends, key=self._counts.__getitem__)
        return hub if self._counts[hub] >= BUNDLED else None

    def label(self, edge: Edge, places: dict[Key, Place]) -> str:
        """The label of the edge's bundle beside its hub, once."""
        bundle = self.of(edge)
        if bundle is None or bundle in self._told:
            return ""
        self._told.add(bundle)
        hub, other = places[bundle[0]], places[edge.tail if bundle[2] else edge.head]
        right = other.x >= hub.x
        told = f"{shortened(edge.relation, MOST_EDGE_LETTERS)} × {self._counts[bundle]}"
        half = len(told) * EDGE_LETTER / 2 + 6
        x = hub.x + (1 if right else -1) * (hub.width / 2 + 14 + half)
        y = hub.y + 19 * self._at[bundle[0], right]
        self._at[bundle[0], right] += 1
        return (
            f'<g class="sk-bundle"><rect x="{x - half:.1f}" y="{y - 9:.1f}" width="{2 * half:.1f}" height="18" rx="9"/>'
            f'<text class="sk-edge-label" x="{x:.1f}" y="{y + 4:.1f}">{text(told)}</text></g>'
        )


def _node(node: Node, place: Place, extras: str) -> str:
    label = shortened(node.label, MOST_LETTERS)
    full = f"<title>{text(node.label)}</title>" if label != node.label else ""
    return (
        f'<g class="sk-shape sk-shape-{node.role}" data-key="{text(key_text(node.key))}" '
        f'transform="translate({place.x:.1f} {place.y:.1f})"{extras}>{full}'
        f'{outline(node.role, 0, 0, place.width, NODE_HEIGHT)}<text x="0" y="4.5">{text(label)}</text></g>'
    )


def outline(role: Role, x: float, y: float, width: float, height: float) -> str:
    """A hexagon for anchors, a pill for answers, a box for what lies between, a dashed box for values."""
    left, right, top, bottom = x - width / 2, x + width / 2, y - height / 2, y + height / 2
    if role == "anchor":
        cut = height / 3
        points = [
            (left, y), (left + cut, top), (right - cut, top), (right, y), (right - cut, bottom), (left + cut, bottom),
        ]  # fmt: skip
        return f'<polygon points="{" ".join(f"{px:.1f},{py:.1f}" for px, py in points)}"/>'
    radius = height / 2 if role == "answer" else 3
    dashes = ' stroke-dasharray="4 3"' if role == "value" else ' stroke-dasharray="1 3"' if role == "near" else ""
    return f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" rx="{radius:.1f}"{dashes}/>'


def swatch(role: Role) -> str:
    """A node's looks, for a legend."""
    return (
        f'<svg class="sk-swatch" width="30" height="16" viewBox="0 0 30 16" aria-hidden="true">'
        f'<g class="sk-shape sk-shape-{role}">{outline(role, 15, 8, 26, 12)}</g></svg>'
    )
