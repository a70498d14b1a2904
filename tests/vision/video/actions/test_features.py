from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skylark.errors import DataError, SkylarkError
from tests.vision.video.actions.made_features import CLASSES, made_videos, write_classes, write_videos
from vision.errors import ArgumentError
from vision.video.actions import features
from vision.video.actions.features import read_classes, read_features

VALUES = np.arange(12, dtype=np.float16).reshape(6, 2)


def a_set(path: Path, **changes: Any) -> Path:
    """Two videos of 4 and 2 frames with two kinds of scores, as the published files have them."""
    arrays: dict[str, Any] = {
        "videos": np.array(["a", "b"]),
        "SVM/S": VALUES, "SVM/Y": np.array([0, 0, 1, 1, 2, 2], np.int8), "SVM/lengths": np.array([4, 2], np.int32),
        "TCN/S": VALUES[:3], "TCN/lengths": np.array([2, 1], np.int32),
    }  # fmt: skip
    arrays.update({name.replace("_", "/"): value for name, value in changes.items()})
    np.savez(path, **{name: value for name, value in arrays.items() if value is not None})
    return path


def test_files_of_one_video_are_read_as_they_were_written(tmp_path: Path) -> None:
    videos = made_videos(3, seed=1)
    read = read_features([write_videos(tmp_path / "all", videos)])
    for one, other in zip(read, videos, strict=True):
        assert (one.name, one.rate) == (other.name, 2.0)
        assert np.array_equal(one.values, other.values)
        assert one.labels is not None and other.labels is not None
        assert np.array_equal(one.labels, other.labels)


def test_a_set_is_cut_into_its_videos(tmp_path: Path) -> None:
    first, second = read_features([a_set(tmp_path / "set.npz")], scores="SVM", rate=5.0)
    assert (first.name, second.name, first.rate) == ("a", "b", 5.0)
    assert first.values.dtype == np.float32
    assert np.array_equal(first.values, VALUES[:4])
    assert second.labels is not None
    assert second.labels.tolist() == [2, 2]
    assert [len(video) for video in read_features([tmp_path / "set.npz"], scores="TCN")] == [2, 1]
    assert read_features([tmp_path / "set.npz"], scores="TCN")[0].labels is None


def test_a_file_that_says_its_rate_keeps_it(tmp_path: Path) -> None:
    np.savez(tmp_path / "said.npz", features=VALUES, rate=25)
    np.savez(tmp_path / "unsaid.npz", features=VALUES)
    assert [video.rate for video in read_features([tmp_path], rate=10.0)] == [25.0, 10.0]


def test_the_only_kind_of_scores_needs_no_name(tmp_path: Path) -> None:
    path = a_set(tmp_path / "set.npz", TCN_S=None)
    assert len(read_features([path])) == 2


@pytest.mark.parametrize(
    ("scores", "message"),
    [(None, r"holds scores of SVM, TCN: choose one .*scores="), ("svm", "no scores of 'svm'; did you mean 'SVM'")],
)
def test_which_scores_are_meant_has_to_be_said(tmp_path: Path, scores: str | None, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        read_features([a_set(tmp_path / "set.npz")], scores)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"SVM_lengths": None}, "SVM/lengths, how many frames"),
        ({"SVM_lengths": np.array([4, 3])}, "whose sum is the 6 rows"),
        ({"SVM_lengths": np.array([6, 0])}, "lengths above 0"),
        ({"SVM_lengths": np.array([6])}, "as many names"),
        ({"SVM_lengths": np.array([4.0, 2.0])}, "whole numbers"),
        ({"videos": np.array([1, 2])}, "as many names"),
        ({"SVM_Y": np.array([0, 1])}, "a class for each of 6 frames"),
        ({"SVM_Y": np.array([0, 0, 0, 0, 0, -1])}, "from 0 on"),
        ({"SVM_Y": np.zeros(6)}, "the number of a class"),
        ({"SVM_S": VALUES[:, 0]}, r"numbers \(frames, channels\)"),
        ({"SVM_S": np.where(VALUES == 7, np.nan, VALUES)}, "finite numbers, found 'nan in frame 3'"),
        ({"SVM_S": VALUES.astype(str)}, r"numbers \(frames, channels\)"),
        ({"SVM_S": np.array([[object()]] * 6, dtype=object)}, "whose arrays hold numbers"),
    ],
)
def test_a_damaged_set_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_features([a_set(tmp_path / "set.npz", **changes)], scores="SVM")


def written(**arrays: Any) -> Callable[[Path], object]:
    return lambda path: np.savez(path, **arrays)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: path.write_bytes(b"no archive"), "an npz file"),
        (lambda path: path.write_bytes(b""), "an npz file"),
        (written(pictures=VALUES), "arrays of one of two forms"),
        (written(features=VALUES[:0]), r"numbers \(frames, channels\)"),
        (written(features=VALUES, rate=0), "frames a second above 0"),
        (written(features=VALUES, rate=np.inf), "frames a second above 0"),
        (written(features=VALUES, labels=np.zeros(5, np.int64)), "a class for each of 6 frames"),
        (written(videos=np.array(["a"])), "arrays of one of two forms"),
    ],
)
def test_what_is_no_video_is_refused(tmp_path: Path, write: Callable[[Path], object], message: str) -> None:
    write(tmp_path / "video.npz")
    with pytest.raises(DataError, match=message):
        read_features([tmp_path / "video.npz"])


@pytest.mark.parametrize("share", [0.2, 0.6, 0.98])
def test_a_file_that_was_cut_off_is_refused(tmp_path: Path, share: float) -> None:
    path = a_set(tmp_path / "set.npz")
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(DataError, match="an npz file"):
        read_features([path], scores="SVM")


def test_a_file_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "MAX_BYTES", 100)
    with pytest.raises(DataError, match="of arrays"):
        read_features([a_set(tmp_path / "set.npz")], scores="SVM")


def test_files_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", features=VALUES)
    np.savez(tmp_path / "b.npz", features=VALUES[:, :1])
    with pytest.raises(ArgumentError, match=re.escape("'b' has 1 channels, but 'a' has 2")):
        read_features([tmp_path])
    with pytest.raises(ArgumentError, match="there is a video 'a' already"):
        read_features([tmp_path / "a.npz", tmp_path / "a.npz"])
    with pytest.raises(ArgumentError, match="no file or folder"):
        read_features([tmp_path / "c.npz"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ArgumentError, match=r"no \.npz file in this folder"):
        read_features([tmp_path / "empty"])


def test_classes_are_the_lines_of_a_file(tmp_path: Path) -> None:
    assert read_classes(write_classes(tmp_path / "classes.txt")) == CLASSES


@pytest.mark.parametrize("content", [b"", b"one\n\ntwo\n", b"one\ntwo\none\n", b"\xff\xfe\x00"])
def test_names_that_cannot_be_classes_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "classes.txt").write_bytes(content)
    with pytest.raises(DataError, match=r"the name of a class|another name than that of line 1"):
        read_classes(tmp_path / "classes.txt")
    with pytest.raises(SkylarkError, match="the name of a class"):
        read_classes(tmp_path / "none.txt")
