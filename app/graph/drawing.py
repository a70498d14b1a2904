"""A placed picture of facts, drawn as SVG in the page, which follows light and dark.

Nodes differ in shape as well as in colour, and a column of many is folded into several. A line passes a column between
two rows, and words take the first free place along their line. Of many lines that say the same of one node only one is
labelled; where a label has no room, it shows once it is pointed at.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from markupsafe import Markup

from app.graph.layout import Edge, Key, Layout, Node, Role
from app.server.views import percent, render, shortened

ROW = 40
CROWDED_ROW = 36
FOLDED = 14
"""Nodes in a column beyond which it is folded."""
FOLD_GAP = 46
BUNDLED = 5
"""Lines of one relation at one node from which on they share one label."""
MANY = 60
"""Lines beyond which they are drawn faintly, and without labels, until they are pointed at."""
NODE_HEIGHT, LINE_HEIGHT, MARGIN = 26, 16, 16
LETTER = 7.2
"""Width of a letter in a node, in pixels; a little more than most, since a label must not leave its shape."""
BOLD_LETTER = 8.0
EDGE_LETTER = 6.4
LABEL_HEIGHT, BUNDLE_HEIGHT = 14, 18
MOST_LETTERS = 24
MOST_EDGE_LETTERS = 22
LOOP = 30

CLEAR = 4
"""Pixels kept between a line and a node that it passes."""
BOW, BOW_ROW = 16, 9
"""How far a line between two nodes of a column bows out, and how much more for each row between them."""
MOST_BOWED = 2
TRIED = (0.0, -0.1, 0.1, -0.2, 0.2, -0.28, 0.28)
"""Where along a line words are tried, from where they stand best."""
NUDGES = (0, -9, 9)

ROLE_WORDS: dict[Role, str] = {
    "anchor": "named in the question",
    "between": "on the way",
    "answer": "answer",
    "likely": "likely answer",
    "value": "value",
    "near": "neighbour",
}
NAMED_ANSWER = "named in the question, and an answer"


@dataclass(frozen=True)
class Line:
    """An edge as it is drawn."""

    edge: Edge
    path: str
    both_ways: bool
    words: str
    place: Place
    hidden: bool


def drawing_svg(layout: Layout, name: str, alternative: str, row: float | None = None) -> Markup:
    """The picture.

    Args:
        layout: what is drawn.
        name: tells its arrowheads from those of another picture in the page.
        alternative: a text alternative for the whole.
        row: distance between two rows, in pixels, of a picture that shows all its labels and whose nodes do nothing; by
            default as much as the number of nodes allows, and each entity is a button.
    """
    places, width, height = node_places(layout, row)
    lines, bundles = lines_of(layout, places, show_all=row is not None)
    opened = {entity for entity, _ in layout.opened}
    nodes = []
    for node in in_reading_order(layout):
        words = node.label.split("\n")
        shown = [shortened(line, MOST_LETTERS) for line in words]
        role = NAMED_ANSWER if node.named else ROLE_WORDS[node.role]
        nodes.append({
            "node": node,
            "place": places[node.key],
            "lines": shown,
            "cut": shown != words,
            "label": f"{node.label}, {role}" if row is None else " ".join(words) + (", new" if node.newest else ""),
            "opened": node.key in opened,
        })  # fmt: skip
    return render(
        "graph/drawing.html",
        name=name,
        alternative=alternative,
        width=width,
        height=height,
        many=len(layout.edges) > MANY,
        interactive=row is None,
        lines=lines,
        bundles=bundles,
        nodes=nodes,
        key=lambda key: str(key) if isinstance(key, int) else f"{key[0]}-{key[1]}",
    )


def in_reading_order(layout: Layout) -> list[Node]:
    """The nodes from left to right, and from top to bottom: the order in which they are read out."""
    return sorted(layout.nodes, key=lambda node: (node.column, node.row))


def node_places(layout: Layout, row: float | None) -> tuple[dict[Key, Place], float, float]:
    """Each node's place, and the picture's width and height, in pixels."""
    columns: list[list[list[Node]]] = []
    for column in range(layout.columns):
        nodes = sorted((node for node in layout.nodes if node.column == column), key=lambda node: node.row)
        deep = len(nodes) if len(nodes) <= FOLDED else max(FOLDED, math.ceil(math.sqrt(2.6 * len(nodes))))
        columns.append([nodes[start : start + deep] for start in range(0, len(nodes), max(1, deep))])
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
            for position, node in enumerate(fold):
                y = (height + loops) / 2 + (position - (len(fold) - 1) / 2) * row
                node_height = NODE_HEIGHT + LINE_HEIGHT * node.label.count("\n")
                places[node.key] = Place(left + widest / 2, y, _width(node), node_height)
            left += widest
    # Edges within the last column bow out to its right.
    last = {node.key for node in layout.nodes if node.column == layout.columns - 1}
    bows = any(edge.head != edge.tail and {edge.head, edge.tail} <= last for edge in layout.edges)
    return places, left + MARGIN + (gap if bows else 0), height


def _width(node: Node) -> float:
    letter = BOLD_LETTER if node.role in ("answer", "likely") or node.newest else LETTER
    longest = max(len(shortened(line, MOST_LETTERS)) for line in node.label.split("\n"))
    return longest * letter + (34 if node.role == "anchor" or node.named else 26)


def lines_of(layout: Layout, places: dict[Key, Place], show_all: bool) -> tuple[list[Line], list[tuple[str, Place]]]:
    """The lines with their words, and the labels that many of them share.

    What shows at once stands free of all else; what shows only when pointed at, free of nodes and of its like.
    """
    drawn = _merged_directions(layout.edges)
    routes = routes_of(layout, places)
    bundles, many = _Bundles(drawn), len(layout.edges) > MANY
    room, room_when_pointed_at = Room(places.values()), Room(places.values())
    labels = [label for edge in drawn if (label := bundles.label(edge, places, room)) is not None]
    lines = []
    for edge, both_ways in drawn.items():
        spots = list(routes[edge].label_places())
        words, *shorter = _words(edge)
        place = None
        # A predicted edge keeps its confidence beside it where others are bundled or left out.
        if edge.predicted or (not many and bundles.of(edge) is None):
            place = room.put(spots, len(words) * EDGE_LETTER, LABEL_HEIGHT, anyhow=show_all)
        if place is None and shorter:
            place = room.put(spots, len(shorter[0]) * EDGE_LETTER, LABEL_HEIGHT, anyhow=False)
            words = words if place is None else shorter[0]
        hidden = place is None
        place = place or room_when_pointed_at.put(spots, len(words) * EDGE_LETTER, LABEL_HEIGHT, anyhow=True)
        assert place is not None
        lines.append(Line(edge, routes[edge].path, both_ways, words, place, hidden))
    return lines, labels


def routes_of(layout: Layout, places: dict[Key, Place]) -> dict[Edge, Route]:
    """The way of each line; further ones between the same two nodes stand a little apart."""
    degrees = Counter(key for edge in layout.edges for key in (edge.head, edge.tail))
    columns, between = Columns(places.values()), Counter[frozenset[Key]]()
    routes = {}
    for edge in _merged_directions(layout.edges):
        pair = frozenset((edge.head, edge.tail))
        head, tail, shift = places[edge.head], places[edge.tail], 13 * between[pair]
        between[pair] += 1
        if edge.head == edge.tail:
            top = head.y - head.height / 2
            high = top - LOOP - shift
            curve = Curve((head.x - 16, top, head.x - 24, high, head.x + 24, high, head.x + 16, top))
            routes[edge] = Route((head.x - 16, top), (curve,), (head.x + 16, top))
        else:
            lean = (degrees[edge.head] > degrees[edge.tail]) - (degrees[edge.head] < degrees[edge.tail])
            routes[edge] = columns.route(head, tail, lean, shift)
    return routes


def _merged_directions(edges: Iterable[Edge]) -> dict[Edge, bool]:
    """The lines to draw, and whether each stands for the facts of both directions."""
    drawn: dict[Edge, bool] = {}
    for edge in edges:
        back = replace(edge, head=edge.tail, tail=edge.head)
        if back in drawn and edge.head != edge.tail:
            drawn[back] = True
        else:
            drawn[edge] = False
    return drawn


def _words(edge: Edge) -> list[str]:
    """The words beside a line: its relation, with how sure a predicted edge is; then those for where room is short."""
    label, confidence = shortened(edge.relation, MOST_EDGE_LETTERS), percent(edge.confidence)
    return [f"{label} {confidence}", confidence] if edge.predicted else [label]


Bundle = tuple[Key, str, str]
"""The node at which lines meet, their relation, and whether they lead out, in or both ways."""


class _Bundles:
    """Which lines share a label: many of one relation at one node, all in the same direction, and all in the graph."""

    def __init__(self, drawn: dict[Edge, bool]) -> None:
        self._drawn = drawn
        self._counts = Counter(bundle for edge in drawn if not edge.predicted for bundle in self._ends(edge))
        self._labelled: set[Bundle] = set()

    def _ends(self, edge: Edge) -> tuple[Bundle, Bundle]:
        out, back = ("both", "both") if self._drawn[edge] else ("out", "in")
        return (edge.head, edge.relation, out), (edge.tail, edge.relation, back)

    def of(self, edge: Edge) -> Bundle | None:
        """The bundle that an edge belongs to."""
        if edge.predicted:
            return None
        bundle = max(self._ends(edge), key=self._counts.__getitem__)
        return bundle if self._counts[bundle] >= BUNDLED else None

    def label(self, edge: Edge, places: dict[Key, Place], room: Room) -> tuple[str, Place] | None:
        """Words and place of the label of the edge's bundle beside its node, once; None where it has no room."""
        bundle = self.of(edge)
        if bundle is None or bundle in self._labelled:
            return None
        self._labelled.add(bundle)
        hub, other = places[bundle[0]], places[edge.tail if bundle[0] == edge.head else edge.head]
        words = f"{shortened(edge.relation, MOST_EDGE_LETTERS)} × {self._counts[bundle]}"
        half = len(words) * EDGE_LETTER / 2 + 6
        away = (1 if other.x >= hub.x else -1) * (hub.width / 2 + 14 + half)
        spots = [(hub.x + away, hub.y + aside) for aside in (0, 19, -19, 38, -38)]
        place = room.put(spots, 2 * half, BUNDLE_HEIGHT, anyhow=False)
        return None if place is None else (words, place)


