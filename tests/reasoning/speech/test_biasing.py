"""Expected phrases are preferred where they may have been said, and nowhere else."""

import logging
import re
import struct
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from transformers import (
    LogitsProcessor,
    NoRepeatNGramLogitsProcessor,
    WhisperConfig,
    WhisperForConditionalGeneration,
)
from transformers.modeling_outputs import BaseModelOutput

from reasoning import KnowledgeGraph
from reasoning.graph.names import fold
from reasoning.speech import SpeechError, SpeechModel, Transcript, load_audio
from reasoning.speech.audio import SAMPLE_RATE, Audio
from reasoning.speech.hearing import chosen
from reasoning.speech.model import MOST_NAMES, MOST_OF_ENDS, Hypothesis, Topic, spoken_topic
from reasoning.speech.search import AgreeingDecoder, DistinctWords, PhraseBonus, SinceStart, whisper_decoder
from reasoning.speech.whisper import WhisperModel, packaged_whisper
from tests.reasoning.speech.recordings import spoken

MALI, MAL, I_, BU, FASO, BURKINA, AND = range(7)
"""Tokens: " Mali", " Mal", "i", "bu", " Faso", " Burkina", " and"."""
BEGINS_WORD = torch.tensor([True, True, False, False, True, True, True])
PHRASES = [(MALI,), (MAL, I_), (BURKINA, FASO), (BURKINA,)]


