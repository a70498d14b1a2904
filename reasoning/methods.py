"""The ways of answering a question, by name.

A further method is one class in the room that it belongs to, and its name in `METHODS`. Whoever needs to know what a
method is like asks its attributes.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Protocol

from langchain_core.language_models import BaseChatModel

from reasoning.completion.complete import Complete, Hybrid
from reasoning.completion.predictor import CompletionOptions
from reasoning.execution.conclusion import BoundQuestion, Event
from reasoning.execution.exact import Exact
from reasoning.graph.store import KnowledgeGraph
from reasoning.lark.method import Lark
from reasoning.lark.steps import LarkOptions
from skylark.errors import SkylarkError


class Method(Protocol):
    """A way of answering: a question bound to the graph goes in, events come out, the answer last.

    Attributes:
        name: what a reasoner, the command line and result files call it.
        asks_model: whether a language model answers its steps.
        goes_beyond_graph: whether it also gives what the graph does not say.
    """

    name: ClassVar[str]
    asks_model: ClassVar[bool]
    goes_beyond_graph: ClassVar[bool]

    def __init__(
        self,
        kg: KnowledgeGraph,
        llm: Callable[[], BaseChatModel],
        options: LarkOptions,
        completion: CompletionOptions,
        /,
    ) -> None:
        """Make ready to answer over a graph; `llm` gives the language model, and loads it where that is not done."""

    def deciding(self) -> dict[str, Any]:
        """What decides its answers beside the graph, the language model and its options, for a results file."""

    def events(self, question: BoundQuestion) -> Iterator[Event]:
        """Everything that happens while the question is answered, `Finished` with the answer last."""


METHODS: Mapping[str, type[Method]] = {method.name: method for method in (Exact, Lark, Complete, Hybrid)}


def method_named(name: str) -> type[Method]:
    """The method of that name; a `SkylarkError` names the nearest where there is none."""
    if (method := METHODS.get(name)) is not None:
        return method
    near = difflib.get_close_matches(str(name), METHODS, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise SkylarkError(f"unknown method {name!r}; expected one of {', '.join(METHODS)}{hint}")
