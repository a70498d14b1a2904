"""Checkpoints that survive a kill: each is written beside the last and takes its place by renaming.

A checkpoint is the adapter as it will be used and, for going on, the optimizer's state. The state may be missing: then
a run goes on from the adapter alone.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from reasoning.language.errors import TeachingError

CHECKPOINT = "checkpoint"
"""Folder of the newest checkpoint in a run's folder."""

STATE_FILE, PROGRESS_FILE = "optimizer.safetensors", "progress.json"
"""In a checkpoint, beside the adapter."""

LOG_FILE, OPTIONS_FILE = "log.jsonl", "options.json"
"""In a run's folder."""


@dataclass
class Progress:
    """Where a run is.

    Attributes:
        updates: done.
        tokens: seen.
        seconds: taken.
        weights: how often each kind of lesson is drawn; empty before the first examination.
    """

    updates: int = 0
    tokens: int = 0
    seconds: float = 0.0
    weights: dict[str, float] = field(default_factory=dict)


def save_checkpoint(out: Path, save: Callable[[Path], None], optimizer: Any, progress: Progress) -> None:
    """Write `out/checkpoint`, whole or not at all.

    Args:
        out: the run's folder.
        save: writes the adapter into a new folder.
        optimizer: whose moments go with it.
        progress: where the run is.

    Raises:
        TeachingError: it cannot be written; the one before stays.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    part, old = out / f"{CHECKPOINT}.part", out / f"{CHECKPOINT}.old"
    state = {
        f"{position}.{name}": value
        for position, values in optimizer.state_dict()["state"].items()
        for name, value in values.items()
    }
    try:
        shutil.rmtree(part, ignore_errors=True)
        save(part)
        save_file(state, part / STATE_FILE)
        (part / PROGRESS_FILE).write_text(json.dumps(asdict(progress)) + "\n", encoding="utf-8")
        if (out / CHECKPOINT).exists():
            # Behind a kill between two renames the one before is the only one that there is.
            shutil.rmtree(old, ignore_errors=True)
            (out / CHECKPOINT).rename(old)
        part.rename(out / CHECKPOINT)
        shutil.rmtree(old, ignore_errors=True)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(part, ignore_errors=True)
        raise unwritable(out, error) from error


def unwritable(out: Path, error: Exception) -> TeachingError:
    """What is told where a run's folder takes nothing more."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else error
    return TeachingError(
        f"{out} cannot be written: {reason}; its last checkpoint is whole: make room, and give the same command again"
    )


def last_checkpoint(out: Path) -> Path | None:
    """The newest whole checkpoint of a run: between two renames it is the one before."""
    for name in (CHECKPOINT, f"{CHECKPOINT}.old"):
        if (out / name / PROGRESS_FILE).is_file():
            return out / name
    return None


def read_progress(checkpoint: Path) -> Progress:
    """Where the run was.

    Raises:
        TeachingError: it cannot be read.
    """
    try:
        return Progress(**json.loads((checkpoint / PROGRESS_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise TeachingError(f"{checkpoint} is damaged ({error}): start the run in a new folder") from error


def load_optimizer(checkpoint: Path, optimizer: Any) -> None:
    """The optimizer's moments, where the checkpoint has them.

    Raises:
        TeachingError: they cannot be read.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not (checkpoint / STATE_FILE).is_file():
        return
    try:
        stored = load_file(checkpoint / STATE_FILE)
    except (OSError, SafetensorError) as error:
        raise TeachingError(
            f"{checkpoint / STATE_FILE} is damaged ({error}): delete it to go on from the adapter alone"
        ) from error
    state: dict[int, dict[str, Any]] = {}
    for key, value in stored.items():
        position, name = key.split(".", 1)
        state.setdefault(int(position), {})[name] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
