"""Questions that a taught model reads come to it several at once; everything else stays as it was."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

import reasoning.reasoner
from reasoning import Answer, KnowledgeGraph, LarkOptions, Reasoner
from reasoning.evaluation.run import replies
from reasoning.query.read_question import ReadQuestion
from reasoning.query.tree import Query

KG = KnowledgeGraph.from_triples([("Ann", "knows", "Bo"), ("Bo", "knows", "Cy")], name="people")
QUESTIONS = ["whom does Ann know", "whom does Bo know", "who is known to Cy"]


def reader(parties: int) -> Callable[..., ReadQuestion]:
    """Reads every question alike, once so many are being read at the same time."""
    waiting = threading.Barrier(parties)

    def read(question: str, *_: object) -> ReadQuestion:
        waiting.wait(20)
        return ReadQuestion(question, Query.parse('knows("Ann")'), 1.0, 1.0)

    return read


def test_a_batch_and_an_evaluation_read_several_at_once_by_a_taught_model(monkeypatch: pytest.MonkeyPatch) -> None:
    reasoner = Reasoner(KG, method="exact", options=LarkOptions())
    monkeypatch.setattr(reasoning.reasoner, "understand", reader(len(QUESTIONS)))
    assert [answer.entities for answer in reasoner.batch(QUESTIONS)] == [["Bo"]] * 3
    monkeypatch.setattr(reasoning.reasoner, "understand", reader(len(QUESTIONS)))
    found = [reply.answer for reply in replies(reasoner, QUESTIONS)]
    assert [answer and answer.entities for answer in found] == [["Bo"]] * 3


def test_queries_are_answered_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    reasoner = Reasoner(KG, method="exact")
    threads: set[int] = set()
    answered = Reasoner.answer

    def answer(self: Reasoner, asked: Query | str) -> Answer:
        threads.add(threading.get_ident())
        return answered(self, asked)

    monkeypatch.setattr(Reasoner, "answer", answer)
    assert len([*replies(reasoner, [Query.parse('knows("Ann")')] * 3)]) == 3
    assert threads == {threading.get_ident()}
