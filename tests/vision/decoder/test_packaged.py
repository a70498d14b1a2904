"""The packaged decoder on photographs that come with other packages."""

from __future__ import annotations

import numpy as np
import pytest

from reasoning.lm import LLMError
from reasoning.lm.local_weights import packaged_gguf
from tests.vision.detectors.test_nanodet import photograph
from vision import Task, Vision
from vision.classes import COCO_CLASSES
from vision.decoder.detector import PACKAGED, BoxWriting
from vision.detections.boxes import iou_matrix
from vision.detectors.detector import Request
from vision.images import load_image
from vision.task import Target

pytestmark = pytest.mark.slow

MOTORCYCLE = photograph("motorcycle_left.png").pixels


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


def test_the_words_decide_and_it_finds_what_the_detector_finds_and_nothing_else(vision: Vision) -> None:
    """No class token and no place in the prompt means a class."""
    found, usual = (one.detect(MOTORCYCLE, asked("cat", "motorcycle", "zebra")) for one in (vision, Vision()))
    assert {*found.class_names} == {"motorcycle"} == {*usual.class_names}
    assert iou_matrix(found.xyxy[:1], usual.xyxy[:1])[0, 0] > 0.9
    assert len(vision.detect(MOTORCYCLE, asked("giraffe", "pizza", "toothbrush"))) == 0
    blank = np.full((200, 300, 3), 127, np.uint8)
    assert len(vision.detect(blank, "Find every object.")) == 0


def test_few_classes_give_exactly_their_part_of_what_all_give(vision: Vision) -> None:
    image, classes = [load_image(MOTORCYCLE)], ("bicycle", "person", "car", "motorcycle")
    (everything,) = vision.detector.detect(image, Request(COCO_CLASSES, 0.05))
    (found,) = vision.detector.detect(image, Request(classes, 0.05))
    mine = [place for place, label in enumerate(everything.labels) if label in classes]
    assert found.labels == tuple(everything.labels[place] for place in mine)
    assert np.array_equal(found.xyxy, everything.xyxy[mine])


def test_words_mean_what_they_do_with_any_detector(vision: Vision) -> None:
    phrases = ("motorbikes", "cats", "vehicle")
    task = Task(" and ".join(phrases), targets=tuple(Target(one, vision.matcher.match(one).classes) for one in phrases))
    found, usual = vision.detect(MOTORCYCLE, task), Vision().detect(MOTORCYCLE, task)
    assert len(found) and found.class_names[0] == usual.class_names[0]
    assert iou_matrix(found.xyxy[:1], usual.xyxy[:1])[0, 0] > 0.9
