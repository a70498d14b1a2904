"""Which of the texts that may have been spoken is taken."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from reasoning import KnowledgeGraph
from reasoning.speech.audio import SAMPLE_RATE, Audio
from reasoning.speech.hearing import ENOUGH, UNHEARD, Choice, chosen
from reasoning.speech.model import ANYTHING, Hypothesis, SpeechModel, Topic, Transcript

AUDIO = Audio(np.zeros(SAMPLE_RATE, np.float32))


class Hearing(SpeechModel):
    """May have heard a text in each hearing, and counts how often it is asked for them."""

    name = "hearing"

    def __init__(self, *others: str) -> None:
        self._others, self.told = others, 0

    def others(self, audio: Audio, language: str, topic: Topic = ANYTHING) -> Iterator[list[Hypothesis]]:
        assert {"capital", "Germany"} <= set(topic.phrases) and language == "en"
        for text in self._others:
            self.told += 1
            yield [Hypothesis(text, -1.0)]

    def _heard(self, audio: Audio, expected: Sequence[str], before: str) -> Iterator[Transcript]:
        raise AssertionError("it was heard before")


class Reader:
    """Reads each text with the probability that it is given, and remembers which it read."""

    def __init__(self, **sure: float) -> None:
        self._sure = sure
        self.read: list[str] = []

    def __call__(self, text: str) -> float:
        self.read.append(text)
        return self._sure[text.lower().strip("?")]


def heard(**scores: float) -> list[Hypothesis]:
    return [Hypothesis(text, score) for text, score in scores.items()]


GERMANY, JORDAN, FRANCE = (f"What is the capital of {name}?" for name in ("Germany", "Jordan", "France"))
JOURNEY, MANNY = "Water is the capsule of journey", "What is the capitol officer Manny?"


def test_what_can_be_asked_surely_or_two_hearings_put_first_is_taken() -> None:
    cases: list[tuple[str, tuple[str, ...], str, int]] = [
        (JOURNEY, (MANNY, GERMANY), GERMANY, 2),  # what can be asked takes the place of what cannot
        (GERMANY, (JORDAN, JORDAN.lower()[:-1], FRANCE), JORDAN, 2),  # what two put first is surely read
        (GERMANY, (GERMANY.lower()[:-1], JORDAN, FRANCE), GERMANY, 1),  # what was heard counts as a hearing
        (GERMANY, (), GERMANY, 0),
        (JOURNEY, ("Walter is the cap",), JOURNEY, 1),  # nothing can be asked
        (JOURNEY, ("Walter is the cap", "Water", "walter is the cap?"), "Walter is the cap", 3),
    ]
    for first, others, taken, told in cases:
        model, heard = Hearing(*others), Transcript(first, "en", 0.9, 2.0)
        assert chosen(heard, AUDIO, KnowledgeGraph.load("world"), model) == replace(heard, text=taken)
        assert model.told == told


def test_who_waits_too_long_is_asked_what_was_heard_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reasoning.speech.hearing.PATIENCE", 0.0)
    model, heard = Hearing(MANNY, JORDAN), Transcript(GERMANY, "en", 0.9, 2.0)
    assert chosen(heard, AUDIO, KnowledgeGraph.load("world"), model) == heard
    assert model.told == 1
    heard = Transcript(JOURNEY, None, None, 2.0)
    assert chosen(heard, AUDIO, KnowledgeGraph.load("world"), Hearing("Walter is the cap")) == heard


def test_a_text_is_read_once_whatever_its_signs_and_only_if_it_may_be_the_best() -> None:
    reader = Reader(city=0.5, cities=0.9, county=1.0)
    choice = Choice(reader)
    choice.add([Hypothesis("city", -1.0), Hypothesis("City?", -1.2), Hypothesis("cities", -1.5)])
    choice.add([Hypothesis("city?", -3.0), Hypothesis("cities", -3.1), Hypothesis("county", -9.0)])
    assert choice.best() == choice.best() == "cities"
    assert reader.read == ["city", "cities"]


def test_what_was_likely_heard_and_is_read_surely_is_the_best() -> None:
    for city, cities, best in (
        (0.9, 0.9, "city"),  # the sound decides
        (0.5, 0.9, "cities"),  # the reading decides
        (0.9, 0.0, "city"),  # the other is unreadable
        (0.0, 0.01, "cities"),  # hardly readable
        (0.0, 0.0, None),
    ):
        choice = Choice(Reader(city=city, cities=cities))
        choice.add(heard(city=-1.0, cities=-1.4))
        choice.add(heard(cities=-2.0, city=-2.3))
        assert choice.best() == best


def test_what_one_hearing_lacks_is_held_to_be_hardly_likely_there() -> None:
    choice = Choice(Reader(city=0.9, cities=0.9, hearsay=0.9))
    choice.heard_first("hearsay")
    choice.add(heard(city=-1.0, cities=-2.0))
    choice.add(heard(county=-1.0, cities=-3.0))
    assert choice.best() == "cities"  # at -1 and -2, the city at 0 and `UNHEARD`
    assert UNHEARD < -3
    assert choice.best(alike=2) == "cities" and choice.best(alike=3) is None


def test_it_is_settled_where_two_hearings_put_first_what_is_read_surely() -> None:
    for sure, settled in ((ENOUGH, True), (ENOUGH - 0.01, False)):
        reader = Reader(city=sure, cities=0.1)
        choice = Choice(reader)
        assert not choice.is_settled()
        choice.add(heard(city=-1.0, cities=-2.0))
        assert not choice.is_settled() and not reader.read
        choice.add([Hypothesis("City?", -1.0)])
        assert choice.is_settled() is settled