def word(number: int) -> str:
    """A number in letters."""
    return "".join(chr(97 + number // 26**place % 26) for place in range(4))


def some(bonus: LogitsProcessor, rows: Sequence[Sequence[int]], tokens: int) -> torch.Tensor:
    """What each token of each row gets."""
    nothing = torch.zeros(len(rows), tokens)
    said = torch.tensor([list(row) for row in rows], dtype=torch.long)
    given: torch.Tensor = bonus(cast(torch.LongTensor, said), cast(torch.FloatTensor, nothing))
    assert not nothing.any(), "what was given in is left as it is"
    return given


def bonus(*said: int) -> list[float]:
    """What each token gets after some were said."""
    given = some(PhraseBonus(PHRASES, BEGINS_WORD, bonus=1.0), [said], len(BEGINS_WORD))
    return [round(one, 3) for one in given[0].tolist()]


def test_what_a_phrase_goes_on_with_has_a_bonus_once_and_what_leaves_it_gives_it_back() -> None:
    assert bonus() == [1, 1, 0, 0, 0, 1, 0]
    assert bonus(MAL) == [0, 0, 1, -1, -1, 0, -1]
    assert bonus(MAL, I_) == [1, 1, -2, -2, 0, 1, 0], "one that was said keeps it"
    assert bonus(MALI)[BU] == -1, "a word that only begins like a phrase"
    assert bonus(MALI, BU) == bonus()
    assert bonus(BURKINA) == [1, 1, -1, -1, 1, 1, 0], "a longer one takes nothing from its beginning"
    assert bonus(BURKINA, FASO)[AND] == 0
    assert bonus(MAL, I_, AND, MAL, I_) == [-1, -1, -2, -2, -2, -1, -2]
    assert bonus(MAL, I_, AND) == bonus(MAL, I_, AND, MAL, I_, AND) == bonus()
    assert bonus(BURKINA, AND, BURKINA)[FASO] == 1, "a longer one was not said"


def test_only_what_was_said_after_the_prompt_counts() -> None:
    giver = SinceStart([PhraseBonus([(1, 2)], torch.ones(3, dtype=torch.bool), bonus=1.0)], start=1)
    assert some(giver, [[1, 0], [1, 1]], 3).tolist() == [[0, 1, 0], [-1, 0, 1]]
    # What was said before may be said again: it is the manner in which a question is expected.
    for start, banned in ((0, [[0, 2], [1, 2]]), (1, [[1, 2]])):
        given = some(SinceStart([NoRepeatNGramLogitsProcessor(2)], start), [[1, 2, 3, 1], [3, 1, 2, 1]], 4)
        assert given.isinf().nonzero().tolist() == banned


def test_of_a_graph_its_words_and_its_names_are_expected_and_nothing_that_nobody_says() -> None:
    world = spoken_topic(KnowledgeGraph.load("world")).phrases
    assert {"capital", "capitals", "time zone", "Germany", "Danish Krone", "Mexico City"} <= set(world)
    assert len(set(world)) == len(world) <= 2 * MOST_NAMES
    assert not [name for name in world if "(" in name or "/" in name]
    odd = KnowledgeGraph.from_triples(
        [
            ("A" * 99, "near", "x/y_z"), ("North (A)", "near", "12"), ("北京", "near", "Òran"),
            ("St. Gallen", "near", "+41"), ("Bern", "p31", "Q1"),
        ]
    )  # fmt: skip
    said = {"near", "nears", "North", "北京", "Òran", "St. Gallen", "+41", "Bern", "Q1"}
    assert set(spoken_topic(odd).phrases) == said


def test_of_many_relations_no_more_names_are_expected_and_of_few_things_at_an_end_all() -> None:
    triples = [(f"head {word(n)}", f"relation {word(n % 200)}", f"tail {word(n)}") for n in range(20_000)]
    phrases = spoken_topic(KnowledgeGraph.from_triples(triples)).phrases
    assert MOST_NAMES <= len(phrases) <= MOST_NAMES + MOST_OF_ENDS + 2 * 200
    assert len([phrase for phrase in phrases if phrase.startswith("relation")]) == 2 * 200
    things = [(f"thing {word(n)}", "near", "Home") for n in range(MOST_NAMES + 500)]
    busy = [(head, "far", tail) for head, _, _ in things for tail in ("North", "South")]
    phrases = spoken_topic(KnowledgeGraph.from_triples([("Zebra", "colour", "White"), *things, *busy])).phrases
    assert {"Zebra", "White", "Home"} <= set(phrases)
    assert len(phrases) < len(things)


def test_of_beams_that_say_the_same_words_the_likeliest_goes_on() -> None:
    distinct = SinceStart([DistinctWords([" the", " The", ",", " city", "\ufffd", "\ufffd"])], start=1)
    rows = [[9, 0, 3, 2], [9, 1, 3, 3], [9, 1, 2, 3], [9, 1, 3, 4], [9, 1, 3, 5], [9, 0, 3, 3]]
    assert [bool(row.max() < -1e8) for row in some(distinct, rows, 6)] == [False, False, True, False, False, True]
    assert not some(distinct, [[9], [9]], 6).any(), "nothing is said"


@pytest.mark.slow
def test_a_name_that_is_expected_is_heard_no_other_script_is_written_and_nothing_told_of_a_long_recording(
    model: WhisperModel,
) -> None:
    """This voice's "Lesotho" is rather "the Sudo" to the model that expects nothing."""
    audio = load_audio(spoken("What is the capital of Lesotho?"))
    with_names = next(model.others(audio, "en", Topic(phrases=("Lesotho", "Maseru", "capital"))))
    without = next(model.others(audio, "en"))
    assert with_names[0].text == "What is the capital of Lesotho?"
    assert "Lesotho" not in without[0].text and all(one.text.isascii() for one in without)
    assert list(model.others(Audio(np.zeros(30 * SAMPLE_RATE, np.float32)), "en")) == []


@pytest.mark.slow
def test_what_was_said_before_tells_how_it_goes_on_all_that_is_heard_differs_and_no_window_is_encoded_twice(
    model: WhisperModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    import faster_whisper

    encode, encoded = faster_whisper.WhisperModel.encode, list[bytes]()

    def counted(self: object, features: NDArray[np.float32]) -> object:
        encoded.append(features.tobytes())
        return encode(self, features)

    monkeypatch.setattr(faster_whisper.WhisperModel, "encode", counted)
    audio = load_audio(spoken("Is the euro the currency of Kosovo?"))
    assert model.transcript(audio).text
    told, untold = model.others(audio, "en", Topic("What is the currency of it? Is it the euro?", ("Kosovo",)))
    assert len(set(encoded)) == len(encoded) == 3  # as it is, without its last frame, and at all tempos
    assert "euro" in told[0].text.lower()
    for texts in (told, untold):
        assert len({fold(one.text) for one in texts}) == len(texts) > 1
        assert [one.score for one in texts] == sorted((one.score for one in texts), reverse=True)


def test_several_windows_say_the_mean_of_what_each_says_whichever_beams_go_on() -> None:
    torch.manual_seed(0)
    config = WhisperConfig(
        vocab_size=20, d_model=8, decoder_layers=2, decoder_attention_heads=2, decoder_ffn_dim=8, encoder_layers=0,
        encoder_attention_heads=2, encoder_ffn_dim=1, max_target_positions=16, pad_token_id=0, bos_token_id=0,
        eos_token_id=0, decoder_start_token_id=1,
    )  # fmt: skip
    model = WhisperForConditionalGeneration(config).eval()
    with torch.inference_mode():
        for weights in model.parameters():
            weights.normal_(std=0.5)
        encoded = torch.randn(2, 5, 8)

        def apart(said: torch.Tensor) -> torch.Tensor:
            """Of each window by itself, without a cache."""
            windows = (encoded[number : number + 1].expand(len(said), -1, -1) for number in range(2))
            logits = [model(encoder_outputs=(one,), decoder_input_ids=said).logits[:, -1:] for one in windows]
            return torch.stack([one.log_softmax(-1) for one in logits]).mean(0)

        first = torch.tensor([[1, 2, 3], [1, 2, 4], [1, 2, 5]])
        goes_on = torch.tensor([2, 0, 0])
        then = torch.cat([first[goes_on], torch.tensor([[6], [7], [8]])], dim=1)
        alone = [apart(first), apart(then)]
        decoder = AgreeingDecoder(model)
        cache = decoder.cache(encoded, [1, 2], beams=3)
        outputs = BaseModelOutput(cast(torch.FloatTensor, encoded[:1]))
        together = [decoder(first, outputs, cache).logits]
        cache.reorder_cache(cast(torch.LongTensor, goes_on))
        together.append(decoder(then, outputs, cache).logits)
    for one, other in zip(alone, together, strict=True):
        assert one.std() > 0.1
        assert torch.allclose(one.log_softmax(-1), other.log_softmax(-1), atol=1e-5)


@pytest.mark.slow
@pytest.mark.usefixtures("model")
def test_the_decoder_of_a_file_is_ctranslate2s_own() -> None:
    """Both write the same words, from the same sound, where nothing is preferred."""
    import faster_whisper
    from faster_whisper.transcribe import pad_or_trim

    whole = faster_whisper.WhisperModel(str(packaged_whisper()), device="cpu", compute_type="float32")
    encoded = whole.encode(pad_or_trim(whole.feature_extractor(load_audio(spoken()).samples)))
    prompt = [50258, 50259, 50359, 50363]  # a transcript in English without times
    (theirs,) = whole.model.generate(encoded, [prompt], beam_size=1, suppress_blank=False, suppress_tokens=None)
    decoder = whisper_decoder(packaged_whisper() / "model.bin")
    said = list(prompt)
    hidden = (torch.from_numpy(np.array(encoded)),)
    with torch.inference_mode():
        while said[-1] != 50257 and len(said) < 40:
            logits = decoder(encoder_outputs=hidden, decoder_input_ids=torch.tensor([said])).logits
            said.append(int(logits[0, -1].argmax()))
    assert said[len(prompt) : -1] == theirs.sequences_ids[0]


@pytest.mark.slow
@pytest.mark.usefixtures("model")
def test_what_is_no_such_file_or_damaged_is_told(tmp_path: Path) -> None:
    whole = (packaged_whisper() / "model.bin").read_bytes()
    type_4, gamma = b"decoder/layer_3/ffn/linear_0/bias\0\1\0\10\0\0\4", b"decoder/layer_norm/gamma"
    assert whole.count(type_4) == whole.count(gamma) == 1
    for content, problem in (
        (b"", "version 6"),
        (struct.pack("<I", 5), "it is of version 5"),
        (struct.pack("<IH", 6, 16) + b"TransformerSpec\0", "it is a TransformerSpec"),
        (struct.pack("<IH", 6, 12) + b"WhisperSpec\0" + struct.pack("<II", 3, 9), "version 6"),
        (whole.replace(gamma, gamma[:-1] + b"e"), "it lacks 'decoder/layer_norm/gamma'"),
        (whole.replace(type_4, type_4[:-1] + b"\5"), "bias holds numbers of type 5; convert the model with float16"),
    ):
        (tmp_path / "model.bin").write_bytes(content)
        with pytest.raises(SpeechError, match=re.escape(problem)):
            whisper_decoder(tmp_path / "model.bin")


class Failing(SpeechModel):
    """Has no memory left."""

    name = "failing"

    def _hypotheses(self, windows: Sequence[NDArray[np.float32]], language: str, topic: Topic) -> list[Hypothesis]:
        raise torch.OutOfMemoryError("no room")

    def _heard(self, audio: Audio, expected: Sequence[str], before: str) -> Iterator[Transcript]:
        raise AssertionError("it was heard before")


def test_where_a_search_fails_what_was_heard_before_stands(caplog: pytest.LogCaptureFixture) -> None:
    heard = Transcript("What is the capital of Germany?", "en", 0.9, 1.0)
    with caplog.at_level(logging.WARNING):
        world = KnowledgeGraph.load("world")
        assert chosen(heard, Audio(np.zeros(SAMPLE_RATE, np.float32)), world, Failing()) == heard
    assert "what else failing may have heard is not looked for: no room" in caplog.text


@pytest.mark.slow
def test_without_the_packages_of_the_search_or_readable_weights_a_question_is_heard_all_the_same(
    model: WhisperModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("skylark.installation.find_spec", lambda name: None if name == "torch" else find_spec(name))
    monkeypatch.delitem(model.__dict__, "_search", raising=False)  # what was opened before
    assert list(model.others(load_audio(spoken()), "en")) == []
    assert "Looking for names in what is heard needs" in caplog.text
    del model._search
    monkeypatch.undo()
    for file in packaged_whisper().iterdir():
        (tmp_path / file.name).symlink_to(file)
    own = WhisperModel(tmp_path, "own")
    (tmp_path / "model.bin").unlink()
    (tmp_path / "model.bin").write_bytes(struct.pack("<I", 5))
    assert list(own.others(load_audio(spoken()), "en")) == []
    assert "nothing else is looked for in what own hears" in caplog.text
    assert "border Germany" in own.transcript(load_audio(spoken()), ("en",)).text
