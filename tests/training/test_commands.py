"""`python -m vision teach boxes`."""

from __future__ import annotations

import json
import subprocess
import sys
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


@pytest.mark.slow
def test_its_help_imports_no_torch() -> None:
    code = (
        "import sys; from vision.cli import main; main(['teach', 'boxes', '--help']); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 0


class TestUsageErrors:
    def test_another_stage_is_refused_with_the_nearest(self, run: Any, tmp_path: Path) -> None:
        code, out, err = run("--out", tmp_path, "--stage", "bindin")
        assert (code, out) == (USAGE, "")
        assert "'bindin' is none of binding, projector, joint; did you mean binding?" in err

    def test_no_folder_for_the_run(self, run: Any) -> None:
        code, _, err = run("--stage", "binding")
        assert code == USAGE and "--out" in err

    def test_a_misspelt_option_is_refused_with_the_nearest(self, run: Any, tmp_path: Path) -> None:
        code, _, err = run("--out", tmp_path, "--image-tokns", 5)
        assert code == USAGE and "did you mean --image-tokens?" in err

    @pytest.mark.parametrize("stage", ["projector", "joint"])
    def test_a_stage_of_pictures_without_any(self, run: Any, model: Path, tmp_path: Path, stage: str) -> None:
        code, _, err = run("--out", tmp_path / "run", "--student", model, "--stage", stage, "--device", "cpu")
        assert code == USAGE and f"the stage {stage} is taught with pictures: name their folders" in err

    def test_a_share_that_is_none(self, run: Any, tmp_path: Path) -> None:
        code, _, err = run("--out", tmp_path, "--truth", 2)
        assert code == USAGE and "truth is a share between 0 and 1, not 2.0" in err

    def test_a_folder_of_pictures_that_is_not_there(self, run: Any, tmp_path: Path) -> None:
        code, _, err = run("--out", tmp_path, "--stage", "joint", "--pictures", tmp_path / "nowhere")
        assert code == USAGE and "nowhere has no folder images" in err


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
