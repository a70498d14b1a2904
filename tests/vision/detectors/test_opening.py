from __future__ import annotations

from pathlib import Path

import pytest

from vision.detectors.nanodet.detector import NanoDet
from vision.detectors.onnx_files import OnnxExport
from vision.detectors.opening import open_detector
from vision.errors import DetectorError


def test_the_embedded_detector() -> None:
    detector = open_detector("embedded", threads=1)
    assert isinstance(detector, NanoDet) and detector.threads == 1


def test_a_detector_is_given_back() -> None:
    detector = NanoDet(1)
    assert open_detector(detector) is detector


@pytest.mark.parametrize("name", ["m.onnx", "a+b.onnx"])
def test_a_users_own_file(tmp_path: Path, name: str) -> None:
    pytest.importorskip("onnx")
    from tests.vision.onnx_models import save_detector

    path = save_detector(tmp_path / name, "v8")
    detector = open_detector(f"onnx:{path}")
    assert isinstance(detector, OnnxExport) and detector.name == f"onnx:{path}"


def test_a_folder_goes_to_transformers(tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match=r"config\.json"):
        open_detector(str(tmp_path))


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("embeded", "did you mean 'embedded'"),
        ("Embedded", "did you mean 'embedded'"),
        ("", 'expected "embedded"'),
        ("yolov8n.onnx", "write onnx:yolov8n.onnx"),
        ("models/yolov8n.onnx", "write onnx:models/yolov8n.onnx"),
        ("onnx:missing.onnx", "missing.onnx"),
        ("/no/such/folder", 'expected "embedded"'),
    ],
)
def test_another_name_is_refused_with_what_was_meant(spec: str, words: str) -> None:
    with pytest.raises(DetectorError, match=words):
        open_detector(spec)


def test_a_name_near_a_folder_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my-detector").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DetectorError, match="did you mean 'my-detector'"):
        open_detector("my-detectr")


def test_options_of_other_detectors_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match="device"):
        open_detector("embedded", device="cuda")
    with pytest.raises(DetectorError, match="threads"):
        open_detector(str(tmp_path), threads=2)