@dataclass(frozen=True)
class Place:
    """Where a node stands: its centre and its size, in pixels."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Curve:
    """A cubic Bézier curve, its four points as x and y in turn; `best` is where along it words stand best."""

    points: tuple[float, ...]
    best: float = 0.5

    def at(self, t: float) -> tuple[float, float]:
        """The point at `t`, from 0 to 1."""
        s = 1 - t
        weights = (s**3, 3 * s * s * t, 3 * s * t * t, t**3)
        x, y = (
            sum(weight * value for weight, value in zip(weights, self.points[start::2], strict=True))
            for start in (0, 1)
        )
        return x, y


@dataclass(frozen=True)
class Route:
    """A line: where it starts, the curves that it is led through with level pieces between them, and where it ends."""

    start: tuple[float, float]
    curves: tuple[Curve, ...]
    end: tuple[float, float]

    @property
    def path(self) -> str:
        """The line in SVG's words."""
        pieces, end = [f"M{self.start[0]:.1f} {self.start[1]:.1f}"], self.start
        # No piece without a length: an arrowhead has the direction of the last one.
        for curve in self.curves:
            x1, y1, *rest = curve.points
            pieces += [f"L{x1:.1f} {y1:.1f}"] if (x1, y1) != end else []
            pieces.append(f"C{' '.join(f'{value:.1f}' for value in rest)}")
            end = rest[-2], rest[-1]
        return " ".join(pieces) + (f" L{self.end[0]:.1f} {self.end[1]:.1f}" if self.end != end else "")

    def label_places(self) -> Iterable[tuple[float, float]]:
        """Where its words may stand, the best place first."""
        for nudge in NUDGES:
            for tried in TRIED:
                for curve in self.curves:
                    x, y = curve.at(min(max(curve.best + tried, 0.12), 0.88))
                    yield x, y + nudge


