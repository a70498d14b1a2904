"""What a method is asked, and what happens while it answers, for whoever shows it live."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reasoning.answer import Answer
from reasoning.execution.step_result import Context, StepPart, StepResult, sub_question
from reasoning.graph.index import Ids
from reasoning.graph.store import KnowledgeGraph
from reasoning.language.usage import NO_USAGE, TokenUsage
from reasoning.query.binding import BoundChain, BoundStep
from reasoning.query.read_question import ReadQuestion


@dataclass(frozen=True)
class BoundQuestion:
    """A question that was read and bound to the graph.

    Attributes:
        chain: its query as a chain of steps.
        notes: what was read for names that did not fit exactly, and what else was assumed.
        usage: what it took to have it read by a language model.
        understood: what a question in English was understood as; None for a query.
    """

    chain: BoundChain
    notes: tuple[str, ...] = ()
    usage: TokenUsage = NO_USAGE
    understood: ReadQuestion | None = None


@dataclass(frozen=True)
class StepStarted:
    """A step begins.

    Attributes:
        step: the bound step.
        kg: the graph, for names.
        inputs: its input sets.
        contexts: what the LLM is about to be shown, one context for each part of the step; () where no LLM is asked.
        total: steps in the chain.
        asked: the question where it is not the step's own (a whole query asked at once).
    """

    step: BoundStep
    kg: KnowledgeGraph
    inputs: Sequence[Ids]
    contexts: tuple[Context, ...]
    total: int
    asked: str | None = None

    @property
    def context(self) -> Context | None:
        """What the LLM is about to be shown, of several parts all together; None where no LLM is asked."""
        return Context.together(self.contexts) if self.contexts else None

    @property
    def question(self) -> str:
        """The step as a question in English."""
        return self.asked or sub_question(self.kg, self.step, self.inputs)


@dataclass(frozen=True)
class PartFinished:
    """A part of a step in several parts is done, or has failed.

    Attributes:
        part: what it gave.
        number: which part, from 1.
        total: parts of the step.
        remaining_seconds: an estimate for the parts and steps still to come.
    """

    part: StepPart
    number: int
    total: int
    remaining_seconds: float


@dataclass(frozen=True)
class StepFinished:
    """A step is done, or has failed.

    Attributes:
        result: what it gave.
        remaining_seconds: an estimate for the steps still to come, from the time that the steps so far took.
    """

    result: StepResult
    remaining_seconds: float


@dataclass(frozen=True)
class Finished:
    """The answer."""

    answer: Answer


ChainEvent = StepStarted | PartFinished | StepFinished
Event = ChainEvent | Finished


def collecting(steps: list[StepResult], events: Iterator[ChainEvent]) -> Iterator[ChainEvent]:
    """The events as they come; the result of each step that is done goes into `steps`."""
    for event in events:
        if isinstance(event, StepFinished):
            steps.append(event.result)
        yield event
