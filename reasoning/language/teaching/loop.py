"""The training loop: length-packed passes, the loss at the marks alone, LoRA, a cosine schedule.

It knows a student and its sheets. What they are about, a `Curriculum` knows.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from reasoning.language.errors import TeachingError
from reasoning.language.marking.sheets import keep_logits
from reasoning.language.marking.student import Student
from reasoning.language.teaching.checkpoints import (
    LOG_FILE,
    OPTIONS_FILE,
    Progress,
    last_checkpoint,
    load_optimizer,
    read_progress,
    save_checkpoint,
)
from reasoning.language.teaching.examining import Lesson, Report, examine, fit_temperature
from reasoning.language.teaching.options import TeachingOptions

WARM_UP = 25
"""Updates over which the learning rate rises."""


class Curriculum(Protocol):
    """What a student is taught and examined with."""

    unique_tokens: int
    """Tokens of the lessons that the run repeats; 0 where it draws new ones all along."""

    @property
    def exam(self) -> Sequence[Lesson]:
        """Held-out lessons for the examinations along the way."""

    def next_pass(self, progress: Progress) -> Sequence[Lesson]:
        """The lessons of one pass, the same for the same progress, so that a resumed run meets the same."""

    def calibration(self) -> Sequence[Lesson]:
        """Held-out lessons other than the exam's, for the temperature."""


def claim_folder(out: Path, options: TeachingOptions) -> None:
    """Write the options into a run's folder, or compare them with those of the run that it holds.

    Raises:
        TeachingError: the folder holds a run with other options, or damaged ones.
    """
    out.mkdir(parents=True, exist_ok=True)
    kept = out / OPTIONS_FILE
    asked = options.to_dict()
    if not kept.exists():
        kept.write_text(json.dumps(asked, indent=1) + "\n", encoding="utf-8")
        return
    try:
        stored = dict(json.loads(kept.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise TeachingError(f"{kept} is damaged ({error}): start the run in a new folder") from error
    if differing := sorted(name for name in asked if stored.get(name) != asked[name]):
        raise TeachingError(f"{out} holds a run with other {', '.join(differing)}: give the same, or another folder")


def teach(
    curriculum: Curriculum,
    options: TeachingOptions,
    out: Path,
    adapter: Any,
    student: Student,
    say: Callable[[str], None],
) -> Report:
    """Teach until `options.tokens` are seen; a run that stopped goes on from its last checkpoint.

    Args:
        curriculum: what is taught.
        options: how.
        out: the run's folder: its log, and `checkpoint` with the adapter.
        adapter: what is taught: every parameter of it that requires a gradient.
        student: the same model as it marks; it ends with its temperature fitted.
        say: is called with each line of progress.

    Returns:
        The last examination.
    """
    import torch

    trained = [parameter for parameter in adapter.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=options.learning_rate, betas=(0.9, 0.98), weight_decay=0.0)
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
        losses.append(_update(adapter, student, lessons, trained, optimizer))
        examined = progress.tokens // options.report_every
        progress.updates += 1
        progress.tokens += sum(len(lesson.sheet) for lesson in lessons)
        progress.seconds = time.perf_counter() - began
        if progress.tokens >= options.tokens or progress.tokens // options.report_every > examined:
            adapter.eval()
            report = examine(student, curriculum.exam)
            adapter.train()
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
            with (out / LOG_FILE).open("a", encoding="utf-8") as log:
                log.write(line + "\n")
            save_checkpoint(out, adapter, student.marks, optimizer, progress)
            say(line)
    adapter.eval()
    lessons = curriculum.calibration()
    odds = student.log_odds([lesson.sheet for lesson in lessons])
    right = np.concatenate([lesson.keep for lesson in lessons]).astype(bool)
    student.marks = replace(student.marks, temperature=fit_temperature(np.concatenate(odds), right))
    save_checkpoint(out, adapter, student.marks, optimizer, progress)
    return report or examine(student, curriculum.exam)


def _learning_rate(options: TeachingOptions, progress: Progress) -> float:
    done = progress.tokens / options.tokens
    cosine = 0.05 + 0.95 * (1 + math.cos(math.pi * done)) / 2
    return options.learning_rate * cosine * min(1.0, (progress.updates + 1) / WARM_UP)


def _update(adapter: Any, student: Student, lessons: Sequence[Lesson], trained: Sequence[Any], optimizer: Any) -> float:
    """One step of the optimizer; returns the loss."""
    import torch

    odds = keep_logits(adapter, student.readout, [lesson.sheet for lesson in lessons])
    right = np.concatenate([lesson.keep for lesson in lessons])
    target = torch.tensor(right, dtype=torch.float32, device=odds.device)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(odds, target)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(trained, 1.0)
    optimizer.step()
    optimizer.zero_grad()
    return float(loss.detach())
