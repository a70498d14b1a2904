"""The facts behind an answer as a picture that can be moved, magnified and followed from neighbour to neighbour.

The picture is drawn here; `evidence.js` moves it, and asks for it anew when an entity is opened.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.graph.asking import Asked
from app.graph.drawing import ROLE_WORDS, in_reading_order, line_swatch, svg, swatch
from app.graph.evidence_layout import MOST_OPENED, Edge, Key, Layout, Node, lay_out
from app.graph.graphs import GraphShelf
from app.graph.likely.answer import AnswerWithLikely
from app.graph.shown_answer import answer_shown
from app.server.markup import counted, muted, percent, shortened, text
from app.server.scripts import read_static

SCRIPT = read_static("evidence.js")
BOTH = "named in the question, and an answer"
MOST_TOLD = 12
"""Facts told in the text alternative; all of them stand in the table."""
TOOL = '<button type="button" class="sk-tool" data-do="{do}" aria-label="{label}" title="{label}">{sign}</button>'
TOOLS = (
    ("in", "Magnify", "+"), ("out", "Make smaller", "−"), ("whole", "Show the whole picture", "⤢"),
    ("reset", "Close what was opened", "↺"), ("svg", "Save the picture as SVG", "SVG ↓"),
    ("png", "Save the picture as PNG", "PNG ↓"),
)  # fmt: skip


def picture_html(asked: Asked, likely: AnswerWithLikely | None = None) -> str:
    """The picture with its tools and legend; a sentence where there is nothing to draw.

    Args:
        asked: the question and its exact answer.
        likely: the same with likely answers, where these are drawn as well.
    """
    layout = lay_out(likely or asked.answer)
    if not layout.edges:
        return muted("There is no fact to draw for this answer.")
    roles = {node.role for node in layout.nodes} | {"near"}
    legend = "".join(f"<li>{swatch(role)} {words}</li>" for role, words in ROLE_WORDS.items() if role in roles)
    if any(node.named for node in layout.nodes):
        legend += f"<li>{swatch('answer', named=True)} {BOTH}</li>"
    if layout.predicted:
        legend += f"<li>{line_swatch(predicted=False)} in the graph</li>"
        legend += f"<li>{line_swatch(predicted=True)} predicted, with its confidence</li>"
    least = f' data-least="{likely.least:g}"' if likely is not None else ""
    tools = "".join(TOOL.format(do=do, label=label, sign=sign) for do, label, sign in TOOLS)
    return (
        f'<figure class="sk-figure" data-graph="{text(asked.graph)}" data-query="{text(asked.query)}"{least}>'
        f'<div class="sk-tools" role="group" aria-label="The picture">{tools}</div>'
        f'<div class="sk-canvas">{evidence_svg(layout)}</div>'
        f'<p class="sk-told sk-muted" aria-live="polite">{told_of(layout)}</p>'
        '<p class="sk-beyond sk-muted"></p>'
        "<figcaption>Click an entity, or go to it with the arrow keys and press Enter, to open its neighbours; drag to "
        f'move, Ctrl and wheel or two fingers to magnify.<ul class="sk-legend">{legend}</ul></figcaption></figure>'
    )


def opened_picture(shelf: GraphShelf, wanted: object) -> dict[str, str]:
    """The picture anew, with the neighbours of opened entities: what the page's script asks for.

    Args:
        shelf: the graphs.
        wanted: `{"graph", "query", "least", "opened"}`, the last a list of entity indexes, the others as `answer_shown`
            has them; whatever else comes is refused.

    Returns:
        "svg" and, in words, what it shows, "told".

    Raises:
        SkylarkError: the graph or the query is not to be had any more.
        ValueError: `wanted` is something else.
    """
    if not isinstance(wanted, dict) or not isinstance(opened := wanted.get("opened"), list):
        raise ValueError("expected an object with graph, query and opened")
    layout = lay_out(
        answer_shown(shelf, wanted)[1], [int(entity) for entity in opened[:MOST_OPENED] if isinstance(entity, int)]
    )
    return {"svg": evidence_svg(layout), "told": told_of(layout)}


def evidence_svg(layout: Layout) -> str:
    """The picture itself: every entity a button that opens its neighbours."""
    opened = {entity for entity, _ in layout.opened}
    labels = {node.key: node.label for node in layout.nodes}
    first = next((node.key for node in in_reading_order(layout)), None)

    def extras(node: Node) -> str:
        name = f"{node.label}, {BOTH if node.named else ROLE_WORDS[node.role]}"
        stop = f' tabindex="{0 if node.key == first else -1}"'
        if node.role == "value":
            return f'{stop} role="img" aria-label="{text(name)}"'
        expanded = "true" if node.key in opened else "false"
        return f'{stop} role="button" aria-expanded="{expanded}" aria-label="{text(name)}"'

    return svg(layout, "evidence", _alternative(layout.edges, labels), extras)


def told_of(layout: Layout) -> str:
    """How much of the evidence is drawn, and of what was opened (HTML)."""
    predicted = layout.predicted
    drawn, total = layout.behind - predicted, layout.total - predicted
    told = (
        ("The one fact" if drawn == 1 else f"All {drawn} facts") + " behind the answer."
        if drawn >= total
        else f"{drawn} of {total:,} facts are drawn: those behind the first answers."
    )
    if not drawn:
        told = ""
    if predicted:
        told += f" {counted(predicted, 'predicted edge')}, drawn dashed with the confidence beside it."
    labels = {node.key: node.label for node in layout.nodes}
    shown = {entity: sum(entity in (edge.head, edge.tail) for edge in layout.edges) for entity, _ in layout.opened}
    for entity, facts in layout.opened[-1:]:
        of = f"all {facts}" if shown[entity] >= facts else f"{shown[entity]} of {facts:,}"
        told += f" <b>{text(shortened(labels[entity], 60))}</b> is open: {of} of its facts are drawn."
    if len(layout.opened) >= MOST_OPENED:
        told += f" More than {MOST_OPENED} entities cannot be open at once: close one first."
    return told


def _alternative(edges: Sequence[Edge], labels: dict[Key, str]) -> str:
    facts = "; ".join(
        f"{labels[edge.head]}, {edge.relation}, {labels[edge.tail]}"
        + (f" (predicted, {percent(edge.confidence)})" if edge.predicted else "")
        for edge in edges[:MOST_TOLD]
    )
    more = f"; and {len(edges) - MOST_TOLD} more, all in the table below" if len(edges) > MOST_TOLD else ""
    predicted = sum(edge.predicted for edge in edges)
    guessed = f" and {counted(predicted, 'predicted edge')}, drawn dashed" if predicted else ""
    return f"A graph of {counted(len(edges) - predicted, 'fact')}{guessed}: {facts}{more}."
