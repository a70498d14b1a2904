"""The parts of the graph tab that its events read and write, and the newest question of a visit."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import gradio as gr


class NewestQuestions:
    """Tells an event whether its visitor has asked something else since it began.

    A question that takes long to read may end after a newer one; its answer would replace the newer one's.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest: dict[str, object] = {}
        self._run: dict[str, object] = {}

    def begin(self, visit: str) -> object:
        """Make a new question the visit's newest; what is returned stands for it."""
        question = object()
        with self._lock:
            self._newest[visit] = question
        return question

    def is_newest(self, visit: str, question: object) -> bool:
        """Whether nothing was asked since; of a visit that is over nothing is new."""
        return self._newest.get(visit) is question

    def runs_first(self, visit: str, asked: Any) -> bool:
        """Whether the model has not had this question yet: the event of an overtaken one finds the newer one here."""
        with self._lock:
            is_first = asked is None or self._run.get(visit) is not asked
            self._run[visit] = asked
        return is_first

    def forget(self, visit: str) -> None:
        """Forget a visit that is over."""
        with self._lock:
            self._newest.pop(visit, None)
            self._run.pop(visit, None)


Changes = dict[Any, Any]
"""What an event gives: the parts of the page that change, each with its new value. The others stay as they are."""
NO_CHANGES: Changes = gr.skip()


@dataclass(frozen=True)
class GraphParts:
    """The parts of the tab: components, and states, which a visitor does not see."""

    graph: gr.Dropdown
    question: gr.Textbox
    wanted: gr.Checkbox
    slider: gr.HTML
    graph_note: gr.HTML
    upload_note: gr.HTML
    contents: gr.HTML
    example_buttons: tuple[gr.Button, ...]
    error: gr.HTML
    answer: gr.HTML
    picture: gr.HTML
    table: gr.HTML
    understood: gr.HTML
    tree: gr.HTML
    likely_status: gr.HTML
    likely_stop: gr.Button
    choices_line: gr.HTML
    choice_buttons: tuple[gr.Button, ...]
    status: gr.HTML
    steps: gr.HTML
    stop: gr.Button
    asked: gr.State
    run: gr.State
    waiting_for: gr.State
    linked: gr.State
    examples: gr.State
    choices: gr.State
