"""Features and labels of frames as they are read, measured against the truth, and drawn as segments."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from skylark.errors import DataError, SkylarkError
from tests.vision.video.actions.made_features import CLASSES, made_videos, write_classes, write_videos
from vision.errors import ArgumentError
from vision.video.actions import features
from vision.video.actions.features import (
    MOST_VIDEOS,
    Labels,
    Run,
    Segment,
    Timeline,
    drawn_timelines,
    measured,
    read_classes,
    read_features,
    runs_of,
    save_timelines,
    segments_of,
)

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
    for one, other in zip(read_features([write_videos(tmp_path / "all", videos)]), videos, strict=True):
        assert (one.name, one.rate) == (other.name, 2.0)
        assert np.array_equal(one.values, other.values)
        assert one.labels is not None and np.array_equal(one.labels, other.labels)  # type: ignore[arg-type]


def test_a_set_is_cut_into_its_videos(tmp_path: Path) -> None:
    path = a_set(tmp_path / "set.npz")
    first, second = read_features([path], scores="SVM", rate=5.0)
    assert (first.name, second.name, first.rate) == ("a", "b", 5.0)
    assert first.values.dtype == np.float32 and np.array_equal(first.values, VALUES[:4])
    assert second.labels is not None and second.labels.tolist() == [2, 2]
    others = read_features([path], scores="TCN")
    assert [len(video) for video in others] == [2, 1] and others[0].labels is None
    for scores, message in ((None, r"scores of SVM, TCN: choose one .*scores="), ("svm", "did you mean 'SVM'")):
        with pytest.raises(ArgumentError, match=message):
            read_features([path], scores)
    # The only kind of scores needs no name.
    assert len(read_features([a_set(path, TCN_S=None)])) == 2


def test_a_file_that_says_its_rate_keeps_it(tmp_path: Path) -> None:
    np.savez(tmp_path / "said.npz", features=VALUES, rate=25)
    np.savez(tmp_path / "unsaid.npz", features=VALUES)
    assert [video.rate for video in read_features([tmp_path], rate=10.0)] == [25.0, 10.0]


def changed(**changes: Any) -> Callable[[Path], object]:
    return lambda path: a_set(path, **changes)


def written(**arrays: Any) -> Callable[[Path], object]:
    return lambda path: np.savez(path, **arrays)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (changed(SVM_lengths=None), "SVM/lengths, how many frames"),
        (changed(SVM_lengths=np.array([4, 3])), "whose sum is the 6 rows"),
        (changed(SVM_lengths=np.array([6, 0])), "lengths above 0"),
        (changed(SVM_lengths=np.array([6])), "as many names"),
        (changed(SVM_lengths=np.array([4.0, 2.0])), "whole numbers"),
        (changed(videos=np.array([1, 2])), "as many names"),
        (changed(SVM_Y=np.array([0, 1])), "a class for each of 6 frames"),
        (changed(SVM_Y=np.array([0, 0, 0, 0, 0, -1])), "from 0 on"),
        (changed(SVM_Y=np.zeros(6)), "the number of a class"),
        (changed(SVM_S=VALUES[:, 0]), r"numbers \(frames, channels\)"),
        (changed(SVM_S=np.where(VALUES == 7, np.nan, VALUES)), "finite numbers, found 'nan in frame 3'"),
        (changed(SVM_S=VALUES.astype(str)), r"numbers \(frames, channels\)"),
        (changed(SVM_S=np.array([[object()]] * 6, dtype=object)), "whose arrays hold numbers"),
        (lambda path: path.write_bytes(b"no archive"), "an npz file"),
        (lambda path: path.write_bytes(b""), "an npz file"), (written(pictures=VALUES), "arrays of one of two forms"),
        (written(videos=np.array(["a"])), "arrays of one of two forms"),
        (written(features=VALUES[:0]), r"numbers \(frames, channels\)"),
        (written(features=VALUES, rate=0), "frames a second above 0"),
        (written(features=VALUES, rate=np.inf), "frames a second above 0"),
        (written(features=VALUES, labels=np.zeros(5, np.int64)), "a class for each of 6 frames"),
    ],
)  # fmt: skip
def test_a_damaged_set_and_what_is_no_video_are_refused(
    tmp_path: Path, write: Callable[[Path], object], message: str
) -> None:
    path = tmp_path / "set.npz"
    write(path)
    with pytest.raises(DataError, match=message):
        read_features([path], scores="SVM")


def test_a_file_that_was_cut_off_or_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = a_set(tmp_path / "set.npz")
    content = path.read_bytes()
    for share in (0.2, 0.6, 0.98):
        path.write_bytes(content[: int(share * len(content))])
        with pytest.raises(DataError, match="an npz file"):
            read_features([path], scores="SVM")
    monkeypatch.setattr(features, "MAX_BYTES", 100)
    with pytest.raises(DataError, match="of arrays"):
        read_features([a_set(path)], scores="SVM")


def test_files_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", features=VALUES)
    np.savez(tmp_path / "b.npz", features=VALUES[:, :1])
    (tmp_path / "empty").mkdir()
    for names, message in (
        ([""], "'b' has 1 channels, but 'a' has 2"), (["a.npz", "a.npz"], "there is a video 'a' already"),
        (["c.npz"], "no file or folder"), (["empty"], "no .npz file in this folder"),
    ):  # fmt: skip
        with pytest.raises(ArgumentError, match=re.escape(message)):
            read_features([tmp_path / name for name in names])


def test_classes_are_the_lines_of_a_file(tmp_path: Path) -> None:
    path = write_classes(tmp_path / "classes.txt")
    assert read_classes(path) == CLASSES
    for content in (b"", b"one\n\ntwo\n", b"one\ntwo\none\n", b"\xff\xfe\x00"):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"the name of a class|another name than that of line 1"):
            read_classes(path)
    with pytest.raises(SkylarkError, match="the name of a class"):
        read_classes(tmp_path / "none.txt")


def labels(text: str) -> Labels:
    return np.array([int(digit) for digit in text])


def test_runs_are_all_frames_in_order() -> None:
    assert runs_of(labels("0011102")) == [Run(0, 0, 2), Run(1, 2, 5), Run(0, 5, 6), Run(2, 6, 7)]
    assert runs_of(labels("")) == []


@pytest.mark.parametrize(
    ("truth", "predicted", "background", "accuracy", "edit"),
    [
        (["0011122", "33300"], ["0011122", "33300"], 0, 100, 100),
        # Segments count and no frames; 1 2 1 2 3 for 1 2 3: two of five have to go.
        (["1111222233"], ["1122222233"], None, 80, 100),
        (["1111222233"], ["1121222233"], None, 90, 60),
        (["1111", "1212"], ["1111", "3333"], None, 50, 50),  # a mean over videos
        # Background counts for frames alone.
        (["0011000"], ["0211020"], None, 500 / 7, 50),
        (["0011000"], ["0211020"], 0, 500 / 7, 100 / 3),
    ],
)
def test_accuracy_is_of_frames_and_the_edit_score_of_segments(
    truth: list[str], predicted: list[str], background: int | None, accuracy: float, edit: float
) -> None:
    figures = measured([labels(one) for one in truth], [labels(one) for one in predicted], background)
    assert (figures.accuracy, figures.edit) == pytest.approx((accuracy, edit))


@pytest.mark.parametrize(
    ("truth", "predicted", "f1"),
    [
        (["1111111100"], ["1111000000"], (100, 100, 100)),  # IoU 4/8
        (["1111111100"], ["1110000000"], (100, 100, 0)),  # 3/8
        (["1111111100"], ["1000000000"], (100, 0, 0)),  # 1/8
        (["1111111100"], ["0000000011"], (0, 0, 0)),
        (["1111111111"], ["1111101111"], (200 / 3, 200 / 3, 200 / 3)),  # one true segment is found once
        (["1111", "1212"], ["1111", "3333"], (200 / 7, 200 / 7, 200 / 7)),  # pooled over videos
    ],
)
def test_a_segment_is_found_from_an_iou_on(truth: list[str], predicted: list[str], f1: tuple[float, ...]) -> None:
    figures = measured([labels(one) for one in truth], [labels(one) for one in predicted], background=0)
    assert figures.f1 == pytest.approx(f1)
    assert list(figures.to_dict()) == ["acc", "edit", "F1@10", "F1@25", "F1@50"]


PUBLISHED = {
    ("50salads-mid", "SVM"): (53.7, 21.1, 27.1, 21.0, 13.9),
    ("50salads-mid", "ED-TCN"): (64.4, 60.5, 67.7, 63.5, 52.4),
    ("50salads-eval", "ED-TCN"): (74.0, 73.2, 77.6, 75.6, 66.1),
    ("gtea", "DilatedTCN"): (60.7, 51.9, 59.3, 52.1, 38.5),
    ("jigsaws-suturing", "video-ED-TCN"): (80.3, 84.5, 88.8, 87.0, 79.3),
}
"""The measured rows of the shared data's own table."""


