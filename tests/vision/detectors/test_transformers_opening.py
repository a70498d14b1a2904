"""From a name to a detector: what is refused, and what the refusal says."""

from __future__ import annotations

import json
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.vision.tiny_vision_models import CLASSES, Shelf, picture
from vision.detectors.detector import Request
from vision.detectors.transformers_models import open_transformers, split_mask_model, with_masks
from vision.detectors.transformers_models.batches import MaskedDetector
from vision.detectors.transformers_models.language_models import LanguageDetector
from vision.detectors.transformers_models.segmenters import ConceptSegmenter, ObjectDetector, Segmenter
from vision.detectors.transformers_models.zero_shot import GroundingDino, OmDetTurbo, Owl
from vision.errors import DetectorError, MissingExtraError


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    return Shelf(tmp_path_factory.mktemp("opening"))


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
@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("detr", ObjectDetector),
        ("detr-masks", Segmenter),
        ("rf_detr", ObjectDetector),
        ("rf_detr-masks", Segmenter),
        ("grounding-dino", GroundingDino),
        ("owlv2", Owl),
        ("omdet-turbo", OmDetTurbo),
        ("mask2former", Segmenter),
        ("sam3", ConceptSegmenter),
        ("florence2", LanguageDetector),
    ],
)
def test_the_configuration_decides_the_kind(shelf: Shelf, kind: str, expected: type) -> None:
    folder = shelf(kind)
    detector = open_transformers(folder, device="cpu", dtype="float32")
    assert type(detector) is expected
    assert detector.name == folder


@pytest.mark.parametrize(
    ("spec", "parts"),
    [
        ("embedded", ("embedded", None)),
        ("embedded+facebook/sam-vit-base", ("embedded", "facebook/sam-vit-base")),
        (
            "google/owlv2-base-patch16 + facebook/sam2-hiera-tiny",
            ("google/owlv2-base-patch16", "facebook/sam2-hiera-tiny"),
        ),
    ],
)
def test_a_mask_model_stands_behind_a_plus(spec: str, parts: tuple[str, str | None]) -> None:
    assert split_mask_model(spec) == parts


def test_a_folder_with_a_plus_in_its_name_is_a_folder(shelf: Shelf, tmp_path: Path) -> None:
    folder = tmp_path / "mine+yours"
    shutil.copytree(shelf("detr"), folder)
    assert isinstance(open_transformers(str(folder)), ObjectDetector)
    assert isinstance(open_transformers(f"{folder}+{shelf('sam')}"), MaskedDetector)


@pytest.mark.parametrize("spec", ["+facebook/sam-vit-base", "embedded+", "+"])
def test_half_a_pair_is_refused(spec: str) -> None:
    with pytest.raises(DetectorError, match=r"such as embedded\+facebook/sam-vit-base"):
        open_transformers(spec)


def test_a_mask_model_alone_is_told_where_it_belongs(shelf: Shelf) -> None:
    with pytest.raises(DetectorError, match=r"mask model \(sam\).*embedded\+"):
        open_transformers(shelf("sam"))


def test_behind_the_plus_stands_nothing_but_a_mask_model(shelf: Shelf) -> None:
    with pytest.raises(DetectorError, match=r"no mask model but of the kind detr.*sam2"):
        with_masks(open_transformers(shelf("detr")), shelf("detr"))


def test_a_kind_that_is_no_detector_is_refused_with_those_that_are(tmp_path: Path) -> None:
    from transformers import ViTConfig, ViTModel

    sizes: dict[str, Any] = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}
    ViTModel(ViTConfig(**sizes, image_size=16)).save_pretrained(tmp_path)
    with pytest.raises(DetectorError) as refused:
        open_transformers(str(tmp_path))
    for part in ("of the kind vit", "rt_detr", "grounding-dino", "mask2former", "florence2", "qwen2_5_vl", "sam2"):
        assert part in str(refused.value)
    assert "pp_ocr" not in str(refused.value)


def test_a_kind_that_transformers_does_not_know_is_refused(shelf: Shelf, tmp_path: Path) -> None:
    folder = _copy(shelf("detr"), tmp_path, model_type="yolo9000")
    with pytest.raises(DetectorError, match="yolo9000"):
        open_transformers(folder)


