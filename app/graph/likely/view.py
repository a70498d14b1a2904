"""How likely answers look: told apart from what the graph says, each with its confidence and its proof."""

from __future__ import annotations

import math

from app.graph.graphs import GraphShelf
from app.graph.likely.answer import AnswerWithLikely
from app.graph.likely.predictors import GivenUpError, PredictedGraph
from app.graph.likely.runs import LEAST_LIKELY
from app.graph.shown_answer import answer_shown
from app.server.failure_view import failure_html
from app.server.markup import counted, muted, name, percent, text
from reasoning.answer import Evidence, Proof
from reasoning.wording.value_text import readable_of

STEP = 5
"""Percent of confidence between two places of the slider."""
MOST_POSITION = round(100 * (1 - LEAST_LIKELY))
ONLY, LIKELY = "only what the graph says", "likely"


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
        asked = float(str(least))
    except ValueError:
        return "0"
    percents = 100 * (1 - min(max(asked, 0.0), 1.0)) if math.isfinite(asked) else 0
    return str(min(STEP * round(percents / STEP), MOST_POSITION))


def slider_html() -> str:
    """The slider with its ends; its script tells the place in words, which the slider itself reads out."""
    return (
        '<label for="sure_range" class="sk-label">Answers that are shown</label>'
        f'<div class="sk-sure"><span aria-hidden="true">{ONLY}</span>'
        f'<input type="range" id="sure_range" min="0" max="{MOST_POSITION}" step="{STEP}" value="0" '
        f'aria-valuetext="{ONLY}"><span aria-hidden="true">{LIKELY}</span></div>'
        f'<output id="sure_told" for="sure_range" class="sk-muted" aria-live="off">{ONLY.capitalize()}.</output>'
    )


def sureness_cell(answer: AnswerWithLikely, position: int) -> str:
    """How sure one answer is: the graph's own word, or a bar, a number and the proof on request."""
    if position < answer.known:
        return '<span class="sk-stated">✓ in the graph</span>'
    confidence = answer.scores[position]
    return (
        f'<span class="sk-share" style="--share: {confidence:.3f}" aria-hidden="true"></span>'
        f'<span class="sk-number">{percent(confidence)}</span>'
        f'<details class="sk-proof" data-entity="{int(answer.ranked[position])}"><summary>why'
        f'<span class="sk-unseen"> {text(answer.kg.name(int(answer.ranked[position])))} is likely</span></summary>'
        "<div></div></details>"
    )


def proof_html(proof: Proof) -> str:
    """The edges that a likely answer rests on, known and predicted ones, and what stands for the variables."""
    lines = "".join(
        f'<li class="{"" if edge.known else "sk-guessed"}">{name(edge.head)} <i>{text(edge.relation)}</i> '
        f"{name(tail_of(edge, proof))}: {said_by(edge)}</li>"
        for edge in proof.edges
    )
    between = [one for one in proof.assignments if one.entity != proof.entity]
    ways = ", ".join(
        f"{name(proof.kg.name(one.entity))} in step {one.step + 1} ({_sure(one.confidence)})" for one in between
    )
    way = muted(f"On the way: {ways}.") if ways else ""
    rests = f'<ul class="sk-proof-edges">{lines}</ul>' if lines else muted("It rests on what the graph does not say.")
    return rests + way


def said_by(edge: Evidence) -> str:
    """Whose word an edge is."""
    return "in the graph" if edge.known else f"predicted, {percent(edge.confidence)}"


def tail_of(edge: Evidence, proof: Proof) -> str:
    """An edge's tail as it is read."""
    return edge.tail if isinstance(edge.tail, str) else readable_of(proof.kg, edge.relation, edge.tail)


def _sure(confidence: float) -> str:
    return "certain" if confidence == 1 else percent(confidence)


def proof_shown(shelf: GraphShelf, wanted: object) -> dict[str, str]:
    """The proof of one likely answer, `{"proof": ...}`: what the page's script asks for.

    Args:
        shelf: the graphs.
        wanted: `{"graph", "query", "least", "entity"}`, the last an entity's index.

    Raises:
        SkylarkError: the answer is not to be had any more.
        ValueError: `wanted` is something else.
    """
    _, answer, given = answer_shown(shelf, wanted)
    entity = given.get("entity")
    if not isinstance(answer, AnswerWithLikely) or entity not in answer.ranked[answer.known :].tolist():
        raise ValueError("this is no likely answer")
    return {"proof": proof_html(answer.proof(int(str(entity))))}


def likely_note(answer: AnswerWithLikely, graph: PredictedGraph) -> str:
    """What stands below the answer: how many are likely, and by whose word."""
    found = len(answer.ranked) - answer.known
    if found:
        are = "is" if found == 1 else "are"
        return muted(
            f"{counted(found, 'answer')} {are} not in the graph but at least {percent(answer.least)} likely, by "
            f"{graph.words}."
        )
    nearest = f" The likeliest has {percent(answer.likeliest)}." if answer.likeliest else ""
    return muted(f"No further answer is at least {percent(answer.least)} likely, by {graph.words}.{nearest}")


def waiting_html(learning: bool, seconds: float) -> str:
    """What is being done, and for how long."""
    doing = "Learning rules from the graph" if learning else "Looking for likely answers"
    # The seconds are left out of what is read aloud: each would be.
    return f'<p class="sk-muted" role="status">{doing} … <span aria-hidden="true">{seconds:.0f} s</span></p>'


def failed_html(error: Exception) -> str:
    """Why there are no likely answers; the exact answer stays."""
    if isinstance(error, GivenUpError):
        return ""
    return failure_html(error) + muted("So there are no likely answers. What the graph says stays as it is.")
