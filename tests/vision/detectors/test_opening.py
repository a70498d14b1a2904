"""From a name to a detector, and from many images to what it finds in them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skylark.errors import SkylarkError
from vision.classes.lexicon import COCO_CLASSES
from vision.detectors.detector import Detector, Found, Request
from vision.detectors.nanodet.detector import NanoDet
from vision.detectors.onnx_files import OnnxExport
from vision.detectors.opening import open_detector
from vision.detectors.sessions import detect_many
from vision.errors import DetectorError
from vision.images import ImageSource, LoadedImage, load_image

ANYTHING = Request(("grey",))


class GreyDetector(Detector):
    """Finds the whole of each image, as sure as its grey is light; fails on black."""

    name = "grey"
    vocabulary = ("grey",)
    batch_size = 3

    def __init__(self) -> None:
        self.calls: list[int] = []

    def detect(self, images: Sequence[LoadedImage], request: Request) -> list[Found]:
        self.calls.append(len(images))
        lightness = [float(image.pixels.mean()) / 255 for image in images]
        if 0.0 in lightness:
            raise DetectorError("black")
        return [
            Found(np.array([[0, 0, *image.size]], np.float32), ("grey",), np.array([light], np.float32))
            for image, light in zip(images, lightness, strict=True)
        ]


def grey(value: int) -> np.ndarray:
    return np.full((4, 6, 3), value, np.uint8)


def lightness(found: Found | SkylarkError) -> int | str:
    if isinstance(found, SkylarkError):
        return type(found).__name__
    assert found.scores is not None
    return round(float(found.scores[0]) * 255)


def test_results_come_in_the_order_of_the_images_from_whole_batches() -> None:
    values, detector = [9, 200, 1, 255, 30, 30, 77, 8], GreyDetector()
    results = list(detect_many(detector, [grey(value) for value in values], ANYTHING))
    assert [lightness(found) for _, _, found in results] == values
    assert [int(image.pixels[0, 0, 0]) for _, image, _ in results if image is not None] == values
    assert detector.calls == [3, 3, 2] and list(detect_many(detector, [], ANYTHING)) == []


def test_what_cannot_be_read_or_fails_gives_its_error_and_the_rest_go_on(tmp_path: Path) -> None:
    (tmp_path / "no.png").write_text("no image")
    bad: ImageSource = tmp_path / "no.png"
    sources = [bad, bad, grey(10), grey(20), bad, grey(30), tmp_path / "missing.jpg"]
    results = list(detect_many(GreyDetector(), sources, ANYTHING))
    assert [source is given for (source, _, _), given in zip(results, sources, strict=True)] == [True] * 7
    assert [lightness(found) for _, _, found in results] == [
        *["ImageError"] * 2,
        10,
        20,
        "ImageError",
        30,
        "ImageError",
    ]
    assert [image is None for _, image, _ in results] == [True, True, False, False, True, False, True]
    results = list(detect_many(GreyDetector(), [grey(value) for value in (5, 0, 7, 8, 9, 0)], ANYTHING))
    assert [lightness(found) for _, _, found in results] == [5, "DetectorError", 7, 8, 9, "DetectorError"]
    results = list(detect_many(NanoDet(1), [grey(1), grey(2)], Request(("unicorn",))))
    assert [lightness(found) for _, _, found in results] == ["DetectorError"] * 2


@pytest.mark.parametrize("make", [GreyDetector, lambda: NanoDet(2)])
def test_endless_sources_are_read_only_as_far_as_is_needed(make: type[Detector]) -> None:
    detector = make()
    taken = 0

    def endless() -> Iterator[ImageSource]:
        nonlocal taken
        while True:
            taken += 1
            yield grey(9)

    assert detector.vocabulary is not None
    results = detect_many(detector, endless(), Request(detector.vocabulary))
    for _ in range(6):
        next(results)
    assert taken <= 6 + 8
    before = threading.active_count()
    results.close()  # type: ignore[attr-defined]
    assert threading.active_count() <= before


def test_many_threads_give_what_one_image_at_a_time_gives() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (7, 90, 120, 3), np.uint8)
    detector, request = NanoDet(2), Request(COCO_CLASSES)
    for source, image, found in detect_many(detector, list(noise), request):
        assert image is not None and not isinstance(found, SkylarkError)
        (alone,) = detector.detect([load_image(source)], request)
        assert np.array_equal(found.xyxy, alone.xyxy) and found.labels == alone.labels


@pytest.mark.parametrize("name", ["m.onnx", "a+b.onnx"])
def test_the_embedded_detector_a_users_own_file_and_one_that_is_given_back(tmp_path: Path, name: str) -> None:
    detector = open_detector("embedded", threads=1)
    assert isinstance(detector, NanoDet) and detector.threads == 1 and open_detector(detector) is detector
    pytest.importorskip("onnx")
    from tests.vision.onnx_models import save_detector

    path = save_detector(tmp_path / name, "v8")
    detector = open_detector(f"onnx:{path}")
    assert isinstance(detector, OnnxExport) and detector.name == f"onnx:{path}"


def test_another_name_is_refused_with_what_was_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my-detector").mkdir()
    monkeypatch.chdir(tmp_path)
    rows: list[tuple[str, dict[str, Any], str]] = [
        (str(tmp_path), {}, r"config\.json"),
        ("embedded", {"device": "cuda"}, "device"),
        (str(tmp_path), {"threads": 2}, "threads"),
        ("embeded", {}, "did you mean 'embedded'"),
        ("", {}, 'expected "embedded"'),
        ("yolov8n.onnx", {}, "write onnx:yolov8n.onnx"),
        ("onnx:missing.onnx", {}, "missing.onnx"),
        ("/no/such/folder", {}, 'expected "embedded"'),
        ("my-detectr", {}, "did you mean 'my-detector'"),
    ]
    for name, options, message in rows:
        with pytest.raises(DetectorError, match=message):
            open_detector(name, **options)
