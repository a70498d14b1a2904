"""From a name to a detector, and from many images to what it finds in them."""

import json
import shutil
import threading
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skylark.errors import SkylarkError
from tests.vision.onnx_models import save_detector
from tests.vision.tiny_vision_models import CLASSES, Shelf, picture
from vision.classes.lexicon import COCO_CLASSES
from vision.detectors.detector import Detector, Found, Request
from vision.detectors.embedded import NanoDet
from vision.detectors.onnx_files import OnnxExport
from vision.detectors.opening import open_detector
from vision.detectors.sessions import detect_many
from vision.detectors.transformers_models import open_transformers, split_mask_model, with_masks
from vision.detectors.transformers_models.batches import MaskedDetector
from vision.detectors.transformers_models.language_models import LanguageDetector
from vision.detectors.transformers_models.segmenters import ConceptSegmenter, ObjectDetector, Segmenter
from vision.detectors.transformers_models.zero_shot import GroundingDino, Owl
from vision.errors import DetectorError, MissingExtraError
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


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty cache, and no network whatever the machine has."""
    import huggingface_hub
    from huggingface_hub import constants

    def unreachable(*_: Any, **__: Any) -> Any:
        raise ConnectionError("no network")

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", unreachable)


@pytest.mark.slow
def test_the_configuration_decides_the_kind(shelf: Shelf) -> None:
    for kind, expected in {
        "detr": ObjectDetector, "detr-masks": Segmenter, "rf_detr": ObjectDetector, "rf_detr-masks": Segmenter,
        "grounding-dino": GroundingDino, "owlv2": Owl, "mask2former": Segmenter,
        "sam3": ConceptSegmenter, "florence2": LanguageDetector,
    }.items():  # fmt: skip
        detector = shelf.opened(kind)
        assert type(detector) is expected and detector.name == shelf(kind)


def test_a_mask_model_stands_behind_a_plus_and_nothing_else_does(shelf: Shelf) -> None:
    assert split_mask_model("embedded") == ("embedded", None)
    for spec in ("embedded+facebook/sam-vit-base", "embedded + facebook/sam-vit-base"):
        assert split_mask_model(spec) == ("embedded", "facebook/sam-vit-base")
    for spec in ("+facebook/sam-vit-base", "embedded+", "+"):
        with pytest.raises(DetectorError, match="such as embedded"):
            open_transformers(spec)
    with pytest.raises(DetectorError, match=r"mask model \(sam\).*embedded\+"):
        open_transformers(shelf("sam"))
    with pytest.raises(DetectorError, match=r"no mask model but of the kind detr.*sam2"):
        with_masks(shelf.opened("detr"), shelf("detr"))


def test_a_folder_with_a_plus_in_its_name_is_a_folder(shelf: Shelf, tmp_path: Path) -> None:
    folder = tmp_path / "mine+yours"
    shutil.copytree(shelf("detr"), folder)
    assert isinstance(open_transformers(str(folder)), ObjectDetector)
    assert isinstance(open_transformers(f"{folder}+{shelf('sam')}"), MaskedDetector)


def test_a_kind_that_is_no_detector_is_refused_with_those_that_are(shelf: Shelf, tmp_path: Path) -> None:
    with pytest.raises(DetectorError) as refused:
        open_transformers(_copy(shelf("detr"), tmp_path, model_type="vit"))
    for part in ("of the kind vit", "rt_detr", "grounding-dino", "mask2former", "florence2", "qwen2_5_vl", "sam2"):
        assert part in str(refused.value)
    assert "pp_ocr" not in str(refused.value) and "oneformer" not in str(refused.value)


@pytest.mark.skipif(find_spec("timm") is not None, reason="timm is installed")
def test_a_model_whose_backbone_is_timms_names_the_package(shelf: Shelf, tmp_path: Path) -> None:
    backbone = {"backbone_config": {"model_type": "timm_backbone", "backbone": "resnet50", "out_indices": [1, 2, 3, 4]}}
    with pytest.raises(MissingExtraError, match="pip install timm") as refused:
        open_transformers(_copy(shelf("detr"), tmp_path, **backbone))
    assert refused.value.package == "timm"


@pytest.mark.parametrize("harm", ["lacking", "broken", "pickle", "no processor", "own code", "unknown kind"])
def test_what_is_broken_missing_or_dangerous_is_refused(shelf: Shelf, tmp_path: Path, harm: str) -> None:
    rows: dict[str, tuple[str, dict[str, Any]]] = {
        "lacking": (r"lacks 1 of the weights.*class_labels_classifier\.weight", {}),
        "broken": ("cannot be loaded", {}),
        "pickle": ("safetensors", {}),
        "no processor": ("image processor", {}),
        "own code": ("never does", {"model_type": "mine", "auto_map": {"AutoConfig": "mine.Mine"}}),
        "unknown kind": ("yolo9000", {"model_type": "yolo9000"}),
    }
    from safetensors.torch import load_file, save_file

    message, changes = rows[harm]
    folder = Path(_copy(shelf("detr"), tmp_path, **changes))
    (folder / "mine.py").write_text("raise SystemExit('run!')", encoding="utf-8")
    if harm == "lacking":
        weights = load_file(folder / "model.safetensors")
        del weights["class_labels_classifier.weight"]
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    elif harm == "broken":
        (folder / "model.safetensors").write_bytes(b"not weights")
    elif harm == "pickle":
        (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    elif harm == "no processor":
        (folder / "preprocessor_config.json").unlink()
    with pytest.raises(DetectorError, match=message):
        open_transformers(str(folder))


@pytest.mark.usefixtures("offline")
def test_a_model_that_is_not_there_is_said_and_settings_that_do_not_fit(shelf: Shelf, tmp_path: Path) -> None:
    rows: list[tuple[str, dict[str, Any], str]] = [
        ("./no/such/folder", {}, "no model folder ./no/such/folder"),
        ("facebook/no-such-detector", {}, "hub can't be reached.*hf download facebook/no-such-detector"),
        (f"{shelf('detr')}x", {}, f"there are {shelf('detr')}"),
        (str(tmp_path), {}, r"config\.json and safetensors"),
        (shelf("detr"), {"device": "gpu"}, "cuda.*did you mean 'cpu'"),
        (shelf("detr"), {"device": "cuda:99"}, "no device 'cuda:99'.*cpu"),
        (shelf("detr"), {"dtype": "bfloat"}, "did you mean 'bfloat16'"),
        (shelf("detr"), {"max_objects": 3}, "no option 'max_objects'"),
    ]
    for name, settings, message in rows:
        with pytest.raises(DetectorError, match=message):
            open_transformers(name, **settings)


@pytest.mark.parametrize("kind", ["detr", "owlv2", "mask2former", "qwen2_5_vl"])
def test_half_precision_works_on_a_processor(shelf: Shelf, kind: str) -> None:
    detector = open_transformers(shelf(kind), device="cpu", dtype="bfloat16")
    (found,) = detector.detect([picture(90, 60)], Request(CLASSES))
    assert found.xyxy.dtype == "float32" and (found.xyxy <= 90).all()


def _copy(folder: str, to: Path, **changes: Any) -> str:
    copied = to / "model"
    shutil.copytree(folder, copied)
    config = json.loads((copied / "config.json").read_text(encoding="utf-8"))
    (copied / "config.json").write_text(json.dumps({**config, **changes}), encoding="utf-8")
    return str(copied)
