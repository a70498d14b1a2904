"""Which adapter makes a chat model mark, and how its sheets are written."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from langchain_core.language_models import BaseChatModel

from reasoning.language.embedded import PACKAGED, EmbeddedChatModel
from reasoning.language.errors import LLMError
from reasoning.language.marking.marks import MARKS_FILE, Marks
from reasoning.language.marking.scheme import MarkScheme
from reasoning.language.readers import folder_digest

PACKAGED_ADAPTER = Path(__file__).parents[1] / "adapters" / "steps"
"""The adapter of the packaged SmolLM2-135M-Instruct; its README says how it was made."""


def adapter_of(llm: BaseChatModel) -> Path | None:
    """The folder of the adapter that makes a chat model mark; None where it answers in words.

    Raises:
        LLMError: the folder holds no adapter.
    """
    if not isinstance(llm, EmbeddedChatModel) or llm.adapter is None:
        return None
    if llm.adapter == PACKAGED:
        return PACKAGED_ADAPTER if llm.source is None else None
    folder = Path(llm.adapter).expanduser()
    if not (folder / MARKS_FILE).is_file():
        raise LLMError(f"{folder} holds no adapter made by `python -m reasoning teach steps`")
    return folder


def scheme_of(llm: BaseChatModel) -> MarkScheme:
    """How sheets are written for a chat model that marks; its weights are not loaded."""
    folder = adapter_of(llm)
    assert folder is not None
    return _scheme(folder)


@cache
def _scheme(folder: Path) -> MarkScheme:
    return Marks.read(folder).scheme


def adapter_digest(llm: BaseChatModel) -> str | None:
    """A hex digest of a chat model's adapter: whether two runs were answered by the same."""
    folder = adapter_of(llm)
    return None if folder is None else folder_digest(folder)
