"""The training loop: options, checkpoints from which a stopped run goes on, learning rate, and examinations."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from reasoning.lm.candidate_scoring import Sheet, Student
from skylark.errors import UsageError
from skylark.files import encoded, newest_whole, whole_folder, whole_lines, write_whole


class TrainingError(UsageError):
    """Options of a training that cannot be, or a run's folder that cannot be gone on with."""


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """How a student is taught.

    Attributes:
        source: the student: None for the embedded model, else as `lm.local_weights.find_weights` takes it.
        layers: how many of its layers are used.
        rank: of the LoRA matrices on every linear layer.
        learning_rate: the highest, after the warm-up; it falls to a twentieth along half a cosine.
        tokens: training tokens of the whole run.
        tokens_of_a_pass: tokens packed into one pass; there is an update after each.
        dtype: of the frozen weights, "float32" or "bfloat16"; the adapter is float32 while it is taught.
        report_every: tokens between two examinations, with a checkpoint each.
        seed: of everything sampled.
    """

    source: str | None = None
    layers: int = 12
    rank: int = 16
    learning_rate: float = 2e-3
    tokens: int = 1_000_000
    tokens_of_a_pass: int = 512
    dtype: str = "float32"
    report_every: int = 50_000
    seed: int = 0

    def __post_init__(self) -> None:
        self.check_at_least_one("layers", "rank", "tokens", "tokens_of_a_pass", "report_every")
        if not 0 < self.learning_rate < math.inf:
            raise TrainingError(f"learning_rate must be above 0, not {self.learning_rate}")
        if self.dtype not in ("float32", "bfloat16"):
            raise TrainingError(f"dtype must be float32 or bfloat16, not {self.dtype!r}")

    def check_at_least_one(self, *names: str) -> None:
        """Raise a `TrainingError` if one of these options is below 1."""
        for name in names:
            if (value := getattr(self, name)) < 1:
                raise TrainingError(f"{name} must be at least 1, not {value}")

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class WritingOptions(TrainingOptions):
    """How a student is taught to write: with all layers of the embedded model, which binding names needs.

    Attributes:
        compiled: let torch compile the layers, which takes a minute and a C++ compiler and pays in a long run.
    """

    layers: int = 30
    learning_rate: float = 1e-3
    tokens_of_a_pass: int = 1024
    dtype: str = "bfloat16"
    compiled: bool = False


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
        weights: how often each kind of example is sampled; empty before the first examination.
    """

    updates: int = 0
    tokens: int = 0
    seconds: float = 0.0
    weights: dict[str, float] = field(default_factory=dict)


def save_checkpoint(out: Path, save: Callable[[Path], None], optimizer: Any, progress: Progress) -> None:
    """Write `out/checkpoint`, whole or not at all: beside the last one, whose place it takes by renaming.

    It is the adapter as it will be used and, for going on, the optimizer's state. Without the state a run goes on from
    the adapter alone.

    Args:
        out: the run's folder.
        save: writes the adapter into an empty folder.
        optimizer: whose moments go with it.
        progress: where the run is.

    Raises:
        TrainingError: it cannot be written; the one before stays.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    state = {
        f"{position}.{name}": value
        for position, values in optimizer.state_dict()["state"].items()
        for name, value in values.items()
    }
    try:
        with whole_folder(out / CHECKPOINT, replace=True) as part:
            save(part)
            save_file(state, part / STATE_FILE)
            (part / PROGRESS_FILE).write_text(json.dumps(asdict(progress)) + "\n", encoding="utf-8")
    except (OSError, SafetensorError) as error:
        raise unwritable(out, error) from error


