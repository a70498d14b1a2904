"""The facts behind an answer as a picture that can be moved, magnified and followed from neighbour to neighbour.

The picture is drawn here; the page's script moves it, and asks for it anew when an entity is opened.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from app.graph.asking import Asked, answer_shown
from app.graph.drawing import NAMED_ANSWER, ROLE_WORDS, drawing_svg
from app.graph.graphs import GraphShelf
from app.graph.layout import MOST_OPENED, Edge, Key, Layout, lay_out
from app.graph.likely.answer import AnswerWithLikely
from app.server.templates import muted, render
from app.server.words import counted, percent

MOST_LISTED = 12
"""Facts in the text alternative; all of them stand in the table."""


def picture_html(asked: Asked, likely: AnswerWithLikely | None = None) -> Markup:
    """The picture with its tools and legend; a sentence where there is nothing to draw.

    Args:
        asked: the question and its exact answer.
        likely: the same with likely answers, where these are drawn as well.
    """
    layout = lay_out(likely or asked.answer)
    if not layout.edges:
        return muted("There is no fact to draw for this answer.")
    roles = {node.role for node in layout.nodes} | {"near"}
    return render(
        "graph/picture.html",
        asked=asked,
        least=None if likely is None else f"{likely.least:g}",
        drawing=_drawing(layout),
        caption=_caption(layout),
        roles=[(role, words) for role, words in ROLE_WORDS.items() if role in roles],
        named=NAMED_ANSWER if any(node.named for node in layout.nodes) else "",
        predicted=layout.predicted,
    )


def opened_picture(shelf: GraphShelf, wanted: object) -> dict[str, str]:
    """The picture anew, with the neighbours of opened entities: what the page's script asks for.

    Args:
        shelf: the graphs.
        wanted: `{"graph", "query", "least", "opened"}`, the last a list of entity indexes, the others as `answer_shown`
            has them; whatever else comes is refused.

    Returns:
        "svg" and, in words, what it shows, "caption".

    Raises:
        SkylarkError: the graph or the query is no longer available.
        ValueError: `wanted` is something else.
    """
    if not isinstance(wanted, dict) or not isinstance(opened := wanted.get("opened"), list):
        raise ValueError("expected an object with graph, query and opened")
    entities = [int(entity) for entity in opened[:MOST_OPENED] if isinstance(entity, int)]
    layout = lay_out(answer_shown(shelf, wanted)[1], entities)
    return {"svg": _drawing(layout), "caption": _caption(layout)}


def _drawing(layout: Layout) -> Markup:
    labels = {node.key: node.label for node in layout.nodes}
    return drawing_svg(layout, "evidence", _alternative(layout.edges, labels))


def _caption(layout: Layout) -> Markup:
    """How much of the evidence is drawn, and of the entity that was opened last."""
    opened, facts = layout.opened[-1] if layout.opened else (None, 0)
    return render(
        "graph/caption.html",
        drawn=layout.behind - layout.predicted,
        total=layout.total - layout.predicted,
        predicted=layout.predicted,
        opened=next((node.label for node in layout.nodes if node.key == opened), ""),
        facts=facts,
        shown=sum(opened in (edge.head, edge.tail) for edge in layout.edges),
        full=MOST_OPENED if len(layout.opened) >= MOST_OPENED else 0,
    )


def _alternative(edges: Sequence[Edge], labels: dict[Key, str]) -> str:
    facts = "; ".join(
        f"{labels[edge.head]}, {edge.relation}, {labels[edge.tail]}"
        + (f" (predicted, {percent(edge.confidence)})" if edge.predicted else "")
        for edge in edges[:MOST_LISTED]
    )
    more = f"; and {len(edges) - MOST_LISTED} more, all in the table below" if len(edges) > MOST_LISTED else ""
    predicted = sum(edge.predicted for edge in edges)
    guessed = f" and {counted(predicted, 'predicted edge')}, drawn dashed" if predicted else ""
    return f"A graph of {counted(len(edges) - predicted, 'fact')}{guessed}: {facts}{more}."
