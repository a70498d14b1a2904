"""What else a question may mean, to be picked with one click: buttons that each ask one query."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.server.markup import shortened, text
from reasoning import KnowledgeGraph
from reasoning.reading import ReadQuestion

CHOICES_SHOWN = 5


def choices_of(found: ReadQuestion | None, kg: KnowledgeGraph) -> tuple[tuple[str, str], ...]:
    """For each query to choose from its words and its text; () where there is nothing to choose."""
    offered = () if found is None else found.to_choose[:CHOICES_SHOWN]
    return tuple((alternative.words(kg), str(alternative.query)) for alternative in offered)


def choices_shown(choices: tuple[tuple[str, str], ...], *, answered: bool) -> list[Any]:
    """The choices, the line above their buttons and the buttons, in the order of the page's outputs."""
    asked = "It may also mean" if answered else "Which of these do you mean?"
    line = f'<p class="sk-choose">{text(asked)}</p>' if choices else ""
    buttons = [
        gr.update(value=f"{shortened(words, 160)}\n{shortened(query, 120)}", visible=True) for words, query in choices
    ]
    hidden = [gr.update(visible=False) for _ in range(CHOICES_SHOWN - len(buttons))]
    return [choices, line, *buttons, *hidden]
