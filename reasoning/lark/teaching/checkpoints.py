"""Checkpoints that survive a kill: each is written beside the last and takes its place by renaming.

A checkpoint is the adapter as it will be used and, for going on, the optimizer's state. The state may be missing: then
a run goes on from the adapter alone.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from reasoning.errors import DistillationError
from reasoning.language.marking.student import Marks

CHECKPOINT, STATE_FILE, PROGRESS_FILE, LOG_FILE = "checkpoint", "optimizer.safetensors", "progress.json", "log.jsonl"


@dataclass
class Progress:
    """Where a run is.

    Attributes:
        updates: done.
        tokens: seen.
        seconds: taken.
        weights: how often each kind of step is drawn.
    """

    updates: int = 0
    tokens: int = 0
    seconds: float = 0.0
    weights: dict[str, float] = field(default_factory=dict)


def save_adapter(adapter: Any, marks: Marks, folder: Path) -> None:
    """PEFT's files with the weights in bfloat16, and the scheme, into a new folder."""
    import torch
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    folder.mkdir(parents=True)
    weights = {name: value.detach().to(torch.bfloat16).cpu().contiguous()
               for name, value in get_peft_model_state_dict(adapter).items()}  # fmt: skip
    save_file(weights, folder / "adapter_model.safetensors")
    config = adapter.peft_config["default"]
    given = config.to_dict()
    kept = ("peft_type", "r", "lora_alpha", "lora_dropout", "bias", "target_modules")
    stored = {name: sorted(given[name]) if isinstance(given[name], set) else given[name] for name in kept}
    (folder / "adapter_config.json").write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")
    marks.write(folder)


def save_checkpoint(out: Path, adapter: Any, marks: Marks, optimizer: Any, progress: Progress) -> None:
    """Write `out/checkpoint`, whole or not at all."""
    from safetensors.torch import save_file

    part, old = out / f"{CHECKPOINT}.part", out / f"{CHECKPOINT}.old"
    shutil.rmtree(part, ignore_errors=True)
    save_adapter(adapter, marks, part)
    state = {
        f"{position}.{name}": value
        for position, values in optimizer.state_dict()["state"].items()
        for name, value in values.items()
    }
    save_file(state, part / STATE_FILE)
    (part / PROGRESS_FILE).write_text(json.dumps(asdict(progress)) + "\n", encoding="utf-8")
    shutil.rmtree(old, ignore_errors=True)
    if (out / CHECKPOINT).exists():
        (out / CHECKPOINT).rename(old)
    part.rename(out / CHECKPOINT)
    shutil.rmtree(old, ignore_errors=True)


def last_checkpoint(out: Path) -> Path | None:
    """The newest whole checkpoint of a run: between two renames it is the one before."""
    for name in (CHECKPOINT, f"{CHECKPOINT}.old"):
        if (out / name / PROGRESS_FILE).is_file():
            return out / name
    return None


def read_progress(checkpoint: Path) -> Progress:
    """Where the run was.

    Raises:
        DistillationError: it cannot be read.
    """
    try:
        return Progress(**json.loads((checkpoint / PROGRESS_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise DistillationError(f"{checkpoint} is damaged ({error}): start the run in a new folder") from error


def load_optimizer(checkpoint: Path, optimizer: Any) -> None:
    """The optimizer's moments, where the checkpoint has them."""
    from safetensors.torch import load_file

    if not (checkpoint / STATE_FILE).is_file():
        return
    state: dict[int, dict[str, Any]] = {}
    for key, value in load_file(checkpoint / STATE_FILE).items():
        position, name = key.split(".", 1)
        state.setdefault(int(position), {})[name] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
