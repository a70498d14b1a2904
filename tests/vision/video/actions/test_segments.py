from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vision.errors import ArgumentError
from vision.video.actions.features import Segment, segments_of
from vision.video.actions.timeline import MOST_VIDEOS, Timeline, drawn_timelines, save_timelines

CLASSES = ("background", "peel", "cut")


def test_segments_are_in_seconds_and_cover_the_video() -> None:
    assert segments_of(np.array([0, 0, 1, 1, 1, 2]), CLASSES, rate=2.0) == [
        Segment("background", 0.0, 1.0),
        Segment("peel", 1.0, 2.5),
        Segment("cut", 2.5, 3.0),
    ]
    assert segments_of(np.array([], np.int64), CLASSES, rate=2.0) == []


def test_a_picture_has_a_bar_a_video_and_one_for_its_truth(tmp_path: Path) -> None:
    labels = np.array([0, 1, 1, 2])
    lines = [Timeline("one", labels, labels[::-1], 2.0), Timeline("two", labels, None, 2.0)]
    axes = drawn_timelines(lines, CLASSES, 0).axes[0]
    assert len(axes.collections) == 3
    assert [label.get_text() for label in axes.get_yticklabels()] == ["one", "two"]
    assert axes.get_xlabel().startswith("seconds; above the truth")
    save_timelines(lines, CLASSES, 0, tmp_path / "lines.png")
    with Image.open(tmp_path / "lines.png") as picture:
        assert picture.width > 1000


def test_time_without_a_rate_is_in_frames() -> None:
    axes = drawn_timelines([Timeline("one", np.array([1, 2]))], CLASSES, None).axes[0]
    assert axes.get_xlabel() == "frames"


def test_many_classes_have_a_colour_each() -> None:
    names = tuple(f"class {number}" for number in range(48))
    collection = drawn_timelines([Timeline("one", np.arange(48))], names, None).axes[0].collections[0]
    assert len({tuple(colour) for colour in np.asarray(collection.get_facecolor())}) == 48


def test_a_picture_that_cannot_be_drawn_is_refused(tmp_path: Path) -> None:
    line = Timeline("one", np.array([1, 2]))
    with pytest.raises(ArgumentError, match=r"must end in \.png"):
        save_timelines([line], CLASSES, 0, tmp_path / "lines.txt")
    with pytest.raises(ArgumentError, match=f"at most {MOST_VIDEOS} videos"):
        save_timelines([line] * (MOST_VIDEOS + 1), CLASSES, 0, tmp_path / "lines.png")
