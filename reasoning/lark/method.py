"""Method `lark` as a reasoner runs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from langchain_core.language_models import BaseChatModel

from reasoning.execution.conclusion import conclude
from reasoning.execution.events import BoundQuestion, Event, Finished, collecting
from reasoning.execution.step_result import StepResult
from reasoning.graph.store import KnowledgeGraph
from reasoning.lark.chain_run import run_chain
from reasoning.lark.options import LarkOptions


class Lark:
    """A language model answers every step of the chain from a retrieved context."""

    name: ClassVar[str] = "lark"
    asks_model: ClassVar[bool] = True
    goes_beyond_graph: ClassVar[bool] = False

    def __init__(
        self, kg: KnowledgeGraph, llm: Callable[[], BaseChatModel], options: LarkOptions, *_unused: object
    ) -> None:
        self._kg, self._llm, self._options = kg, llm, options

    def deciding(self) -> dict[str, Any]:
        """Nothing decides its answers but the graph, the model and the options."""
        return {}

    def events(self, question: BoundQuestion) -> Iterator[Event]:
        """The chain's events, then the answer."""
        steps: list[StepResult] = []
        yield from collecting(steps, run_chain(self._kg, question.chain, self._llm(), self._options))
        yield Finished(conclude(self._kg, self.name, question, steps))
