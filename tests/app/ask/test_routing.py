"""Which reader a text goes to, told by how sure both are and by the names in it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.ask.image_intent import Sureness, graph_sureness, heard
from reasoning import Query
from reasoning.query.read_question import QuestionError, Reading, ReadQuestion
from skylark.errors import SkylarkError
from vision import Task, Vision


@pytest.mark.parametrize(
    ("sureness", "is_for_picture"),
    [
        (Sureness(0.98, 0.4), False),
        (Sureness(0.2, 0.98), True),
        (Sureness(0.0, 0.0), False),
        # "Is the person wearing a hat?" can't be read by either, and says of what it is.
        (Sureness(0.0, 0.0, of_things=True), True),
        # "How many people are there?" could be asked of the countries beside the picture as well, "how many are there?"
        # of them alone.
        (Sureness(0.99, 0.99, follows=True, of_things=True), True),
        (Sureness(0.99, 0.99, follows=True), False),
        (Sureness(0.99, 0.6, follows=True, of_things=True), False),
    ],
)
def test_the_surer_reader_is_asked(sureness: Sureness, is_for_picture: bool) -> None:
    assert sureness.is_for_picture is is_for_picture


@pytest.mark.parametrize(
    ("sureness", "is_for_picture"),
    [
        (Sureness(0.0, 0.0), True),
        (Sureness(0.0, 0.98), True),
        (Sureness(0.98, 0.99), True),
        (Sureness(0.98, 0.4), False),
    ],
)
def test_a_picture_that_was_shown_last_is_asked_first(sureness: Sureness, is_for_picture: bool) -> None:
    assert replace(sureness, in_view="picture").is_for_picture is is_for_picture


@pytest.mark.parametrize(
    ("sureness", "is_for_picture"),
    [
        (Sureness(0.2, 0.98, of_things=True), True),
        # "Which is the largest?" is of the answer, even where it cannot be asked of it.
        (Sureness(0.0, 0.99), False),
        (Sureness(0.0, 0.0, of_things=True), False),
        (Sureness(0.99, 0.98, follows=True, of_things=True), False),
    ],
)
def test_after_an_answer_of_the_graph_only_what_says_its_things_is_asked_of_the_picture(
    sureness: Sureness, is_for_picture: bool
) -> None:
    assert replace(sureness, in_view="graph").is_for_picture is is_for_picture


def test_a_question_that_is_asked_back_counts_half_and_a_broken_query_whole() -> None:
    reading = Reading(Query.parse('capital("Chad")'), probability=0.6)
    unclear = ReadQuestion("the capital", None, alternatives=(reading,))
    assert graph_sureness(QuestionError("not clear", unclear)) == pytest.approx(0.3)
    assert graph_sureness(QuestionError("nothing is known")) == 0
    assert graph_sureness(SkylarkError("the query ends too early")) == 1


@pytest.mark.parametrize(("described", "is_described"), [(0.7, False), (0.9, True)])
def test_what_no_picture_tells_is_a_description_only_where_that_is_surer(
    monkeypatch: pytest.MonkeyPatch, described: float, is_described: bool
) -> None:
    text = "what does the sign say"
    vision = Vision()
    beyond = Task(text, targets=(), understood=False, unread=(text,), probability=0.8)
    monkeypatch.setattr(vision, "read", lambda text: beyond)
    monkeypatch.setattr("app.ask.image_intent._sureness", lambda vision, text: described)
    read = heard(vision, text)
    assert read.task is not None and (read.task.expression is not None) is is_described
    assert read.sure == (described if is_described else 0.4)
