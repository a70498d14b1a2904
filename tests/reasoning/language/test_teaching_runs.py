"""Runs of teaching that are killed at each thing that they do to the disk, or whose disk is full."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from reasoning.lm.errors import TeachingError
from skylark.errors import SkylarkError
from training import loop
from training.loop import (
    CHECKPOINT,
    LOG_FILE,
    OPTIONS_FILE,
    Progress,
    Report,
    TeachingOptions,
    claimed,
    last_checkpoint,
    teach,
)

OPTIONS = TeachingOptions(tokens=80, tokens_of_a_pass=8, report_every=20)
EFFECTS = ("open", "write", "rename", "replace", "mkdir", "unlink", "rmdir")
WEIGHTS = "weights.safetensors"


class Killed(BaseException):
    """Stands for the end of the process: nothing catches it."""


class Points:
    """Teaches a line through points, which are drawn from a run's progress."""

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

    def loss(self, lessons: Sequence[bytes]) -> torch.Tensor:
        points = torch.tensor([[float(lessons[0][0])]])
        loss: torch.Tensor = (self.adapter(points) - 3 * points).square().mean()
        return loss

    def examine(self, lessons: Sequence[bytes]) -> Report:
        return Report({"points": float(self.adapter.weight.detach())}, {"points": 0.0})

    def calibrate(self, lessons: Sequence[bytes]) -> None:
        pass

    def save(self, folder: Path) -> None:
        folder.mkdir()
        safetensors.torch.save_file(self.adapter.state_dict(), folder / WEIGHTS)


def run(out: Path) -> float:
    """Begin a run or go on with it: the weight that it ends with."""
    with claimed(out, OPTIONS):
        line = Line(last_checkpoint(out))
        teach(Points(), OPTIONS, out, line, lambda said: None)
    return float(line.adapter.weight.detach())


def failing(patched: pytest.MonkeyPatch, number: int, fail: Callable[[], None]) -> None:
    """Let an effect on the disk fail, counted from 0, in its middle where it writes."""
    counter = itertools.count()

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def effect(*arguments: Any, **named: Any) -> Any:
            if next(counter) == number:
                fail()
            return real(*arguments, **named)

        return effect

    def write_text(path: Path, content: str, **named: Any) -> int:
        if next(counter) == number:
            path.write_bytes(content.encode()[: len(content) // 2])
            fail()
        return path.write_bytes(content.encode())

    def save_file(tensors: Any, path: Path) -> None:
        if next(counter) == number:
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


def test_a_run_that_is_killed_anywhere_goes_on_to_the_same_end(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole")
    assert logged(tmp_path / "whole") == [24, 40, 64, 80]

    def kill() -> None:
        raise Killed

    for number in itertools.count():
        out = tmp_path / str(number)
        with pytest.MonkeyPatch.context() as patched:
            failing(patched, number, kill)
            try:
                run(out)
                break
            except Killed:
                pass
        seen = 0 if last_checkpoint(out) is None else loop.read_progress(last_checkpoint(out)).tokens  # type: ignore[arg-type]
        assert run(out) == pytest.approx(whole)
        assert [tokens for tokens in logged(out) if tokens > seen] == [t for t in (24, 40, 64, 80) if t > seen]
        assert logged(out) == sorted({*logged(out)}), "nothing is told twice"
        assert {path.name for path in out.iterdir()} == {CHECKPOINT, LOG_FILE, OPTIONS_FILE}
    assert number > 40


def test_a_run_that_is_killed_again_and_again_loses_no_checkpoint(tmp_path: Path) -> None:
    def kill() -> None:
        raise Killed

    out, before = tmp_path / "run", 0
    for number in range(1, 60):
        with pytest.MonkeyPatch.context() as patched:
            failing(patched, number % 23, kill)
            try:
                run(out)
                break
            except Killed:
                pass
        checkpoint = last_checkpoint(out)
        now = 0 if checkpoint is None else loop.read_progress(checkpoint).tokens
        assert now >= before
        before = now
    assert run(out) == pytest.approx(run(tmp_path / "whole"))


def test_a_full_disk_is_told_and_the_run_goes_on_once_there_is_room(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole")

    def full() -> None:
        raise OSError(28, "No space left on device")

    told = 0
    for number in range(40):
        out = tmp_path / str(number)
        with pytest.MonkeyPatch.context() as patched:
            failing(patched, number, full)
            try:
                run(out)
            except SkylarkError as error:
                assert "No space left on device" in str(error)
                told += 1
        assert run(out) == pytest.approx(whole)
    assert told > 15


def test_what_the_library_of_weights_says_of_a_full_disk_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(tensors: Any, path: Path) -> None:
        raise safetensors.SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(safetensors.torch, "save_file", full)
    words = (
        r"run cannot be written: I/O error: No space left.*its last checkpoint is whole: make room, and give the same"
    )
    with pytest.raises(TeachingError, match=words):
        run(tmp_path / "run")


def test_a_folder_that_cannot_be_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    words = "file cannot be the folder of a run: File exists"
    with pytest.raises(TeachingError, match=words), claimed(tmp_path / "file", OPTIONS):
        pass


def test_a_run_that_fails_before_its_first_checkpoint_leaves_no_options(tmp_path: Path) -> None:
    with pytest.raises(TeachingError, match="wrong"), claimed(tmp_path, OPTIONS):
        raise TeachingError("wrong")
    assert not (tmp_path / OPTIONS_FILE).exists()
    whole = run(tmp_path)
    with pytest.raises(TeachingError, match="wrong"), claimed(tmp_path, OPTIONS):
        raise TeachingError("wrong")
    assert run(tmp_path) == pytest.approx(whole)
