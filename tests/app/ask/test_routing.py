"""Which reader a text goes to, told by how sure both are and by the names in it."""

from __future__ import annotations

import pytest

from app.ask.routing import Sureness, graph_sureness
from kg_data.errors import SkylarkError
from reasoning import Query
from reasoning.query.read_question import QuestionError, Reading, ReadQuestion


@pytest.mark.parametrize(
    ("sureness", "is_for_picture"),
    [
        (Sureness(0.98, 0.4), False),
        (Sureness(0.2, 0.98), True),
        (Sureness(0.0, 0.0), False),
        (Sureness(0.0, 0.0, picture_is_new=True), True),
        # "The president of France": a picture's reader takes it for a person, but the graph knows France.
        (Sureness(0.1, 0.98, names=True), False),
        (Sureness(0.1, 0.98, names=True, picture_is_new=True), True),
        # "What is the capital of Chad?" is for the graph, even where a picture was just given.
        (Sureness(0.98, 0.3, names=True, picture_is_new=True), False),
    ],
)
def test_the_surer_reader_is_asked_unless_the_graph_knows_a_name(sureness: Sureness, is_for_picture: bool) -> None:
    assert sureness.is_for_picture is is_for_picture


def test_a_question_that_is_asked_back_counts_half_and_a_broken_query_whole() -> None:
    reading = Reading(Query.parse('capital("Chad")'), probability=0.6)
    unclear = ReadQuestion("the capital", None, alternatives=(reading,))
    assert graph_sureness(QuestionError("not clear", unclear)) == pytest.approx(0.3)
    assert graph_sureness(QuestionError("nothing is known")) == 0
    assert graph_sureness(SkylarkError("the query ends too early")) == 1
