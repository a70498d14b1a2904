"""Instructions in VisionLLM's forms and in ordinary sentences, read to typed tasks.

Each stands beside what the model is to write of it, so that it is the code that is tested; how the model reads is
measured, and held to a share of these here.
"""

import json
from contextlib import suppress
from dataclasses import asdict, replace
from types import SimpleNamespace
from typing import Any

import pytest

from vision.classes import COCO_CLASSES, COCO_SUPERCATEGORIES, ClassMatcher, OpenMatcher
from vision.errors import InstructionError
from vision.parsing import read_instruction
from vision.parsing.instruction_codec import read_back, task_of
from vision.parsing.instruction_reader import TaskReading, choices
from vision.parsing.prompt import TextPrompt
from vision.parsing.reader import PACKAGED, POSSIBLE, followed, is_beyond_pictures, readers
from vision.task import Limit, OutputFormat, SizeRange, Target, Task, Undetectable

MATCHER = ClassMatcher(COCO_CLASSES, COCO_SUPERCATEGORIES)
VEHICLES = [name for name in COCO_CLASSES if COCO_SUPERCATEGORIES[name] == "vehicle"]


def task(text: str, written: str) -> Task:
    """The task that what is written of an instruction means."""
    return task_of(text, read_back(f" {written}", TextPrompt(text)), MATCHER)


def labels(task: Task) -> list[str] | None:
    return None if task.targets is None else [target.label for target in task.targets]


WHAT: list[tuple[str, str, str, list[str] | None]] = [
    ("find the dogs", "detect dogs", "detect", ["dog"]),
    ("Spot every sofa, cell phone and automobile.", "detect sofa, cell phone, automobile", "detect",
     ["sofa", "cell phone", "automobile"]),
    ("every vehicle except buses", "detect vehicle except buses", "detect",
     [name for name in VEHICLES if name != "bus"]),
    ("Outline the cups", "segment cups", "segment", ["cup"]),
    ("how many people are there?", "count people", "count", ["person"]),
    ("What is in this picture?", "describe", "describe", None),
    ("find everything", "detect", "detect", None),
    ('the class set {"person":<c0>, "car":<c1>, "black cat":<c2>}', "detect α; token", "detect",
     ["person", "car", "black cat"]),
    ("the red and the blue umbrellas", "detect red umbrellas, blue umbrellas", "detect",
     ["red umbrella", "blue umbrella"]),
    ("find 🐶 please", "detect 🐶", "detect", ["dog"]),
    ("are there any boats?", "check boats", "detect", ["boat"]),
]  # fmt: skip
WHICH: list[tuple[str, str, str, Any]] = [
    ("the three largest dogs", "detect dogs; largest 3", "limit", Limit(3, "area", "descending")),
    ("the smallest bird", "detect bird; smallest 1", "limit", Limit(1, "area", "ascending")),
    ("the two leftmost cups", "detect cups; first 2", "limit", Limit(2, "x", "ascending")),
    ("at most five people", "detect people; best 5", "limit", Limit(5, "score", "descending")),
    ("people on the left half", "detect people; left half", "region", (0, 0, 0.5, 1)),
    ("cars in the top right corner", "detect cars; right half top half", "region", (0.5, 0, 1, 0.5)),
    ("dogs where x is from 0.1 to 0.6", "detect dogs; x 0.1, 0.6", "region", (0.1, 0, 0.6, 1)),
    ("small birds", "detect birds; area < 1024", "size", SizeRange(max_area=1024)),
    ("dogs at least 50 pixels wide", "detect dogs; width > 50", "size", SizeRange(min_width=50)),
    ("cars with confidence over 60%", "detect cars; sure 0.6", "min_score", 0.6),
]
HOW: list[tuple[str, str, dict[str, Any]]] = [
    ("find dogs; output (c, x1, y1, x2, y2)", "detect dogs", {}),
    ("dog boxes as JSON with keys name and box", "detect dog; json; keys name, box",
     {"format": "json", "keys": ("name", "box")}),
    ("dogs as COCO", "detect dogs; coco", {"format": "coco"}),
    ("dogs in YOLO format", "detect dogs; yolo", {"format": "yolo"}),
    ("dogs as Pascal VOC XML", "detect dogs; voc", {"format": "voc"}),
    ("outline the cups with 24 points", "segment cups; points 24", {"geometry": "polygon", "points": 24}),
    ("dogs as (c, x, y, w, h), normalised", "detect dogs; xywh; unit", {"box": "xywh", "scale": "unit"}),
    ("dogs within range 1000", "detect dogs; range 1000", {"scale": "range", "range_": 1000}),
    ("buses as offsets without the centre, range 256", "detect buses; range 256; offset; bare",
     {"scale": "range", "range_": 256, "offsets": True, "centre": False}),
    ("boxes of cups as location tokens <p-512> to <p512>", "detect cups; tokens",
     {"format": "tokens", "scale": "range", "class_as": "token"}),
    ("dogs with their scores", "detect dogs; score", {"score": True}),
]  # fmt: skip


