"""`python -m vision teach boxes`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from skylark.command_line import FAILURE, OK, USAGE
from tests.vision.decoder.tiny_decoders import blobs, save_blobs
from training.box_examples import STAGES
from training.loop import CHECKPOINT
from vision.cli import main
from vision.decoder.detector import VisionLLM
from vision.detectors.detector import Request
from vision.detectors.opening import open_detector


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*arguments: object) -> tuple[int, str, str]:
        code = main(["teach", "boxes", *map(str, arguments)])
        return code, *capsys.readouterr()

    return run


def test_its_help_names_the_stages_and_what_a_run_needs(run: Any) -> None:
    code, out, _ = run("--help")
    assert code == OK
    assert f"--stage {{{','.join(STAGES)}}}" in out
    assert all(option in out for option in ("--out", "--from", "--student", "--detector", "--pictures", "--no-guided"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--stage", "bindin"), "'bindin' is none of binding, projector, joint; did you mean binding?"),
        (("--image-tokns", 5), "did you mean --image-tokens?"),
        (("--truth", 2), "truth is a share between 0 and 1, not 2.0"),
        (("--stage", "joint", "--device", "cpu"), "the stage joint is taught with pictures"),
        (("--stage", "joint", "--pictures", "/nowhere"), "nowhere has no folder images"),
    ],
)
def test_usage_errors(run: Any, model: Path, tmp_path: Path, arguments: tuple[object, ...], words: str) -> None:
    code, out, err = run("--out", tmp_path / "run", "--student", model, *arguments)
    assert (code, out) == (USAGE, "") and words in err
    code, _, err = run("--stage", "binding")
    assert code == USAGE and "--out" in err


def test_a_detector_that_is_not_there_is_a_failure(run: Any, tmp_path: Path) -> None:
    code, _, err = run("--out", tmp_path / "run", "--detector", "/no/such/detector")
    assert code == FAILURE and "no model folder /no/such/detector" in err
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_two_stages_give_a_detector_that_opens(run: Any, model: Path, tmp_path: Path) -> None:
    small = (
        "--student", model, "--layers", 2, "--rank", 2, "--hidden", 16, "--image-tokens", 8, "--boxed", 2,
        "--tokens", 300, "--tokens-of-a-pass", 256, "--device", "cpu",
    )  # fmt: skip
    first, second = tmp_path / "first", tmp_path / "second"
    code, out, err = run("--out", first, *small)
    assert code == OK and {"binding of classes", "binding of any words"} <= {*json.loads(out)["held_out_exact"]}
    assert "0 pictures, mirrored ones among them" in err
    pictures = save_blobs(tmp_path / "blobs", 3)
    begun = ("--from", first / CHECKPOINT, "--stage", "projector", "--pictures", pictures)
    code, out, err = run("--out", second, *small, *begun)
    assert code == OK and "6 pictures, mirrored ones among them; 0 are held out" in err
    detector = open_detector(f"visionllm:{second / CHECKPOINT}", device="cpu")
    assert isinstance(detector, VisionLLM)
    (found,) = detector.detect([blobs(120, 90)], Request(("dog", "cat")))
    assert {*found.labels} <= {"dog", "cat"}
