"""From a causal language model to a student whose layers can be taught: cut, frozen, with LoRA's matrices."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from reasoning.language.errors import LLMError
from reasoning.language.marking.packing import readout_of
from reasoning.language.marking.scheme import MarkScheme
from reasoning.language.marking.student import Marks, Student, cut, open_model, quiet_peft
from reasoning.lark.teaching.options import DistillationOptions

if TYPE_CHECKING:
    from peft import LoraConfig


def prepare(options: DistillationOptions, start: Path | None, device: str = "cpu") -> tuple[Any, Student]:
    """The student with PEFT's layers, from an adapter or new, on a device by torch's name."""
    import torch

    torch.manual_seed(options.seed)
    model, tokenizer = open_model(options.source, getattr(torch, options.dtype))
    if start is None:
        marks = Marks(MarkScheme.of(tokenizer, model.get_input_embeddings().weight), options.layers)
    else:
        marks = Marks.read(start)
        if marks.layers != options.layers:
            raise LLMError(f"{start} is for {marks.layers} layers, not {options.layers}")
    adapter, student = attach(model, marks, lora(options), device)
    if start is not None:
        load_adapter(adapter, start)
    return adapter, student


def lora(options: DistillationOptions) -> LoraConfig:
    """Which matrices are taught."""
    from peft import LoraConfig

    return LoraConfig(r=options.rank, lora_alpha=2 * options.rank, target_modules="all-linear")


def attach(model: Any, marks: Marks, config: LoraConfig, device: str = "cpu") -> tuple[Any, Student]:
    """A causal language model, cut and frozen, with PEFT's new matrices in float32; and the same as it marks."""
    from peft import get_peft_model

    readout = readout_of(model, marks.scheme).to(device)
    decoder = cut(model, marks.layers).requires_grad_(False)
    with quiet_peft():
        adapter = get_peft_model(decoder, config)
    for parameter in adapter.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    return adapter.to(device).train(), Student(adapter, readout, marks)


def load_adapter(adapter: Any, folder: Path) -> None:
    """The weights of a checkpoint into PEFT's layers.

    Raises:
        LLMError: they are missing or of another shape.
    """
    from peft import set_peft_model_state_dict
    from safetensors.torch import load_file

    try:
        set_peft_model_state_dict(adapter, load_file(folder / "adapter_model.safetensors"))
    except (OSError, RuntimeError) as error:
        raise LLMError(f"The adapter {folder} does not fit the student ({error})") from error
