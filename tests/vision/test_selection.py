"""Which of the found boxes a task keeps, under which of the user's labels."""

from dataclasses import replace
from itertools import permutations
from typing import Any

import numpy as np
import pytest

from vision.detections.boxes import cover_matrix, in_region, of_size, ranked
from vision.detections.detections import Detections
from vision.detectors.detector import Found
from vision.images import LoadedImage
from vision.selection import labelled, parted, settled
from vision.task import Limit, SizeRange, Target

RED, BLUE = (200, 20, 20), (20, 20, 200)
Box = tuple[float, float, float, float]


def picture(*patches: tuple[tuple[int, int, int, int], tuple[int, int, int]]) -> LoadedImage:
    pixels = np.full((100, 100, 3), 255, np.uint8)
    for (left, top, right, bottom), colour in patches:
        pixels[top:bottom, left:right] = colour
    return LoadedImage(pixels)


def found(*rows: tuple[Box, str, float]) -> Found:
    boxes, labels, scores = zip(*rows, strict=True)
    return Found(np.array(boxes, np.float32), labels, np.array(scores, np.float32))


def test_the_most_specific_label_has_the_box_whatever_the_order() -> None:
    targets = (Target("vehicle", ("car", "bus")), Target("car", ("car",)), Target("automobile", ("car",)))
    boxes = found(((0, 0, 9, 9), "car", 0.9), ((0, 0, 9, 9), "bus", 0.8))
    for order in permutations(targets):
        assert labelled(boxes, order, picture()) == ["car", "vehicle"]
    person = found(((0, 0, 9, 9), "person", 0.9))
    for two in permutations((Target("child", ("person",)), Target("person", ("person",)))):
        assert labelled(person, two, picture()) == ["person"], "the class's own name"


def test_an_object_of_two_classes_is_the_one_with_the_higher_score() -> None:
    whole, nearly, beside = (0, 0, 100, 100), (0, 0, 100, 95), (0, 0, 100, 60)
    boxes = settled(found((whole, "cat", 0.6), (nearly, "dog", 0.7), (beside, "bed", 0.5)))
    assert boxes.labels == ("dog", "bed") and boxes.xyxy.tolist() == [list(nearly), list(beside)]
    unscored = Found(boxes.xyxy, boxes.labels, None)
    assert settled(unscored) is unscored


def test_what_holds_surer_ones_of_its_label_or_lies_in_one_may_not_be_there_too() -> None:
    things = {
        "sure": ((100, 100, 200, 200), "bird", 0.8),
        "all of them": ((0, 0, 500, 400), "bird", 0.34),
        "elsewhere": ((300, 100, 400, 200), "bird", 0.33),
        "a part of it": ((110, 110, 150, 150), "bird", 0.32),
        "a part of one that is less sure": ((340, 110, 380, 150), "bird", 0.31),
        "overlapping": ((180, 100, 260, 200), "bird", 0.3),
        "of another label": ((110, 110, 150, 150), "cat", 0.29),
    }
    boxes, labels, scores = zip(*things.values(), strict=True)
    every = Detections((500, 400), boxes, labels, scores)  # type: ignore[arg-type]  # takes lists too
    certain, perhaps = parted(every, 0.35)
    assert certain.scores is not None and certain.scores.tolist() == pytest.approx([0.8])
    assert perhaps is not None and perhaps.scores is not None
    assert [list(things)[scores.index(round(score, 2))] for score in perhaps.scores.tolist()] == [
        "elsewhere", "overlapping", "of another label"
    ]  # fmt: skip
    assert parted(every[:2], 0.35)[1] is None


def test_the_cover_is_the_share_of_the_smaller_box() -> None:
    boxes = [(0, 0, 10, 10), (0, 0, 4, 5), (8, 0, 18, 10), (3, 3, 3, 9)]
    covers = cover_matrix(boxes, boxes[:3])
    assert covers == pytest.approx(np.array([[1, 1, 0.2], [1, 1, 0], [0.2, 0, 1], [0, 0, 0]]))


def test_a_colour_is_looked_for_in_the_pixels() -> None:
    red_box, blue_box = (5, 5, 45, 45), (55, 55, 95, 95)
    image = picture((red_box, RED), (blue_box, BLUE))
    boxes = found((red_box, "car", 0.9), (blue_box, "car", 0.8))
    red, any_car = Target("red car", ("car",), "red"), Target("car", ("car",))
    assert labelled(boxes, (red,), image) == ["red car", None]
    assert labelled(boxes, (any_car, red), image) == labelled(boxes, (red, any_car), image) == ["red car", "car"]


def test_a_region_holds_the_boxes_whose_middle_lies_in_it_and_two_halves_share_none() -> None:
    xyxy = np.array([[0, 0, 40, 40], [30, 20, 70, 60], [60, 60, 100, 100]], np.float32)
    regions: dict[Box, list[bool]] = {
        (0, 0, 0.5, 1): [True, False, False],
        (0.5, 0, 1, 1): [False, True, True],
        (0.5, 0.5, 1, 1): [False, False, True],
        (0.25, 0.25, 0.75, 0.75): [False, True, False],
    }
    assert {region: in_region(xyxy, (100, 100), region).tolist() for region in regions} == regions
    xyxy = np.array([[x, 0, x + 10, 10] for x in range(91)], np.float32)
    left, right = (in_region(xyxy, (100, 100), half) for half in ((0, 0, 0.5, 1), (0.5, 0, 1, 1)))
    assert not (left & right).any() and (left | right).all()


def test_sizes_are_bounds_with_their_ends() -> None:
    xyxy = np.array([[0, 0, 10, 10], [0, 0, 32, 32], [0, 0, 50, 20]], np.float32)

    def keep(**bounds: float) -> Any:
        return of_size(xyxy, (100, 50), SizeRange(**bounds)).tolist()

    assert keep(max_area=1024) == [True, True, True]
    assert keep(min_area=1001) == [False, True, False]
    assert keep(min_area_share=0.2) == [False, True, True]
    assert keep(min_width=50) == [False, False, True]
    assert keep(max_height=20, min_width=20) == [False, False, True]


def test_a_limit_keeps_the_first_by_its_rank() -> None:
    xyxy = np.array([[0, 0, 10, 10], [80, 0, 100, 20], [40, 40, 60, 60], [0, 90, 5, 95]], np.float32)
    scores = np.array([0.5, 0.6, 0.4, 0.9], np.float32)

    def kept(limit: Limit) -> Any:
        return ranked(xyxy, scores, (100, 100), limit).tolist()

    assert kept(Limit(2)) == [3, 1]
    assert kept(Limit(2, "area")) == [1, 2]  # the two are of one size, so the better score goes first
    assert kept(Limit(1, "area", "ascending")) == [3]
    assert kept(Limit(1, "x", "ascending")) == [3]
    assert kept(Limit(1, "x", "descending")) == [1]
    assert kept(Limit(1, "y", "descending")) == [3]
    assert kept(Limit(1, "centre", "ascending")) == [2]
    assert kept(Limit(9)) == [3, 1, 0, 2]
    assert ranked(xyxy, None, (100, 100), replace(Limit(2), by="x", order="ascending")).tolist() == [3, 0]
