"""Questions are heard by the packaged model, and what is no question in English is said to be none."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reasoning.graph.store import KnowledgeGraph
from reasoning.speech import (
    Audio,
    AudioError,
    LiveTranscription,
    NoSpeechError,
    SpeechModel,
    SpokenLanguageError,
    Transcript,
    check_language,
    hear_question,
    load_audio,
)
from reasoning.speech.audio import SAMPLE_RATE
from reasoning.speech.model import (
    ANYTHING,
    MOST_BEFORE,
    TEMPOS,
    Hypothesis,
    Topic,
    echoes,
    likeliest_language,
    seconds_of_speech,
    spoken_topic,
)
from reasoning.speech.whisper import WhisperModel
from tests.reasoning.speech.recordings import GERMAN, RATE, music, noise, samples_of, spoken

pytestmark = pytest.mark.usefixtures("model")

BORDERS = [("Germany", "borders", "France"), ("Germany", "borders", "Poland"), ("Berlin", "capital of", "Germany")]


class Counting(SpeechModel):
    """Tells how often it was asked, and about how much."""

    name = "counting"

    def __init__(self) -> None:
        self.heard: list[float] = []
        self.before = ""

    def _heard(self, audio: Audio, expected: Sequence[str], before: str) -> Iterator[Transcript]:
        self.heard.append(audio.seconds)
        self.before = before
        yield Transcript("a question", "en", 1.0, audio.seconds)


@pytest.mark.slow
def test_a_question_is_heard_with_its_language(model: WhisperModel) -> None:
    heard = hear_question(spoken(), KnowledgeGraph.from_triples(BORDERS), model)
    assert heard.text.startswith("Which countr") and heard.text.rstrip("?.").endswith("border Germany")
    assert (heard.language, heard.language_name, heard.final) == ("en", "English", True)
    assert 0.5 < (heard.probability or 0) <= 1
    assert heard.seconds == pytest.approx(load_audio(spoken()).seconds)
    for seconds, frames in ((3, 1000), (15, 1700), (29, 3000)):  # what a window is filled up with is hardly encoded
        window = np.zeros((80, 3000), np.float32)
        window[:, : 100 * seconds] = np.random.default_rng(0).normal(size=(80, 100 * seconds))
        shapes = {np.array(model._model.encode(features)).shape for features in (window, window[None])}
        assert shapes == {(1, frames // 2, 512)}


@pytest.mark.slow
def test_a_question_in_another_language_is_told_with_those_that_can_be_asked(model: WhisperModel) -> None:
    with pytest.raises(SpokenLanguageError, match=r"is in German .*questions are read in English") as caught:
        hear_question(spoken(GERMAN, "de"), model=model)
    assert caught.value.transcript.language == "de"
    assert caught.value.transcript.text in str(caught.value)


@pytest.mark.slow
def test_a_recording_under_way_gives_its_text_as_it_comes(model: WhisperModel) -> None:
    live = LiveTranscription(model, ("en",), Topic("borders, Germany"))
    partial = [live.add((RATE, piece)) for piece in np.array_split(samples_of(spoken()), 2)]
    texts = [transcript.text for transcript in partial if transcript is not None and not transcript.final]
    assert texts and "countr" in texts[-1]
    assert "Germany" in live.finish().text


def test_where_nobody_speaks_no_words_are_made_up_and_speech_is_told_from_the_pauses_around_it() -> None:
    pause = np.zeros(2 * RATE, np.int16)
    for samples, problem in (
        (pause, "Nobody speaks in the recording: its 2.0 seconds are silent"),
        (noise(3.0), "are noise or music at most"),
        (music(4.0), "are noise or music at most"),
        (pause[:0], "Nobody speaks"),
    ):
        with pytest.raises(NoSpeechError, match=problem):
            hear_question((RATE, samples), model=Counting())
    alone = load_audio((RATE, samples_of(spoken())))
    amid = load_audio((RATE, np.concatenate([pause, samples_of(spoken()), pause])))
    assert seconds_of_speech(amid) == pytest.approx(seconds_of_speech(alone), abs=0.5)


def test_a_recording_under_way_is_heard_once_a_second_and_not_beyond_the_limit() -> None:
    model = Counting()
    live = LiveTranscription(model)
    question = samples_of(spoken())
    for piece in np.array_split(question, 20):
        live.add((RATE, piece))
    assert 1 <= len(model.heard) <= len(question) / RATE
    assert model.heard == sorted(model.heard)
    with pytest.raises(AudioError, match="longer than 120 seconds"):
        live.add((RATE, np.zeros(121 * RATE, np.int16)))
    assert live.finish().final  # what came before it is kept


class Searching(Counting):
    """Finds expected phrases in what it hears."""

    def others(self, audio: Audio, language: str, topic: Topic = ANYTHING) -> Iterator[list[Hypothesis]]:
        of = f"of {audio.seconds:.1f} seconds"
        yield [Hypothesis(f"{language}: {phrase}, {of}", 0.0) for phrase in topic.phrases]


def test_the_whole_of_a_recording_is_searched_for_what_is_expected() -> None:
    question = samples_of(spoken())
    whole = f"en: Yerevan, of {len(question) / RATE:.1f} seconds"
    for model, language, phrases, heard in (
        (Searching(), "en", ("Yerevan", "Baku"), whole),
        (Searching(), "en", (), "a question"),
        (Searching(), "de", ("Yerevan",), "a question"),
        (Counting(), "en", ("Yerevan",), "a question"),
    ):
        live = LiveTranscription(model, (language,), Topic(phrases=phrases))
        partial = [live.add((RATE, piece)) for piece in np.array_split(question, 4)]
        assert {one.text for one in partial if one is not None} == {"a question"}
        assert live.finish().text == heard


class Deaf(Counting):
    """Understands no word at first, and other texts later."""

    def __init__(self, *others: str, language: str = "en") -> None:
        super().__init__()
        self._others, self._language = others, language

    def _heard(self, audio: Audio, expected: Sequence[str], before: str) -> Iterator[Transcript]:
        yield Transcript("", self._language, 0.5, audio.seconds)

    def others(self, audio: Audio, language: str, topic: Topic = ANYTHING) -> Iterator[list[Hypothesis]]:
        assert {"Germany", "borders"} <= set(topic.phrases)
        yield from ([Hypothesis(text, -1.0)] for text in self._others)


TOLD = KnowledgeGraph.from_triples([*BORDERS, ("Germany", "currency", "Euro")])
"""About these something is told to have been said before."""


def test_where_no_word_is_understood_at_first_what_is_heard_alike_twice_is_asked() -> None:
    asked = "What borders Germany?"
    heard = hear_question(spoken(), TOLD, Deaf(asked, "What borders Poland?", "what borders Germany"))
    assert heard.text == asked and heard.language == "en"
    for model, kg in (
        (Deaf(asked, "What borders Poland?"), TOLD),
        (Deaf("Hm", "Hm"), TOLD),
        (Deaf(asked, asked, language="th"), TOLD),
        (Deaf(asked, asked), KnowledgeGraph.from_triples(BORDERS)),
        (Deaf(asked, asked), None),
    ):
        with pytest.raises(NoSpeechError, match="No words are understood"):
            hear_question(spoken(), kg, model)


def test_before_a_question_stand_others_in_words_that_people_say_as_many_as_find_room() -> None:
    model = Counting()
    for kg, told in ((TOLD, "What is the currency of it?"), (None, "")):
        hear_question(spoken(), kg, model)
        assert model.before == told
    triples = [(f"Person {n}", "instance of", f"kind_{chr(97 + n % 5)}") for n in range(50)]
    triples += [(f"Person {n}", f"relation {chr(97 + n % 26)}", "Home") for n in range(52)]
    before = spoken_topic(KnowledgeGraph.from_triples(triples)).before
    kinds = "Which kind as are there? How many kind bs are there? How many kind cs are there?"
    assert before.startswith(f"{kinds} What is the relation a of it? What is the relation b of it?")
    assert MOST_BEFORE - 40 < len(before) <= MOST_BEFORE and before.endswith("?")
    odd = [("Rome", "12", "x"), ("Rome", "?", "x"), ("Rome", "столица", "x"), ("Rome", "currency of the " * 9, "x")]
    assert spoken_topic(KnowledgeGraph.from_triples([*odd, *BORDERS])).before == ""
    currency = spoken_topic(KnowledgeGraph.from_triples([*odd, ("Rome", "currency", "Euro")]))
    assert currency.before == "What is the currency of it?"
    assert "столица" in currency.phrases and "столицаs" not in currency.phrases


def test_what_says_once_more_what_was_before_is_an_echo() -> None:
    for text, is_echo in (
        ("How many airports are there?", True),
        ("how many airports are there in Spain", True),
        ("How many airports?", True),
        ("What is the capital of it? What is the capital of Italy?", True),
        ("What is the capital of Italy?", False),
        ("How many airports are therein?", False),
    ):
        before = "Which cities are there? How many airports are there? What is the capital of it?"
        assert echoes(text, before) is is_echo and not echoes(text, "")


class Echoing(Counting):
    """Says what it was told, if it was told anything, and something else without."""

    def __init__(self, otherwise: str) -> None:
        super().__init__()
        self._otherwise = otherwise
        self.hearings: list[tuple[list[int], str]] = []

    def _heard(self, audio: Audio, expected: Sequence[str], before: str) -> Iterator[Transcript]:
        yield Transcript(before or self._otherwise, "en", 1.0, audio.seconds)

    def _hypotheses(self, windows: Sequence[NDArray[np.float32]], language: str, topic: Topic) -> list[Hypothesis]:
        self.hearings.append(([len(samples) for samples in windows], topic.before))
        return [Hypothesis(topic.before or self._otherwise, -1.0)]


def test_what_a_model_was_told_before_is_not_heard() -> None:
    """Whisper says it once more where it understands nothing."""
    model = Echoing("Mumble")
    assert hear_question(spoken(), TOLD, model).text == "Mumble"
    live = LiveTranscription(model, ("en",), spoken_topic(TOLD))
    assert live.finish((RATE, samples_of(spoken()))).text == "Mumble"
    with pytest.raises(NoSpeechError, match="No words are understood"):
        hear_question(spoken(), TOLD, Echoing(""))


def test_a_recording_is_heard_at_several_tempos_at_once_and_first_after_what_was_said_before() -> None:
    model, audio = Echoing("Mumble"), load_audio(spoken())
    assert [one.text for (one,) in model.others(audio, "en", Topic("What is it?"))] == ["Mumble"]
    (told, before), (untold, nothing) = model.hearings
    assert (before, nothing) == ("What is it?", "")
    assert told == untold == sorted(set(told)) and len(told) == len(TEMPOS)
    model = Echoing("Mumble")
    assert len(list(model.others(Audio(np.ones(25 * SAMPLE_RATE, np.float32)), "en"))) == 1
    ((windows, _),) = model.hearings
    assert 0 < len(windows) < len(TEMPOS) and max(windows) <= 30 * SAMPLE_RATE, "tempos at which it fits a window"


def test_an_expected_language_is_taken_where_it_is_likely_or_is_so_slowly() -> None:
    heard = np.zeros(RATE, np.float32)
    cases: list[tuple[dict[str, float], dict[str, float] | None, tuple[str, float]]] = [
        ({"en": 0.9, "de": 0.1}, None, ("en", 0.9)),
        ({"en": 0.25, "th": 0.2}, None, ("en", 0.25)),
        ({"en": 0.2, "th": 0.7}, {"en": 0.25, "th": 0.2}, ("en", 0.25)),
        ({"en": 0.4, "th": 0.5}, {"en": 0.4, "th": 0.5}, ("th", 0.5)),
        ({"en": 0.2, "th": 0.1}, {"en": 0.15, "th": 0.1}, ("en", 0.15)),
        ({"en": 0.1, "fr": 0.25}, {"en": 0.2, "fr": 0.125, "it": 0.15}, ("fr", 0.1875)),
        ({"en": 0.2, "nn": 0.125}, {"en": 0.2, "nn": 0.5}, ("nn", 0.3125)),
        ({"de": 1.0}, {"de": 0.5, "en": 0.25}, ("de", 0.75)),
        ({"de": 1.0}, {"de": 1.0}, ("de", 1.0)),
    ]
    for chances, slower, language in cases:

        def listen(samples: NDArray[np.float32], chances: Any = chances, slower: Any = slower) -> dict[str, float]:
            told: dict[str, float] | None = chances if len(samples) == len(heard) else slower
            assert told is not None, "it was likely enough"
            return told

        assert likeliest_language(heard, ("en",), listen, 0.25) == language
        assert likeliest_language(heard, ("en",), listen, 0.25, chances) == language
        assert likeliest_language(heard, (), listen, 0.25)[0] == max(chances, key=lambda code: chances[code])


def test_a_language_that_is_no_other_is_named_and_english_or_none_is_taken() -> None:
    with pytest.raises(SpokenLanguageError, match=r"is in Javanese \(probability 0\.91\)"):
        check_language(Transcript("piye kabare", "jw", 0.91, 1.0))
    for language in ("en", None):
        check_language(Transcript("hello", language, None, 1.0))


def test_nothing_of_speech_is_loaded_for_what_is_typed() -> None:
    code = (
        "import sys, reasoning.cli.answering; sys.exit(bool({'faster_whisper', 'ctranslate2', 'av'} & {*sys.modules}))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=120).returncode == 0
