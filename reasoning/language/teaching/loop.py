"""The training loop: one pass after the other, a cosine schedule, examinations with checkpoints along the way.

A `Learner` knows the model, and what of a pass counts; a `Curriculum` knows what it is about.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

from kg_data.appended_lines import encoded, whole_lines, write_whole
from reasoning.language.errors import TeachingError
from reasoning.language.teaching.checkpoints import (
    LOG_FILE,
    OPTIONS_FILE,
    Progress,
    last_checkpoint,
    load_optimizer,
    read_progress,
    save_checkpoint,
    unwritable,
)
from reasoning.language.teaching.examining import Report
from reasoning.language.teaching.masters import Masters
from reasoning.language.teaching.options import TeachingOptions

WARM_UP = 25
"""Updates over which the learning rate rises."""


class Sized(Protocol):
    """A lesson, whatever it teaches."""

    def __len__(self) -> int:
        """Its tokens."""


L = TypeVar("L", bound=Sized)
Given = TypeVar("Given", bound=Sized, covariant=True)
Taken = TypeVar("Taken", bound=Sized, contravariant=True)


class Curriculum(Protocol[Given]):
    """What a model is taught and examined with."""

    unique_tokens: int
    """Tokens of the lessons that the run repeats; 0 where it draws new ones all along."""

    @property
    def exam(self) -> Sequence[Given]:
        """Held-out lessons for the examinations along the way."""

    def next_pass(self, progress: Progress) -> Sequence[Given]:
        """The lessons of one pass, the same for the same progress, so that a resumed run meets the same."""

    def calibration(self) -> Sequence[Given]:
        """Held-out lessons other than the exam's, to make the probabilities true."""


class Learner(Protocol[Taken]):
    """A model with an adapter that is taught."""

    @property
    def adapter(self) -> Any:
        """The module: every parameter of it that requires a gradient is taught."""

    def loss(self, lessons: Sequence[Taken]) -> Any:
        """How wrong the model is in one pass, a tensor of one number."""

    def examine(self, lessons: Sequence[Taken]) -> Report:
        """How well it does."""

    def calibrate(self, lessons: Sequence[Taken]) -> None:
        """Make its probabilities true; the last thing that happens to it."""

    def save(self, folder: Path) -> None:
        """Write the adapter, as it will be used, into a new folder."""


@contextmanager
def claimed(out: Path, options: TeachingOptions, also: Mapping[str, Any] | None = None) -> Iterator[None]:
    """A run's folder with its options, which are compared with those of the run that it holds, if it holds one.

    A run that fails before its first checkpoint leaves no options behind, so that the command may be given rightly.

    Args:
        out: the folder.
        options: of the run.
        also: what else must be the same of a run that goes on, JSON-serialisable.

    Raises:
        TeachingError: the folder holds a run with other options, or damaged ones, or cannot be made.
        ResultsError: it cannot be written into.
    """
    kept = out / OPTIONS_FILE
    asked = {**options.to_dict(), **(also or {})}
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TeachingError(f"{out} cannot be the folder of a run: {error.strerror or error}") from error
    if not kept.exists():
        write_whole(kept, encoded(json.dumps(asked, indent=1)))
        try:
            yield
        except Exception:
            if last_checkpoint(out) is None:
                kept.unlink()
            raise
        return
    try:
        stored = dict(json.loads(kept.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise TeachingError(f"{kept} is damaged ({error}): start the run in a new folder") from error
    if differing := sorted(name for name in asked if stored.get(name) != asked[name]):
        raise TeachingError(f"{out} holds a run with other {', '.join(differing)}: give the same, or another folder")
    yield


def teach(
    curriculum: Curriculum[L], options: TeachingOptions, out: Path, learner: Learner[L], say: Callable[[str], None]
) -> Report:
    """Teach until `options.tokens` are seen; a run that stopped goes on from its last checkpoint.

    Args:
        curriculum: what is taught.
        options: how.
        out: the run's folder: its log, and `checkpoint` with the adapter.
        learner: who is taught; of a run that goes on with the checkpoint's weights.
        say: is called with each line of progress.

    Returns:
        The last examination.

    Raises:
        TeachingError: the folder cannot be written, or what lies there is damaged.
    """
    import torch

    masters = Masters([parameter for parameter in learner.adapter.parameters() if parameter.requires_grad])
    optimizer = torch.optim.AdamW(masters.copies, lr=options.learning_rate, betas=(0.9, 0.98), weight_decay=0.0)
    progress = Progress()
    if (checkpoint := last_checkpoint(out)) is not None:
        progress = read_progress(checkpoint)
        load_optimizer(checkpoint, optimizer)
        say(f"going on from {checkpoint} at {progress.tokens} tokens")
    losses: list[float] = []
    began = time.perf_counter() - progress.seconds
    report: Report | None = None
    while progress.tokens < options.tokens:
        lessons = curriculum.next_pass(progress)
        rate = _learning_rate(options, progress)
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = learner.loss(lessons)
        loss.backward()
        masters.take_gradients()
        torch.nn.utils.clip_grad_norm_(masters.copies, 1.0)
        optimizer.step()
        masters.give_back()
        losses.append(float(loss.detach()))
        examined = progress.tokens // options.report_every
        progress.updates += 1
        progress.tokens += sum(map(len, lessons))
        progress.seconds = time.perf_counter() - began
        if progress.tokens >= options.tokens or progress.tokens // options.report_every > examined:
            learner.adapter.eval()
            report = learner.examine(curriculum.exam)
            learner.adapter.train()
            progress.weights = report.weights()
            unique = curriculum.unique_tokens
            line = json.dumps({
                "updates": progress.updates,
                "tokens": progress.tokens,
                **({"epochs": round(progress.tokens / unique, 3)} if unique else {}),
                "seconds": round(progress.seconds),
                "learning_rate": round(rate, 7),
                "loss": round(float(np.mean(losses)), 5),
                **report.to_dict(),
            })  # fmt: skip
            losses.clear()
            save_checkpoint(out, learner.save, optimizer, progress)
            _log(out, line)
            say(line)
    learner.adapter.eval()
    learner.calibrate(curriculum.calibration())
    save_checkpoint(out, learner.save, optimizer, progress)
    return report or learner.examine(curriculum.exam)


def _log(out: Path, line: str) -> None:
    """Append a line to the log, behind the last whole one."""
    kept = out / LOG_FILE
    try:
        with kept.open("ab") as log:
            log.truncate(len(whole_lines(kept.read_bytes())))
            log.write(encoded(line))
    except OSError as error:
        raise unwritable(out, error) from error


def _learning_rate(options: TeachingOptions, progress: Progress) -> float:
    done = progress.tokens / options.tokens
    cosine = 0.05 + 0.95 * (1 + math.cos(math.pi * done)) / 2
    return options.learning_rate * cosine * min(1.0, (progress.updates + 1) / WARM_UP)
