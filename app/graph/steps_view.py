"""The language model's chain as it happens: each step's question, what the model was shown, what it wrote, whether that
is what the graph says.

Agreement is told by a sign and a word as well as a colour. A reply is shown as it came, letter for letter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.graph.answer_view import answers_in_words
from app.server.markup import counted, muted, names, seconds_text, text
from reasoning.answer import Answer
from reasoning.execution.events import StepStarted
from reasoning.execution.exact import execute_step
from reasoning.execution.step_result import Attempt, Context, StepPart, StepResult
from reasoning.graph.index import Ids
from reasoning.wording.value_text import readable

MOST_LINES = 80
"""Most context lines shown; the prompt as sent is below them, whole."""


@dataclass(frozen=True)
class ShownStep:
    """A step on the page.

    Attributes:
        started: its beginning.
        result: what came of it, None while it is under way.
        parts: what is done so far of a step in several parts.
    """

    started: StepStarted
    result: StepResult | None = None
    parts: tuple[StepPart, ...] = ()

    @property
    def total(self) -> int:
        """Parts that the model is asked the step in, 0 where it is not asked."""
        return len(self.started.contexts)


def steps_html(run: str, steps: Sequence[ShownStep], conclusion: str = "") -> str:
    """All steps so far.

    Args:
        run: names the run, so that a context opened by the visitor stays open while further steps arrive.
        steps: in order.
        conclusion: HTML put below the last step.
    """
    items, wrong = "", set[int]()
    for shown in steps:
        behind = sorted(ref for ref in shown.started.step.inputs if ref in wrong)
        items += _step(run, shown, behind)
        if behind or (shown.result is not None and shown.result.agrees is False):
            wrong.add(shown.started.step.position)
    return f'<ol class="sk-steps">{items}</ol>{conclusion}'


def _step(run: str, shown: ShownStep, behind: Sequence[int]) -> str:
    """A step; `behind` are the steps that it goes on from although something before it went wrong."""
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
    if behind:
        told = " and ".join(str(ref + 1) for ref in behind)
        parts.append(muted(f"It goes on from step {told}; the chain had gone wrong by then."))
    if shown.total > 1:
        parts.append(muted(_parted(shown)))
        parts += [_part(f"{run}-{position}", shown, number) for number in range(1, shown.total + 1)]
    elif result is not None:
        parts += [_attempt(attempt, number, result.attempts) for number, attempt in enumerate(result.attempts, 1)]
    if result is not None:
        parts.append(_outcome(result))
    if shown.total == 1:
        parts.append(_context(f"{run}-{position}", started.contexts[0]))
    return f'<li class="sk-step sk-{state}" id="step-{position + 1}" data-state="{state}">{"".join(parts)}</li>'


def _verdict(started: StepStarted, result: StepResult | None) -> tuple[str, str]:
    """The step's state and its mark: a sign and words."""
    if result is None:
        return "running", _mark("…", "the model is answering" if started.contexts else "working")
    if result.error is not None:
        return "failed", _mark("!", "failed")
    if result.by == "exact":
        return "exact", _mark("=", "done exactly, no model asked")
    if result.agrees:
        return "agrees", _mark("✓", "agrees with exact execution")
    return "differs", _mark("✗", "differs from exact execution")


def _mark(sign: str, words: str) -> str:
    return f'<span class="sk-mark"><span aria-hidden="true">{sign}</span> {words}</span>'


def _parted(shown: ShownStep) -> str:
    told = f"Too big for one prompt: asked in {shown.total} parts, whose answers are put together."
    left_out = sum(context.left_out for context in shown.started.contexts)
    what = ("triple", "triples") if shown.started.step.step.operation == "project" else ("member", "members")
    return f"{told} {counted(left_out, *what)} had no room in them and were left out." if left_out else told