class Columns:
    """The nodes that stand below one another, by their common centre; a line is led between and past them."""

    def __init__(self, places: Iterable[Place]) -> None:
        self._at: dict[float, list[Place]] = {}
        for place in sorted(places, key=lambda place: (place.x, place.y)):
            self._at.setdefault(place.x, []).append(place)

    def edge(self, place: Place, side: int) -> float:
        """Where the column of a place ends on its right (1) or left (-1)."""
        return place.x + side * max(other.width for other in self._at[place.x]) / 2

    def route(self, head: Place, tail: Place, lean: int, shift: float) -> Route:
        """The line from one node to another that is not the same.

        Args:
            head, tail: the nodes.
            lean: 1 where more lines meet in the head, -1 where more meet in the tail: each then runs level into its
                other end early.
            shift: how far it bends aside, so that lines between the same two nodes stay apart.
        """
        if head.x == tail.x:
            return self._bowed(head, tail, shift)
        side = 1 if tail.x > head.x else -1
        start, end = (head.x + side * head.width / 2, head.y), (tail.x - side * tail.width / 2, tail.y)
        stops = [(self.edge(head, side), head.y)]
        passed = sorted((x for x in self._at if min(head.x, tail.x) < x < max(head.x, tail.x)), reverse=side < 0)
        for x in passed:
            column = self._at[x]
            y = _gap(column, head.y + (tail.y - head.y) * (x - head.x) / (tail.x - head.x))
            half = max(place.width for place in column) / 2 + CLEAR
            stops += [(x - side * half, y), (x + side * half, y)]
        stops.append((self.edge(tail, -side), tail.y))
        curves = []
        lean = lean if len(stops) == 2 else 0
        for (x1, y1), (x2, y2) in zip(stops[::2], stops[1::2], strict=True):
            reach = x2 - x1
            near, far = x1 + reach * (0.5 - 0.25 * lean), x2 - reach * (0.5 + 0.25 * lean)
            bend = shift if len(stops) == 2 else 0.0
            curves.append(Curve((x1, y1, near, y1 + bend, far, y2 + bend, x2, y2), 0.5 + 0.14 * lean))
        return Route(start, tuple(curves), end)

    def _bowed(self, head: Place, tail: Place, shift: float) -> Route:
        right = self.edge(head, 1)
        between = sum(min(head.y, tail.y) < place.y < max(head.y, tail.y) for place in self._at[head.x])
        bow = right + (BOW + BOW_ROW * min(between, MOST_BOWED) + shift) / 0.75
        curve = Curve((right, head.y, bow, head.y, bow, tail.y, right, tail.y))
        return Route((head.x + head.width / 2, head.y), (curve,), (tail.x + tail.width / 2, tail.y))


