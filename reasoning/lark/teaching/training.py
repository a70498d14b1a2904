"""Teaching a student to mark: length-packed passes, the loss at the marks alone, LoRA, a cosine schedule.

The teacher's distribution is known at every mark of any step, also of one that starts from the student's own answers:
keep where the triple or the sets say so, drop elsewhere. Another teacher may take its place, see `teachers`.
"""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from reasoning.errors import DistillationError
from reasoning.graph.store import KnowledgeGraph
from reasoning.language.marking.packing import keep_logits
from reasoning.language.marking.student import Student
from reasoning.lark.teaching.calibrating import fit_temperature
from reasoning.lark.teaching.checkpoints import (
    CHECKPOINT,
    LOG_FILE,
    Progress,
    last_checkpoint,
    load_optimizer,
    read_progress,
    save_checkpoint,
)
from reasoning.lark.teaching.drawing import STEP_KINDS, StepDrawer, TaughtStep
from reasoning.lark.teaching.epochs import plan_epochs
from reasoning.lark.teaching.examining import Report, examine
from reasoning.lark.teaching.options import DistillationOptions
from reasoning.lark.teaching.preparing import prepare
from reasoning.lark.teaching.self_answers import SelfAnswers
from reasoning.lark.teaching.teachers import Teacher

WARM_UP = 25
"""Updates over which the learning rate rises."""

LEAST_SHARE = 0.3
"""Of the most frequent kind's share, what every kind of step keeps, however well it is known."""

FIRST_ANSWERS, FIRST_BUDGET = 10, 96
"""How big steps are at the beginning."""


@dataclass(frozen=True)
class Graphs:
    """Where steps are drawn from.

    Attributes:
        taught: graphs to teach with.
        held_out: others, to check with.
    """

    taught: Sequence[KnowledgeGraph]
    held_out: Sequence[KnowledgeGraph]


def distil(
    graphs: Graphs,
    options: DistillationOptions,
    out: Path,
    start: Path | None,
    say: Callable[[str], None],
    teacher: Teacher | None = None,
    device: str = "cpu",
) -> Report:
    """Teach a student until `options.tokens` are seen; a run that stopped goes on from its last checkpoint.

    Args:
        graphs: where steps come from.
        options: how; those of a run that goes on must be the same.
        out: the run's folder: its log, and `checkpoint` with the adapter.
        start: an adapter to begin with, None for a new one.
        say: told of the progress, a line at a time.
        teacher: the exact executor where None; any other is asked once for each of `options.unique` steps.
        device: by torch's name; a run may go on upon another.

    Returns:
        The last check on held-out graphs.

    Raises:
        DistillationError: the folder holds another run.
        LLMError: the student or the adapter cannot be loaded.
    """
    _claim(out, options)
    adapter, student = prepare(options, last_checkpoint(out) or start, device)
    return teach(graphs, options, out, adapter, student, say, teacher)


def teach(
    graphs: Graphs,
    options: DistillationOptions,
    out: Path,
    adapter: Any,
    student: Student,
    say: Callable[[str], None],
    teacher: Teacher | None = None,
) -> Report:
    """What `distil` does once the student is there.

    Args:
        graphs, options, out, say, teacher: as `distil` takes them.
        adapter: what is taught: every parameter of it that requires a gradient.
        student: the same as it marks.
    """
    import torch

    checkpoint = last_checkpoint(out)
    trained = [parameter for parameter in adapter.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=options.learning_rate, betas=(0.9, 0.98), weight_decay=0.0)
    progress = Progress(weights=dict.fromkeys(STEP_KINDS, 1.0))
    if checkpoint is not None:
        progress = read_progress(checkpoint)
        load_optimizer(checkpoint, optimizer)
        say(f"going on from {checkpoint} at {progress.tokens} tokens")
    exam = StepDrawer(graphs.held_out, student.marks.scheme, random.Random("held out"), options.most_answers)
    questions = [exam.draw(kind) for kind in STEP_KINDS for _ in range(options.held_out)]
    repeated = _repeated(graphs, options, student, teacher, say)
    unique = sum(len(step.sheet) for step in repeated)
    losses: list[float] = []
    began = time.perf_counter() - progress.seconds
    report: Report | None = None
    while progress.tokens < options.tokens:
        steps = _pass(graphs, options, progress, student, repeated)
        rate = _rate(options, progress)
        for group in optimizer.param_groups:
            group["lr"] = rate
        losses.append(_update(adapter, student, steps, trained, optimizer))
        before = progress.tokens
        progress.updates += 1
        progress.tokens += sum(len(step.sheet) for step in steps)
        progress.seconds = time.perf_counter() - began
        if progress.tokens // options.report_every > before // options.report_every or (
            progress.tokens >= options.tokens
        ):
            adapter.eval()
            report = examine(student, questions)
            adapter.train()
            progress.weights = _weights(report)
            line = {
                "updates": progress.updates,
                "tokens": progress.tokens,
                **({"epochs": round(progress.tokens / unique, 3)} if unique else {}),
                "seconds": round(progress.seconds),
                "learning_rate": round(rate, 7),
                "loss": round(float(np.mean(losses)), 5),
                **report.to_dict(),
            }
            losses.clear()
            with (out / LOG_FILE).open("a", encoding="utf-8") as log:
                log.write(json.dumps(line) + "\n")
            save_checkpoint(out, adapter, student.marks, optimizer, progress)
            say(json.dumps(line))
    adapter.eval()
    student.marks = replace(student.marks, temperature=_temperature(graphs, options, student))
    save_checkpoint(out, adapter, student.marks, optimizer, progress)
    return report or examine(student, questions)