def unwritable(out: Path, error: Exception) -> TrainingError:
    """What is told where a run's folder takes nothing more."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else error
    return TrainingError(
        f"{out} cannot be written: {reason}; its last checkpoint is whole: make room, and give the same command again"
    )


def last_checkpoint(out: Path) -> Path | None:
    """The newest whole checkpoint of a run."""
    return newest_whole(out / CHECKPOINT, PROGRESS_FILE)


def read_progress(checkpoint: Path) -> Progress:
    """Where the run was.

    Raises:
        TrainingError: it cannot be read.
    """
    try:
        return Progress(**json.loads((checkpoint / PROGRESS_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise TrainingError(f"{checkpoint} is damaged ({error}): start the run in a new folder") from error


def load_optimizer(checkpoint: Path, optimizer: Any) -> None:
    """The optimizer's moments, where the checkpoint has them.

    Raises:
        TrainingError: they cannot be read.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not (checkpoint / STATE_FILE).is_file():
        return
    try:
        stored = load_file(checkpoint / STATE_FILE)
    except (OSError, SafetensorError) as error:
        raise TrainingError(
            f"{checkpoint / STATE_FILE} is damaged ({error}): delete it to go on from the adapter alone"
        ) from error
    state: dict[int, dict[str, Any]] = {}
    for key, value in stored.items():
        position, name = key.split(".", 1)
        state.setdefault(int(position), {})[name] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})


class MasterWeights:
    """What the optimizer updates: the parameters themselves where they are float32, else float32 copies.

    Small updates would be lost in a shorter format.

    Args:
        parameters: that are taught.

    Attributes:
        copies: in their order.
    """

    def __init__(self, parameters: Sequence[Any]) -> None:
        import torch

        self._parameters = list(parameters)
        self.copies = [p if p.dtype == torch.float32 else p.detach().float().clone() for p in self._parameters]

    def take_gradients(self) -> None:
        """Move the gradients of one pass to the copies."""
        for parameter, copy in zip(self._parameters, self.copies, strict=True):
            if copy is not parameter and parameter.grad is not None:
                copy.grad = parameter.grad.float()
                parameter.grad = None

    def give_back(self) -> None:
        """Write the updated copies into the parameters, and forget the gradients."""
        for parameter, copy in zip(self._parameters, self.copies, strict=True):
            if copy is not parameter:
                parameter.data.copy_(copy)
            copy.grad = None


R_STAR = 15.387756
"""Repetitions after which a further one is worth 1/e of a new token, as fitted in the paper."""

LEAST_WORTH = 0.5
"""What a repeated token must at least be worth, of a new one."""


def effective_data(unique: float, epochs: float) -> float:
    """Tokens of new data that `unique` tokens seen `epochs` times are worth.

    The data-constrained scaling law of Muennighoff et al. 2023 (arXiv 2305.16264, equation 5): U unique tokens that are
    seen R more times are worth D' = U + U R* (1 - exp(-R / R*)), here with R = epochs - 1. That was fitted to
    pretraining on text; steps that a small adapter marks are learned by heart sooner, see
    `benchmarks/results/repeated_steps.md`.

    Raises:
        TrainingError: a number is out of range.
    """
    if unique <= 0 or epochs < 1:
        raise TrainingError(f"unique tokens must be above 0 and epochs at least 1, not {unique} and {epochs}")
    return unique + unique * R_STAR * -math.expm1(-(epochs - 1) / R_STAR)


@dataclass(frozen=True)
class EpochPlan:
    """How to spend a number of training tokens on few unique ones.

    Attributes:
        epochs: how often the data is seen.
        tokens: training tokens of that.
        effective: new tokens that they are worth.
        spent: whether more tokens could be trained than repeating is worth.
    """

    epochs: float
    tokens: int
    effective: int
    spent: bool

    def __str__(self) -> str:
        """In words, for a terminal."""
        end = "; more repetitions are not worth their time, new examples are" if self.spent else ""
        return f"{self.epochs:.1f} epochs, {self.tokens:,} tokens, worth {self.effective:,} new ones{end}"


