"""A question that is spoken: what strangers may send for one."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from app.ask.speech import MOST_LETTERS, Microphone, Recording, SharedSpeech
from reasoning import KnowledgeGraph
from reasoning.speech import Audio, SpeechModel, Transcript
from reasoning.speech.audio import SpeechError
from reasoning.speech.model import ANYTHING, Hypothesis, Topic
from tests.reasoning.speech.recordings import GERMAN, RATE, noise, packaged_model, samples_of, spoken

KG = KnowledgeGraph.from_triples([("Germany", "borders", "France"), ("Berlin", "capital of", "Germany")])


class Repeating(SpeechModel):
    """Says how many seconds it heard."""

    name = "repeating"

    def __init__(self, language: str = "en") -> None:
        self.language = language

    def _heard(self, audio: Audio, expected: Sequence[str], before: str) -> Iterator[Transcript]:
        yield Transcript(f"{audio.seconds:.0f} seconds", self.language, 0.9, audio.seconds)


class Searching(Repeating):
    """Finds what is expected."""

    def others(self, audio: Audio, language: str, topic: Topic = ANYTHING) -> Iterator[list[Hypothesis]]:
        assert {"Germany", "Berlin", "borders", "traffic light", "dogs"} <= set(topic.phrases)
        yield [Hypothesis("Germany at last", -1.0)]


class Scripted(SharedSpeech):
    """A speech model of the test's."""

    def __init__(self, model: SpeechModel | None) -> None:
        super().__init__()
        self._scripted = model

    def model(self) -> SpeechModel:
        if self._scripted is None:
            raise SpeechError("the weights are missing")
        return self._scripted


def piece(number: int, sound: Any, last: bool = False, **other: Any) -> dict[str, Any]:
    data = base64.b64encode(np.asarray(sound, "<i2").tobytes()).decode()
    return {"recording": "one", "number": number, "rate": RATE, "samples": data, "last": last} | other


def pieces(sound: Any) -> list[dict[str, Any]]:
    """A recording in pieces of half a second."""
    parts = [sound[at : at + RATE // 2] for at in range(0, len(sound), RATE // 2)]
    return [piece(number, part, part is parts[-1]) for number, part in enumerate(parts)]


def hear(said: Sequence[dict[str, Any]], model: SpeechModel | None = None) -> list[dict[str, Any]]:
    microphone = Microphone(Scripted(model or Repeating()))
    recording: Recording | None = None
    answers = []
    for one in said:
        answer, recording = microphone.heard(one, recording, KG)
        answers.append(answer)
    assert recording is None or not answers[-1]["over"]
    return answers


def test_at_the_end_names_of_the_graph_and_of_things_in_pictures_are_looked_for() -> None:
    packaged_model()
    answers = hear(pieces(samples_of(spoken())), Searching())
    assert answers[-1]["text"] == "Germany at last"
    assert all("Germany" not in answer["text"] for answer in answers[:-1])


def test_the_text_comes_while_one_speaks_and_whole_at_the_end() -> None:
    packaged_model()
    answers = hear(pieces(samples_of(spoken())))
    assert [answer["number"] for answer in answers] == list(range(len(answers)))
    assert [answer["over"] for answer in answers] == [False] * (len(answers) - 1) + [True]
    assert any(answer["text"] for answer in answers[:-1])
    assert answers[-1]["text"] == "3 seconds" and "Heard in English (0.90)" in answers[-1]["told"]


def test_what_is_not_spoken_in_english_is_said_and_typing_goes_on() -> None:
    packaged_model()
    silent = hear(pieces(np.zeros(2 * RATE, np.int16)))[-1]
    assert silent["over"] and silent["text"] == ""
    assert silent["told"].startswith("Nobody speaks") and silent["told"].endswith("near enough? You can also type.")
    german = hear(pieces(samples_of(spoken(GERMAN, "de"))), Repeating("de"))[-1]
    assert "in German" in german["told"] and german["text"]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({}, "no piece of a recording"),
        (piece(0, []) | {"recording": ["one"]}, "no piece of a recording"),
        (piece(0, [], recording="x" * 65), "no piece of a recording"),
        (piece(0, [], rate=0), "without its number or rate"),
        (piece(0, []) | {"number": "0"}, "without its number or rate"),
        (piece(0, [], samples="%%%"), "damaged"),
        (piece(0, [], samples="AA=="), "damaged"),
        (piece(0, [], samples="A" * (MOST_LETTERS + 4)), "too long"),
        (piece(3, [1, 2]), "beginning of the recording is missing"),
        (piece(0, [], last=True), "Nobody speaks"),
    ],
)
def test_strangers_may_send_anything_for_a_piece(said: dict[str, Any], told: str) -> None:
    [answer] = hear([said])
    assert answer["over"] and told in answer["told"]


def test_a_piece_that_is_missing_ends_the_recording() -> None:
    answers = hear([piece(0, noise(0.1)), piece(2, noise(0.1))])
    assert "a piece of the recording is missing" in answers[-1]["told"].lower()


def test_another_recording_takes_the_place_of_one_that_was_left() -> None:
    answers = hear([piece(0, noise(0.1)), piece(0, noise(0.1), recording="two")])
    assert [answer["over"] for answer in answers] == [False, False]


def test_a_recording_is_bounded() -> None:
    answers = hear([piece(number, noise(30.1), rate=RATE) for number in range(2)])
    assert "60 seconds" in answers[-1]["told"]


def test_without_a_model_it_is_said() -> None:
    microphone = Microphone(Scripted(None))
    answer, recording = microphone.heard(piece(0, noise(0.1)), None, KG)
    assert recording is None and "The weights are missing" in answer["told"]
