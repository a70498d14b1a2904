"""What every detector owes: inherit `DetectorContract`, give it a detector and an image in which it finds something."""

import numpy as np
import pytest

from vision.detectors.detector import Detector, Found, Request
from vision.errors import DetectorError
from vision.images import LoadedImage, load_image

Case = tuple[Detector, LoadedImage, tuple[str, ...]]
"""A detector, an image and classes (two or more, one of them seen)."""


class DetectorContract:
    """Subclasses give the fixture `case`."""

    least = 0.1
    """The score from which boxes are asked for; a small random model is sure of nothing."""
    pixels = 1e-3
    """By how much a box may lie elsewhere where its image is one of several."""

    @pytest.fixture
    def case(self) -> Case:
        raise NotImplementedError

    @pytest.fixture
    def found(self, case: Case) -> Found:
        detector, image, classes = case
        (found,) = detector.detect([image], Request(classes, self.least))
        assert len(found.labels), "the contract needs an image in which something is found"
        return found

    def test_boxes_lie_in_the_image_and_the_classes_have_no_order(self, case: Case, found: Found) -> None:
        detector, image, classes = case
        (other,) = detector.detect([image], Request(classes[::-1], self.least))
        assert other.labels == found.labels and np.array_equal(other.xyxy, found.xyxy)
        assert found.xyxy.shape == (len(found.labels), 4) and found.xyxy.dtype == np.float32
        assert np.all(found.xyxy[:, :2] < found.xyxy[:, 2:])
        assert np.all(found.xyxy >= 0) and np.all(found.xyxy <= image.size * 2)
        assert set(found.labels) <= set(classes) and found.polygons is None
        if not detector.gives_scores:
            assert found.scores is None
            return
        assert found.scores is not None and found.scores.dtype == np.float32
        assert np.all(np.diff(found.scores) <= 0) and np.all((found.scores >= self.least) & (found.scores <= 1))

    def test_a_batch_of_all_sizes_gives_what_each_image_gives_alone(self, case: Case, found: Found) -> None:
        detector, image, classes = case
        request = Request(classes, self.least)
        others = [load_image(image.pixels[: image.height // 2]), load_image(image.pixels[:1, :1])]
        alone = [found, *(detector.detect([other], request)[0] for other in others), found]
        for one, other in zip(alone, detector.detect([image, *others, image], request), strict=True):
            assert other.labels == one.labels and np.allclose(other.xyxy, one.xyxy, atol=self.pixels)
            if one.scores is not None and other.scores is not None:
                assert np.allclose(other.scores, one.scores, atol=2e-3)

    def test_no_class_no_image_and_no_such_class(self, case: Case) -> None:
        detector, image, classes = case
        (found,) = detector.detect([image], Request((), 0.1))
        assert found.labels == () and found.xyxy.shape == (0, 4)
        assert detector.detect([], Request(classes)) == []
        if detector.vocabulary is not None:
            with pytest.raises(DetectorError, match="thingamajig"):
                detector.detect([image], Request(("thingamajig",)))
