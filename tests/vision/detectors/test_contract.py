"""Every kind of detector, held to the contract."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from tests.vision.detectors.contract import Case, DetectorContract
from tests.vision.detectors.test_nanodet import photograph
from tests.vision.detectors.test_onnx_export import picture
from tests.vision.detectors.test_slices import HUNDREDS, ShortSighted
from tests.vision.detectors.test_slices import picture as sliced_picture
from tests.vision.detectors.test_transformers_zero_shot import MANY
from tests.vision.onnx_models import save_detector
from tests.vision.tiny_vision_models import CLASSES, Shelf
from tests.vision.tiny_vision_models import picture as noisy_picture
from vision.detectors.detector import Detector, FlipTTA, Found, Request, class_numbers, found_in
from vision.detectors.embedded import NanoDet
from vision.detectors.onnx_files import OnnxExport
from vision.detectors.slices import SlicedDetector, Slicing
from vision.images import LoadedImage


class TestEmbedded(DetectorContract):
    @pytest.fixture(params=["plain", "sliced", "mirrored"])
    def case(self, request: pytest.FixtureRequest) -> Case:
        detector: Detector = NanoDet()
        if request.param == "sliced":
            detector = SlicedDetector(detector, Slicing((300, 300)))
        if request.param == "mirrored":
            detector = FlipTTA(detector)
        return detector, photograph("astronaut.png"), ("person", "tie", "dog")


class TestOnnxExport(DetectorContract):
    @pytest.fixture
    def case(self, tmp_path: Path) -> Case:
        image = picture(320, 160, green=(80, 80, 160, 160), blue=(240, 0, 320, 80))
        return OnnxExport(save_detector(tmp_path / "m.onnx", "v8", (64, 64))), image, ("red", "green", "blue")


class Quarters(Detector):
    """Finds the upper left quarter of every image to be a "corner"."""

    name, vocabulary = "quarters", ("corner", "middle")

    def detect(self, images: Sequence[LoadedImage], request: Request) -> list[Found]:
        wanted = int(0 in class_numbers(request.classes, self.vocabulary, self.name))
        boxes = [np.array([[0, 0, image.size[0] / 2, image.size[1] / 2]] * wanted, np.float32) for image in images]
        zeros = np.zeros(wanted, np.intp)
        return [found_in(self.vocabulary, box.reshape(-1, 4), np.ones(wanted, np.float32), zeros) for box in boxes]


class TestOnesOwnAndSliced(DetectorContract):
    @pytest.fixture(params=["own", "sliced"])
    def case(self, request: pytest.FixtureRequest) -> Case:
        if request.param == "own":
            return Quarters(), picture(40, 20), ("corner", "middle")
        image = sliced_picture((340, 170), ("red", 60, 30, 110, 60), ("green", 10, 100, 30, 160))
        return SlicedDetector(ShortSighted(), HUNDREDS), image, ("red", "green")


class Transformers(DetectorContract):
    """Tiny models of random weights; subclasses list their `kinds` and what they are `asked` for."""

    least, pixels = 0.0, 0.01
    kinds: ClassVar[Sequence[str]] = ()
    asked: ClassVar[tuple[str, ...]] = CLASSES

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        metafunc.parametrize("kind", self.kinds)

    @pytest.fixture
    def case(self, shelf: Shelf, kind: str) -> Case:
        return shelf.opened(kind), noisy_picture(90, 60), self.asked


@pytest.mark.slow
class TestObjectDetectors(Transformers):
    kinds = ("detr", "conditional_detr", "deformable_detr", "yolos", "rt_detr", "rt_detr_v2", "d_fine", "rf_detr")


@pytest.mark.slow
class TestZeroShotDetectors(Transformers):
    kinds = ("grounding-dino", "mm-grounding-dino", "owlvit", "owlv2")
    asked = MANY


@pytest.mark.slow
class TestSegmenters(Transformers):
    pixels = 1.0  # a pixel at the edge of a mask may fall either way
    kinds = ("maskformer", "mask2former", "eomt", "detr-masks", "rf_detr-masks", "sam3")