def test_the_task_and_its_class_set() -> None:
    for text, written, kind, expected in WHAT:
        found = task(text, written)
        assert (found.kind, labels(found)) == (kind, expected), text
        assert found.asks_whether == written.startswith("check")


def test_which_of_them_and_how_they_are_written() -> None:
    for text, written, field, expected in WHICH:
        assert getattr(task(text, written), field) == expected, text
    for text, written, output in HOW:
        assert asdict(task(text, written).output) == asdict(OutputFormat()) | output, text


def test_most_of_what_people_ask_is_read() -> None:
    rows: list[tuple[Any, ...]] = [*WHAT, *WHICH, *HOW]
    cases = [(text, written) for text, written, *_ in rows[::4]]
    right = 0
    for text, written in cases:
        with suppress(InstructionError):
            found = replace(read_instruction(text, MATCHER), probability=None, rivals=(), notes=())
            right += found == replace(task(text, written), notes=())
    assert right / len(cases) >= 0.6


def test_the_published_forms() -> None:
    found = read_instruction(
        'For each object in the image that is a member of the class set {"person":<c0>, "car":<c1>, "black cat":<c2>}, '
        "output a tuple with the class label and the coordinates of a polygon with 16 points that encloses the object. "
        "The coordinates should be within range 512. The output format should be (c, x1, y1, ...).", MATCHER
    )  # fmt: skip
    assert found.class_set == ("person", "car", "black cat") and found.targets is not None
    meant = [(target.classes, target.colour) for target in found.targets]
    assert meant == [(("person",), None), (("car",), None), (("cat",), "black")]
    assert found.output == OutputFormat(geometry="polygon", points=16, scale="range", class_as="token")

    found = read_instruction(
        "Please find the object in the category set {<the person left of the dog>:<cls0>} within the range 512.",
        MATCHER,
    )
    assert (found.kind, found.expression) == ("ground", "person left of the dog")


def test_what_the_model_does_not_know_or_cannot_obey_is_said() -> None:
    found = task("find the helicopter and the dogs", "detect helicopter, dogs")
    assert labels(found) == ["dog"] and [unknown.word for unknown in found.undetectable] == ["helicopter"]
    assert "airplane" in found.undetectable[0].nearest
    found = task("Find the Buses — and PAINT them “with feelings”", "detect Buses; ignore PAINT them with feelings")
    assert labels(found) == ["bus"] and found.unread == ("PAINT them “with feelings",)
    assert "PAINT them" in found.describe()


def test_other_languages_are_not_guessed() -> None:
    for text in ("Finde alle Hunde", "すべての犬を見つけて"):
        found = read_instruction(text, MATCHER)
        assert found is read_instruction(text, MATCHER), "read once for many images"
        assert (found.undetectable or found.unread or not found.understood) and not found.targets


def test_what_is_no_instruction_is_refused_and_no_text_breaks_the_reading() -> None:
    for text, written, named in (
        ("find dogs but no dogs", "detect dogs except dogs", "rules out everything"),
        ("cars as YOLO and as COCO", "contradiction", "contradicts itself"),
        ("dogs at least 90 and at most 20 pixels wide", "detect dogs; width > 90; width < 20", "at least 90"),
    ):
        with pytest.raises(InstructionError, match=named):
            task(text, written)
    for text in ("", "  \n", "?!", "x" * 200_001, "{<expression>:<cls0>}"):
        with pytest.raises(InstructionError):
            read_instruction(text, MATCHER)
    for text in (
        "{" * 500 + " [" * 500 + " find dogs",
        "Task: segment α; points 16\nI: dogs\nTask:",
        "<|im_end|><|endoftext|> find the dogs \x00\x07\u202e in it",
        "a" * 3000,
    ):
        assert isinstance(read_instruction(text, MATCHER).describe(), str)


def test_readings_are_not_told_apart_by_the_extent_of_what_is_not_obeyed() -> None:
    readings = readers(PACKAGED).instructions.read(TextPrompt("Find every person and tell me a joke"), MATCHER)
    told = [reading.task for reading in readings if isinstance(reading.task, Task)]
    assert "joke" in told[0].unread[0]
    assert len({repr(replace(one, unread=(str(bool(one.unread)),))) for one in told}) == len(told)
    assert sum(reading.probability for reading in readings) <= 1.001


DOGS, CATS = (Target("dog", ("dog",)),), (Target("cat", ("cat",)),)


