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
        "grounding-dino": GroundingDino, "owlv2": Owl, "omdet-turbo": OmDetTurbo, "mask2former": Segmenter,
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


def test_a_kind_that_is_no_detector_is_refused_with_those_that_are(tmp_path: Path) -> None:
    from transformers import ViTConfig, ViTModel

    sizes: dict[str, Any] = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}
    ViTModel(ViTConfig(**sizes, image_size=16)).save_pretrained(tmp_path)
    with pytest.raises(DetectorError) as refused:
        open_transformers(str(tmp_path))
    for part in ("of the kind vit", "rt_detr", "grounding-dino", "mask2former", "florence2", "qwen2_5_vl", "sam2"):
        assert part in str(refused.value)
    assert "pp_ocr" not in str(refused.value)


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


@pytest.mark.parametrize("harm", ["broken", "pickle", "no processor", "own code", "unknown kind"])
def test_what_is_broken_missing_or_dangerous_is_refused(shelf: Shelf, tmp_path: Path, harm: str) -> None:
    rows: dict[str, tuple[str, dict[str, Any]]] = {
        "broken": ("cannot be loaded", {}),
        "pickle": ("safetensors", {}),
        "no processor": ("image processor", {}),
        "own code": ("never does", {"model_type": "mine", "auto_map": {"AutoConfig": "mine.Mine"}}),
        "unknown kind": ("yolo9000", {"model_type": "yolo9000"}),
    }
    message, changes = rows[harm]
    folder = Path(_copy(shelf("detr"), tmp_path, **changes))
    (folder / "mine.py").write_text("raise SystemExit('run!')", encoding="utf-8")
    if harm == "broken":
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
    """A model's folder with a changed configuration."""
    copied = to / "model"
    shutil.copytree(folder, copied)
    config = json.loads((copied / "config.json").read_text(encoding="utf-8"))
    (copied / "config.json").write_text(json.dumps({**config, **changes}), encoding="utf-8")
    return str(copied)
