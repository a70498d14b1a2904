"""A causal language model cut to its lower layers, with an adapter that makes it mark.

Looking up which candidates fit what was asked is work of the lower layers: where the upper ones add nothing they are
left away, in teaching and in use, and the head reads the marks off what is left. The adapter is LoRA (Hu et al. 2021,
arXiv 2106.09685).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from reasoning.language.errors import LLMError, need_packages
from reasoning.language.local_weights import find_weights, model_name, open_model
from reasoning.language.low_rank import lower_layers, merge_adapter, rows_fingerprint, with_adapter
from reasoning.language.marking.marks import Marks
from reasoning.language.marking.scheme import MarkScheme
from reasoning.language.marking.sheets import Sheet, batches, keep_logits

if TYPE_CHECKING:
    from peft import LoraConfig

TOKENS_OF_A_PASS = 1024


@dataclass
class Student:
    """A model that marks.

    Attributes:
        decoder: the transformer without its head, cut to `marks.layers`; while it is taught, with PEFT's layers.
        readout: float32, shape (width,).
        marks: what belongs to its adapter.
    """

    decoder: Any
    readout: Any
    marks: Marks

    def log_odds(self, sheets: list[Sheet], most_tokens: int = TOKENS_OF_A_PASS) -> list[NDArray[np.float32]]:
        """Log-odds of keeping at each sheet's places, before the temperature; several sheets share a pass."""
        import torch

        odds: list[NDArray[np.float32]] = [np.zeros(0, np.float32)] * len(sheets)
        with torch.inference_mode():
            for batch in batches(sheets, most_tokens):
                packed = [sheets[position] for position in batch]
                flat = keep_logits(self.decoder, self.readout, packed).cpu().numpy()
                ends = np.cumsum([len(sheet.places) for sheet in packed])
                for position, part in zip(batch, np.split(flat, ends[:-1]), strict=True):
                    odds[position] = part
        return odds

    def probabilities(self, sheets: list[Sheet]) -> list[NDArray[np.float64]]:
        """The calibrated probability that each candidate is to be kept."""
        return [1 / (1 + np.exp(-odds.astype(np.float64) / self.marks.temperature)) for odds in self.log_odds(sheets)]


def open_base(source: str | None, dtype: str = "float32") -> tuple[Any, Any]:
    """The model that an adapter belongs to, on the processor, and its tokenizer; see `find_weights` for `source`.

    Raises:
        LLMError: a package or the weights are missing, or they cannot be read.
    """
    need_packages("A model with an adapter", "torch", "transformers")
    return open_model(find_weights(source), model_name(source), dtype=dtype)


def fingerprint(model: Any, scheme: MarkScheme) -> str:
    """Names a base model by the head's rows that the scheme reads."""
    return rows_fingerprint(model, [scheme.keep, scheme.drop, *sorted(scheme.operations.values())])


def attach(model: Any, marks: Marks, config: LoraConfig, device: str = "cpu") -> tuple[Any, Student]:
    """A causal language model, cut and frozen, with PEFT's new matrices in float32; and the same as it marks."""
    readout = _readout(model, marks.scheme).to(device)
    decoder = lower_layers(model, marks.layers).requires_grad_(False)
    adapter = with_adapter(decoder, config)
    for parameter in adapter.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    return adapter.to(device).train(), Student(adapter, readout, marks)


def load_student(folder: Path, source: str | None = None, device: str = "cpu") -> Student:
    """A taught model, its adapter merged into the weights, float32.

    Args:
        folder: of the adapter.
        source: the base model, see `find_weights`.
        device: by torch's name.

    Raises:
        LLMError: the adapter or the weights are missing or damaged, or do not belong together.
    """
    marks = Marks.read(folder)
    model, tokenizer = open_base(source)
    check_base(model, tokenizer, marks, folder)
    decoder = merge_adapter(lower_layers(model, marks.layers).requires_grad_(False), folder)
    return Student(decoder.to(device), _readout(model, marks.scheme).to(device), marks)


def _readout(model: Any, scheme: MarkScheme) -> Any:
    """The head's row for keeping less that for dropping: float32, shape (width,)."""
    weight = model.get_output_embeddings().weight
    return (weight[scheme.keep] - weight[scheme.drop]).detach().float()


def check_base(model: Any, tokenizer: Any, marks: Marks, folder: Path) -> None:
    """Refuse an adapter of another base model.

    Raises:
        LLMError: the fingerprints differ, or of an adapter of version 0.1.0 the words.
    """
    scheme = marks.scheme
    if max(scheme.tokens) < len(tokenizer):
        if marks.base is not None:
            fits = marks.base == fingerprint(model, scheme)
        else:
            fits = all(tokenizer.decode([token]).strip() == name for token, name in scheme.names.items())
        if fits:
            return
    raise LLMError(
        f"The adapter {folder} was taught on another base model than {getattr(model, 'name_or_path', 'this one')}: "
        f"take that model, or teach an adapter on this one"
    )
