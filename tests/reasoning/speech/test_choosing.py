"""Which of the texts that may have been spoken is taken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from reasoning import KnowledgeGraph
from reasoning.speech.audio import SAMPLE_RATE, Audio
from reasoning.speech.choosing import ENOUGH, chosen, surest
from reasoning.speech.model import SpeechModel
from reasoning.speech.transcript import Transcript

AUDIO = Audio(np.zeros(SAMPLE_RATE, np.float32))


class Hearing(SpeechModel):
    """May have heard some texts, and counts how often it is asked for them."""

    name = "hearing"

    def __init__(self, *others: str) -> None:
        self._others, self.told = others, 0

    def others(self, audio: Audio, language: str, phrases: Sequence[str] = ()) -> Iterator[list[str]]:
        assert {"capital", "Germany"} <= set(phrases) and language == "en"
        for text in self._others:
            self.told += 1
            yield [text]

    def _heard(self, audio: Audio, expected: Sequence[str], vocabulary: str) -> Iterator[Transcript]:
        raise AssertionError("it was heard before")


@pytest.fixture(scope="module")
def world() -> KnowledgeGraph:
    return KnowledgeGraph.load("world")


def test_what_can_be_asked_takes_the_place_of_what_cannot(world: KnowledgeGraph) -> None:
    model = Hearing("What is the capitol officer Manny?", "What is the capital of Germany?")
    heard = chosen(Transcript("Water is the capsule of journey", "en", 0.9, 2.0), AUDIO, world, model)
    assert heard == Transcript("What is the capital of Germany?", "en", 0.9, 2.0)


def test_what_is_heard_with_the_names_in_mind_goes_first_and_no_more_is_heard_once_it_is_read_surely(
    world: KnowledgeGraph,
) -> None:
    model = Hearing("What is the capital of Jordan?", "What is the capital of France?")
    heard = chosen(Transcript("What is the capital of Germany?", "en", 0.9, 2.0), AUDIO, world, model)
    assert heard.text == "What is the capital of Jordan?"
    assert model.told == 1


def test_of_a_model_that_tells_nothing_else_it_stays_as_it_was_heard(world: KnowledgeGraph) -> None:
    heard = Transcript("What is the capital of Germany?", "en", 0.9, 2.0)
    assert chosen(heard, AUDIO, world, Hearing()) == heard


def test_who_waits_too_long_is_asked_what_was_heard_so_far_and_it_is_not_heard_again(
    world: KnowledgeGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reasoning.speech.choosing.PATIENCE", 0.0)
    model = Hearing("What is the capitol officer Manny?", "What is the capital of Jordan?")
    heard = Transcript("What is the capital of Germany?", "en", 0.9, 2.0)
    assert chosen(heard, AUDIO, world, model) == heard
    assert model.told == 1


def test_a_text_is_read_once_whatever_its_signs() -> None:
    read: list[str] = []
    texts = ["which city", "Which city?", "which, city.", "Which cities?"]
    assert surest(texts, lambda text: read.append(text) or 0.5) == "which city"
    assert read == ["which city", "Which cities?"]


def test_where_nothing_can_be_asked_it_stays_as_it_was_heard(world: KnowledgeGraph) -> None:
    heard = Transcript("Water is the capsule of journey", None, None, 2.0)
    assert chosen(heard, AUDIO, world, Hearing("Walter is the cap")) == heard


@pytest.mark.parametrize(
    ("sure", "text", "read"),
    [
        ([0.2, 0.7, 0.5], "1", 3),
        ([0.5, 0.5], "0", 2),
        ([0.0, 0.0], None, 2),
        ([0.4, ENOUGH, 1.0], "1", 2),
    ],
)
def test_the_surest_is_taken_and_no_more_are_read_than_have_to_be(
    sure: list[float], text: str | None, read: int
) -> None:
    asked: list[str] = []

    def probability(one: str) -> float:
        asked.append(one)
        return sure[int(one)]

    assert surest(map(str, range(len(sure))), probability) == text
    assert asked == [str(number) for number in range(read)]
