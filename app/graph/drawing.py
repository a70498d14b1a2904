"""A placed graph as SVG in the page: it follows light and dark, and its words are text.

Nodes differ in shape as well as in colour. A column of many nodes is folded into several. Of many lines that say the
same of one node only one is labelled, and where lines are many, or a label has no room, it shows once it is pointed at.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace

from app.graph.evidence_layout import Edge, Key, Layout, Node, Role
from app.graph.routes import Columns, Curve, Place, Room, Route
from app.server.markup import percent, shortened, text

ROW = 40
CROWDED_ROW = 36
FOLDED = 14
"""Nodes in a column beyond which it is folded."""
FOLD_GAP = 46
BUNDLED = 5
"""Lines of one relation at one node from which on they share one label."""
MANY = 60
"""Lines beyond which they are drawn faintly, and without labels, until they are pointed at."""
NODE_HEIGHT = 26
LINE = 16
"""Height of a further line of words in a node."""
MARGIN = 16
LETTER = 7.2
"""Width of a letter in a node, in pixels; a little more than most, since a label must not leave its shape."""
BOLD_LETTER = 8.0
EDGE_LETTER = 6.4
LABEL_HEIGHT, BUNDLE_HEIGHT = 14, 18
MOST_LETTERS = 24
MOST_EDGE_LETTERS = 22
LOOP = 30

ROLE_WORDS: dict[Role, str] = {
    "anchor": "named in the question",
    "between": "on the way",
    "answer": "answer",
    "likely": "likely answer",
    "value": "value",
    "near": "neighbour",
}

DASHES: dict[Role, str] = {"value": "4 3", "near": "1 3", "likely": "6 3"}


def svg(layout: Layout, name: str, label: str, node_extras: Callable[[Node], str], row: float | None = None) -> str:
    """The picture.

    Args:
        layout: what is drawn.
        name: tells its arrowheads from those of another picture in the page.
        label: a text alternative for the whole (not escaped).
        node_extras: further attributes of a node's group, as HTML.
        row: distance between two rows, in pixels, of a picture that shows all its labels; by default as many nodes
            allow.
    """
    places, width, height = _places(layout, row)
    degrees = Counter(key for edge in layout.edges for key in (edge.head, edge.tail))
    drawn = _two_way(layout.edges)
    columns, bundles, many = Columns(places.values()), _Bundles(drawn), len(layout.edges) > MANY
    room, room_pointed = Room(places.values()), Room(places.values())
    lines, words = [], []
    words += [bundles.label(edge, places, room) for edge in drawn]
    seen: Counter[frozenset[Key]] = Counter()
    for edge, both in drawn.items():
        pair = frozenset((edge.head, edge.tail))
        line = _route(edge, places, degrees, columns, nth=seen[pair])
        seen[pair] += 1
        lines.append(_path(edge, line, name, both))
        # What is shown at once stands free of all else; what shows when pointed at, of nodes and of its like.
        told, *shorter = _told(edge)
        wide = len(told) * EDGE_LETTER
        shown = None
        # A predicted edge keeps its confidence beside it where others are bundled or left out.
        if edge.predicted or (not many and bundles.of(edge) is None):
            shown = room.put(line.label_places(), wide, LABEL_HEIGHT, anyhow=row is not None)
        if shown is None and shorter:
            shown = room.put(line.label_places(), len(shorter[0]) * EDGE_LETTER, LABEL_HEIGHT, anyhow=False)
            told = told if shown is None else shorter[0]
        place = shown or room_pointed.put(line.label_places(), wide, LABEL_HEIGHT, anyhow=True)
        assert place is not None
        words.append(_label(edge, told, place, hidden=shown is None))
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
                places[node.key] = Place(left + widest / 2, y, _width(node), _height(node))
            left += widest
    # Edges within the last column bow out to its right.
    column_of = {node.key: node.column for node in layout.nodes}
    bows = any(
        column_of[edge.head] == column_of[edge.tail] == layout.columns - 1 and edge.head != edge.tail
        for edge in layout.edges
    )
    return places, left + MARGIN + (gap if bows else 0), height


def _width(node: Node) -> float:
    letter = BOLD_LETTER if node.role in ("answer", "likely") else LETTER
    longest = max(len(shortened(line, MOST_LETTERS)) for line in node.label.split("\n"))
    return longest * letter + (34 if node.role == "anchor" or node.named else 26)


def _height(node: Node) -> float:
    return NODE_HEIGHT + LINE * node.label.count("\n")


def _two_way(edges: Iterable[Edge]) -> dict[Edge, bool]:
    """The lines to draw, and whether each stands for the facts of both directions."""
    drawn: dict[Edge, bool] = {}
    for edge in edges:
        back = replace(edge, head=edge.tail, tail=edge.head)
        if back in drawn and edge.head != edge.tail:
            drawn[back] = True
        else:
            drawn[edge] = False
    return drawn


def _route(edge: Edge, places: dict[Key, Place], degrees: Counter[Key], columns: Columns, nth: int) -> Route:
    """The line of an edge; the `nth` one between the same two nodes stands a little apart."""
    head, tail, shift = places[edge.head], places[edge.tail], 13 * nth
    if edge.head == edge.tail:
        top = head.y - head.height / 2
        high = top - LOOP - shift
        curve = Curve((head.x - 16, top, head.x - 24, high, head.x + 24, high, head.x + 16, top))
        return Route((head.x - 16, top), (curve,), (head.x + 16, top))
    lean = (degrees[edge.head] > degrees[edge.tail]) - (degrees[edge.head] < degrees[edge.tail])
    return columns.route(head, tail, lean, shift)


def _path(edge: Edge, line: Route, name: str, both: bool) -> str:
    ends = f'marker-end="url(#sk-arrow-{name})"' + (f' marker-start="url(#sk-arrow-{name})"' if both else "")
    looks = "sk-edge sk-predicted" if edge.predicted else "sk-edge"
    return f'<path class="{looks}" {_ends(edge)} d="{line.path}" {ends}/>'


def _ends(edge: Edge) -> str:
    return f'data-head="{text(key_text(edge.head))}" data-tail="{text(key_text(edge.tail))}"'


def _told(edge: Edge) -> list[str]:
    """What stands beside a line: its relation, and how sure a predicted edge is; then what does where room is short."""
    label = shortened(edge.relation, MOST_EDGE_LETTERS)
    sure = percent(edge.confidence)
    return [f"{label} {sure}", sure] if edge.predicted else [label]


def _label(edge: Edge, told: str, place: Place, hidden: bool) -> str:
    full = f"<title>{text(edge.relation)}</title>" if edge.relation not in told else ""
    more = " sk-more" if hidden else ""
    guessed = " sk-guess" if edge.predicted else ""
    return (
        f'<text class="sk-edge-label{guessed}{more}" {_ends(edge)} x="{place.x:.1f}" y="{place.y + 4:.1f}">{full}'
        f"{text(told)}</text>"
    )


Bundle = tuple[Key, str, str]
"""The node at which lines meet, their relation, and whether they lead out, in or both ways."""


class _Bundles:
    """Which lines share a label: many of one relation at one node, all in the same direction, and all in the graph."""

    def __init__(self, drawn: dict[Edge, bool]) -> None:
        self._drawn = drawn
        self._counts = Counter(bundle for edge in drawn if not edge.predicted for bundle in self._ends(edge))
        self._told: set[Bundle] = set()

    def _ends(self, edge: Edge) -> tuple[Bundle, Bundle]:
        out, back = ("both", "both") if self._drawn[edge] else ("out", "in")
        return (edge.head, edge.relation, out), (edge.tail, edge.relation, back)

    def of(self, edge: Edge) -> Bundle | None:
        """The bundle that an edge belongs to."""
        if edge.predicted:
            return None
        hub = max(self._ends(edge), key=self._counts.__getitem__)
        return hub if self._counts[hub] >= BUNDLED else None

    def label(self, edge: Edge, places: dict[Key, Place], room: Room) -> str:
        """The label of the edge's bundle beside its hub, once; none where it has no room."""
        bundle = self.of(edge)
        if bundle is None or bundle in self._told:
            return ""
        self._told.add(bundle)
        hub, other = places[bundle[0]], places[edge.tail if bundle[0] == edge.head else edge.head]
        told = f"{shortened(edge.relation, MOST_EDGE_LETTERS)} × {self._counts[bundle]}"
        half = len(told) * EDGE_LETTER / 2 + 6
        away = (1 if other.x >= hub.x else -1) * (hub.width / 2 + 14 + half)
        tried = [(hub.x + away, hub.y + aside) for aside in (0, 19, -19, 38, -38)]
        place = room.put(tried, 2 * half, BUNDLE_HEIGHT, anyhow=False)
        if place is None:
            return ""
        return (
            f'<g class="sk-bundle"><rect x="{place.x - half:.1f}" y="{place.y - 9:.1f}" width="{2 * half:.1f}" '
            f'height="{BUNDLE_HEIGHT}" rx="9"/>'
            f'<text class="sk-edge-label" x="{place.x:.1f}" y="{place.y + 4:.1f}">{text(told)}</text></g>'
        )


