"""From a chat model to the student that answers its steps, loaded once in this process."""

from __future__ import annotations

import hashlib
import threading
from functools import cache
from pathlib import Path

from langchain_core.language_models import BaseChatModel

from reasoning.language.devices import find_device
from reasoning.language.embedded import PACKAGED, EmbeddedChatModel
from reasoning.language.errors import LLMError
from reasoning.language.marking.scheme import MarkScheme
from reasoning.language.marking.shared_passes import SharedPasses
from reasoning.language.marking.student import SCHEME_FILE, Marks, load_student

PACKAGED_ADAPTER = Path(__file__).parents[1] / "adapters" / "steps"
"""The adapter of the packaged SmolLM2-135M-Instruct; its README says how it was made."""

_loaded: dict[tuple[Path, str | None, str], SharedPasses] = {}
_loading = threading.Lock()


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
    if not (folder / SCHEME_FILE).is_file():
        raise LLMError(f"{folder} holds no adapter made by `python -m reasoning distill`")
    return folder


def scheme_of(llm: BaseChatModel) -> MarkScheme:
    """How steps are written for a chat model that marks; its weights are not loaded."""
    folder = adapter_of(llm)
    assert folder is not None
    return _scheme(folder)


def passes_of(llm: EmbeddedChatModel) -> SharedPasses:
    """The student of a chat model that marks, its weights loaded at the first call and shared.

    Raises:
        LLMError: the adapter or the weights are missing, or do not belong together.
    """
    folder = adapter_of(llm)
    assert folder is not None
    device = find_device(llm.device)
    with _loading:
        key = (folder.resolve(), llm.source, device)
        if key not in _loaded:
            _loaded[key] = SharedPasses(load_student(folder, llm.source, device))
        return _loaded[key]


@cache
def _scheme(folder: Path) -> MarkScheme:
    return Marks.read(folder).scheme


def adapter_digest(llm: BaseChatModel) -> str | None:
    """A hex digest of a chat model's adapter: whether two runs were answered by the same."""
    folder = adapter_of(llm)
    if folder is None:
        return None
    files = sorted(path for path in folder.iterdir() if path.suffix in (".json", ".safetensors"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]