@pytest.mark.parametrize(("data_set", "baseline"), PUBLISHED)
def test_published_predictions_measure_what_they_did(data_root: Path, data_set: str, baseline: str) -> None:
    truth: list[Labels] = []
    predicted: list[Labels] = []
    paths = sorted((data_root / "actions" / data_set).glob("split_*.npz"))
    if not paths:
        pytest.skip("the data folder has no actions/")
    for path in paths:
        with np.load(path) as arrays:
            bounds = np.cumsum(arrays[f"{baseline}/lengths"])[:-1]
            truth += np.split(arrays[f"{baseline}/Y"], bounds)
            predicted += np.split(arrays[f"{baseline}/P"], bounds)
    figures = measured(truth, predicted, None if data_set.startswith("jigsaws") else 0).to_dict()
    assert tuple(round(value, 1) for value in figures.values()) == PUBLISHED[data_set, baseline]


def test_segments_are_in_seconds_and_cover_the_video() -> None:
    assert segments_of(labels("001112"), CLASSES, rate=2.0) == [
        Segment("background", 0.0, 1.0), Segment("peel", 1.0, 2.5), Segment("cut", 2.5, 3.0),
    ]  # fmt: skip
    assert segments_of(np.array([], np.int64), CLASSES, rate=2.0) == []


