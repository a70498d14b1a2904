"""From a causal language model to a student whose layers can be taught: cut, frozen, with LoRA's matrices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from reasoning.language.errors import LLMError
from reasoning.language.low_rank import load_adapter, new_config
from reasoning.language.marking.adapters import Marks
from reasoning.language.marking.scheme import MarkScheme
from reasoning.language.marking.student import Student, attach, check_base, fingerprint, open_base
from reasoning.language.teaching.options import TeachingOptions


def prepare(
    options: TeachingOptions, operations: Mapping[str, str], start: Path | None = None, device: str = "cpu"
) -> tuple[Any, Student]:
    """The student with PEFT's layers, from an adapter or new.

    Args:
        options: which model, how many of its layers, and the rank.
        operations: how a new adapter's scheme writes each operation, see `MarkScheme.of`.
        start: the adapter's folder; None for a new one.
        device: by torch's name.

    Raises:
        LLMError: the model or the adapter cannot be loaded, or they do not belong together.
    """
    model, tokenizer = open_base(options.source, options.dtype)
    import torch

    torch.manual_seed(options.seed)
    if start is None:
        marks = Marks(MarkScheme.of(tokenizer, model.get_input_embeddings().weight, operations), options.layers)
    else:
        marks = Marks.read(start)
        check_base(model, tokenizer, marks, start)
        if marks.layers != options.layers:
            raise LLMError(f"{start} is for {marks.layers} layers, not {options.layers}")
    marks = replace(marks, base=fingerprint(model, marks.scheme))
    adapter, student = attach(model, marks, new_config(options.rank), device)
    if start is not None:
        load_adapter(adapter, start)
    return adapter, student
