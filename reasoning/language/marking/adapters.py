"""An adapter that makes a model mark, as a folder: PEFT's two files, and how sheets are written in `marking.json`.

An adapter is taught on one base model. On another it would mark nonsense without any error, so `marking.json` names the
base by a fingerprint and its own form by a number, and a folder that does not fit is refused. Adapters of version 0.1.0
state neither: of these the vocabulary and the shapes are compared.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from langchain_core.language_models import BaseChatModel

from reasoning.language.embedded import PACKAGED, EmbeddedChatModel
from reasoning.language.errors import LLMError
from reasoning.language.marking.scheme import MarkScheme

MARKS_FILE = "marking.json"

FORMAT = 2
"""Of `marking.json`: 1 (version 0.1.0, which states no number) names no base."""

PACKAGED_ADAPTER = Path(__file__).parents[1] / "adapters" / "steps"
"""The adapter of the packaged SmolLM2-135M-Instruct; its README says how it was made."""


@dataclass(frozen=True)
class Marks:
    """What belongs to an adapter beside its weights.

    Attributes:
        scheme: how sheets are written.
        layers: how many of the model's layers are used.
        temperature: divides the log-odds, so that the probabilities are calibrated (Guo et al. 2017).
        base: fingerprint of the model that it was taught on; None in adapters of version 0.1.0.
    """

    scheme: MarkScheme
    layers: int
    temperature: float = 1.0
    base: str | None = None

    @classmethod
    def read(cls, folder: Path) -> Marks:
        """From an adapter's folder.

        Raises:
            LLMError: the folder holds no adapter that marks, a damaged one, or one of a newer form.
        """
        try:
            stored = json.loads((folder / MARKS_FILE).read_text(encoding="utf-8"))
            form = int(stored.get("format", 1))
            if form > FORMAT:
                raise LLMError(f"{folder} has form {form}, and this version reads adapters up to form {FORMAT}: "
                               f"install a newer version, or teach it again")  # fmt: skip
            scheme = MarkScheme.from_dict(stored["scheme"])
            return cls(scheme, int(stored["layers"]), float(stored["temperature"]), stored.get("base"))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise LLMError(
                f"{folder} is not an adapter made by `python -m reasoning teach steps` "
                f"({type(error).__name__}: {error})"
            ) from error

    def write(self, folder: Path) -> None:
        """Into an adapter's folder."""
        stored = {
            "format": FORMAT,
            "base": self.base,
            "layers": self.layers,
            "temperature": self.temperature,
            "scheme": self.scheme.to_dict(),
        }
        (folder / MARKS_FILE).write_text(json.dumps(stored) + "\n", encoding="utf-8")


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


def folder_digest(folder: Path) -> str:
    """A hex digest of the adapter in a folder; of none, that of nothing."""
    files = sorted(path for path in folder.glob("*") if path.suffix in (".json", ".safetensors"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]
