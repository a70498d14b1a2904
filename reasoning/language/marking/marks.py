"""An adapter that makes a model mark, as a folder: PEFT's two files, and how sheets are written in `marking.json`.

An adapter is taught on one base model. On another it would mark nonsense without any error, so `marking.json` names the
base by a fingerprint and its own form by a number, and a folder that does not fit is refused. Adapters of version 0.1.0
state neither: of these the vocabulary and the shapes are compared.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from reasoning.language.errors import LLMError
from reasoning.language.marking.scheme import MarkScheme

MARKS_FILE = "marking.json"

FORMAT = 2
"""Of `marking.json`: 1 (version 0.1.0, which states no number) names no base."""


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
