"""Detectors of a fixed class set, each by a real forward pass of a small model with random or hand-set weights."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.vision.tiny_vision_models import CLASSES, Shelf, picture
from vision.detectors.detector import Detector, Found, Request
from vision.detectors.transformers_models import open_transformers
from vision.detectors.transformers_models.segmenters import class_names
from vision.errors import DetectorError

pytestmark = pytest.mark.slow

KINDS = ["detr", "conditional_detr", "deformable_detr", "yolos", "rt_detr", "rt_detr_v2", "d_fine", "rf_detr"]
ALL = Request(CLASSES)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    return Shelf(tmp_path_factory.mktemp("object_detectors"))


@pytest.fixture(scope="module", params=KINDS)
def detector(request: pytest.FixtureRequest, shelf: Shelf) -> Detector:
    return open_transformers(shelf(request.param))


def same(one: Found, other: Found) -> None:
    """The same objects up to the rounding of another batch's sums."""
    assert one.labels == other.labels
    assert one.scores is not None
    assert other.scores is not None
    np.testing.assert_allclose(one.scores, other.scores, atol=1e-4)
    np.testing.assert_allclose(one.xyxy, other.xyxy, atol=1e-2)


def test_the_vocabulary_is_the_models_own_and_boxes_lie_in_the_image(detector: Detector) -> None:
    image = picture(90, 60)
    (found,) = detector.detect([image], ALL)
    assert detector.vocabulary == CLASSES
    assert detector.supercategories == {"cat": "animal", "dog": "animal", "bus": "vehicle", "traffic light": "outdoor"}
    assert len(found.labels) == len(found.xyxy) > 0
    assert set(found.labels) <= set(CLASSES)
    assert found.xyxy.dtype == np.float32
    assert (found.xyxy >= 0).all()
    assert (found.xyxy <= [90, 60, 90, 60]).all()
    assert (found.xyxy[:, 2:] > found.xyxy[:, :2]).all()
    assert found.scores is not None
    assert ((found.scores >= 0) & (found.scores <= 1)).all()
    assert (np.diff(found.scores) <= 0).all(), "the best come first"
    assert found.polygons is None
    assert detector.describe([image]) is None


@pytest.mark.parametrize("count", [1, 2, 3])
def test_some_classes_give_exactly_the_full_runs_boxes_of_them(detector: Detector, count: int) -> None:
    image = picture(90, 60)
    (full,) = detector.detect([image], ALL)
    (part,) = detector.detect([image], Request(CLASSES[-count:]))
    kept = [place for place, label in enumerate(full.labels) if label in CLASSES[-count:]]
    assert part.labels == tuple(full.labels[place] for place in kept)
    np.testing.assert_array_equal(part.xyxy, full.xyxy[kept])
    np.testing.assert_array_equal(part.scores, full.scores[kept])  # type: ignore[index]


def test_the_order_of_the_classes_changes_nothing(detector: Detector) -> None:
    image = picture(70, 80)
    (one,) = detector.detect([image], ALL)
    (other,) = detector.detect([image], Request(CLASSES[::-1]))
    assert one.labels == other.labels
    np.testing.assert_array_equal(one.xyxy, other.xyxy)


def test_a_batch_of_all_sizes_gives_what_single_images_give(detector: Detector) -> None:
    images = [picture(90, 60, 1), picture(40, 120, 2), picture(90, 60, 3), picture(64, 64, 4), picture(1, 1, 5)]
    for image, found in zip(images, detector.detect(images, ALL), strict=True):
        same(detector.detect([image], ALL)[0], found)


def test_boxes_below_the_bound_are_left_out(detector: Detector) -> None:
    image = picture(90, 60)
    (full,) = detector.detect([image], ALL)
    assert full.scores is not None
    middle = float(np.median(full.scores))
    (part,) = detector.detect([image], Request(CLASSES, min_score=middle))
    assert part.labels == full.labels[: int((full.scores >= middle).sum())]


@pytest.mark.parametrize(("width", "height"), [(90, 60), (50, 200), (333, 120)])
def test_a_box_that_the_head_is_set_to_comes_back_in_the_pixels_of_any_image(
    shelf: Shelf, width: int, height: int
) -> None:
    (found,) = open_transformers(shelf("detr", _always_one_bus)).detect([picture(width, height)], ALL)
    assert set(found.labels) == {"bus"}
    # Centre (0.25, 0.5), size (0.2, 0.4) of the image.
    expected = np.array([0.15 * width, 0.3 * height, 0.35 * width, 0.7 * height])
    np.testing.assert_allclose(found.xyxy, np.tile(expected, (len(found.labels), 1)), atol=1e-2)
    assert found.scores is not None
    np.testing.assert_allclose(found.scores, math.exp(3) / (math.exp(3) + 4), atol=1e-5)


def _always_one_bus(model: Any) -> None:
    import torch

    last = model.bbox_predictor.layers[-1]
    last.weight.zero_()
    last.bias.copy_(torch.logit(torch.tensor([0.25, 0.5, 0.2, 0.4])))
    model.class_labels_classifier.weight.zero_()
    model.class_labels_classifier.bias.copy_(torch.tensor([0.0, 0.0, 3.0, 0.0, 0.0]))


def test_a_class_that_the_model_lacks_is_refused_with_the_nearest(shelf: Shelf) -> None:
    with pytest.raises(DetectorError, match=r"no class 'traffic lights'.*traffic light"):
        open_transformers(shelf("detr")).detect([picture(8, 8)], Request(("traffic lights",)))


def test_numbers_that_stand_for_no_class_are_no_classes() -> None:
    assert class_names({2: "car", 0: "N/A", 1: "person", 3: "N/A", 4: "car"}) == ("person", "car")


def test_no_image_gives_no_result(shelf: Shelf, tmp_path: Path) -> None:
    assert open_transformers(shelf("detr")).detect([], ALL) == []