def plan_epochs(unique: int, tokens: int) -> EpochPlan:
    """The epochs in which a repeated token is still worth `LEAST_WORTH` of a new one, exp(-R / R*) by the same law.

    Args:
        unique: tokens of the examples there are.
        tokens: training tokens that there is time for.
    """
    most = 1 - R_STAR * math.log(LEAST_WORTH)
    epochs = max(1.0, min(tokens / unique if unique > 0 else 0.0, most))
    return EpochPlan(epochs, round(unique * epochs), round(effective_data(unique, epochs)), tokens > unique * epochs)


BINS = 15
LEAST_TEMPERATURE, MOST_TEMPERATURE = 0.1, 10.0
"""Between which the temperature is looked for."""

LEAST_SHARE = 0.3
"""Every kind of example keeps this share of the most frequent kind's share, however well it is known."""


@dataclass(frozen=True)
class SheetExample:
    """One sheet with the marks that are right.

    Attributes:
        kind: examples of one kind are examined together.
        sheet: what the model reads.
        keep: the right mark at each place, or the probability that a teacher gives it, shape (p,).
    """

    kind: str
    sheet: Sheet
    keep: NDArray[np.bool_] | NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.sheet)


@dataclass(frozen=True)
class Report:
    """The result of an examination.

    Attributes:
        exact: share of examples with every mark right, by kind.
        wrong: share of wrong marks, or of wrong tokens where the model writes, by kind.
    """

    exact: dict[str, float]
    wrong: dict[str, float]

    def weights(self) -> dict[str, float]:
        """How often each kind is to be sampled: by its error, with a least share for each."""
        errors = {kind: 1 - exact for kind, exact in self.exact.items()}
        most = max(errors.values())
        return {kind: LEAST_SHARE + (error / most if most else 1.0) for kind, error in errors.items()}

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable."""
        return {
            "held_out_exact": {kind: round(value, 4) for kind, value in self.exact.items()},
            "held_out_wrong_marks": {kind: round(value, 5) for kind, value in self.wrong.items()},
        }


def examine(student: Student, examples: Sequence[SheetExample]) -> Report:
    """Exact match and wrong marks of each kind of example."""
    odds = student.log_odds([example.sheet for example in examples])
    exact: dict[str, float] = {}
    wrong: dict[str, float] = {}
    for kind in dict.fromkeys(example.kind for example in examples):
        errors = [
            (own > 0) != example.keep for own, example in zip(odds, examples, strict=True) if example.kind == kind
        ]
        exact[kind] = float(np.mean([not error.any() for error in errors]))
        wrong[kind] = float(np.concatenate(errors).mean())
    return Report(exact, wrong)


def fit_temperature(log_odds: NDArray[np.float32], kept: NDArray[np.bool_]) -> float:
    """The temperature that makes the marks most likely (Guo et al. 2017, arXiv 1706.04599).

    Args:
        log_odds: shape (n,).
        kept: the right marks, shape (n,).
    """
    odds = log_odds.astype(np.float64)

    def surprise(temperature: float) -> float:
        scaled = odds / temperature
        return float(np.mean(np.logaddexp(0.0, scaled) - kept * scaled))

    return best_temperature(surprise)


def best_temperature(surprise: Callable[[float], float]) -> float:
    """The temperature with the least cross-entropy, to a hundredth of itself; there is one minimum."""
    from scipy.optimize import minimize_scalar  # type: ignore[import-untyped]

    bounds = (math.log(LEAST_TEMPERATURE), math.log(MOST_TEMPERATURE))
    found = minimize_scalar(
        lambda log: surprise(math.exp(log)), bounds=bounds, method="bounded", options={"xatol": 0.01}
    )
    return float(math.exp(found.x))


def expected_calibration_error(probabilities: NDArray[np.float64], right: NDArray[np.bool_], bins: int = BINS) -> float:
    """The mean distance between probability and share of right ones over bins of equal width (Guo et al., equation 3).

    Args:
        probabilities: shape (n,), from 0 to 1.
        right: whether each prediction is right, shape (n,).
        bins: how many.
    """
    if not len(probabilities):
        return 0.0
    bin_of = np.minimum((probabilities * bins).astype(np.int64), bins - 1)
    predicted, observed = (np.bincount(bin_of, weights=of, minlength=bins) for of in (probabilities, right))
    return float(np.abs(predicted - observed).sum() / len(probabilities))


WARM_UP = 25
"""Updates over which the learning rate rises."""


class Sized(Protocol):
    """An example, whatever it teaches."""

    def __len__(self) -> int:
        """Its tokens."""


L = TypeVar("L", bound=Sized)
Given = TypeVar("Given", bound=Sized, covariant=True)
Taken = TypeVar("Taken", bound=Sized, contravariant=True)


class Curriculum(Protocol[Given]):
    """What a model is taught and examined with."""

    unique_tokens: int
    """Tokens of the examples that the run repeats; 0 where it samples new ones all along."""

    @property
    def exam(self) -> Sequence[Given]:
        """Held-out examples for the examinations along the way."""

    def next_pass(self, progress: Progress) -> Sequence[Given]:
        """The examples of one pass, the same for the same progress, so that a resumed run meets the same."""

    def calibration(self) -> Sequence[Given]:
        """Held-out examples other than the exam's, to make the probabilities true."""


