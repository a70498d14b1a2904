"""What the slider's events do: likely answers beside the exact one, found in the background and filtered at once."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

import gradio as gr

from app.graph.answer_view import answer_html, answer_with_likely_html, evidence_table_html
from app.graph.asking import Asked
from app.graph.evidence_picture import picture_html
from app.graph.graphs import GraphShelf
from app.graph.likely.answer import AnswerWithLikely
from app.graph.likely.predictors import PredictedGraph
from app.graph.likely.view import failed_html, least_of, waiting_html
from app.server.markup import muted
from reasoning.answer import Answer

TICK = 0.5
FOLLOWING = 24
"""Pages that may wait for likely answers at once; waiting takes no thread."""
VIEWS = ("answer", "picture", "table", "status", "stop", "waiting")


class LikelyDemo:
    """What happens as the slider moves.

    Of one visit only the last move counts: an earlier one that still waits sees that it is not the last, and ends.

    Args:
        shelf: the graphs, with their likely answers.
    """

    def __init__(self, shelf: GraphShelf) -> None:
        self._likely = shelf.likely
        self._last: dict[str, str] = {}

    def views(self, asked: Asked, position: object, session: str) -> tuple[Any, ...]:
        """The answer as the slider stands: `VIEWS`. The last is None where nothing has to be waited for."""
        move = self._last[session] = uuid.uuid4().hex
        least = least_of(position)
        if least == 1:
            return (*_exact(asked), "", _HIDDEN, None)
        kept = self._likely.kept(asked.graph, asked.query)
        if kept is not None:
            return (*_with_likely(asked, least, *kept), "", _HIDDEN, None)
        return (*_exact(asked), waiting_html(False, 0), _SHOWN, move)

    def slide(self, asked: Asked | None, position: object, request: gr.Request) -> tuple[Any, ...]:
        """The slider was moved. Gives what `views` gives."""
        if asked is None:
            return (*(gr.skip(),) * (len(VIEWS) - 1), None)
        return self.views(asked, position, request.session_hash or "")

    async def follow(
        self, asked: Asked | None, position: object, move: str | None, request: gr.Request
    ) -> AsyncIterator[tuple[Any, ...]]:
        """Wait for likely answers, where they are waited for. Gives what `views` gives, without the last."""
        session, nothing = request.session_hash or "", (gr.skip(),) * (len(VIEWS) - 1)
        if asked is None or move is None or self._last.get(session) != move:
            yield nothing
            return
        run = self._likely.watch(asked.graph, asked.answer.kg, asked.query)
        try:
            while not run.answers.done():
                if self._last.get(session) != move:
                    yield nothing
                    return
                yield (*nothing[:3], waiting_html(run.learning, time.monotonic() - run.began), _SHOWN)
                await asyncio.sleep(TICK)
            shown = await asyncio.to_thread(_with_likely, asked, least_of(position), *run.answers.result())
            yield (*shown, "", _HIDDEN) if self._last.get(session) == move else nothing
        except Exception as error:
            yield (*nothing[:3], failed_html(error), _HIDDEN)
        finally:
            self._likely.leave(run)

    def stop(self, request: gr.Request) -> tuple[Any, ...]:
        """Wait no longer. Gives the slider's place, the status line and the button."""
        self.forget(request.session_hash or "")
        return "0", muted("Stopped: only what the graph says is shown."), _HIDDEN

    def forget(self, session: str) -> None:
        """Nobody waits there any more."""
        self._last.pop(session, None)


_SHOWN, _HIDDEN = gr.update(visible=True), gr.update(visible=False)


def _exact(asked: Asked) -> tuple[str, str, str]:
    return answer_html(asked), picture_html(asked), evidence_table_html(asked.answer)


def _with_likely(asked: Asked, least: float, soft: Answer, graph: PredictedGraph) -> tuple[str, str, str]:
    answer = AnswerWithLikely.of(asked.answer, soft, least)
    return answer_with_likely_html(asked, answer, graph), picture_html(asked, answer), evidence_table_html(answer)
