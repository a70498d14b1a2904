"""The answer that the page shows, found again for its scripts: exact, or with the likely answers beside it."""

from __future__ import annotations

import math
from typing import Any

from app.graph.asking import Asked, ask
from app.graph.graphs import GraphShelf
from app.graph.likely.answer import AnswerWithLikely
from kg_data.errors import SkylarkError
from reasoning.answer import Answer


def answer_shown(shelf: GraphShelf, wanted: object) -> tuple[Asked, Answer, dict[str, Any]]:
    """What was asked, the answer as it is shown, and what was wanted.

    Args:
        shelf: the graphs.
        wanted: `{"graph", "query"}`, and `"least"` where likely answers are shown too: a confidence, as a text.

    Raises:
        SkylarkError: the graph, the query or its likely answers are not to be had any more.
        ValueError: `wanted` is something else.
    """
    if not isinstance(wanted, dict):
        raise ValueError("expected an object with graph and query")
    graph = str(wanted.get("graph"))
    asked = ask(shelf.get(graph), graph, str(wanted.get("query")), "embedded")
    if not wanted.get("least"):
        return asked, asked.answer, wanted
    least = float(wanted["least"])
    if not math.isfinite(least):
        raise ValueError("a confidence is from 0 to 1")
    kept = shelf.likely.kept(graph, asked.query)
    if kept is None:
        raise SkylarkError("the likely answers to this question are not kept any more: move the slider, or ask again")
    return asked, AnswerWithLikely.of(asked.answer, kept[0], least), wanted
