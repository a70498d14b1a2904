"""Words and pictures that name nothing to look for: courtesies, verbs, abstract nouns, emoji."""

from __future__ import annotations

import contextlib
import time

import pytest

from vision.classes import COCO_CLASSES, COCO_SUPERCATEGORIES, ClassMatcher
from vision.errors import InstructionError
from vision.reading.instructions import read_instruction
from vision.reading.instructions.words.emoji import emoji_name
from vision.reading.instructions.words.english import is_abstract, is_adjective, is_adverb, verb_field
from vision.task import Task

MATCHER = ClassMatcher(COCO_CLASSES, COCO_SUPERCATEGORIES)


def read(text: str) -> Task:
    return read_instruction(text, MATCHER)


def classes(text: str) -> list[str]:
    return [name for target in read(text).targets or () for name in target.classes]


@pytest.mark.parametrize("word", ["carries", "emit", "emitted", "regressed", "referring"])
def test_forms_of_a_verb_are_known(word: str) -> None:
    assert verb_field(word) is not None


@pytest.mark.parametrize("word", ["bat", "train", "bear", "orange", "phone", "cook"])
def test_what_can_be_a_thing_is_no_verb(word: str) -> None:
    assert verb_field(word) is None


def test_the_other_parts_of_speech_are_told_apart() -> None:
    assert is_adverb("ever")
    assert is_adjective("bare")
    assert is_abstract("comparison") and is_abstract("comparisons")
    assert not is_abstract("decoder")


@pytest.mark.parametrize(
    "around",
    [
        "Hiya! {} pls",
        "hey there, {} thx a lot :)",
        "Dear computer, {}, if you'd be so kind.",
        "I was wondering if you could {}. That would be lovely!",
        "My boss wants to see this: {}. Nothing else.",
        "{} asap, ignore the rest",
        "yo {} lol",
    ],
)
def test_courtesies_change_nothing(around: str) -> None:
    task = read(around.format("find the dogs"))
    assert classes(around.format("find the dogs")) == ["dog"]
    assert not task.unread and not task.undetectable


@pytest.mark.parametrize("word", ["right", "well", "dear"])
def test_a_word_of_greeting_is_none_where_it_means_something(word: str) -> None:
    assert read("right half: dogs").region == (0.5, 0, 1, 1)
    assert classes(f"{word}, find the dogs") == ["dog"]


@pytest.mark.parametrize(
    "text",
    [
        "Find the dogs and tell me what they are called.",
        "Find the clocks and read the time off them",
        "Find the cars and how many metres they are away",
        "Find the people within ten metres of the camera",
        "Find the cars and an estimate of their price",
    ],
)
def test_what_no_picture_shows_is_said_and_the_rest_is_done(text: str) -> None:
    task = read(text)
    assert task.unread
    assert task.targets


@pytest.mark.parametrize(
    ("text", "expected"),
    [("find 🐶", ["dog"]), ("the 🚗 and the 🍕 🙂", ["car", "pizza"]), ("🐈", ["cat"]), ("find 🚁", [])],
)
def test_pictures_are_read_by_their_names(text: str, expected: list[str]) -> None:
    assert classes(text) == expected


def test_a_picture_of_what_the_model_does_not_know_is_named() -> None:
    assert [one.word for one in read("find 🚁").undetectable] == ["helicopter"]


def test_a_smile_alone_asks_for_nothing() -> None:
    assert emoji_name("🙂") == ""
    with pytest.raises(InstructionError, match="empty"):
        read("🙂")


@pytest.mark.parametrize("text", ['find "  "', '"" ""', "' '", '{"":<c0>}'])
def test_quotes_around_nothing_are_no_trouble(text: str) -> None:
    try:
        assert read(text).kind == "detect"
    except InstructionError as error:
        assert "empty" in str(error)


@pytest.mark.parametrize("name", ["stop sign", "push bike", "train", "book", "scissors", "hot dog", "baseball bat"])
def test_a_class_whose_name_holds_a_verb_is_a_class(name: str) -> None:
    assert len(classes(f"boxes around each {name}, please")) == 1
    assert len(classes(f"{name}, as JSON")) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Find the man.", ["person"]),
        ("Photo of cats.", ["cat"]),
        ("Here is a picture of my dog: find it", ["dog"]),
        ("For the cats I want boxes", ["cat"]),
        ("Boxes, for my dogs and cats.", ["dog", "cat"]),
        ("my dog is over there. Find him.", ["dog"]),
        ("find 👜 and 🛑", ["handbag", "stop sign"]),
        ("find 🚗🚌🚲", ["car", "bus", "bicycle"]),
    ],
)
def test_no_courtesy_swallows_what_is_asked_for(text: str, expected: list[str]) -> None:
    assert classes(text) == expected


@pytest.mark.parametrize("text", ["find ta", "find the cheers", "find the sunset"])
def test_nothing_is_looked_for_where_only_courtesies_and_unseen_things_are_named(text: str) -> None:
    assert not read(text).understood


def test_a_part_that_the_model_does_not_know_is_named() -> None:
    task = read("find the dog and its collar")
    assert [one.word for one in task.undetectable] == ["collar"]


@pytest.mark.parametrize("text", ["List of 5 cats", "a set of 5 chairs"])
def test_a_list_of_so_many_bounds_their_number(text: str) -> None:
    limit = read(text).limit
    assert limit is not None and limit.count == 5


@pytest.mark.parametrize(
    "text",
    ["Are there no dogs?", "Is there a dog and a cat?", "Are there two dogs?", "Are there more than three people?"],
)
def test_other_questions_than_whether_any_is_there_go_to_the_scene(text: str) -> None:
    task = read(text)
    assert task.kind == "ground" and not task.asks_whether


def test_an_empty_class_set_is_refused() -> None:
    with pytest.raises(InstructionError, match="empty class set"):
        read("For each member of the class set {}, output (c, x1, y1, x2, y2)")


@pytest.mark.parametrize("seed", ["keys a, ", "one hundred ", "class name key a, ", "without dogs ", "tell ", "dog-"])
def test_long_repetitions_are_read_in_time(seed: str) -> None:
    began = time.process_time()
    with contextlib.suppress(InstructionError):
        read(seed * (8_000 // len(seed)))
    assert time.process_time() - began < 20


def test_an_empty_name_in_a_class_set_is_refused() -> None:
    with pytest.raises(InstructionError, match="an empty name"):
        read('find {"":<c0>, "cat":<c1>}')
