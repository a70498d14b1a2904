"""From a causal language model to one that can be taught to mark or to write: cut, frozen, with LoRA's matrices."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from reasoning.language.errors import LLMError, TeachingError, need_packages
from reasoning.language.low_rank import (
    load_adapter,
    lower_layers,
    new_config,
    rows_fingerprint,
    stored_config,
    with_adapter,
)
from reasoning.language.marking.marks import Marks
from reasoning.language.marking.scheme import MarkScheme
from reasoning.language.marking.student import Student, attach, check_base, fingerprint, open_base
from reasoning.language.teaching.options import TeachingOptions, WritingOptions
from reasoning.language.writing.adapters import Writing
from reasoning.language.writing.writer import FINGERPRINT_ROWS, Writer, WriterTokens, check_writing


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
    model, tokenizer = opened(options)
    if start is None:
        marks = Marks(MarkScheme.of(tokenizer, model.get_input_embeddings().weight, operations), options.layers)
    else:
        marks = Marks.read(start)
        check_base(model, tokenizer, marks, start)
        if marks.layers != options.layers:
            raise other_layers(start, marks.layers, options)
    marks = replace(marks, base=fingerprint(model, marks.scheme))
    adapter, student = attach(model, marks, new_config(options.rank), device)
    if start is not None:
        load_adapter(adapter, start)
    return adapter, student


def prepare_writer(job: str, options: WritingOptions, start: Path | None = None, device: str = "cpu") -> Writer:
    """A writer with PEFT's layers, from an adapter or new.

    Args:
        job: what it is to write.
        options: which model, how many of its layers, their number format, the rank, and whether they are compiled.
        start: the adapter's folder; None for a new one.
        device: by torch's name.

    Raises:
        LLMError: the model or the adapter cannot be loaded, or they do not belong together.
        TeachingError: the layers cannot be compiled.
    """
    from reasoning.language.writing.packed_attention import PACKED, register

    model, tokenizer = opened(options)
    register()
    model.set_attn_implementation(PACKED)
    base = rows_fingerprint(model, FINGERPRINT_ROWS)
    writing = Writing(job, options.layers, base)
    if start is not None:
        writing = check_writing(Writing.read(start, job), base, start)
        if writing.layers != options.layers:
            raise other_layers(start, writing.layers, options)
    decoder = adapted(model, options, start)
    head = model.get_output_embeddings().to(device)
    return Writer(decoder.to(device).train(), head, WriterTokens(tokenizer), writing)


def adapted(model: Any, options: WritingOptions, start: Path | None) -> Any:
    """The transformer of a model, cut and frozen, with PEFT's matrices in its own number format.

    Args:
        model: the causal language model.
        options: how many of its layers, the rank, and whether the layers are compiled.
        start: the folder of an adapter to begin with; None for a new one.

    Raises:
        LLMError: the adapter cannot be loaded.
        TeachingError: the layers cannot be compiled.
    """
    config = new_config(options.rank) if start is None else stored_config(start)
    if config.r != options.rank:
        raise LLMError(f"{start} has matrices of rank {config.r}, not {options.rank}: give the same, or begin anew")
    decoder = with_adapter(lower_layers(model, options.layers).requires_grad_(False), config, short=True)
    if start is not None:
        load_adapter(decoder, start)
    for parameter in decoder.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.to(model.dtype)
    if options.compiled:
        _compile(decoder, options.layers)
    return decoder


def _compile(decoder: Any, layers: int) -> None:
    """Have each layer compiled when it is first used: all are alike, so that is done once."""
    from torch import nn

    if not any(map(shutil.which, ("g++", "clang++"))):
        raise TeachingError("Layers are compiled with g++ or clang++: install one, or teach without --compiled")
    for module in decoder.modules():
        if isinstance(module, nn.ModuleList) and len(module) == layers:
            for layer in module:
                layer.compile(dynamic=True)


def opened(options: TeachingOptions) -> tuple[Any, Any]:
    """The base model and its tokenizer; new matrices are drawn by the run's seed from here on.

    Raises:
        LLMError: a package or the weights are missing, or they cannot be read.
    """
    need_packages("Teaching a model", "peft")
    model, tokenizer = open_base(options.source, options.dtype)
    import torch

    torch.manual_seed(options.seed)
    return model, tokenizer


def other_layers(start: Path, layers: int, options: TeachingOptions) -> LLMError:
    """What is said of an adapter for another number of layers."""
    return LLMError(f"{start} is for {layers} layers, not {options.layers}")
