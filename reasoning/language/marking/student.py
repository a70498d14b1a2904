"""A causal language model cut to its lower layers, with an adapter that makes it mark.

Looking up which candidates fit what was asked is work of the lower layers: where the upper ones add nothing they are
left away, in teaching and in use, and the head reads the marks off what is left. The adapter is LoRA (Hu et al. 2021,
arXiv 2106.09685) in PEFT's own format; beside it stands how steps are written, see `MarkScheme`.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reasoning.language.errors import LLMError
from reasoning.language.local_weights import find_weights
from reasoning.language.marking.packing import batches, keep_logits, readout_of
from reasoning.language.marking.scheme import MarkScheme
from reasoning.language.marking.sheets import Sheet

SCHEME_FILE = "marking.json"
TOKENS_OF_A_PASS = 1024


@dataclass(frozen=True)
class Marks:
    """What belongs to an adapter beside its weights.

    Attributes:
        scheme: how steps are written.
        layers: how many of the model's layers are used.
        temperature: divides the log-odds, so that the probabilities are calibrated (Guo et al. 2017).
    """

    scheme: MarkScheme
    layers: int
    temperature: float = 1.0

    @classmethod
    def read(cls, folder: Path) -> Marks:
        """From an adapter's folder.

        Raises:
            LLMError: the folder holds no adapter that marks.
        """
        try:
            stored = json.loads((folder / SCHEME_FILE).read_text(encoding="utf-8"))
            return cls(MarkScheme.from_dict(stored["scheme"]), int(stored["layers"]), float(stored["temperature"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise LLMError(
                f"{folder} is not an adapter made by `python -m reasoning distill` ({type(error).__name__}: {error})"
            ) from error

    def write(self, folder: Path) -> None:
        """Into an adapter's folder."""
        stored = {"layers": self.layers, "temperature": self.temperature, "scheme": self.scheme.to_dict()}
        (folder / SCHEME_FILE).write_text(json.dumps(stored) + "\n", encoding="utf-8")


@dataclass
class Student:
    """A model that marks.

    Attributes:
        decoder: the transformer without its head, cut to `marks.layers`; while it is taught, with PEFT's layers.
        readout: float32, shape (width,).
        marks: the scheme and what was found for it.
    """

    decoder: Any
    readout: Any
    marks: Marks

    def log_odds(self, sheets: list[Sheet], most_tokens: int = TOKENS_OF_A_PASS) -> list[NDArray[np.float32]]:
        """Log-odds of keeping at each sheet's places, before the temperature; several sheets share a pass."""
        import torch

        found: list[NDArray[np.float32]] = [np.zeros(0, np.float32)] * len(sheets)
        with torch.inference_mode():
            for batch in batches(sheets, most_tokens):
                together = [sheets[position] for position in batch]
                flat = keep_logits(self.decoder, self.readout, together).cpu().numpy()
                ends = np.cumsum([len(sheet.places) for sheet in together])
                for position, part in zip(batch, np.split(flat, ends[:-1]), strict=True):
                    found[position] = part
        return found

    def probabilities(self, sheets: list[Sheet]) -> list[NDArray[np.float64]]:
        """The calibrated probability that each candidate is to be kept."""
        return [1 / (1 + np.exp(-odds.astype(np.float64) / self.marks.temperature)) for odds in self.log_odds(sheets)]


def open_model(source: str | None, dtype: Any) -> tuple[Any, Any]:
    """A causal language model on the processor and its tokenizer; see `find_weights` for `source`."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from reasoning.language.smollm2_weights import quiet_transformers

    folder = find_weights(source)
    with quiet_transformers():
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        model: Any = AutoModelForCausalLM.from_pretrained(
            folder, dtype=dtype, local_files_only=True, use_safetensors=True, trust_remote_code=False
        )
    return model, tokenizer


def cut(model: Any, layers: int) -> Any:
    """The model's transformer with its first `layers` layers alone.

    Raises:
        LLMError: the architecture keeps its layers in no single list.
    """
    from torch import nn

    decoder = model.base_model
    total = decoder.config.num_hidden_layers
    if not 1 <= layers <= total:
        raise LLMError(f"The model has {total} layers, so it cannot be cut to {layers}")
    for name, child in decoder.named_children():
        if isinstance(child, nn.ModuleList) and len(child) == total:
            setattr(decoder, name, child[:layers])
            decoder.config.num_hidden_layers = layers
            return decoder
    raise LLMError(f"{type(model).__name__} keeps its layers in no single list: teach another model")


@contextmanager
def quiet_peft() -> Iterator[None]:
    """Keep from users what PEFT asks of transformers in a way that it is told to leave off."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.*", category=FutureWarning)
        yield


def load_student(adapter: Path, source: str | None = None, device: str = "cpu") -> Student:
    """A taught model, its adapter merged into the weights, float32.

    Raises:
        LLMError: the adapter or the weights are missing, or do not belong together.
    """
    import torch
    from peft import PeftModel

    marks = Marks.read(adapter)
    model, _ = open_model(source, torch.float32)
    readout = readout_of(model, marks.scheme).to(device)
    decoder = cut(model, marks.layers)
    try:
        with quiet_peft():
            taught = PeftModel.from_pretrained(decoder, adapter, torch_device=device)
    except (RuntimeError, ValueError, OSError) as error:
        raise LLMError(f"The adapter {adapter} does not fit the model ({type(error).__name__}: {error})") from error
    return Student(taught.merge_and_unload().eval().to(device), readout, marks)
