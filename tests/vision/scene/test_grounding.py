"""What expressions give in scenes: which objects, which value, for which reasons."""

from __future__ import annotations

import json

import numpy as np
import pytest

from vision.classes import COCO_CLASSES, COCO_SUPERCATEGORIES, ClassMatcher
from vision.detections.detections import Detections
from vision.errors import InstructionError
from vision.images.loading import LoadedImage
from vision.scene import Grounding, Scene, expression_classes, ground

Thing = tuple[str, list[int], tuple[int, int, int], float]
RED, BLUE, GREEN, GREY, BLACK, WHITE = (
    (200, 30, 30), (20, 40, 200), (40, 150, 50), (128, 128, 128), (15, 15, 15), (245, 245, 245),
)  # fmt: skip

STREET: list[Thing] = [
    ("bus", [300, 100, 600, 400], RED, 0.95),
    ("person", [100, 150, 180, 390], BLUE, 0.8),
    ("person", [200, 160, 260, 380], GREY, 0.85),
    ("dog", [10, 300, 60, 400], BLACK, 0.6),
    ("car", [605, 330, 639, 360], RED, 0.5),
]
ROOM: list[Thing] = [
    ("couch", [100, 200, 500, 400], BLUE, 0.9),
    ("dog", [120, 180, 220, 300], BLACK, 0.7),
    ("dog", [520, 300, 600, 420], WHITE, 0.8),
    ("cat", [300, 220, 380, 300], WHITE, 0.9),
    ("person", [380, 60, 470, 450], GREY, 0.9),
    ("tie", [415, 120, 435, 200], RED, 0.4),
    ("cup", [20, 30, 50, 70], RED, 0.5),
    ("cup", [60, 30, 90, 70], BLUE, 0.6),
    ("cup", [100, 30, 140, 80], GREEN, 0.55),
]
MATCHER = ClassMatcher(COCO_CLASSES, COCO_SUPERCATEGORIES)


def scene_of(things: list[Thing], scored: bool = True) -> Scene:
    """Things in a scene, best first, labelled with their places in the list."""
    things = sorted(things, key=lambda thing: -thing[3]) if scored else things
    pixels = np.full((480, 640, 3), 190, np.uint8)
    for _, (x1, y1, x2, y2), colour, _ in sorted(things, key=lambda thing: -thing[1][3] * (thing[0] == "couch")):
        pixels[y1:y2, x1:x2] = colour
    found = Detections(
        (640, 480),
        np.array([thing[1] for thing in things], np.float32).reshape(-1, 4),
        tuple(thing[0] for thing in things),
        np.array([thing[3] for thing in things], np.float32) if scored else None,
    )
    return Scene.from_detections(found, LoadedImage(pixels))


@pytest.fixture(scope="module")
def street() -> Scene:
    return scene_of(STREET)


@pytest.fixture(scope="module")
def room() -> Scene:
    return scene_of(ROOM)


