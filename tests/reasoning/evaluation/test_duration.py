"""How long a run would take, from the clock alone: what is answered here is made up."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import pytest
from langchain_core.language_models import FakeListChatModel

from reasoning import KnowledgeGraph, LarkOptions, Reasoner
from reasoning.evaluation.run import Duration, duration, time_text

KG = KnowledgeGraph.from_triples([("Ann", "knows", "Bob")])


class Clock:
    """A clock that stands still but for what is answered: 5 s for the first call, then each item's own seconds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.answered = 0.0, 0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)

    def answer(self, items: Sequence[float]) -> Iterator[float]:
        for seconds in items:
            self.now += seconds if self.answered else 5.0
            self.answered += 1
            yield seconds


def test_the_rate_of_those_that_were_answered_is_that_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    found = duration(Reasoner(KG, method="exact"), [0.01] * 1001, Clock(monkeypatch).answer, requests=0)
    assert found.seconds == pytest.approx(5 + 10)
    assert str(found) == "Time: about 15 s, measured on 256 of 1,001 that were answered for it"
    found = duration(Reasoner(KG, method="exact"), [1.0], Clock(monkeypatch).answer, requests=0)
    assert found == Duration(5.0, "measured on 1 of 1 that were answered for it")


def test_slow_ones_are_tried_for_some_seconds_only(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    found = duration(Reasoner(KG, method="lark", llm="copy"), [4.0] * 101, clock.answer, requests=101)
    assert (found.seconds, clock.answered) == (5 + 400, 4)


def test_all_types_are_among_those_that_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    found = duration(Reasoner(KG, method="exact"), [0.001] * 500 + [0.003] * 500, Clock(monkeypatch).answer, requests=0)
    assert found.seconds == pytest.approx(5 + 2, rel=0.15)


@pytest.mark.parametrize(
    ("rate", "said"),
    [(None, "Time: not known, since nothing was sent"), (30.0, "Time: at least 20 min, by the limit of 30 requests")],
)
def test_a_provider_is_not_asked(rate: float | None, said: str) -> None:
    def never(items: Sequence[float]) -> Iterator[float]:
        raise AssertionError("nothing may be answered")

    options, model = LarkOptions(requests_per_minute=rate), FakeListChatModel(responses=[""])
    reasoner = Reasoner(KG, method="lark", llm=model, options=options)
    assert str(duration(reasoner, [1.0], never, requests=600)).startswith(said)


def test_a_time_is_said_as_by_a_person() -> None:
    assert [time_text(seconds) for seconds in (0.42, 50.2, 1200, 12600)] == ["0.4 s", "50 s", "20 min", "3.5 h"]
