"""What happens while an answer is made, for whoever shows it live."""

from __future__ import annotations

from dataclasses import dataclass

from reasoning.answer import Answer
from reasoning.execution.step_result import Context, StepPart, StepResult
from reasoning.graph.index import Ids
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.binding import BoundStep
from reasoning.wording.sub_question import sub_question


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
    inputs: tuple[Ids, ...]
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
