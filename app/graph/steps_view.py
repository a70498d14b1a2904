"""The language model's chain as it happens: each step's question, what was shown and written, whether it is right.

Right is what the graph says. A run works on a thread of its own, so that it can be watched and stopped at any moment.
A sign and a word tell agreement, not only a colour. A reply is shown as it came, letter for letter.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from langchain_core.language_models import BaseChatModel
from markupsafe import Markup

from app.models import MAX_NEW_TOKENS
from app.server.serving import RUN_SECONDS, TookTooLongError
from app.server.views import counted, duration, macro, render
from app.tasks import BackgroundRun, TimeIsOverError
from reasoning import KnowledgeGraph, Query, Reasoner
from reasoning.answer import Answer
from reasoning.execution.conclusion import Event, Finished, PartFinished, StepFinished, StepStarted
from reasoning.execution.exact import execute_step
from reasoning.execution.step_result import StepPart, StepResult
from reasoning.graph.index import Ids
from reasoning.lark import LarkOptions
from reasoning.lm import EmbeddedChatModel
from reasoning.verbalization.words import given_words


class LiveRun(BackgroundRun[Event]):
    """The chain of one query, run by a model on a thread of its own.

    `stop` ends it whoever calls: the Stop button, the next question, or a visitor who leaves. A model in this
    process stops between two tokens; of a hosted model the reply under way is waited for by nobody, and no further
    one is asked for.
    """

    def __init__(self, kg: KnowledgeGraph, query: Query, llm: BaseChatModel) -> None:
        super().__init__("run")
        if isinstance(llm, EmbeddedChatModel):
            # The weights are shared by all objects, so one for this run costs nothing.
            llm = llm.model_copy(update={"cancelled": self._stopped.is_set})
        self._reasoner = Reasoner(kg, llm=llm, method="lark", options=LarkOptions(max_new_tokens=MAX_NEW_TOKENS))
        self._query = query
        self._closed = threading.Event()
        self.replaced = False
        """Whether the next question took its place: the page is then no longer its own."""

    def replace(self) -> None:
        """Stop because the next question takes its place; returns at once."""
        self.replaced = True
        self.stop()

    def wait_closed(self, seconds: float) -> None:
        """Wait until nobody reads `events` any more, at most `seconds`."""
        self._closed.wait(seconds)

    def events(self, tick: float = 0.5) -> Iterator[Event | None]:
        """What happens, in order; None whenever nothing has for `tick` seconds. Ends when the run does (raises
        SkylarkError: the chain could not be run, or took more than `RUN_SECONDS`)."""
        try:
            yield from self._watched(RUN_SECONDS, tick)
        except TimeIsOverError:
            raise TookTooLongError(
                f"the language model worked for {RUN_SECONDS / 60:g} minutes, the most for one question here, "
                "and was stopped: ask for less, or choose a faster model"
            ) from None
        finally:
            self.stop()
            self._closed.set()

    def _items(self) -> Iterator[Event]:
        return self._reasoner.events(self._query)


MOST_LINES = 80
"""Most context lines shown; the prompt as sent is below them, whole."""
MOST_NAMED = 8
VERDICTS = {
    "failed": ("!", "failed"),
    "exact": ("=", "done exactly, no model asked"),
    "agrees": ("✓", "agrees with exact execution"),
    "differs": ("✗", "differs from exact execution"),
}
"""Sign and words of the states of a finished step."""


@dataclass(frozen=True)
class ShownStep:
    """A step on the page."""

    started: StepStarted
    result: StepResult | None = None
    parts: tuple[StepPart, ...] = ()

    @property
    def total(self) -> int:
        """Parts that the model is asked the step in, 0 where it is not asked."""
        return len(self.started.contexts)


def steps_html(run: str, steps: Sequence[ShownStep], conclusion: str = "") -> Markup:
    """All steps so far."""
    values, wrong = [], set[int]()
    for shown in steps:
        behind = sorted(position for position in shown.started.step.inputs if position in wrong)
        values.append(_step_values(shown, behind))
        if behind or (shown.result is not None and shown.result.agrees is False):
            wrong.add(shown.started.step.position)
    return render("graph/steps.html", run=run, steps=values, most_lines=MOST_LINES, conclusion=conclusion)


def _step_values(shown: ShownStep, behind: Sequence[int]) -> dict[str, Any]:
    """What the template shows of a step; `behind` are the wrong steps that it goes on from."""
    result, in_parts = shown.result, shown.total > 1
    if result is None:
        state, (sign, verdict) = "running", ("…", "the model is answering" if shown.total else "working")
    else:
        right = "agrees" if result.agrees else "differs"
        state = "failed" if result.error is not None else "exact" if result.by == "exact" else right
        sign, verdict = VERDICTS[state]
    return {
        "step": shown,
        "state": state,
        "sign": sign,
        "verdict": verdict,
        "behind": [position + 1 for position in behind],
        "in_parts": _in_parts(shown) if in_parts else "",
        "parts": [_part_values(shown, number) for number in range(1, shown.total + 1)] if in_parts else [],
        **_outcome_values(result),
    }


def _in_parts(shown: ShownStep) -> str:
    sentence = f"Too big for one prompt: asked in {shown.total} parts, whose answers are put together."
    left_out = sum(context.left_out for context in shown.started.contexts)
    items = ("triple", "triples") if shown.started.step.step.operation == "project" else ("member", "members")
    return f"{sentence} {counted(left_out, *items)} had no room in them and were left out." if left_out else sentence


def _part_values(shown: ShownStep, number: int) -> dict[str, Any]:
    """One part of a step in several: its state in words, its replies, and its context once the model is asked it."""
    ended = shown.result is not None
    done = shown.parts if shown.result is None else shown.result.parts
    is_done = number <= len(done)
    if not is_done:
        state = "not asked" if ended else "the model is answering" if number == len(done) + 1 else "waiting"
    elif (error := done[number - 1].error) is not None:
        state = f"failed: {error}"
    else:
        part = done[number - 1]
        agrees = "as the graph says" if part.agrees else "not what the graph says"
        state = f"{counted(len(part.members), 'entity', 'entities')}, {agrees}; {duration(part.seconds)}"
    is_asked = is_done or (number == len(done) + 1 and not ended)
    return {
        "summary": f"Part {number} of {shown.total}: {state}",
        "attempts": done[number - 1].attempts if is_done else (),
        "context": shown.started.contexts[number - 1] if is_asked else None,
    }


def _outcome_values(result: StepResult | None) -> dict[str, Any]:
    """What the reply means, and what exact execution makes of the same input where that differs."""
    values: dict[str, Any] = {"value": "", "exact_members": None, "compared": [], "in_short": ""}
    if result is None:
        return values
    if result.value is not None:
        return values | {"value": given_words(result.kg, result.step, result.value)}
    members = _first_names(result.kg, result.members)
    if result.by == "exact":
        return values | {"exact_members": members}
    compared = [] if result.error is not None else [("Read as", members)]
    in_short = ""
    # A query asked as a whole has no input of its own to compare by; the conclusion compares it with the exact answer.
    if result.inputs and not result.agrees:
        exact = execute_step(result.kg, result.step, result.inputs).members
        compared.append(("Exact, on the same input", _first_names(result.kg, exact)))
        if result.error is None:
            right = len(np.intersect1d(result.members, exact))
            in_short = f"{right:,} of {len(exact):,} found, {len(result.members) - right:,} wrong"
    return values | {"compared": compared, "in_short": in_short}


def _first_names(kg: KnowledgeGraph, members: Ids | Iterable[int]) -> tuple[list[str], int]:
    """The names of the first members, and how many members there are: what the macro `names` takes."""
    entities = list(members)
    return [kg.name(int(entity)) for entity in entities[:MOST_NAMED]], len(entities)


def status_html(message: str, ticking: str = "") -> Markup:
    """One line above the steps; `ticking` changes every second, and screen readers do not read it."""
    return macro("status", message, ticking)


def conclusion_html(model: Answer, exact: Answer) -> Markup:
    """What the model's chain ends with, beside the exact answer."""
    same = set(model.ranked.tolist()) == set(exact.ranked.tolist()) and model.value == exact.value
    return render(
        "graph/conclusion.html",
        state="failed" if model.error is not None else "agrees" if same else "differs",
        reached=sum(step.error is None for step in model.steps),
        steps=len(model.chain),
        model=_answer_values(model),
        exact=_answer_values(exact),
    )