def _gap(column: Sequence[Place], wanted: float) -> float:
    """The height nearest to the wanted one at which a line lies on no node of a column, from top to bottom."""
    if all(abs(place.y - wanted) >= place.height / 2 + CLEAR for place in column):
        return wanted
    first, last = column[0], column[-1]
    free = [first.y - first.height / 2 - 2 * CLEAR, last.y + last.height / 2 + 2 * CLEAR]
    for upper, lower in pairwise(column):
        free.append((upper.y + upper.height / 2 + lower.y - lower.height / 2) / 2)
    return min(free, key=lambda y: abs(y - wanted))


class Room:
    """The boxes that are taken in a picture; what is placed later avoids them."""

    def __init__(self, places: Iterable[Place]) -> None:
        self._boxes = np.array([_box(place) for place in places]).reshape(-1, 4)

    def put(self, places: Iterable[tuple[float, float]], width: float, height: float, anyhow: bool) -> Place | None:
        """Take the first free place for a box of this size; where none is, the freest one or, unless `anyhow`, none."""
        best, least = None, np.inf
        for x, y in places:
            place = Place(x, y, width, height)
            taken = self._taken(_box(place))
            if taken < least:
                best, least = place, taken
            if not taken:
                break
        if best is None or (least and not anyhow):
            return None
        self._boxes = np.vstack((self._boxes, _box(best)))
        return best

    def _taken(self, box: tuple[float, float, float, float]) -> float:
        """The area of a box that lies on others."""
        corner, far = np.maximum(self._boxes[:, :2], box[:2]), np.minimum(self._boxes[:, 2:], box[2:])
        return float(np.prod(np.clip(far - corner, 0, None), axis=1).sum())


def _box(place: Place) -> tuple[float, float, float, float]:
    """Left, top, right, bottom."""
    w, h = place.width / 2, place.height / 2
    return place.x - w, place.y - h, place.x + w, place.y + h
