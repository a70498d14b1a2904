"""A training run on disk: its options, its log, and a checkpoint that takes its predecessor's place by renaming.

run/options.json            its options
run/log.jsonl               a line for each check: the learning curve
run/checkpoint/             embeddings, the optimizer's state, the best embeddings so far, where the run is
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import filelock

from reasoning.completion.embeddings.complex_model import ComplEx
from reasoning.completion.memory import unusable
from reasoning.completion.options import TrainingOptions
from reasoning.errors import CompletionError

CHECKPOINT, LOG_FILE, OPTIONS_FILE = "checkpoint", "log.jsonl", "options.json"
STATE_FILE, BEST_FILE, PROGRESS_FILE = "state.safetensors", "best.safetensors", "progress.json"


@contextmanager
def training_lock(folder: Path) -> Iterator[None]:
    """Keep other processes from training in a folder; the system ends the lock with the process.

    Raises:
        CompletionError: another one trains in it, or it cannot be written.
    """
    lock = filelock.FileLock(folder / ".lock", timeout=0, fallback_to_soft=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except filelock.Timeout:
        raise CompletionError(
            f"another process trains in {folder}; wait for it or give another folder (--out)"
        ) from None
    except OSError as error:
        raise CompletionError(f"the folder {folder} cannot be written: {error.strerror or error}") from error
    try:
        yield
    finally:
        lock.release()


@dataclass
class Progress:
    """Where a run is.

    Attributes:
        epoch: passes done.
        update: updates done of the pass under way.
        seconds: taken so far.
        best_mrr: the MRR of the best check.
        best_epoch: passes that it had done.
    """

    epoch: int = 0
    update: int = 0
    seconds: float = 0.0
    best_mrr: float = -1.0
    best_epoch: int = 0


def claim(run: Path, options: TrainingOptions, triples: str) -> None:
    """Keep what decides the run in its folder, or compare it with what the folder holds; more epochs may be asked.

    Raises:
        CompletionError: the folder holds a run with other options or on other triples, or cannot be written.
    """
    try:
        run.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CompletionError(f"the folder {run} cannot be made: {error.strerror or error}") from error
    kept = run / OPTIONS_FILE
    settings = {**options.to_dict(), "triples": triples}
    for name in ("epochs", "device", "patience", "refit"):
        del settings[name]
    if kept.exists() and last(run) is not None:  # before the first checkpoint there is nothing to lose
        try:
            stored = json.loads(kept.read_text(encoding="utf-8"))
            if not isinstance(stored, dict):
                raise ValueError("expected an object")
        except (OSError, ValueError) as error:
            raise CompletionError(
                f"{kept} is damaged ({error}); begin anew (--anew) or give another folder (--out)"
            ) from error
        if differing := sorted(name for name in settings if stored.get(name) != settings[name]):
            differences = ", ".join(f"{name} {stored.get(name)} and not {settings[name]}" for name in differing)
            raise CompletionError(
                f"{run} holds a run with {differences}: give the same, another folder (--out), or begin anew (--anew)"
            )
    else:
        part = kept.with_suffix(".part")
        part.write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
        part.replace(kept)


def save(run: Path, model: ComplEx, optimizer: Any, best: dict[str, Any], progress: Progress) -> None:
    """Write the checkpoint, whole or not at all.

    Raises:
        CompletionError: it cannot be written; the one before stays.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    part, old = run / f"{CHECKPOINT}.part", run / f"{CHECKPOINT}.old"
    state = {name: tensor.detach() for name, tensor in (("entities", model.entities), ("relations", model.relations))}
    for position, values in optimizer.state_dict()["state"].items():
        state |= {f"{position}.{name}": value for name, value in values.items()}
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        save_file(state, part / STATE_FILE)
        save_file(best, part / BEST_FILE)
        (part / PROGRESS_FILE).write_text(json.dumps(asdict(progress)) + "\n", encoding="utf-8")
        shutil.rmtree(old, ignore_errors=True)
        if (run / CHECKPOINT).exists():
            (run / CHECKPOINT).rename(old)
        part.rename(run / CHECKPOINT)
    except (OSError, SafetensorError) as error:
        raise CompletionError(
            f"the checkpoint {run / CHECKPOINT} cannot be written ({error}); the one before stays, "
            "and the same command goes on from it"
        ) from error
    shutil.rmtree(old, ignore_errors=True)


def last(run: Path) -> Path | None:
    """The newest whole checkpoint; between two renames it is the one before."""
    for name in (CHECKPOINT, f"{CHECKPOINT}.old"):
        if (run / name / PROGRESS_FILE).is_file():
            return run / name
    return None


def _progress(checkpoint: Path) -> Progress:
    progress = Progress(**json.loads((checkpoint / PROGRESS_FILE).read_text(encoding="utf-8")))
    for field in fields(Progress):
        if type(value := getattr(progress, field.name)) is not type(field.default):
            raise ValueError(f"{field.name} is {value!r}")
    return progress


def best_epoch(run: Path) -> int:
    """How many epochs a run had done at its best check.

    Raises:
        CompletionError: there is no checkpoint that says so.
    """
    checkpoint = last(run)
    try:
        if checkpoint is None:
            raise ValueError("none is there")
        return _progress(checkpoint).best_epoch
    except (OSError, TypeError, ValueError) as error:
        raise CompletionError(f"the checkpoint of {run} cannot be read ({error}); begin anew (--anew)") from error


def restore(checkpoint: Path, model: ComplEx, optimizer: Any) -> tuple[dict[str, Any], Progress]:
    """Put a checkpoint's numbers into the model and the optimizer; returns the best embeddings and where the run is.

    Raises:
        CompletionError: a file is damaged or of another shape.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        state = load_file(checkpoint / STATE_FILE, device=str(model.entities.device))
        best = load_file(checkpoint / BEST_FILE)
        progress = _progress(checkpoint)
        with torch.no_grad():
            model.entities.copy_(state.pop("entities"))
            model.relations.copy_(state.pop("relations"))
        whole = optimizer.state_dict()
        for name, value in state.items():
            position, key = name.split(".", 1)
            whole["state"].setdefault(int(position), {})[key] = value.cpu() if key == "step" else value
        optimizer.load_state_dict(whole)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError, MemoryError) as error:
        raise unusable(
            f"the checkpoint {checkpoint}",
            error,
            f"the checkpoint {checkpoint} cannot be read ({error}); begin anew (--anew) or give another folder (--out)",
        ) from error
    return best, progress
