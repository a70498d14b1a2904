"""Instructions in plain language, read to typed tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import vision.reading.instructions.describing  # noqa: F401  (it supplies `Task.describe`)
from reasoning.language.readers import RULES, adapter_folder
from vision.classes import Matcher
from vision.reading.instructions.model.loading import PACKAGED
from vision.reading.instructions.model.understanding import understood_by_model
from vision.reading.instructions.reading import read_by_rules
from vision.reading.instructions.structured import read_by_model
from vision.task import Task

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel


def read_instruction(text: str, matcher: Matcher, llm: BaseChatModel | None = None, reader: str = RULES) -> Task:
    """Read an instruction: by rules, by the embedded language model, or by a hosted one where it is given.

    Args:
        text: the instruction.
        matcher: what words mean among the classes of the detector.
        llm: a chat model that can write structured output.
        reader: "rules", "model" for the embedded language model, or the folder of an adapter for it.

    Raises:
        InstructionError: it is empty, too long, contradicts itself, or asks for what no part of it allows.
        LLMError: there is no such reader, or its weights are missing or damaged.
    """
    if llm is None and reader != RULES:
        return understood_by_model(text, matcher, adapter_folder(reader, PACKAGED))
    if llm is None:
        return read_by_rules(text, matcher)
    return read_by_model(text, matcher, llm)
