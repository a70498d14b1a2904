"""Runs that are killed at each thing that they do to the disk, or whose disk is full; and what examinations say."""

import itertools
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from skylark.errors import SkylarkError
from training import loop
from training.loop import (
    CHECKPOINT,
    LOG_FILE,
    OPTIONS_FILE,
    R_STAR,
    Progress,
    Report,
    TrainingError,
    TrainingOptions,
    claimed,
    effective_data,
    expected_calibration_error,
    fit_temperature,
    last_checkpoint,
    plan_epochs,
    train,
)

OPTIONS = TrainingOptions(tokens=80, tokens_of_a_pass=8, report_every=20)
EFFECTS = ("open", "write", "rename", "replace", "mkdir", "unlink", "rmdir")
WEIGHTS = "weights.safetensors"


class Killed(BaseException):
    """Stands for the end of the process: nothing catches it."""


class Points:
    """Teaches a line through points, which are sampled from a run's progress."""

    unique_tokens = 0
    exam = (b"12345678",)

    def next_pass(self, progress: Progress) -> Sequence[bytes]:
        return (bytes([progress.updates + 1] * 8),)

    def calibration(self) -> Sequence[bytes]:
        return ()


class Line:
    """A line that is taught."""

    def __init__(self, checkpoint: Path | None) -> None:
        self.adapter = torch.nn.Linear(1, 1)
        torch.nn.init.ones_(self.adapter.weight)
        torch.nn.init.zeros_(self.adapter.bias)
        if checkpoint:
            self.adapter.load_state_dict(safetensors.torch.load_file(checkpoint / WEIGHTS))

    def loss(self, examples: Sequence[bytes]) -> torch.Tensor:
        points = torch.tensor([[float(examples[0][0])]])
        return (self.adapter(points) - 3 * points).square().mean()  # type: ignore[no-any-return]

    def examine(self, examples: Sequence[bytes]) -> Report:
        return Report({"points": float(self.adapter.weight.detach())}, {"points": 0.0})

    def calibrate(self, examples: Sequence[bytes]) -> None:
        pass

    def save(self, folder: Path) -> None:
        safetensors.torch.save_file(self.adapter.state_dict(), folder / WEIGHTS)


def run(out: Path) -> float:
    """Begin a run or go on with it: the weight that it ends with."""
    with claimed(out, OPTIONS):
        line = Line(last_checkpoint(out))
        train(Points(), OPTIONS, out, line, lambda said: None)
    return float(line.adapter.weight.detach())


