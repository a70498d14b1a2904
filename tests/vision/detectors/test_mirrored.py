from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vision.detectors.test_nanodet import photograph
from tests.vision.detectors.test_slices import BOTH, HUNDREDS, ShortSighted, picture
from vision import Vision
from vision.detectors.detector import LEAST, Detector, FlipTTA, Found, Request, fused
from vision.detectors.nanodet.detector import NanoDet
from vision.detectors.slices import SlicedDetector
from vision.errors import DetectorError
from vision.images import LoadedImage, load_image
from vision.task import Target, Task


def found(*boxes: tuple[str, float, tuple[float, float, float, float]]) -> Found:
    """Class, score and box of each."""
    return Found(
        np.array([box for *_, box in boxes], np.float32).reshape(-1, 4),
        tuple(name for name, *_ in boxes),
        np.array([score for _, score, _ in boxes], np.float32),
    )


def scores(look: Found) -> list[float]:
    assert look.scores is not None
    return [float(score) for score in look.scores]


class OneSided(Detector):
    """Finds one dog at a place of the image as it is looked at, the surer the brighter the picture's left edge is."""

    name, vocabulary = "one-sided", ("dog",)

    def __init__(self) -> None:
        self.asked: list[float] = []

    def detect(self, images: Sequence[LoadedImage], request: Request) -> list[Found]:
        self.asked.append(request.min_score)
        return [found(("dog", float(image.pixels[0, 0, 0]) / 250, (10, 20, 30, 40))) for image in images]


def edges(left: int, right: int) -> LoadedImage:
    pixels = np.zeros((50, 100, 3), np.uint8)
    pixels[:, 0], pixels[:, -1] = left, right
    return load_image(pixels)


def test_two_boxes_become_their_weighted_mean_and_what_one_look_alone_has_keeps_half_of_its_score() -> None:
    both = fused(found(("dog", 0.6, (0, 0, 100, 100))), found(("dog", 0.2, (20, 0, 100, 100))), 0.1)
    assert both.labels == ("dog",)
    np.testing.assert_allclose(both.xyxy, [[5, 0, 100, 100]], atol=1e-4)
    assert scores(both) == pytest.approx([0.4])
    one = found(("dog", 0.9, (0, 0, 10, 10)), ("cat", 0.8, (50, 0, 60, 10)))
    both = fused(one, found(("dog", 0.4, (50, 0, 60, 10))), 0.3)
    assert both.labels == ("dog", "cat"), "a dog is no cat, wherever it is"
    assert scores(both) == pytest.approx([0.45, 0.4])


boxes = st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(1, 40), st.integers(1, 40)).map(
    lambda box: (box[0], box[1], box[0] + box[2], box[1] + box[3])
)
looks = st.lists(st.tuples(st.sampled_from("ab"), st.floats(0.05, 1), boxes), max_size=6).map(
    lambda boxes: found(*boxes)
)


@given(looks, looks)
def test_nothing_is_lost_and_the_looks_may_change_places(one: Found, other: Found) -> None:
    both, turned = fused(one, other, 0.0), fused(other, one, 0.0)
    assert sum(scores(both)) == pytest.approx((sum(scores(one)) + sum(scores(other))) / 2, abs=1e-5)
    assert max(len(one.labels), len(other.labels)) <= len(both.labels) <= len(one.labels) + len(other.labels)
    assert scores(both) == sorted(scores(both), reverse=True)
    assert sorted(both.labels) == sorted(turned.labels)


def test_a_mirror_images_boxes_are_turned_back_and_both_looks_are_asked_for_what_lowers_a_mean() -> None:
    # In the image at 10 to 30; of its mirror image at 10 to 30 from the right.
    (alone,) = FlipTTA(OneSided()).detect([edges(200, 100)], Request(("dog",), 0.1))
    assert alone.xyxy.tolist() == [[10, 20, 30, 40], [70, 20, 90, 40]]
    assert scores(alone) == pytest.approx([0.4, 0.2])
    inner = OneSided()
    for bound in (0.5, 0.01):
        FlipTTA(inner).detect([edges(200, 100)], Request(("dog",), bound))
    assert inner.asked == [LEAST, 0.01]


def test_an_error_of_either_look_is_the_images_alone_and_a_detector_without_scores_is_refused() -> None:
    class Blinded(OneSided):
        def detect_each(self, images: Iterable[LoadedImage], request: Request):  # type: ignore[no-untyped-def]
            for image in images:
                blind = image.pixels[0, 0, 0] == 255
                yield DetectorError("blinded") if blind else self.detect([image], request)[0]

    images = [edges(200, 100), edges(255, 100), edges(100, 255), edges(200, 100)]
    results = list(FlipTTA(Blinded()).detect_each(images, Request(("dog",), 0.1)))
    assert [type(result) for result in results] == [Found, DetectorError, DetectorError, Found]
    unsure = OneSided()
    unsure.gives_scores = False
    with pytest.raises(DetectorError, match="one-sided gives no scores"):
        FlipTTA(unsure)


def test_outlines_are_turned_too_and_those_of_the_surer_look_stay() -> None:
    image, request = picture((100, 60), ("red", 10, 20, 40, 50)), replace(BOTH, polygons=True)
    (plain,) = ShortSighted().detect([image], request)
    (twice,) = FlipTTA(ShortSighted()).detect([image], request)
    assert twice.labels == plain.labels and twice.xyxy.tolist() == plain.xyxy.tolist()
    assert plain.polygons is not None and twice.polygons is not None
    for ring, other in zip(plain.polygons[0], twice.polygons[0], strict=True):
        np.testing.assert_allclose(sorted(ring.tolist()), sorted(other.tolist()), atol=1.0)


def test_vision_looks_twice_whole_and_in_slices_and_says_so_of_itself() -> None:
    image = picture((1000, 400), ("red", 640, 200, 650, 207)).pixels
    task = Task(targets=(Target("red", ("red",)),))
    sliced = Vision(ShortSighted(), slices=HUNDREDS, mirrored=True)
    assert sliced.mirrored and sliced.detect(image, task).xyxy.tolist() == [[640, 200, 650, 207]]
    for vision, mirrored in ((Vision(ShortSighted()), False), (Vision(ShortSighted(), mirrored=True), True)):
        assert vision.mirrored is vision.deciding()["mirrored"] is mirrored
    assert Vision(SlicedDetector(FlipTTA(ShortSighted()), HUNDREDS)).mirrored


def test_an_image_and_its_mirror_image_are_seen_alike() -> None:
    image = photograph("astronaut.png")
    turned = load_image(np.ascontiguousarray(image.pixels[:, ::-1]))
    request = Request(("person", "tie", "dog"), 0.1)
    one, other = (FlipTTA(NanoDet()).detect([look], request)[0] for look in (image, turned))
    assert one.labels == other.labels
    assert scores(one) == pytest.approx(scores(other), abs=1e-6)
    back = replace(other, xyxy=np.stack([image.width - other.xyxy[:, 2], other.xyxy[:, 1],
                                         image.width - other.xyxy[:, 0], other.xyxy[:, 3]], axis=1))  # fmt: skip
    np.testing.assert_allclose(one.xyxy, back.xyxy, atol=1e-3)
