"""The slider from what the graph says to what is likely: its places, and what happens as it moves.

Likely answers are found in the background. Once they are there, a move of the slider only filters them.
"""

from __future__ import annotations

import asyncio
import math
import time
import uuid
from collections.abc import AsyncIterator

import gradio as gr
from markupsafe import Markup

from app.graph.answer_view import Asked, answer_html, answer_shown, evidence_table_html, picture_html
from app.graph.graphs import GraphRegistry
from app.graph.parts import NO_CHANGES, Changes, GraphParts
from app.graph.predictions import MIN_CONFIDENCE, AnswerWithPredictions, GivenUpError, PredictedGraph
from app.server.views import failure_html, muted, render
from reasoning.answer import Answer, Proof
from reasoning.verbalization.words import readable_of

STEP = 5
"""Percent of confidence between two places of the slider."""
MOST_POSITION = round(100 * (1 - MIN_CONFIDENCE))
TICK = 0.5


def least_of(position: object) -> float:
    """The confidence that a place of the slider asks for; 1 is only what the graph says."""
    try:
        place = int(str(position))
    except ValueError:
        return 1.0
    return 1 - min(max(place, 0), MOST_POSITION) / 100


def position_of(least: object) -> str:
    """The slider's place that shows answers of a confidence, which may be any text."""
    try:
        confidence = float(str(least))
    except ValueError:
        return "0"
    percents = 100 * (1 - min(max(confidence, 0.0), 1.0)) if math.isfinite(confidence) else 0
    return str(min(STEP * round(percents / STEP), MOST_POSITION))


def slider_html() -> Markup:
    """The slider with its ends."""
    return render("graph/slider.html", last=MOST_POSITION, step=STEP)


def proof_html(proof: Proof) -> Markup:
    """The edges that a likely answer rests on, known and predicted ones, and what stands for the variables."""
    edges = []
    for edge in proof.edges:
        edges.append(
            (edge, edge.tail if isinstance(edge.tail, str) else readable_of(proof.kg, edge.relation, edge.tail))
        )
    between = [
        (proof.kg.name(assignment.entity), assignment.step, assignment.confidence)
        for assignment in proof.assignments
        if assignment.entity != proof.entity
    ]
    return render("graph/proof.html", edges=edges, between=between)


def proof_shown(shelf: GraphRegistry, wanted: object) -> dict[str, str]:
    """The proof of one likely answer, `{"proof": ...}`: what the page's script asks for.

    Args:
        shelf: the graphs.
        wanted: `{"graph", "query", "least", "entity"}`, the last an entity's index.

    Raises:
        SkylarkError: the answer is no longer available.
        ValueError: `wanted` is something else.
    """
    _, answer, request = answer_shown(shelf, wanted)
    entity = request.get("entity")
    if not isinstance(answer, AnswerWithPredictions) or entity not in answer.ranked[answer.known :].tolist():
        raise ValueError("this is no likely answer")
    return {"proof": proof_html(answer.proof(int(str(entity))))}


class PredictionSlider:
    """What happens as the slider moves.

    Only the last move of a visit counts: an earlier one that still waits sees that it is not the last, and ends.
    """

    def __init__(self, shelf: GraphRegistry, parts: GraphParts) -> None:
        self._likely, self._own, self._parts = shelf.likely, shelf.own, parts
        self._last_moves: dict[str, str] = {}

    def views(self, asked: Asked, position: object, session: str) -> Changes:
        """The answer as the slider stands; where it has to be waited for, `waiting_for` names this move."""
        move = self._last_moves[session] = uuid.uuid4().hex
        least = least_of(position)
        if least == 1:
            return self._shown(asked)
        kept = self._likely.kept(asked.graph, asked.query)
        if kept is not None:
            return self._shown(asked, least, kept)
        return self._shown(asked) | self._waiting("Looking for likely answers", 0) | {self._parts.waiting_for: move}

    def slide(self, asked: Asked | None, position: object, request: gr.Request) -> Changes:
        """The slider was moved: gives what `views` gives."""
        if asked is None:
            return {self._parts.waiting_for: None}
        return self.views(asked, position, request.session_hash or "")

    async def follow(
        self, asked: Asked | None, position: object, move: str | None, request: gr.Request
    ) -> AsyncIterator[Changes]:
        """Wait for likely answers where `move` is still the last one of the visit, then show them."""
        session = request.session_hash or ""
        if asked is None or move is None or self._last_moves.get(session) != move:
            yield NO_CHANGES
            return
        run = self._likely.watch(asked.graph, asked.answer.kg, asked.query)
        try:
            while not run.answers.done():
                if self._last_moves.get(session) != move:
                    yield NO_CHANGES
                    return
                doing = "Learning rules from the graph" if run.learning else "Looking for likely answers"
                yield self._waiting(doing, time.monotonic() - run.began)
                await asyncio.sleep(TICK)
            shown = await asyncio.to_thread(self._shown, asked, least_of(position), run.answers.result())
            shown.pop(self._parts.waiting_for)
            yield shown if self._last_moves.get(session) == move else NO_CHANGES
        except Exception as error:
            stays = muted("So there are no likely answers. What the graph says stays as it is.")
            told = "" if isinstance(error, GivenUpError) else failure_html(error) + stays
            yield {self._parts.likely_status: told, self._parts.likely_stop: _HIDDEN}
        finally:
            self._likely.leave(run)

    def stop(self, request: gr.Request) -> Changes:
        """Wait no longer."""
        self.forget(request.session_hash or "")
        stopped = muted("Stopped: only what the graph says is shown.")
        return {self._parts.slider: "0", self._parts.likely_status: stopped, self._parts.likely_stop: _HIDDEN}

    def forget(self, session: str) -> None:
        """Nobody waits there any more."""
        self._last_moves.pop(session, None)

    def _shown(self, asked: Asked, least: float = 1.0, soft: tuple[Answer, PredictedGraph] | None = None) -> Changes:
        """The answer, its picture and its facts: exact, or with the likely answers of at least this confidence."""
        likely = None if soft is None else AnswerWithPredictions.of(asked.answer, soft[0], least)
        return {
            self._parts.answer: answer_html(asked, likely, "" if soft is None else soft[1].words),
            self._parts.picture: picture_html(asked, likely),
            self._parts.table: evidence_table_html(likely or asked.answer, self._own.texts_of(asked.graph)),
            self._parts.likely_status: "",
            self._parts.likely_stop: _HIDDEN,
            self._parts.waiting_for: None,
        }

    def _waiting(self, doing: str, seconds: float) -> Changes:
        # The seconds are not read aloud: each of them would be.
        line = Markup('<p class="sk-muted" role="status">{} … <span aria-hidden="true">{:.0f} s</span></p>')
        return {
            self._parts.likely_status: line.format(doing, seconds),
            self._parts.likely_stop: gr.update(visible=True),
        }


_HIDDEN = gr.update(visible=False)
