"""The packaged decoder on photographs that come with other packages."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from reasoning.language import LLMError
from reasoning.language.smollm2_weights import packaged_gguf
from vision import Task, Vision
from vision.classes import COCO_CLASSES
from vision.decoder.adapters import PACKAGED, BoxWriting
from vision.decoder.detector import others, taught_names
from vision.decoder.teaching.binding import untaught_words
from vision.detectors.detector import Request
from vision.evaluation.grounding import iou_matrix
from vision.images.loading import load_image
from vision.task import Target

pytestmark = pytest.mark.slow

SPEC = find_spec("skimage")
assert SPEC is not None and SPEC.submodule_search_locations
PHOTOGRAPHS = Path(SPEC.submodule_search_locations[0]) / "data"
MOTORCYCLE = PHOTOGRAPHS / "motorcycle_left.png"


@pytest.fixture(scope="module")
def vision() -> Vision:
    try:
        packaged_gguf()
    except LLMError as error:
        pytest.skip(f"needs the packaged weights: {error}")
    return Vision(model="visionllm")


def asked(*words: str) -> Task:
    return Task(" and ".join(words), targets=tuple(Target(word, (word,)) for word in words))


def test_it_was_taught_all_stages_and_is_small() -> None:
    writing = BoxWriting.read(PACKAGED)
    assert writing.stages == ("binding", "projector", "joint") and writing.pictures > 10_000
    assert sum(path.stat().st_size for path in PACKAGED.iterdir()) < 15e6


def test_it_finds_what_the_detector_finds_in_the_words_of_the_instruction(vision: Vision) -> None:
    (own,) = vision.detect(MOTORCYCLE, asked("motorcycle")).xyxy[:1]
    (other,) = Vision().detect(MOTORCYCLE, asked("motorcycle")).xyxy[:1]
    assert iou_matrix(own[None], other[None])[0, 0] > 0.9


def test_it_finds_nothing_by_words_for_what_is_not_there(vision: Vision) -> None:
    assert len(vision.detect(MOTORCYCLE, asked("giraffe", "pizza", "toothbrush"))) == 0


def test_the_words_decide_whatever_else_is_asked_for(vision: Vision) -> None:
    """No class token and no place in the prompt means a class."""
    for classes in (("cat", "motorcycle"), ("motorcycle", "zebra", "bird")):
        found = vision.detect(MOTORCYCLE, asked(*classes))
        assert "motorcycle" in found.class_names and {*found.class_names} == {"motorcycle"}


def test_few_classes_give_exactly_their_part_of_what_all_give(vision: Vision) -> None:
    image = [load_image(MOTORCYCLE)]
    (everything,) = vision.detector.detect(image, Request(COCO_CLASSES, 0.05))
    for classes in (("motorcycle",), ("bicycle", "person", "car")):
        (found,) = vision.detector.detect(image, Request(classes, 0.05))
        mine = [place for place, label in enumerate(everything.labels) if label in classes]
        assert found.labels == tuple(everything.labels[place] for place in mine)
        assert everything.scores is not None and np.array_equal(found.xyxy, everything.xyxy[mine])


def test_a_word_of_ones_own_takes_the_place_of_the_class_that_it_means() -> None:
    assert "dog" not in others(("puppy",), COCO_CLASSES) and "cat" in others(("puppy",), COCO_CLASSES)
    assert len(others(("puppy",), COCO_CLASSES)) == 79
    assert {"car", "bus", "truck"}.isdisjoint(others(("vehicle",), COCO_CLASSES))
    assert len(others(("drone",), COCO_CLASSES)) == 80


def test_a_word_is_called_by_the_one_class_that_it_means() -> None:
    assert taught_names(("puppy", "car", "drone"), COCO_CLASSES) == {"puppy": "dog", "car": "car", "drone": "drone"}
    assert taught_names(("puppy", "dog"), COCO_CLASSES) == {"puppy": "puppy", "dog": "dog"}
    assert taught_names(("sofa", "settee"), COCO_CLASSES) == {"sofa": "sofa", "settee": "settee"}
    assert taught_names(("red car", "vehicle"), COCO_CLASSES) == {"red car": "red car", "vehicle": "vehicle"}


def test_words_that_were_never_taught_are_called_by_their_classes() -> None:
    assert {word: taught_names((word,), COCO_CLASSES)[word] for word in untaught_words()} == untaught_words()


def test_what_is_found_has_the_users_word(vision: Vision) -> None:
    found = vision.detect(MOTORCYCLE, asked("motorbike", "bicycle"))
    assert "motorbike" in found.class_names
    assert np.array_equal(found.xyxy[:1], vision.detect(MOTORCYCLE, asked("motorcycle")).xyxy[:1])


def test_an_image_of_nothing_has_nothing(vision: Vision) -> None:
    blank = np.full((200, 300, 3), 127, np.uint8)
    assert len(vision.detect(blank, "Find every object.")) == 0
