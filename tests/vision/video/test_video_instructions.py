"""What an instruction asks of a video: things that are followed frame by frame, or tracks by what happens to them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.vision.video.made_tracks import MATCHER, readings
from vision import Task
from vision.errors import InstructionError
from vision.parsing import read_instruction
from vision.parsing.expression_reader import ExpressionReading
from vision.task import Limit, Target
from vision.video.watching import VideoTask, read_video_task

CATS = (Target("cat", ("cat",)),)
SENTENCES = {
    "every cat": " all cat",
    "the largest cat": " largest 1( cat)",
    "how many cats are there?": " count cat",
    "every cat that leaves": " all cat & leaves",
    "when does the cat leave?": " when cat & leaves",
    "every cat from the left": " all cat & enters( left)",
    "cat near the dog": " one cat & near( dog)",
    "cat": " one cat",
}


@pytest.fixture(autouse=True)
def read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model's readings of expressions about videos are given."""

    def read_of(text: str, *_: object) -> Sequence[ExpressionReading]:
        if text not in SENTENCES:
            raise InstructionError(f'it is not clear what "{text}" means')
        return readings(SENTENCES[text])

    monkeypatch.setattr("vision.video.watching.video_readings", read_of)


def asked(text: str, **task: object) -> VideoTask:
    """The instruction, read for an image as `task` says."""
    return read_video_task(text, Task(text, **task), MATCHER)  # type: ignore[arg-type]


def test_things_are_followed_as_they_are_read_for_an_image() -> None:
    assert asked("every cat", targets=CATS).task == Task("every cat", targets=CATS)
    ranked = asked("the largest cat", targets=CATS, limit=Limit(1))
    assert ranked.task.limit == Limit(1) and not ranked.of_tracks and not ranked.text


def test_what_happens_is_said_of_whole_tracks_even_where_the_other_reader_passes_it_over() -> None:
    leaving = asked("every cat that leaves", targets=CATS)
    assert leaving.of_tracks and leaving.text == "every cat that leaves"
    assert leaving.task.targets == CATS


@pytest.mark.parametrize(
    ("text", "task"),
    [
        ("every cat from the left", {"targets": CATS, "unread": ("from the left",)}),
        ("find the cat near the dog", {"kind": "ground", "targets": None, "expression": "cat near the dog"}),
        ("when does the cat leave?", {"targets": (), "understood": False}),
    ],
)
def test_what_is_not_read_for_an_image_is_read_of_tracks(text: str, task: dict[str, object]) -> None:
    read = asked(text, **task)
    assert read.of_tracks and read.readings
    assert ("cat",) in [target.classes for target in read.task.targets or ()]


def test_a_class_alone_needs_no_end_of_the_video() -> None:
    alone = asked("follow the cat", kind="ground", targets=None, expression="cat")
    assert not alone.of_tracks and [target.classes for target in alone.task.targets or ()] == [("cat",)]
    counted = asked("how many cats are there?", kind="count", targets=CATS)
    assert not counted.of_tracks and counted.text and counted.task.targets == CATS


def test_a_part_that_nothing_is_made_of_leaves_the_rest_to_be_followed() -> None:
    read = asked("every cat to some music", targets=CATS, unread=("to some music",))
    assert read.task.targets == CATS and read.task.unread == ("to some music",)


def test_what_is_not_clear_to_either_reader_is_an_error() -> None:
    with pytest.raises(InstructionError, match="not clear"):
        asked("hello there", targets=(), understood=False)


def test_one_frame_is_none_of_a_video() -> None:
    with pytest.raises(InstructionError, match='"now" asks about one frame'):
        asked("the third car from the left now", targets=CATS)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "of_tracks"),
    [
        ("every car", False), ("the two largest dogs", False), ("every dog that enters from the left", True),
        ("how many cars cross from left to right?", True),
    ],
)  # fmt: skip
def test_the_models_read_these(monkeypatch: pytest.MonkeyPatch, text: str, of_tracks: bool) -> None:
    monkeypatch.undo()
    assert read_video_task(text, read_instruction(text, MATCHER), MATCHER).of_tracks is of_tracks
