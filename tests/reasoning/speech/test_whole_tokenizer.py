"""Words are written as the tokens that the speech model was taught."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from reasoning.speech.whisper import WhisperModel, whole_tokenizer


def tokenizer(*merges: tuple[str, str]) -> Tokenizer:
    """By pairs of bytes, of the letters of " the", its first two signs, and what the merges make."""
    words = ["Ġ", "t", "h", "e", "Ġt", *("".join(merge) for merge in merges)]
    made = Tokenizer(models.BPE({word: place for place, word in enumerate(dict.fromkeys(words))}, list(merges)))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    return made


def test_the_lost_merge_is_found_again() -> None:
    lost = tokenizer(("h", "e"), ("Ġt", "he"))
    assert lost.encode(" the").tokens == ["Ġ", "t", "he"]
    assert whole_tokenizer(lost).encode(" the").tokens == ["Ġthe"]


def test_a_whole_tokenizer_and_one_of_another_kind_are_left_as_they_are() -> None:
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
