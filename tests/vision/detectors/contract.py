"""What every detector owes: inherit `DetectorContract`, give it a detector and an image in which it finds something."""

from __future__ import annotations

import numpy as np
import pytest

from vision.detectors.detector import Detector, Found, Request
from vision.errors import DetectorError
from vision.images import LoadedImage


class DetectorContract:
    """Subclasses give the fixtures `detector`, `image` and `classes` (two or more, one of them seen)."""

    least = 0.1
    """The score from which boxes are asked for; a small random model is sure of nothing."""

    @pytest.fixture
    def detector(self) -> Detector:
        raise NotImplementedError

    @pytest.fixture
    def image(self) -> LoadedImage:
        raise NotImplementedError

    @pytest.fixture
    def classes(self) -> tuple[str, ...]:
        raise NotImplementedError

    @pytest.fixture
    def found(self, detector: Detector, image: LoadedImage, classes: tuple[str, ...]) -> Found:
        (found,) = detector.detect([image], Request(classes, self.least))
        assert len(found.labels), "the contract needs an image in which something is found"
        return found

    def test_boxes_lie_inside_the_image_and_have_an_area(self, found: Found, image: LoadedImage) -> None:
        width, height = image.size
        assert found.xyxy.shape == (len(found.labels), 4) and found.xyxy.dtype == np.float32
        assert np.all(found.xyxy[:, :2] < found.xyxy[:, 2:])
        assert np.all(found.xyxy >= 0) and np.all(found.xyxy <= (width, height, width, height))

    def test_labels_are_classes_that_were_asked_for(self, found: Found, classes: tuple[str, ...]) -> None:
        assert set(found.labels) <= set(classes)

    def test_scores_fall_and_lie_between_0_and_1(self, found: Found, detector: Detector) -> None:
        if not detector.gives_scores:
            assert found.scores is None
            return
        assert found.scores is not None and found.scores.dtype == np.float32
        assert np.all(np.diff(found.scores) <= 0) and np.all((found.scores >= self.least) & (found.scores <= 1))

    def test_outlines_are_one_a_box_where_there_are_any(self, found: Found) -> None:
        assert found.polygons is None or len(found.polygons) == len(found.labels)

    def test_the_order_of_the_classes_changes_nothing(
        self, detector: Detector, image: LoadedImage, classes: tuple[str, ...], found: Found
    ) -> None:
        (other,) = detector.detect([image], Request(tuple(reversed(classes)), self.least))
        assert other.labels == found.labels and np.array_equal(other.xyxy, found.xyxy)

    def test_a_batch_gives_what_each_image_gives_alone(
        self, detector: Detector, image: LoadedImage, classes: tuple[str, ...], found: Found
    ) -> None:
        both = detector.detect([image, image], Request(classes, self.least))
        assert [other.labels for other in both] == [found.labels] * 2
        assert all(np.allclose(other.xyxy, found.xyxy, atol=1e-3) for other in both)

    def test_no_class_finds_nothing(self, detector: Detector, image: LoadedImage) -> None:
        (found,) = detector.detect([image], Request((), 0.1))
        assert found.labels == () and found.xyxy.shape == (0, 4)

    def test_no_image_gives_no_result(self, detector: Detector, classes: tuple[str, ...]) -> None:
        assert detector.detect([], Request(classes)) == []

    def test_a_class_outside_a_fixed_vocabulary_is_an_error_that_names_it(
        self, detector: Detector, image: LoadedImage
    ) -> None:
        if detector.vocabulary is not None:
            with pytest.raises(DetectorError, match="thingamajig"):
                detector.detect([image], Request(("thingamajig",)))
