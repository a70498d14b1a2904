"""The language model's chain as it happens: each step's question, what the model was shown, what it wrote, whether that
is what the graph says.

Agreement is told by a sign and a word as well as a colour. A reply is shown as it came, letter for letter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.answer_view import answers_in_words
from app.markup import counted, muted, names, seconds_text, text
from reasoning.answer import Answer, Attempt, Context, StepResult
from reasoning.answer_text import readable
from reasoning.events import StepStarted
from reasoning.exact import execute_step

MOST_LINES = 80
"""Most context lines shown; the prompt as sent is below them, whole."""


@dataclass(frozen=True)
class ShownStep:
    """A step on the page.

    Attributes:
        started: its beginning.
        result: what came of it, None while it is under way.
    """

    started: StepStarted
    result: StepResult | None = None


def steps_html(run: str, steps: Sequence[ShownStep], conclusion: str = "") -> str:
    """All steps so far.

    Args:
        run: names the run, so that a context opened by the visitor stays open while further steps arrive.
        steps: in order.
        conclusion: HTML put below the last step.
    """
    items = "".join(_step(run, shown) for shown in steps)
    return f'<ol class="sk-steps">{items}</ol>{conclusion}'


def _step(run: str, shown: ShownStep) -> str:
    started, result = shown.started, shown.result
    position = started.step.position
    state, verdict = _verdict(started, result)
    operation = text(started.step.step.operation)
    took = "" if result is None or not result.attempts else f" · {seconds_text(_seconds(result.attempts))}"
    parts = [
        f'<div class="sk-step-head"><span>Step {position + 1} of {started.total} · {operation}{took}</span>'
        f"{verdict}</div>",
        f'<p class="sk-question">{text(started.question)}</p>',
    ]
    if result is not None:
        parts += [_attempt(attempt, number, result) for number, attempt in enumerate(result.attempts, start=1)]
        parts.append(_outcome(result))
    if started.context is not None:
        parts.append(_context(f"{run}-{position}", started.context))
    return f'<li class="sk-step sk-{state}" id="step-{position + 1}" data-state="{state}">{"".join(parts)}</li>'


def _verdict(started: StepStarted, result: StepResult | None) -> tuple[str, str]:
    """The step's state and its mark: a sign and words."""
    if result is None:
        return "running", _mark("…", "the model is answering" if started.context is not None else "working")
    if result.error is not None:
        return "failed", _mark("!", "failed")
    if result.by == "exact":
        return "exact", _mark("=", "done exactly, no model asked")
    if result.agrees:
        return "agrees", _mark("✓", "agrees with exact execution")
    return "differs", _mark("✗", "differs from exact execution")


def _mark(sign: str, words: str) -> str:
    return f'<span class="sk-mark"><span aria-hidden="true">{sign}</span> {words}</span>'


def _attempt(attempt: Attempt, number: int, result: StepResult) -> str:
    of = f" {number} of {len(result.attempts)}" if len(result.attempts) > 1 else ""
    reply = text(attempt.reply) if attempt.reply else "(it wrote nothing)"
    refused = f'<p class="sk-refused">Not usable: {text(attempt.error)}.</p>' if attempt.error else ""
    return (
        f'<div class="sk-reply"><span class="sk-label">The model\'s reply{of}, {seconds_text(attempt.seconds)}</span>'
        f"<pre>{reply}</pre>{refused}</div>"
    )


def _outcome(result: StepResult) -> str:
    """What the reply means, and what exact execution makes of the same input where that differs."""
    exact = execute_step(result.kg, result.step, result.inputs)
    exact_words = names((result.kg.name(int(e)) for e in exact.members), len(exact.members))
    if result.error is not None:
        return f'<p class="sk-outcome">The chain stops here. Exact execution of this step gives: {exact_words}.</p>'
    if result.value is not None:
        return f'<p class="sk-outcome">{text(readable(result.value))}</p>'
    given = names((result.kg.name(int(e)) for e in result.members), len(result.members))
    if result.by == "exact":
        return f'<p class="sk-outcome">{given}</p>'
    told = f'<p class="sk-outcome">Read as: {given}.</p>'
    if not result.agrees:
        told += f'<p class="sk-outcome">Exact execution on the same input gives: {exact_words}.</p>'
    return told


def _context(key: str, context: Context) -> str:
    counts = f"{context.relevant} relevant, {context.distractors} distractors, {context.left_out} left out"
    lines = "".join(f"<li>{text(line)}</li>" for line in context.lines[:MOST_LINES])
    more = muted(f"and {len(context.lines) - MOST_LINES:,} more lines") if len(context.lines) > MOST_LINES else ""
    return (
        f'<details data-key="{text(key)}"><summary>What the model was shown: '
        f"{counts}; {counted(context.tokens, 'token')}</summary>"
        f'<ul class="sk-lines">{lines}</ul>{more}'
        f'<details data-key="{text(key)}-prompt"><summary>The prompt as sent, names abstracted to ids</summary>'
        f"<pre>{text(context.prompt)}</pre></details></details>"
    )


def _seconds(attempts: Sequence[Attempt]) -> float:
    return sum(attempt.seconds for attempt in attempts)


def status_html(message: str, ticking: str = "") -> str:
    """One line above the steps; `ticking` changes every second and is kept from screen readers."""
    timer = f'<span aria-hidden="true"> · {text(ticking)}</span>' if ticking else ""
    return f'<p class="sk-status" role="status">{text(message)}{timer}</p>'


def conclusion_html(model: Answer, exact: Answer) -> str:
    """What the model's chain ends with, beside the exact answer."""
    if model.error is not None:
        reached = sum(step.error is None for step in model.steps)
        return (
            '<div class="sk-conclusion sk-failed" data-state="failed"><p><strong>The model gave no answer.</strong> '
            f"Its chain stopped after {counted(reached, 'finished step')} of {len(model.chain)}. "
            f"The exact answer stands: {answers_in_words(exact)}.</p></div>"
        )
    same = set(model.ranked.tolist()) == set(exact.ranked.tolist()) and model.value == exact.value
    if same:
        state, told = "agrees", "<strong>✓ The model's chain ends with the exact answer.</strong>"
    else:
        state = "differs"
        told = (
            f"<strong>✗ The model's chain ends with something else:</strong> {answers_in_words(model)}. "
            f"The exact answer is: {answers_in_words(exact)}."
        )
    return f'<div class="sk-conclusion sk-{state}" data-state="{state}"><p>{told}</p></div>'