def _node(node: Node, place: Place, extras: str) -> str:
    lines = [shortened(line, MOST_LETTERS) for line in node.label.split("\n")]
    full = f"<title>{text(node.label)}</title>" if lines != node.label.split("\n") else ""
    top = 4.5 - LINE * (len(lines) - 1) / 2
    words = "".join(f'<text x="0" y="{top + LINE * at:g}">{text(line)}</text>' for at, line in enumerate(lines))
    named = " sk-named" if node.named else ""
    looks: Role = "anchor" if node.named else node.role
    return (
        f'<g class="sk-shape sk-shape-{node.role}{named}" data-key="{text(key_text(node.key))}" '
        f'transform="translate({place.x:.1f} {place.y:.1f})"{extras}>{full}'
        f"{outline(looks, 0, 0, place.width, place.height)}{words}</g>"
    )


def outline(role: Role, x: float, y: float, width: float, height: float) -> str:
    """A hexagon for anchors, a pill for answers, dashed for likely ones, a box for what lies between, a dashed box for
    values."""
    left, right, top, bottom = x - width / 2, x + width / 2, y - height / 2, y + height / 2
    if role == "anchor":
        cut = min(height, NODE_HEIGHT) / 3
        points = [
            (left, y), (left + cut, top), (right - cut, top), (right, y), (right - cut, bottom), (left + cut, bottom),
        ]  # fmt: skip
        return f'<polygon points="{" ".join(f"{px:.1f},{py:.1f}" for px, py in points)}"/>'
    radius = height / 2 if role in ("answer", "likely") else 3
    dashes = f' stroke-dasharray="{DASHES[role]}"' if role in DASHES else ""
    return f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" rx="{radius:.1f}"{dashes}/>'


def line_swatch(predicted: bool) -> str:
    """An edge's looks, for a legend."""
    looks = "sk-edge sk-predicted" if predicted else "sk-edge"
    return (
        '<svg class="sk-swatch sk-picture" width="34" height="16" viewBox="0 0 34 16" aria-hidden="true">'
        f'<path class="{looks}" d="M1 8 H33"/></svg>'
    )


def swatch(role: Role, named: bool = False) -> str:
    """A node's looks, for a legend."""
    looks: Role = "anchor" if named else role
    return (
        f'<svg class="sk-swatch" width="30" height="16" viewBox="0 0 30 16" aria-hidden="true">'
        f'<g class="sk-shape sk-shape-{role}{" sk-named" if named else ""}">{outline(looks, 15, 8, 26, 12)}</g></svg>'
    )
