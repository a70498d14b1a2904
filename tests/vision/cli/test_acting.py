import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tests.vision.video.actions.made_features import CLASSES, made_videos, write_classes, write_videos
from vision.cli import main

QUICK = ["--epochs", "2", "--layers", "3", "--stages", "2", "--width", "8"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Videos to teach with and to test on, the names of their classes, and a model."""
    root = tmp_path_factory.mktemp("actions")
    write_videos(root / "teaching", made_videos(4, seed=1))
    write_videos(root / "test", made_videos(2, seed=2))
    write_classes(root / "classes.txt")
    assert main(train(root, root / "model", *QUICK, "--graph")) == 0
    assert json.loads((root / "model/model.json").read_text())["recipe"]["graph"] is True
    return root


def train(root: Path, out: Path, *more: str) -> list[str]:
    files = ["--features", str(root / "teaching"), "--classes", str(root / "classes.txt"), "--out", str(out)]
    return ["actions", "train", *files, *more]


def with_model(job: str, folder: Path, *more: str) -> list[str]:
    return ["actions", job, "--model", str(folder / "model"), "--features", str(folder / "test"), *more]


def test_a_model_is_taught_measured_and_used(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(with_model("evaluate", folder, "--json", "--plot", str(tmp_path / "lines.png"))) == 0
    figures = json.loads(capsys.readouterr().out)
    assert list(figures) == ["videos", "frames", "acc", "edit", "F1@10", "F1@25", "F1@50"]
    assert (tmp_path / "lines.png").stat().st_size > 1000

    assert main(with_model("segment", folder, "--json")) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    videos = made_videos(2, seed=2)
    assert [row["video"] for row in rows] == [video.name for video in videos]
    for row, video in zip(rows, videos, strict=True):
        segments = row["segments"]
        assert (segments[0]["start"], segments[-1]["end"]) == (0, len(video) / 2)
        assert all(one["end"] == other["start"] for one, other in pairwise(segments))
        assert {segment["label"] for segment in segments} <= set(CLASSES)

    assert main(with_model("evaluate", folder)) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["videos", "acc", "edit", "F1@10", "F1@25", "F1@50"]
    assert main(with_model("segment", folder)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "== video 2-0" and lines[1].split() == ["action", "from", "to"]
    assert main(train(folder, folder / "model", *QUICK, "--graph")) == 0
    assert capsys.readouterr().err.splitlines() == ["goes on behind epoch 2"]


def test_mistakes_are_said_and_videos_without_truth_not_measured(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for option, value, code, message in (
        ("--rate", "0", 2, "--rate is a number of frames a second above 0"),
        ("--features", "nowhere", 2, "there is no file or folder nowhere"),
        ("--model", "nowhere", 1, "nowhere holds no model of actions"),
        ("--plot", "lines.txt", 2, "must end in .png"),
    ):
        assert main(with_model("segment", folder, option, value)) == code
        assert message in capsys.readouterr().err
    write_videos(tmp_path, made_videos(1, seed=3), labelled=False)
    assert main(with_model("evaluate", folder, "--features", str(tmp_path))) == 2
    assert "no labels to measure against" in capsys.readouterr().err
    assert main(with_model("segment", folder, "--features", str(tmp_path))) == 0


def test_seconds_need_a_rate(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    videos = made_videos(2, seed=1)
    for video in videos:
        np.savez(tmp_path / f"{video.name}.npz", features=video.values, labels=np.asarray(video.labels))
    files = ["--features", str(tmp_path)]
    out = ["--classes", str(folder / "classes.txt"), "--out", str(tmp_path / "model")]
    assert main(["actions", "train", *files, *out, *QUICK]) == 0
    capsys.readouterr()
    segment = ["actions", "segment", "--model", str(tmp_path / "model"), *files]
    assert main(segment) == 2
    assert "Say it with --rate" in capsys.readouterr().err
    assert main([*segment, "--rate", "4", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[0])["segments"][-1]["end"] == len(videos[0]) / 4