def _part(key: str, shown: ShownStep, number: int) -> str:
    """One part of a step in several, folded up: its state, replies and context."""
    done = shown.parts if shown.result is None else shown.result.parts
    told = text(f"Part {number} of {shown.total}: {_part_state(done, number, shown.result is not None)}")
    if number > len(done) + 1 or (number > len(done) and shown.result is not None):
        return muted(told)
    attempts = done[number - 1].attempts if number <= len(done) else ()
    replies = "".join(_attempt(attempt, place, attempts) for place, attempt in enumerate(attempts, 1))
    key = f"{key}-part-{number}"
    context = _context(f"{key}-context", shown.started.contexts[number - 1])
    return f'<details class="sk-part" data-key="{text(key)}"><summary>{told}</summary>{replies}{context}</details>'


def _part_state(done: Sequence[StepPart], number: int, ended: bool) -> str:
    if number > len(done):
        return "not asked" if ended else "the model is answering" if number == len(done) + 1 else "waiting"
    part = done[number - 1]
    if part.error is not None:
        return f"failed: {part.error}"
    told = "as the graph says" if part.agrees else "not what the graph says"
    return f"{counted(len(part.members), 'entity', 'entities')}, {told}; {seconds_text(part.seconds)}"


def _attempt(attempt: Attempt, number: int, attempts: Sequence[Attempt]) -> str:
    of = f" {number} of {len(attempts)}" if len(attempts) > 1 else ""
    reply = text(attempt.reply) if attempt.reply else "(it wrote nothing)"
    refused = f'<p class="sk-refused">Not usable: {text(attempt.error)}.</p>' if attempt.error else ""
    return (
        f'<div class="sk-reply"><span class="sk-label">The model\'s reply{of}, {seconds_text(attempt.seconds)}</span>'
        f'<pre tabindex="0" role="group" aria-label="The reply">{reply}</pre>{refused}</div>'
    )


def _outcome(result: StepResult) -> str:
    """What the reply means, and what exact execution makes of the same input where that differs."""
    if result.value is not None:
        return f'<p class="sk-outcome">{text(readable(result.value))}</p>'
    if result.by == "exact":
        return f'<p class="sk-outcome">{_listed(result, result.members)}</p>'
    # A query asked as a whole has no input of its own to compare by; the conclusion compares it with the exact answer.
    exact = execute_step(result.kg, result.step, result.inputs).members if result.inputs else None
    rows = [] if result.error is not None else [("Read as", _listed(result, result.members))]
    if exact is not None and not result.agrees:
        rows.append(("Exact, on the same input", _listed(result, exact)))
        if result.error is None:
            rows.append(("In short", _compared(result.members, exact)))
    stops = "" if result.error is None else '<p class="sk-outcome">The chain stops here.</p>'
    listed = "".join(f"<dt>{label}</dt><dd>{content}</dd>" for label, content in rows)
    return f'{stops}<dl class="sk-compare">{listed}</dl>' if rows else stops


def _listed(result: StepResult, members: Ids) -> str:
    return names((result.kg.name(int(entity)) for entity in members), len(members))


def _compared(given: Ids, exact: Ids) -> str:
    right = len(np.intersect1d(given, exact))
    return f"{right:,} of {len(exact):,} found, {len(given) - right:,} wrong"


def _context(key: str, context: Context) -> str:
    counts = f"{context.relevant} relevant, {context.distractors} distractors, {context.left_out} left out"
    lines = "".join(f"<li>{text(line)}</li>" for line in context.lines[:MOST_LINES])
    more = muted(f"and {len(context.lines) - MOST_LINES:,} more lines") if len(context.lines) > MOST_LINES else ""
    return (
        f'<details data-key="{text(key)}"><summary>What the model was shown: '
        f"{counts}; {counted(context.tokens, 'token')}</summary>"
        f'<ul class="sk-lines">{lines}</ul>{more}'
        f'<details data-key="{text(key)}-prompt"><summary>The prompt as sent, names abstracted to ids</summary>'
        f'<pre tabindex="0" role="group" aria-label="The prompt">{text(context.prompt)}</pre></details></details>'
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
