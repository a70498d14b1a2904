"""Instructions in plain language, read to typed tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import vision.reading.instructions.describing  # noqa: F401  (it supplies `Task.describe`)
from vision.classes import Matcher
from vision.reading.instructions.reading import read_by_rules
from vision.task import Task

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel


def read_instruction(text: str, matcher: Matcher, llm: BaseChatModel | None = None) -> Task:
    """Read an instruction by rules and the meaning of words, or by a language model where one is given.

    Args:
        text: the instruction.
        matcher: what words mean among the classes of the detector.
        llm: a chat model that can write structured output.

    Raises:
        InstructionError: it is empty, too long, contradicts itself, or asks for what no part of it allows.
    """
    if llm is None:
        return read_by_rules(text, matcher)
    from vision.reading.instructions.structured import read_by_model

    return read_by_model(text, matcher, llm)
