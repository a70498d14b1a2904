"""What belongs to an adapter that makes a model write, beside its weights: `writing.json` in its folder."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from reasoning.language.errors import LLMError

WRITING_FILE = "writing.json"

FORMAT = 1
"""Of `writing.json`."""


@dataclass(frozen=True)
class Writing:
    """How an adapter is used.

    Attributes:
        job: what it writes: an adapter of another job is refused.
        layers: how many of the model's layers are used.
        base: fingerprint of the model that it was taught on.
        temperature: divides the logits, so that the probabilities are calibrated (Guo et al. 2017, arXiv 1706.04599).
        format: of the file.
    """

    job: str
    layers: int
    base: str
    temperature: float = 1.0
    format: int = FORMAT

    @classmethod
    def read(cls, folder: Path, job: str) -> Writing:
        """From an adapter's folder.

        Raises:
            LLMError: the folder holds no adapter of this job, a damaged one, or one of a newer form.
        """
        try:
            stored = cls(**json.loads((folder / WRITING_FILE).read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise LLMError(f"{folder} holds no adapter that writes {job}: it has no {WRITING_FILE}") from None
        except (OSError, ValueError, TypeError) as error:
            raise LLMError(f"{folder} holds no adapter that writes {job} ({type(error).__name__}: {error})") from error
        if stored.format > FORMAT:
            raise LLMError(f"{folder} has form {stored.format}, and this version reads adapters up to form {FORMAT}: "
                           f"install a newer version, or teach it again")  # fmt: skip
        if stored.job != job:
            raise LLMError(f"{folder} holds an adapter that writes {stored.job}, not {job}")
        return stored

    def write(self, folder: Path) -> None:
        """Into an adapter's folder."""
        (folder / WRITING_FILE).write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")
