"""A decoder's folder: written and read back, and what is said of one that cannot be used."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from reasoning.lm.errors import LLMError
from reasoning.lm.low_rank import CONFIG_FILE, WEIGHTS_FILE
from tests.vision.decoder.tiny_decoders import changed_copy, decoder_model
from vision.classes.lexicon import COCO_CLASSES
from vision.decoder.detector import BOXES_FILE, FILE_FORMAT, PROJECTOR_FILE, BoxWriting
from vision.decoder.image_tokens import NanoDetTokens
from vision.decoder.opening import load_decoder


def test_what_is_written_is_read_back(adapter: Path, model: Path, nanodet: NanoDetTokens, tmp_path: Path) -> None:
    writing = BoxWriting.read(adapter)
    assert writing.source == ("nanodet", nanodet.fingerprint) and writing.vocabulary == COCO_CLASSES
    assert (writing.student, writing.layers, writing.format) == (str(model), 2, FILE_FORMAT)
    assert len(set(writing.class_tokens)) == 512
    changed = replace(writing, stages=("binding", "projector"))
    changed.write(tmp_path)
    assert BoxWriting.read(tmp_path) == changed


class TestAnotherFolder:
    @pytest.mark.parametrize("name", [BOXES_FILE, PROJECTOR_FILE, CONFIG_FILE, WEIGHTS_FILE])
    def test_a_damaged_one_is_refused_by_its_name(self, adapter: Path, tmp_path: Path, name: str) -> None:
        whole = (adapter / name).read_bytes()
        for number, kept in enumerate((None, whole[: len(whole) // 2], b"", bytes(range(256)) * 4)):
            folder = changed_copy(adapter, tmp_path / f"damaged{number}")
            (folder / name).unlink()
            if kept is not None:
                (folder / name).write_bytes(kept)
            with pytest.raises(LLMError, match=r"damaged\d (is|or)|/damaged\d holds no adapter") as told:
                load_decoder(folder)
            assert str(folder) in str(told.value)

    def test_no_json_and_one_of_another_form_are_refused(self, adapter: Path, tmp_path: Path) -> None:
        with pytest.raises(LLMError, match=f"^{tmp_path} holds no adapter that writes boxes: it has no boxes.json"):
            load_decoder(tmp_path)
        folder = changed_copy(adapter, tmp_path / "other")
        for content in ("[]", "5", "null", '"boxes"', "{}", '{"layers": 2}'):
            (folder / BOXES_FILE).write_text(content)
            with pytest.raises(LLMError, match="other holds no adapter that writes boxes"):
                BoxWriting.read(folder)

    @pytest.mark.parametrize(
        "changed",
        [
            {"format": None}, {"layers": "two"}, {"layers": True}, {"class_tokens": [1, 2]}, {"student": 5},
            {"class_tokens": [5] * 512}, {"class_tokens": [*range(511), -1]}, {"class_tokens": [*range(511), 10**7]},
        ],
    )  # fmt: skip
    def test_values_of_another_kind_are_refused(self, adapter: Path, tmp_path: Path, changed: dict[str, Any]) -> None:
        with pytest.raises(LLMError):
            load_decoder(changed_copy(adapter, tmp_path / "other", **changed)).prompts(("dog", "cat", "bus"))

    @pytest.mark.parametrize(
        ("changed", "message"),
        [
            ({"format": 9}, "has form 9, and this version reads up to form 1"),
            ({"layers": 1}, "is damaged or does not fit the model.*on one side only"),
            ({"shape": {"hidden": 48}}, r"is damaged \(RuntimeError: Error\(s\) in loading"),
            *(({"shape": shape}, "boxes: expected") for shape in ({"hidden": "x"}, {"hidden": -1}, {"width": 0})),
        ],
    )
    def test_another_form_or_shape_is_refused(self, adapter: Path, tmp_path: Path, changed: Any, message: str) -> None:
        if "shape" in changed:
            changed = {"shape": {**json.loads((adapter / BOXES_FILE).read_text())["shape"], **changed["shape"]}}
        with pytest.raises(LLMError, match=message):
            load_decoder(changed_copy(adapter, tmp_path / "other", **changed))

    def test_weights_that_are_no_numbers_are_refused(self, adapter: Path, tmp_path: Path) -> None:
        folder = changed_copy(adapter, tmp_path / "nan")
        weights = load_file(folder / PROJECTOR_FILE)
        weights["none"][3] = float("nan")
        save_file(weights, folder / PROJECTOR_FILE)
        with pytest.raises(LLMError, match=r"nan is damaged \(ValueError: none holds what is no number"):
            load_decoder(folder)


def test_another_model_or_vocabulary_is_refused(adapter: Path, tmp_path: Path, nanodet: NanoDetTokens) -> None:
    writing = BoxWriting.read(adapter)
    writing.check_source(nanodet, adapter)
    writing.check_base(own := writing.base, adapter)
    other = decoder_model(tmp_path / "model", seed=1)
    with pytest.raises(LLMError, match=rf"another base model \(fingerprint {own}\) than this one \((?!{own})\w+\)"):
        load_decoder(changed_copy(adapter, tmp_path / "moved", student=str(other)))
    writing = BoxWriting.read(changed_copy(adapter, tmp_path / "short", vocabulary=["cat", "dog"]))
    with pytest.raises(LLMError, match=r"short is damaged: .* not that of nanodet"):
        writing.check_source(nanodet, tmp_path / "short")