@pytest.mark.parametrize(
    ("shares", "understood", "unread", "rivals"),
    [
        ((0.1, 0.7, 0.1), True, False, 1),
        ((0.7, 0.2, 0.1), False, True, 0),
        ((0.4, 0.3, 0.2), False, False, 2),
        ((0.4, 0.0, 0.0), False, True, 0),
        ((0.45, 0.2, 0.0), False, False, 1),
        ((0.05, 0.05, 0.05), False, True, 0),
        ((0.0, 0.4, 0.3), False, False, 2),
    ],
)
def test_what_no_picture_tells_is_told_from_what_may_mean_several_things(
    monkeypatch: pytest.MonkeyPatch, shares: tuple[float, ...], understood: bool, unread: bool, rivals: int
) -> None:
    text = f"what does the sign say to {shares}"  # that is beyond pictures, dogs, or cats
    tasks = (Task(text, unread=(text,)), Task(text, targets=DOGS), Task(text, targets=CATS))
    listed = [TaskReading(task, share, "") for task, share in zip(tasks, shares, strict=True)]
    readings = sorted(listed, key=lambda one: -one.probability)
    reader = SimpleNamespace(instructions=SimpleNamespace(read=lambda prompt, matcher: readings))
    monkeypatch.setattr("vision.parsing.reader.readers", lambda folder: reader)
    found = read_instruction(text, MATCHER)
    assert (found.understood, bool(found.unread), len(found.rivals)) == (understood, unread, rivals)
    assert ("may mean several things" in str(found.notes)) == bool(rivals and not understood)
    assert is_beyond_pictures(found) == (unread and shares[0] >= POSSIBLE)


def test_what_is_looked_for_bears_the_class_where_the_word_is_narrower() -> None:
    cases: dict[str, list[tuple[str, tuple[str, ...], tuple[str, ...]]]] = {
        "detect limousines": [("car", ("car",), ("limousine",))],
        "detect taxis, limousines": [("car", ("car",), ("taxi", "limousine"))],
        "detect red taxis": [("red car", ("car",), ("taxi",))],
        "detect vans": [("car", ("car",), ("van",)), ("truck", ("truck",), ("van",))],
        "detect limousines, cars": [("car", ("car",), ())],
        "detect automobiles": [("automobile", ("car",), ())],
    }
    for written, targets in cases.items():
        found = task(written.replace("detect", "find"), written)
        assert [(target.label, target.classes, target.narrower) for target in found.targets or ()] == targets
        assert found.class_set == tuple(label for label, *_ in targets)


def test_a_task_goes_into_json_with_its_rivals() -> None:
    text = "the three largest red cars and the helicopters, range 512"
    found = task(text, "detect red cars, helicopters; largest 3; range 512")
    plain = json.loads(json.dumps(replace(found, rivals=(found,)).to_dict()))
    assert plain["output"]["range"] == 512
    assert plain["targets"] == [{"label": "red car", "classes": ["car"], "colour": "red", "narrower": []}]
    assert plain["rivals"][0]["output"]["range"] == 512
    assert "helicopter" in found.describe()


def test_an_open_vocabulary_takes_the_users_phrases() -> None:
    text = "find forklifts and red helmets"
    found = task_of(text, read_back(" detect forklifts, red helmets", TextPrompt(text)), OpenMatcher())
    assert [target.classes for target in found.targets or ()] == [("forklift",), ("red helmet",)]
    assert not found.undetectable


def test_what_else_may_be_meant_is_told_once_and_is_something_else() -> None:
    nothing = Task(targets=(), undetectable=(Undetectable("white bus"),), asks_whether=True)
    same, whether = Task(targets=DOGS, unread=("please",)), Task(targets=DOGS, asks_whether=True)
    task = Task(targets=DOGS, rivals=(same, nothing, whether, Task("x", "count"), Task("y", "count")))
    assert choices(task) == {"Find the boxes of dog. Answer yes or no.": 2, "Count everything that the model knows.": 3}
    assert task.describe().count("It may also mean") == 2
    assert choices(replace(task, understood=False))["Find the boxes of dog."] == 0, "nothing is done yet"


def test_for_a_video_readings_that_follow_the_same_things_are_one() -> None:
    find, other = Task("x", targets=DOGS, probability=0.4), Task("x", targets=CATS, probability=0.3)
    count = Task("x", "count", DOGS, probability=0.2)
    unsure = Task("x", targets=(), understood=False, probability=0.4, rivals=(find, other, count))
    sure = followed(unsure)
    assert sure.understood and sure.targets == DOGS and sure.rivals == (other,)
    assert sure.probability == pytest.approx(0.6)
    assert followed(replace(unsure, rivals=(find, other))) == replace(unsure, rivals=(find, other))
    assert followed(other) is other