def boxes(grounding: Grounding, things: list[Thing]) -> list[int]:
    """Places in the list of the things that were returned."""
    return sorted(
        next(i for i, thing in enumerate(things) if thing[1] == box) for box in grounding.detections.xyxy.tolist()
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the bus", [0]),
        ("the person left of the bus", [2]),  # two are, this one is surer
        ("people left of the bus", [1, 2]),
        ("the person in blue", [1]),
        ("the person next to the dog", [1]),
        ("the leftmost person", [1]),
        ("the person on the right", [2]),
        ("the second person from the left", [2]),
        ("the tallest person", [1]),
        ("the person nearest to the bus", [2]),
        ("the person farthest from the bus", [1]),
        ("the person between the dog and the other person", [1]),
        ("vehicles", [0, 4]),
        ("red vehicles", [0, 4]),
        ("the small vehicle", [4]),
        ("vehicles except buses", [4]),
        ("everything that is not red", [1, 2, 3]),
        ("the dog or the car", [3, 4]),
        ("people who are not near the dog", [2]),
        ("the two people", [1, 2]),
        ("the thing on the far right", [4]),
        ("the cat", []),
        ("the dog right of the bus", []),
    ],
)
def test_things_in_the_street(text: str, expected: list[int], street: Scene) -> None:
    assert boxes(ground(text, street, MATCHER), STREET) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the dog on the couch", [1]),
        ("the dog that is not on the couch", [2]),
        ("the animals on the couch", [1, 3]),
        ("the black dog", [1]),
        ("the white animals", [2, 3]),
        ("the man with the red tie", [4]),
        ("the man wearing a tie", [4]),
        ("the cat between the dog and the person", [3]),
        ("the second cup from the left", [7]),
        ("the largest cup", [8]),
        ("the two leftmost cups", [6, 7]),
        ("the red cup and the green cup", [6, 8]),
        ("cups that are red or blue", [6, 7]),
        ("the cup left of the blue cup", [6]),
        ("the animal nearest to the person", [3]),
        ("the dog to the left of the cat on the couch", [1]),
        ("all cups but the blue one", [6, 8]),
        ("the largest of the cups", [8]),
        ("the person the tie is on", [4]),
    ],
)
def test_things_in_the_room(text: str, expected: list[int], room: Scene) -> None:
    assert boxes(ground(text, room, MATCHER), ROOM) == expected


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("how many cups are there?", 3),
        ("how many animals are on the couch", 2),
        ("how many people", 1),
        ("how many buses are there", 0),
        ("how many cups are red or green", 2),
        ("is there a dog on the couch?", True),
        ("is there a bus", False),
        ("are there any cups right of the couch", False),
        ("is the black dog on the couch", True),
        ("is the white dog on the couch?", False),
        ("are both dogs on the couch", False),
        ("are the cups left of the cat", True),
        ("are all cups red", False),
        ("are all buses red", False),
        ("is the cat smaller than the person", True),
        ("does the man have a tie", True),
        ("are there three cups", True),
        ("are there more than three cups", False),
        ("are there at least two dogs", True),
        ("is there only one cat", True),
        ("are there no buses", True),
        ("is there a cat and a dog", True),
        ("is there a cat and a bus", False),
        ("is there a cat or a bus", True),
        ("are the two dogs next to each other", False),
        ("is nobody on the couch", False),
        ("what colour is the couch", "blue"),
        ("what colour is the dog that is on the couch", "black"),
        ("what animal is left of the cat", "dog"),
        ("what is the person wearing", "tie"),
        ("who is wearing a tie", "person"),
        ("what is inside the bus", "nothing"),
        ("where is the red cup", "top left"),
        ("where is the bus", "unknown"),
    ],
)
def test_questions_about_the_room(text: str, value: object, room: Scene) -> None:
    found = ground(text, room, MATCHER).value
    assert found == value
    assert type(found) is type(value)


class TestOneThing:
    def test_of_several_that_fit_the_surest_is_taken_and_it_is_said(self, street: Scene) -> None:
        grounding = ground("the person left of the bus", street, MATCHER)
        assert grounding.notes == ("2 things fit; the one with the highest score was taken.",)

    def test_without_scores_the_largest_is_taken(self) -> None:
        grounding = ground("the person left of the bus", scene_of(STREET, scored=False), MATCHER)
        assert boxes(grounding, STREET) == [1]
        assert "the largest box" in grounding.notes[0]

    def test_of_more_things_than_a_number_the_surest_are_taken(self, room: Scene) -> None:
        grounding = ground("the two cups", room, MATCHER)
        assert boxes(grounding, ROOM) == [7, 8]
        assert "the 2 with the highest score" in grounding.notes[0]

    def test_of_fewer_all_are_returned_and_it_is_said(self, room: Scene) -> None:
        grounding = ground("the five cups", room, MATCHER)
        assert len(grounding.detections) == 3
        assert grounding.notes == ("Only 3 of the 5 things asked for were found.",)


class TestWhatCannotBeSeen:
    def test_an_adjective_is_left_out_where_it_decides_nothing(self, room: Scene) -> None:
        grounding = ground("the old man", room, MATCHER)
        assert boxes(grounding, ROOM) == [4]
        assert '"old" cannot be told' in grounding.notes[0]

    @pytest.mark.parametrize(
        "text",
        [
            "the old dog",
            "the cup on the shelf",
            "how many old men are there",
            "is the dog asleep",
            "are all cups wooden",
        ],
    )
    def test_but_it_decides_nothing_by_guessing(self, text: str, room: Scene) -> None:
        with pytest.raises(InstructionError, match="cannot be told"):
            ground(text, room, MATCHER)

    def test_clothes_are_told_by_their_colour_alone(self, street: Scene) -> None:
        grounding = ground("the man in the blue shirt", street, MATCHER)
        assert boxes(grounding, STREET) == [1]
        assert '"shirt" cannot be detected' in grounding.notes[0]