class Learner(Protocol[Taken]):
    """A model with an adapter that is taught."""

    @property
    def adapter(self) -> Any:
        """The module: every parameter of it that requires a gradient is taught."""

    def loss(self, examples: Sequence[Taken]) -> Any:
        """How wrong the model is in one pass, a tensor of one number."""

    def examine(self, examples: Sequence[Taken]) -> Report:
        """How well it does."""

    def calibrate(self, examples: Sequence[Taken]) -> None:
        """Make its probabilities true; the last thing that happens to it."""

    def save(self, folder: Path) -> None:
        """Write the adapter, as it will be used, into an empty folder."""


@contextmanager
def claimed(out: Path, options: TrainingOptions, also: Mapping[str, Any] | None = None) -> Iterator[None]:
    """A run's folder with its options, which are compared with those of the run that it holds, if it holds one.

    A run that fails before its first checkpoint leaves no options behind, so that the command may be given rightly.

    Args:
        out: the folder.
        options: of the run.
        also: what else must be the same of a run that goes on, JSON-serialisable.

    Raises:
        TrainingError: the folder holds a run with other options, or damaged ones, or cannot be made.
        ResultsError: it cannot be written into.
    """
    kept = out / OPTIONS_FILE
    asked = {**options.to_dict(), **(also or {})}
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(f"{out} cannot be the folder of a run: {error.strerror or error}") from error
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
        raise TrainingError(f"{kept} is damaged ({error}): start the run in a new folder") from error
    if differing := sorted(name for name in asked if stored.get(name) != asked[name]):
        raise TrainingError(f"{out} holds a run with other {', '.join(differing)}: give the same, or another folder")
    yield


def train(
    curriculum: Curriculum[L], options: TrainingOptions, out: Path, learner: Learner[L], say: Callable[[str], None]
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
        TrainingError: the folder cannot be written, or what lies there is damaged.
    """
    import torch

    masters = MasterWeights([parameter for parameter in learner.adapter.parameters() if parameter.requires_grad])
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
        examples = curriculum.next_pass(progress)
        cosine = 0.05 + 0.95 * (1 + math.cos(math.pi * (progress.tokens / options.tokens))) / 2
        rate = options.learning_rate * cosine * min(1.0, (progress.updates + 1) / WARM_UP)
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = learner.loss(examples)
        loss.backward()
        masters.take_gradients()
        torch.nn.utils.clip_grad_norm_(masters.copies, 1.0)
        optimizer.step()
        masters.give_back()
        losses.append(float(loss.detach()))
        examined = progress.tokens // options.report_every
        progress.updates += 1
        progress.tokens += sum(map(len, examples))
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
