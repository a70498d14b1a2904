"""What the box does with one question after another, without a browser."""

from __future__ import annotations

from app.ask.desk import Desk, InHand
from app.graph.graphs import GraphShelf
from app.image.looking import SharedDetector
from app.models.language_model import LanguageModel


def test_a_further_question_may_refer_to_the_last_answer() -> None:
    desk = Desk(GraphShelf(["world"]), LanguageModel("copy"), SharedDetector())
    first = desk.answer("What is the capital of Australia?", InHand())
    assert first.in_hand.last is not None and first.in_hand.last.entities == ["Canberra"]
    further = desk.answer("and its population?", first.in_hand)
    assert further.in_hand.last is not None and further.in_hand.last.query is not None
    assert str(further.in_hand.last.query).startswith("population(")
    assert "after the last answer" in further.told and "Canberra" in further.told
    assert "q=population" in further.told, "a link would ask the words of nothing"
    afresh = desk.answer("What is the capital of France?", further.in_hand)
    assert afresh.in_hand.last is not None and afresh.in_hand.last.entities == ["Paris"]
    assert "after the last answer" not in afresh.told


def test_what_was_asked_for_beside_what_is_there_is_said_to_be_missing() -> None:
    desk = Desk(GraphShelf(["world"]), LanguageModel("copy"), SharedDetector())
    seen = desk.answer("Find every bus and every zebra", InHand("bus", is_new=True)).seen
    assert "Found a bus. Not found: zebra." in seen
    assert "Not found" not in desk.answer("Find every bus", InHand("bus", is_new=True)).seen
