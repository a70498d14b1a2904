"""Learners: models that mark candidates or write text, prepared for LoRA training."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reasoning.lm.candidate_scoring import Marks, Student, attach, check_base, fingerprint, keep_logits, open_base
from reasoning.lm.errors import LLMError, need_packages
from reasoning.lm.generation import FINGERPRINT_ROWS, Writer, WriterTokens, Writing, check_writing
from reasoning.lm.low_rank import (
    load_adapter,
    lower_layers,
    new_config,
    rows_fingerprint,
    save_adapter,
    stored_config,
    with_adapter,
)
from reasoning.lm.mark_scheme import MarkScheme
from reasoning.lm.packs import Pack, reply_logits
from training.loop import (
    Report,
    SheetExample,
    TrainingError,
    TrainingOptions,
    WritingOptions,
    best_temperature,
    examine,
    fit_temperature,
)


def prepare(
    options: TrainingOptions, operations: Mapping[str, str], start: Path | None = None, device: str = "cpu"
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
        TrainingError: the layers cannot be compiled.
    """
    from reasoning.lm.packed_attention import PACKED, register

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
        TrainingError: the layers cannot be compiled.
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
        raise TrainingError("Layers are compiled with g++ or clang++: install one, or teach without `compiled`")
    for module in decoder.modules():
        if isinstance(module, nn.ModuleList) and len(module) == layers:
            for layer in module:
                layer.compile(dynamic=True)


def opened(options: TrainingOptions) -> tuple[Any, Any]:
    """The base model and its tokenizer; new matrices are sampled by the run's seed from here on.

    Raises:
        LLMError: a package or the weights are missing, or they cannot be read.
    """
    need_packages("Teaching a model", "peft")
    model, tokenizer = open_base(options.source, options.dtype)
    import torch

    torch.manual_seed(options.seed)
    return model, tokenizer


def other_layers(start: Path, layers: int, options: TrainingOptions) -> LLMError:
    """What is said of an adapter for another number of layers."""
    return LLMError(f"{start} is for {layers} layers, not {options.layers}")


@dataclass
class MarkLearner:
    """A student with PEFT's layers.

    Attributes:
        adapter: what is taught.
        student: the same model as it marks; it ends with its temperature fitted.
    """

    adapter: Any
    student: Student

    def loss(self, examples: Sequence[SheetExample]) -> Any:
        """The cross-entropy at the marks alone."""
        import torch

        odds = keep_logits(self.adapter, self.student.readout, [example.sheet for example in examples])
        right = np.concatenate([example.keep for example in examples])
        target = torch.tensor(right, dtype=torch.float32, device=odds.device)
        return torch.nn.functional.binary_cross_entropy_with_logits(odds, target)

    def examine(self, examples: Sequence[SheetExample]) -> Report:
        """Exact match and wrong marks."""
        return examine(self.student, examples)

    def calibrate(self, examples: Sequence[SheetExample]) -> None:
        """Fit the temperature."""
        odds = self.student.log_odds([example.sheet for example in examples])
        right = np.concatenate([example.keep for example in examples]).astype(bool)
        temperature = fit_temperature(np.concatenate(odds), right)
        self.student.marks = replace(self.student.marks, temperature=temperature)

    def save(self, folder: Path) -> None:
        """PEFT's files and the marks."""
        save_adapter(self.adapter, folder)
        self.student.marks.write(folder)


@dataclass(frozen=True)
class PackExample:
    """A pack with what each of its segments teaches.

    Attributes:
        pack: what is read and written.
        kinds: of each segment; those of one kind are examined together.
    """

    pack: Pack
    kinds: Sequence[str]

    def __len__(self) -> int:
        return len(self.pack)


@dataclass
class WriteLearner:
    """A writer with PEFT's layers; it ends with its temperature fitted."""

    writer: Writer

    @property
    def adapter(self) -> Any:
        """What is taught."""
        return self.writer.decoder

    def loss(self, examples: Sequence[PackExample]) -> Any:
        """The cross-entropy of the replies' tokens."""
        import torch

        logits = torch.cat([reply_logits(self.writer.decoder, self.writer.head, example.pack) for example in examples])
        right = torch.from_numpy(np.concatenate([example.pack.replies for example in examples]))
        return torch.nn.functional.cross_entropy(logits, right.to(logits.device))

    def examine(self, examples: Sequence[PackExample]) -> Report:
        """Replies whose every token is the likeliest one, and the share of tokens that are not."""
        exact: dict[str, list[bool]] = {}
        wrong: dict[str, list[float]] = {}
        for example in examples:
            hits = self._logits(example).argmax(-1) == example.pack.replies
            for kind, part in zip(example.kinds, np.split(hits, np.cumsum(example.pack.lengths)[:-1]), strict=True):
                exact.setdefault(kind, []).append(bool(part.all()))
                wrong.setdefault(kind, []).append(float(1 - part.mean()))
        return Report(
            {kind: float(np.mean(values)) for kind, values in sorted(exact.items())},
            {kind: float(np.mean(values)) for kind, values in sorted(wrong.items())},
        )

    def calibrate(self, examples: Sequence[PackExample]) -> None:
        """Fit the temperature on the tokens of held-out replies."""
        import torch

        logits = torch.from_numpy(np.concatenate([self._logits(example) for example in examples]))
        right = torch.from_numpy(np.concatenate([example.pack.replies for example in examples]))

        def surprise(temperature: float) -> float:
            return float(torch.nn.functional.cross_entropy(logits / temperature, right))

        self.writer.writing = replace(self.writer.writing, temperature=best_temperature(surprise))

    def save(self, folder: Path) -> None:
        """PEFT's files and how the adapter is used."""
        save_adapter(self.writer.decoder, folder)
        self.writer.writing.write(folder)

    def _logits(self, example: PackExample) -> NDArray[np.float32]:
        import torch

        with torch.inference_mode():
            return np.asarray(reply_logits(self.writer.decoder, self.writer.head, example.pack).cpu().numpy())