def failing(patched: pytest.MonkeyPatch, number: int, error: BaseException) -> None:
    """Let an effect on the disk fail, counted from 0, in its middle where it writes."""
    counter = itertools.count()

    def fail() -> None:
        if next(counter) == number:
            raise error

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def effect(*arguments: Any, **named: Any) -> Any:
            fail()
            return real(*arguments, **named)

        return effect

    def write_text(path: Path, content: str, **named: Any) -> int:
        path.write_bytes(content.encode()[: len(content) // 2])
        fail()
        return path.write_bytes(content.encode())

    def save_file(tensors: Any, path: Path) -> None:
        Path(path).write_bytes(b"half")
        fail()
        real_save_file(tensors, path)

    real_save_file = safetensors.torch.save_file
    for name in EFFECTS:
        patched.setattr(os, name, counted(getattr(os, name)))
    patched.setattr(Path, "write_text", write_text)
    patched.setattr(safetensors.torch, "save_file", save_file)


def logged(out: Path) -> list[int]:
    return [json.loads(line)["tokens"] for line in (out / LOG_FILE).read_text().splitlines()]


def interrupted(out: Path, number: int, error: BaseException) -> BaseException | None:
    """Begin a run or go on with it until its effect of this number fails: the error, None where it came to its end."""
    with pytest.MonkeyPatch.context() as patched:
        failing(patched, number, error)
        try:
            run(out)
        except (Killed, SkylarkError) as raised:
            return raised
    return None


def test_a_run_that_is_killed_anywhere_goes_on_to_the_same_end(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole")
    assert logged(tmp_path / "whole") == [24, 40, 64, 80]
    # At each effect of its first two checkpoints, and of its last.
    for number in (*range(22), *range(44, 100)):
        out = tmp_path / str(number)
        if not interrupted(out, number, Killed()):
            break
        before = seen(out)
        assert run(out) == pytest.approx(whole)
        assert [tokens for tokens in logged(out) if tokens > before] == [t for t in (24, 40, 64, 80) if t > before]
        assert logged(out) == sorted({*logged(out)}), "nothing is told twice"
        assert {path.name for path in out.iterdir()} == {CHECKPOINT, LOG_FILE, OPTIONS_FILE}
    assert number > 40
    again, before = tmp_path / "again", 0
    for number in range(1, 60):
        if not interrupted(again, number % 23, Killed()):
            break
        assert seen(again) >= before, "no checkpoint is lost"
        before = seen(again)
    assert run(again) == pytest.approx(whole)


def seen(out: Path) -> int:
    """Tokens up to the last checkpoint."""
    checkpoint = last_checkpoint(out)
    return 0 if checkpoint is None else loop.read_progress(checkpoint).tokens


def test_a_full_disk_is_told_and_the_run_goes_on_once_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, told = run(tmp_path / "whole"), 0
    for number in range(23):
        error = interrupted(tmp_path / str(number), number, OSError(28, "No space left on device"))
        assert error is None or "No space left on device" in str(error)
        told += error is not None
        assert run(tmp_path / str(number)) == pytest.approx(whole)
    assert told > 10

    def save_file(tensors: Any, path: Path) -> None:
        raise safetensors.SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(safetensors.torch, "save_file", save_file)
    with pytest.raises(TrainingError, match=r"run cannot be written: I/O error: No space left.*checkpoint is whole"):
        run(tmp_path / "run")


def test_a_run_that_fails_before_its_first_checkpoint_leaves_no_options(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match="file cannot be the folder"), claimed(tmp_path / "file", OPTIONS):
        pass
    out, wholes = tmp_path / "run", list[float]()
    for _ in range(2):
        with pytest.raises(TrainingError, match="wrong"), claimed(out, OPTIONS):
            raise TrainingError("wrong")
        assert (out / OPTIONS_FILE).exists() == bool(wholes)
        wholes.append(run(out))
    assert wholes[1] == pytest.approx(wholes[0])


def test_repeated_data_is_worth_less_and_less() -> None:
    assert effective_data(100, 1) == 100
    # The paper: up to four epochs are nearly as good as new data, and none are worth more than U (1 + R*).
    assert 3.6 < effective_data(1, 4) < 4
    assert effective_data(1, 1e6) == pytest.approx(1 + R_STAR)


@pytest.mark.parametrize(("tokens", "epochs", "spent"), [(300, 3.0, False), (10_000, 11.67, True)])
def test_a_plan_stops_where_repeating_is_worth_less_than_half(tokens: int, epochs: float, spent: bool) -> None:
    plan = plan_epochs(100, tokens)
    assert plan.epochs == pytest.approx(epochs, abs=0.01)
    assert plan.spent is spent
    gained = effective_data(100, plan.epochs + 1e-4) - effective_data(100, plan.epochs)
    assert gained / 1e-2 >= 0.4999, "the last epoch's tokens are worth less than half of new ones"


def test_calibration_error_is_the_mean_distance_of_probability_and_share_and_temperature_undoes_it() -> None:
    probabilities = np.array([0.9] * 10 + [0.1] * 10)
    right = np.array([True] * 9 + [False] + [True] * 6 + [False] * 4)
    assert expected_calibration_error(probabilities, right) == pytest.approx((0.0 + 0.5) / 2)
    rng = np.random.default_rng(0)
    odds = rng.normal(0, 2, 20_000)
    kept = rng.random(20_000) < 1 / (1 + np.exp(-odds))
    assert fit_temperature((3 * odds).astype(np.float32), kept) == pytest.approx(3, rel=0.1)


def test_kinds_with_more_errors_are_drawn_more_often_and_known_ones_still() -> None:
    weights = Report(exact={"hard": 0.2, "easy": 0.6, "known": 1.0}, wrong={}).weights()
    assert weights == pytest.approx({"hard": 1.3, "easy": 0.8, "known": 0.3})
    assert Report(exact={"a": 1.0, "b": 1.0}, wrong={}).weights() == {"a": 1.3, "b": 1.3}
