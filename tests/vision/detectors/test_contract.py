"""Every kind of detector, held to the contract."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

pytest.importorskip("onnx", reason="needs onnx to make models: pip install -r requirements-dev.txt")

from tests.vision.detectors.contract import DetectorContract
from tests.vision.detectors.test_nanodet import photograph
from tests.vision.detectors.test_onnx_export import picture
from tests.vision.detectors.test_slices import HUNDREDS, ShortSighted
from tests.vision.detectors.test_slices import picture as sliced_picture
from tests.vision.onnx_models import save_detector
from tests.vision.tiny_vision_models import CLASSES, Shelf
from tests.vision.tiny_vision_models import picture as noisy_picture
from vision.detectors.detector import Detector, FlipTTA, Found, Request, class_numbers, found_in
from vision.detectors.nanodet.detector import NanoDet
from vision.detectors.onnx_files import OnnxExport
from vision.detectors.slices import SlicedDetector, Slicing
from vision.images import LoadedImage


class TestEmbedded(DetectorContract):
    @pytest.fixture(params=["plain", "sliced", "mirrored"])
    def detector(self, request: pytest.FixtureRequest) -> Detector:
        if request.param == "sliced":
            return SlicedDetector(NanoDet(), Slicing((300, 300)))
        return FlipTTA(NanoDet()) if request.param == "mirrored" else NanoDet()

    @pytest.fixture
    def image(self) -> LoadedImage:
        return photograph("astronaut.png")

    @pytest.fixture
    def classes(self) -> tuple[str, ...]:
        return ("person", "tie", "dog")


class TestOnnxExport(DetectorContract):
    @pytest.fixture
    def detector(self, tmp_path: Path) -> Detector:
        return OnnxExport(save_detector(tmp_path / "m.onnx", "v8", (64, 64)))

    @pytest.fixture
    def image(self) -> LoadedImage:
        return picture(320, 160, green=(80, 80, 160, 160), blue=(240, 0, 320, 80))

    @pytest.fixture
    def classes(self) -> tuple[str, ...]:
        return ("red", "green", "blue")


class Quarters(Detector):
    """Finds the upper left quarter of every image to be a "corner"."""

    name, vocabulary = "quarters", ("corner", "middle")

    def detect(self, images: Sequence[LoadedImage], request: Request) -> list[Found]:
        wanted = int(0 in class_numbers(request.classes, self.vocabulary, self.name))
        boxes = [np.array([[0, 0, image.size[0] / 2, image.size[1] / 2]] * wanted, np.float32) for image in images]
        zeros = np.zeros(wanted, np.intp)
        return [found_in(self.vocabulary, box.reshape(-1, 4), np.ones(wanted, np.float32), zeros) for box in boxes]


class TestOnePersonsOwn(DetectorContract):
    @pytest.fixture
    def detector(self) -> Detector:
        return Quarters()

    @pytest.fixture
    def image(self) -> LoadedImage:
        return picture(40, 20)

    @pytest.fixture
    def classes(self) -> tuple[str, ...]:
        return ("corner", "middle")


class TestSliced(DetectorContract):
    @pytest.fixture
    def detector(self) -> Detector:
        return SlicedDetector(ShortSighted(), HUNDREDS)

    @pytest.fixture
    def image(self) -> LoadedImage:
        return sliced_picture((340, 170), ("red", 60, 30, 110, 60), ("green", 10, 100, 30, 160))

    @pytest.fixture
    def classes(self) -> tuple[str, ...]:
        return ("red", "green")


class Transformers(DetectorContract):
    """Tiny models of random weights; subclasses list their `kinds` and what they are `asked` for."""

    least, pixels = 0.0, 0.01
    kinds: ClassVar[Sequence[str]] = ()
    asked: ClassVar[tuple[str, ...]] = CLASSES

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        metafunc.parametrize("kind", self.kinds)

    @pytest.fixture
    def detector(self, shelf: Shelf, kind: str) -> Detector:
        opened: Detector = shelf.opened(kind)
        return opened

    @pytest.fixture
    def image(self) -> LoadedImage:
        return noisy_picture(90, 60)

    @pytest.fixture
    def classes(self) -> tuple[str, ...]:
        return self.asked


@pytest.mark.slow
class TestObjectDetectors(Transformers):
    kinds = ("detr", "conditional_detr", "deformable_detr", "yolos", "rt_detr", "rt_detr_v2", "d_fine", "rf_detr")


@pytest.mark.slow
class TestZeroShotDetectors(Transformers):
    kinds = ("grounding-dino", "mm-grounding-dino", "owlvit", "owlv2", "omdet-turbo")
    # Beyond the text limit of 40 tokens that the tiny models have.
    asked = tuple(f"{one} {two}" for one in ("cat", "dog", "bus", "hot") for two in ("a", "light", "bus", "q", "zz"))


@pytest.mark.slow
class TestSegmenters(Transformers):
    pixels = 1.0  # a pixel at the edge of a mask may fall either way
    kinds = ("maskformer", "mask2former", "oneformer", "eomt", "detr-masks", "rf_detr-masks", "sam3")
