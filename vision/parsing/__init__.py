"""What is said of images, read: instructions to typed tasks, expressions to sentences about scenes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vision.classes import Matcher
from vision.parsing.reader import PACKAGED, understood
from vision.task import Task

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel


def read_instruction(text: str, matcher: Matcher, llm: BaseChatModel | None = None, adapter: Path = PACKAGED) -> Task:
    """Read an instruction by the embedded language model, or by a hosted one where it is given.

    Args:
        text: the instruction.
        matcher: what words mean among the classes of the detector.
        llm: a chat model that can write structured output.
        adapter: folder of the adapter by which the embedded model reads.

    Raises:
        InstructionError: it is empty, too long, or contradicts itself.
        LLMError: the adapter or the weights are missing or damaged, or do not belong together.
    """
    if llm is None:
        return understood(text, matcher, adapter)
    from vision.parsing.hosted import read_by_hosted

    return read_by_hosted(text, matcher, llm, adapter)