def _claim(out: Path, options: DistillationOptions) -> None:
    """Keep the options in the folder, or compare them with those that it holds."""
    out.mkdir(parents=True, exist_ok=True)
    kept = out / "options.json"
    asked = options.to_dict()
    if kept.exists():
        stored = json.loads(kept.read_text(encoding="utf-8"))
        if differing := sorted(name for name in asked if stored.get(name) != asked[name]):
            raise DistillationError(
                f"{out} holds a run with other {', '.join(differing)}: give the same, or another folder"
            )
    else:
        kept.write_text(json.dumps(asked, indent=1) + "\n", encoding="utf-8")


def _drawer(
    graphs: Graphs, options: DistillationOptions, grown: float, rng: random.Random, student: Student
) -> StepDrawer:
    """Draws steps as big as the run has grown, from 0 to 1; sizes vary, so that small steps stay known."""
    size = rng.random() * min(1.0, grown)
    return StepDrawer(
        graphs.taught,
        student.marks.scheme,
        rng,
        round(FIRST_ANSWERS * (options.most_answers / FIRST_ANSWERS) ** size),
        round(FIRST_BUDGET * (options.token_budget / FIRST_BUDGET) ** size),
        SelfAnswers(student, options.joint, rng) if options.joint else None,
    )


def _repeated(
    graphs: Graphs,
    options: DistillationOptions,
    student: Student,
    teacher: Teacher | None,
    say: Callable[[str], None],
) -> list[TaughtStep]:
    """The steps that the run repeats, answered by the teacher; [] where it draws new ones all along."""
    if options.unique is None:
        if teacher is not None:
            raise DistillationError("a teacher other than the exact executor needs `unique`: each answer costs")
        return []
    rng = random.Random(f"{options.seed}|unique")
    steps = [
        _drawer(graphs, options, 1.0, rng, student).draw(STEP_KINDS[number % len(STEP_KINDS)])
        for number in range(options.unique)
    ]
    if teacher is not None and not (steps := teacher.taught(steps)):
        raise DistillationError("the teacher answered none of the steps in a form that can be read")
    say(f"{len(steps)} steps: {plan_epochs(sum(len(step.sheet) for step in steps), options.tokens)}")
    return steps


def _temperature(graphs: Graphs, options: DistillationOptions, student: Student) -> float:
    """What makes the probabilities of marks right on held-out graphs, on other steps than those of the checks."""
    drawer = StepDrawer(graphs.held_out, student.marks.scheme, random.Random("temperature"), options.most_answers)
    steps = [drawer.draw(kind) for kind in STEP_KINDS for _ in range(options.held_out)]
    odds = student.log_odds([step.sheet for step in steps])
    kept = np.concatenate([step.keep for step in steps]).astype(bool)
    return fit_temperature(np.concatenate(odds), kept)


def _pass(
    graphs: Graphs,
    options: DistillationOptions,
    progress: Progress,
    student: Student,
    repeated: Sequence[TaughtStep],
) -> list[TaughtStep]:
    """The steps of one pass; drawn by the update's number, so that a run that goes on meets the same."""
    rng = random.Random(f"{options.seed}|{progress.updates}")
    weights = [progress.weights[kind] for kind in STEP_KINDS]
    grown = options.grown + 2 * progress.tokens / options.tokens
    drawer = _drawer(graphs, options, grown, rng, student)
    steps: list[TaughtStep] = []
    while (held := sum(len(step.sheet) for step in steps)) < options.tokens_of_a_pass:
        step = rng.choice(repeated) if repeated else drawer.draw(rng.choices(STEP_KINDS, weights)[0])
        if steps and held + len(step.sheet) > 1.25 * options.tokens_of_a_pass:
            break
        if len(step.sheet.places):
            steps.append(step)
    return steps


def _rate(options: DistillationOptions, progress: Progress) -> float:
    done = progress.tokens / options.tokens
    cosine = 0.05 + 0.95 * (1 + math.cos(math.pi * done)) / 2
    return options.learning_rate * cosine * min(1.0, (progress.updates + 1) / WARM_UP)


def _update(
    adapter: Any, student: Student, steps: Sequence[TaughtStep], trained: Sequence[Any], optimizer: Any
) -> float:
    import torch

    odds = keep_logits(adapter, student.readout, [step.sheet for step in steps])
    target = torch.tensor(np.concatenate([step.keep for step in steps]), dtype=torch.float32, device=odds.device)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(odds, target)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(trained, 1.0)
    optimizer.step()
    optimizer.zero_grad()
    return float(loss.detach())


def _weights(report: Report) -> dict[str, float]:
    """Kinds of steps by their error, each with its least share; projections take more tokens and so more passes."""
    errors = {kind: 1 - exact for kind, exact in report.exact.items()}
    most = max(errors.values())
    return {kind: LEAST_SHARE + (error / most if most else 1.0) for kind, error in errors.items()}


__all__ = ["CHECKPOINT", "Graphs", "distil"]