def _answer_values(answer: Answer) -> dict[str, Any]:
    value = ""
    if answer.value is not None and not len(answer.ranked):
        value = given_words(answer.kg, answer.steps[-1].step, answer.value)
    return {"value": value, "members": _first_names(answer.kg, answer.ranked)}


class ShownRun:
    """The run of a chain as the page shows it."""

    def __init__(self, exact: Answer, message: str) -> None:
        self.steps: list[ShownStep] = []
        self._exact, self._message, self._key = exact, message, uuid.uuid4().hex[:8]
        self._began = self._step_began = time.monotonic()
        self._remaining_seconds: float | None = None
        self._conclusion = Markup("")

    def record(self, event: Event) -> None:
        """Take in what happened."""
        if isinstance(event, StepStarted):
            self.steps.append(ShownStep(event))
        elif isinstance(event, PartFinished):
            self.steps[-1] = replace(self.steps[-1], parts=(*self.steps[-1].parts, event.part))
            self._remaining_seconds = event.remaining_seconds
        elif isinstance(event, StepFinished):
            self.steps[-1] = replace(self.steps[-1], result=event.result)
            self._remaining_seconds = event.remaining_seconds
        else:
            assert isinstance(event, Finished)
            self._conclusion = conclusion_html(event.answer, self._exact)
        if isinstance(event, StepStarted | PartFinished):
            self._step_began = time.monotonic()

    def steps_html(self, only_finished: bool = False) -> Markup:
        """The steps so far, and the conclusion once there is one."""
        steps = [step for step in self.steps if step.result is not None] if only_finished else self.steps
        return steps_html(self._key, steps, self._conclusion)

    def status_html(self) -> Markup:
        """What the model does now, and for how long already."""
        if not self.steps:
            return status_html(self._message, f"{time.monotonic() - self._began:.0f} s")
        step = self.steps[-1]
        place = f"Step {step.started.step.position + 1} of {step.started.total}"
        if step.result is not None:
            return status_html(f"{place} is done")
        if step.total > 1:
            place += f", part {min(len(step.parts) + 1, step.total)} of {step.total}"
        ticking = f"{time.monotonic() - self._step_began:.0f} s so far"
        if self._remaining_seconds:
            ticking += f", about {self._remaining_seconds:.0f} s left in all"
        return status_html(f"{place}: the model is answering", ticking)

    def ended_html(self, stopped: bool) -> Markup:
        """How long the run took, and whether somebody stopped it before its end."""
        took = duration(time.monotonic() - self._began)
        return status_html(f"Stopped after {took}." if stopped and not self._conclusion else f"Done in {took}.")
