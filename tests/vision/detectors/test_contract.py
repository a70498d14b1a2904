"""The embedded detector, an ONNX export and the detector that the docs show, held to the contract."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx", reason="needs onnx to make models: pip install -r requirements-dev.txt")

from tests.vision.detectors.contract import DetectorContract
from tests.vision.detectors.test_nanodet import photograph
from tests.vision.detectors.test_onnx_export import picture
from tests.vision.onnx_models import save_detector
from vision.detectors.detector import Detector, Found, Request, class_numbers, found_in
from vision.detectors.nanodet.detector import NanoDet
from vision.detectors.onnx_files import OnnxExport
from vision.images import LoadedImage


class TestEmbedded(DetectorContract):
    @pytest.fixture
    def detector(self) -> Detector:
        return NanoDet()

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
