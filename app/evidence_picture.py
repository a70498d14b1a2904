"""The facts behind an answer as a picture: SVG in the page, so that it follows light and dark and its words are text.

Anchors, answers, entities between and values differ in shape as well as in colour.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.evidence_layout import Edge, Key, Layout, Node, Role, lay_out
from app.markup import counted, muted, shortened, text
from reasoning.answer import Answer

ROW = 40
CROWDED_ROW = 31
CROWDED = 12
"""Nodes in a column beyond which rows move closer together."""
NODE_HEIGHT = 26
MARGIN = 16
LETTER = 7.2
"""Width of a letter in a node, in pixels; a little more than most, since a label must not leave its shape."""
BOLD_LETTER = 8.0
EDGE_LETTER = 6.4
MOST_LETTERS = 24
MOST_EDGE_LETTERS = 22

LEGEND: tuple[tuple[Role, str], ...] = (
    ("anchor", "named in the question"),
    ("between", "on the way"),
    ("answer", "answer"),
    ("value", "value"),
)


def picture_html(answer: Answer) -> str:
    """The picture with its legend and how much of the evidence it shows; a sentence where there is nothing to draw."""
    layout = lay_out(answer)
    if not layout.edges:
        return muted("There is no fact to draw for this answer.")
    drawn = len(layout.edges)
    told = (
        ("The one fact" if drawn == 1 else f"All {drawn} facts") + " behind the answer."
        if drawn >= layout.total
        else f"{drawn} of {layout.total:,} facts are drawn: those behind the first answers."
    )
    roles = {node.role for node in layout.nodes}
    legend = "".join(f"<li>{_swatch(role)} {words}</li>" for role, words in LEGEND if role in roles)
    return (
        f'<figure class="sk-figure"><div class="sk-scroll" tabindex="0" role="region" '
        f'aria-label="Picture of the evidence">{svg(layout)}</div>'
        f'<figcaption>{told}<ul class="sk-legend">{legend}</ul></figcaption></figure>'
    )


def svg(layout: Layout) -> str:
    """The picture itself, with a text alternative."""
    places, width, height = _places(layout)
    labels = {node.key: node.label for node in layout.nodes}
    degrees = dict.fromkeys(labels, 0)
    for edge in layout.edges:
        degrees[edge.head] += 1
        degrees[edge.tail] += 1
    lines, words = [], []
    seen: dict[frozenset[Key], int] = {}
    for edge in layout.edges:
        pair = frozenset((edge.head, edge.tail))
        seen[pair] = seen.get(pair, 0) + 1
        line, word = _edge(edge, places, degrees, nth=seen[pair] - 1)
        lines.append(line)
        words.append(word)
    shapes = [_shape(node, *places[node.key]) for node in layout.nodes]
    alternative = _alternative(layout.edges, labels)
    return (
        f'<svg class="sk-picture" role="img" aria-label="{text(alternative)}" xmlns="http://www.w3.org/2000/svg" '
        f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}">'
        '<defs><marker id="sk-arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
        'orient="auto-start-reverse"><path class="sk-arrowhead" d="M0 0 L10 5 L0 10 z"/></marker></defs>'
        f"{''.join(lines)}{''.join(words)}{''.join(shapes)}</svg>"
    )


def _places(layout: Layout) -> tuple[dict[Key, tuple[float, float, float]], float, float]:
    """Each node's centre and width, and the picture's width and height, in pixels."""
    widths = [
        max((_width(node) for node in layout.nodes if node.column == column), default=0.0)
        for column in range(layout.columns)
    ]
    longest = max(len(shortened(edge.relation, MOST_EDGE_LETTERS)) for edge in layout.edges)
    gap = 80 + longest * EDGE_LETTER
    row = ROW if layout.rows <= CROWDED else CROWDED_ROW
    height = layout.rows * row + 2 * MARGIN
    lefts = [MARGIN + sum(widths[:column]) + gap * column for column in range(layout.columns)]
    places = {
        node.key: (lefts[node.column] + widths[node.column] / 2, height / 2 + node.row * row, _width(node))
        for node in layout.nodes
    }
    # Edges within the last column bow out to its right.
    columns = {node.key: node.column for node in layout.nodes}
    bows = any(columns[edge.head] == columns[edge.tail] == layout.columns - 1 for edge in layout.edges)
    return places, lefts[-1] + widths[-1] + MARGIN + (gap if bows else 0), height


def _width(node: Node) -> float:
    letter = BOLD_LETTER if node.role == "answer" else LETTER
    return len(shortened(node.label, MOST_LETTERS)) * letter + (34 if node.role == "anchor" else 26)


def _edge(
    edge: Edge, places: dict[Key, tuple[float, float, float]], degrees: dict[Key, int], nth: int
) -> tuple[str, str]:
    """An arrow and its label; the `nth` one between the same two nodes stands a little apart."""
    (x1, y1, w1), (x2, y2, w2) = places[edge.head], places[edge.tail]
    shift = 13 * nth
    if abs(x1 - x2) < 1:
        x1, x2 = x1 + w1 / 2, x2 + w2 / 2
        bow = max(x1, x2) + 40 + shift
        controls, t = ((bow, y1), (bow, y2)), 0.5
    else:
        side = 1 if x2 > x1 else -1
        x1, x2 = x1 + side * w1 / 2, x2 - side * w2 / 2
        # Where many lines meet in one node, each runs level into its other end early, and has its label there.
        lean = (degrees[edge.head] > degrees[edge.tail]) - (degrees[edge.head] < degrees[edge.tail])
        reach = x2 - x1
        controls = ((x1 + reach * (0.5 - 0.25 * lean), y1 + shift), (x2 - reach * (0.5 + 0.25 * lean), y2 + shift))
        t = 0.5 + 0.14 * lean
    (cx1, cy1), (cx2, cy2) = controls
    s = 1 - t
    x = s**3 * x1 + 3 * s * s * t * cx1 + 3 * s * t * t * cx2 + t**3 * x2
    y = s**3 * y1 + 3 * s * s * t * cy1 + 3 * s * t * t * cy2 + t**3 * y2
    line = (
        f'<path class="sk-edge" d="M{x1:.1f} {y1:.1f} C{cx1:.1f} {cy1:.1f} {cx2:.1f} {cy2:.1f} {x2:.1f} {y2:.1f}" '
        'marker-end="url(#sk-arrow)"/>'
    )
    label = shortened(edge.relation, MOST_EDGE_LETTERS)
    full = f"<title>{text(edge.relation)}</title>" if label != edge.relation else ""
    return line, f'<text class="sk-edge-label" x="{x:.1f}" y="{y + 4:.1f}">{full}{text(label)}</text>'


def _shape(node: Node, x: float, y: float, width: float) -> str:
    label = shortened(node.label, MOST_LETTERS)
    full = f"<title>{text(node.label)}</title>" if label != node.label else ""
    outline = _outline(node.role, x, y, width, NODE_HEIGHT)
    return (
        f'<g class="sk-shape sk-shape-{node.role}">{full}{outline}'
        f'<text x="{x:.1f}" y="{y + 4.5:.1f}">{text(label)}</text></g>'
    )


def _outline(role: Role, x: float, y: float, width: float, height: float) -> str:
    """A hexagon for anchors, a pill for answers, a box for what lies between, a dashed box for values."""
    left, right, top, bottom = x - width / 2, x + width / 2, y - height / 2, y + height / 2
    if role == "anchor":
        cut = height / 3
        points = [
            (left, y), (left + cut, top), (right - cut, top), (right, y), (right - cut, bottom), (left + cut, bottom),
        ]  # fmt: skip
        return f'<polygon points="{" ".join(f"{px:.1f},{py:.1f}" for px, py in points)}"/>'
    radius = height / 2 if role == "answer" else 3
    dashes = ' stroke-dasharray="4 3"' if role == "value" else ""
    return f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" rx="{radius:.1f}"{dashes}/>'


def _swatch(role: Role) -> str:
    return (
        f'<svg class="sk-swatch" width="30" height="16" viewBox="0 0 30 16" aria-hidden="true">'
        f'<g class="sk-shape sk-shape-{role}">{_outline(role, 15, 8, 26, 12)}</g></svg>'
    )


def _alternative(edges: Sequence[Edge], labels: dict[Key, str]) -> str:
    facts = "; ".join(f"{labels[edge.head]}, {edge.relation}, {labels[edge.tail]}" for edge in edges)
    return f"A graph of {counted(len(edges), 'fact')}: {facts}."