@pytest.mark.skipif(find_spec("timm") is not None, reason="timm is installed")
def test_a_model_whose_backbone_is_timms_names_the_package(shelf: Shelf, tmp_path: Path) -> None:
    backbone = {"backbone_config": {"model_type": "timm_backbone", "backbone": "resnet50", "out_indices": [1, 2, 3, 4]}}
    with pytest.raises(MissingExtraError, match="pip install timm") as refused:
        open_transformers(_copy(shelf("detr"), tmp_path, **backbone))
    assert refused.value.package == "timm"


def test_weights_that_are_not_all_there_are_not_made_up(shelf: Shelf, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = Path(_copy(shelf("detr"), tmp_path))
    weights = load_file(folder / "model.safetensors")
    del weights["class_labels_classifier.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(DetectorError, match=r"lacks 1 of the weights.*class_labels_classifier\.weight"):
        open_transformers(str(folder))


def test_broken_weights_are_said(shelf: Shelf, tmp_path: Path) -> None:
    folder = Path(_copy(shelf("detr"), tmp_path))
    (folder / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(DetectorError, match="cannot be loaded"):
        open_transformers(str(folder))


def test_a_pickle_is_never_read(shelf: Shelf, tmp_path: Path) -> None:
    folder = Path(_copy(shelf("detr"), tmp_path))
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(DetectorError, match="safetensors"):
        open_transformers(str(folder))


def test_code_of_the_models_own_is_never_run(shelf: Shelf, tmp_path: Path) -> None:
    folder = Path(_copy(shelf("detr"), tmp_path, model_type="mine", auto_map={"AutoConfig": "mine.Mine"}))
    (folder / "mine.py").write_text("raise SystemExit('run!')", encoding="utf-8")
    with pytest.raises(DetectorError, match="never does"):
        open_transformers(str(folder))


def test_a_folder_without_an_image_processor_is_said(shelf: Shelf, tmp_path: Path) -> None:
    folder = Path(_copy(shelf("detr"), tmp_path))
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(DetectorError, match="image processor"):
        open_transformers(str(folder))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("./no/such/folder", "no model folder ./no/such/folder"),
        ("facebook/no-such-detector", "hub can't be reached.*hf download facebook/no-such-detector"),
    ],
)
@pytest.mark.usefixtures("offline")
def test_a_model_that_is_not_there_is_said(name: str, message: str) -> None:
    with pytest.raises(DetectorError, match=message):
        open_transformers(name)


def test_a_missing_folders_neighbours_are_named(shelf: Shelf) -> None:
    folder = shelf("detr")
    with pytest.raises(DetectorError, match=f"there are {folder}"):
        open_transformers(f"{folder}x")


def test_a_folder_that_holds_no_model_is_said(tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match=r"config\.json and safetensors"):
        open_transformers(str(tmp_path))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"device": "gpu"}, "cuda.*did you mean 'cpu'"),
        ({"device": "cuda:99"}, "no device 'cuda:99'.*cpu"),
        ({"dtype": "bfloat"}, "did you mean 'bfloat16'"),
        ({"max_objects": 3}, "no option 'max_objects'"),
    ],
)
def test_settings_that_do_not_fit_are_refused(shelf: Shelf, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(DetectorError, match=message):
        open_transformers(shelf("detr"), **settings)


@pytest.mark.parametrize("kind", ["detr", "owlv2", "mask2former", "qwen2_5_vl"])
def test_half_precision_works_on_a_processor(shelf: Shelf, kind: str) -> None:
    detector = open_transformers(shelf(kind), dtype="bfloat16")
    (found,) = detector.detect([picture(90, 60)], Request(CLASSES))
    assert found.xyxy.dtype == "float32"
    assert (found.xyxy <= 90).all()


@pytest.mark.slow
def test_importing_the_detectors_does_not_import_torch() -> None:
    import subprocess
    import sys

    code = "import sys, vision.detectors.transformers_models; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def _copy(folder: str, to: Path, **changes: Any) -> str:
    """A model's folder with a changed configuration."""
    copied = to / "model"
    shutil.copytree(folder, copied)
    config = json.loads((copied / "config.json").read_text(encoding="utf-8"))
    (copied / "config.json").write_text(json.dumps({**config, **changes}), encoding="utf-8")
    return str(copied)