class TestLooseness:
    def test_a_link_is_taken_loosely_where_nothing_fits_it_strictly(self) -> None:
        things: list[Thing] = [("person", [100, 100, 160, 300], GREY, 0.9), ("dog", [180, 240, 240, 300], BLACK, 0.8)]
        grounding = ground("the person with the dog", scene_of(things), MATCHER)
        assert boxes(grounding, things) == [0]
        assert grounding.notes == ('Nothing fits "with" strictly, so it was taken loosely.',)

    def test_a_count_is_never_loose(self) -> None:
        things: list[Thing] = [("person", [100, 100, 160, 300], GREY, 0.9), ("dog", [180, 240, 240, 300], BLACK, 0.8)]
        assert ground("how many people are with a dog", scene_of(things), MATCHER).value == 0

    def test_another_attachment_is_taken_where_the_first_gives_nothing(self, room: Scene) -> None:
        grounding = ground("the dog next to the couch on the right", room, MATCHER)
        assert boxes(grounding, ROOM) == [2]


UNSURE: list[Thing] = [("dog", [10, 10, 90, 90], BLACK, 0.9), ("cat", [200, 10, 290, 90], WHITE, 0.2)]


class TestUnsureObjects:
    def test_they_are_looked_at_where_nothing_sure_fits(self) -> None:
        grounding = ground("the cat", scene_of(UNSURE), MATCHER, min_score=0.35)
        assert boxes(grounding, UNSURE) == [1]
        assert "scores at least 0.35" in grounding.notes[0]

    def test_but_not_where_something_sure_does(self) -> None:
        assert boxes(ground("animals", scene_of(UNSURE), MATCHER, min_score=0.35), UNSURE) == [0]

    def test_nor_below_their_bound(self) -> None:
        assert len(ground("the cat", scene_of(UNSURE), MATCHER, min_score=0.8).detections) == 0

    @pytest.mark.parametrize(("text", "value"), [("how many cats are there", 0), ("is there a cat", False)])
    def test_and_never_for_a_number_or_a_truth_value(self, text: str, value: object) -> None:
        assert ground(text, scene_of(UNSURE), MATCHER, min_score=0.35).value == value


class TestReasons:
    def test_each_object_has_the_triples_that_make_it_an_answer(self, street: Scene) -> None:
        grounding = ground("people left of the bus", street, MATCHER)
        assert [reason.facts for reason in grounding.justification] == [
            ((name, "class", "person"), (name, "left_of", "bus 1"), ("bus 1", "class", "bus"))
            for name in ("person 1", "person 2")
        ]
        assert grounding.justification[0].words == "person 1 is a person; person 1 is left of bus 1; bus 1 is a bus"

    def test_every_fact_is_in_the_graph(self, room: Scene) -> None:
        for text in ("the dog on the couch", "the man with the red tie", "cups that are not red"):
            grounding = ground(text, room, MATCHER)
            assert grounding.justification
            for reason in grounding.justification:
                for head, relation, tail in reason.facts:
                    assert isinstance(tail, str)
                    assert len(room.answer(f'"{head}" & ~{relation}("{tail}")').ranked) == 1

    def test_the_query_runs_again_by_itself(self, room: Scene) -> None:
        for text in ("the animal nearest to the person", "the cat between the dog and the person", "the largest cup"):
            grounding = ground(text, room, MATCHER)
            assert room.query(str(grounding.query)).xyxy.tolist() == grounding.detections.xyxy.tolist()

    def test_it_goes_through_json(self, street: Scene) -> None:
        shown = json.loads(json.dumps(ground("is there a dog left of a person?", street, MATCHER).to_dict()))
        assert shown["value"] is True
        assert shown["query"] == 'exists(~class("dog") & ~left_of(~class("person")))'
        assert shown["objects"][0]["class"] == "dog"
        assert shown["justification"][0]["facts"][0] == ["dog 1", "class", "dog"]


def test_asking_a_detector_for_the_expressions_classes_alone_changes_nothing(room: Scene) -> None:
    for text in (
        "the dog on the couch",
        "the animal nearest to the person",
        "how many cups are there",
        "the man with a tie",
    ):
        targets = expression_classes(text, MATCHER)
        assert targets is not None
        classes = {name for target in targets for name in target.classes}
        some = [thing for thing in ROOM if thing[0] in classes]
        whole, part = ground(text, room, MATCHER), ground(text, scene_of(some), MATCHER)
        assert (whole.value, whole.detections.xyxy.tolist()) == (part.value, part.detections.xyxy.tolist())