def test_a_picture_has_a_bar_a_video_and_one_for_its_truth(tmp_path: Path) -> None:
    shown = labels("0112")
    lines = [Timeline("one", shown, shown[::-1], 2.0), Timeline("two", shown, None, 2.0)]
    axes = drawn_timelines(lines, CLASSES, 0).axes[0]
    assert len(axes.collections) == 3 and axes.get_xlabel().startswith("seconds; above the truth")
    assert [label.get_text() for label in axes.get_yticklabels()] == ["one", "two"]
    save_timelines(lines, CLASSES, 0, tmp_path / "lines.png")
    with Image.open(tmp_path / "lines.png") as picture:
        assert picture.width > 1000


def test_time_without_a_rate_is_in_frames_and_many_classes_have_a_colour_each() -> None:
    names = tuple(f"class {number}" for number in range(48))
    axes = drawn_timelines([Timeline("one", np.arange(48))], names, None).axes[0]
    assert axes.get_xlabel() == "frames"
    assert len({tuple(colour) for colour in np.asarray(axes.collections[0].get_facecolor())}) == 48


def test_a_picture_that_cannot_be_drawn_is_refused(tmp_path: Path) -> None:
    line = Timeline("one", np.array([1, 2]))
    for lines, name, message in (
        ([line], "lines.txt", r"must end in \.png"),
        ([line] * (MOST_VIDEOS + 1), "lines.png", f"at most {MOST_VIDEOS} videos"),
    ):
        with pytest.raises(ArgumentError, match=message):
            save_timelines(lines, CLASSES, 0, tmp_path / name)
