import pytest

from reasoning.errors import QueryError
from reasoning.graph.store import KnowledgeGraph
from reasoning.parsing.checking import unvalued, with_directions, without_directions
from reasoning.parsing.linking import LinkedQuestion
from reasoning.parsing.reader import WeighedReading, chosen
from reasoning.parsing.schema import GraphSchema
from reasoning.query.tree import Query
from tests.reasoning.parsing.prompts import PROMPT

MARKED = {
    "B(a)": "B(a)", "~B(b)": "B(b)", "~A(a)": "~A(a)", "B(~A(a))": "B(~A(a))", "~B(B(a)) &!a": "B(B(a)) &!a",
    "top(1,[count(~B(it))],β)": "top(1,[count(B(it))],β)", "every(~B,~A(a))": "every(B,~A(a))",
    "[C(it) -average(C,~B(B(it)))](α) >0": "[C(it) -average(C,B(B(it)))](α) >0", "C(~B(b)) >c": "C(B(b)) >c",
    "starts(Be,~B(b))": "starts(Be,B(b))", "today -D(a)": "today -D(a)",
}  # fmt: skip


def test_a_direction_is_written_only_where_kinds_do_not_decide_it() -> None:
    for marked, short in MARKED.items():
        assert without_directions(marked, PROMPT) == short
        assert with_directions(short, PROMPT) == marked
    assert with_directions("~B(a)", PROMPT) == "B(a)", "kinds rule it out"
    for text in ("a(b)", "~α(a)", "top(1,a,α)"):
        with pytest.raises(QueryError):
            with_directions(text, PROMPT)


KG = KnowledgeGraph.from_triples([
    ("Texas", "part of", "America"), ("France", "part of", "Europe"), ("Spain", "part of", "Europe"),
    ("France", "land area", 551500), ("Spain", "land area", 505370), ("Texas", "people", 29), ("France", "people", 67),
])  # fmt: skip
LACKING = [("Texas", "land area")]


def test_named_things_need_the_value_that_they_are_compared_by() -> None:
    for query, lacking in {
        'top(1, "land area", "Texas" | "France")': LACKING,
        'exists("land area"("Texas") > "land area"("France"))': LACKING,
        'sum("land area", "France" | "Texas")': LACKING,
        '"land area"("France") - "land area"("Texas")': LACKING,
        'bottom(1, [people(it) / 2], "Texas" | "France")': [],
        'top(1, "land area", "Spain" | "France")': [],
        'top(1, "land area", !"France")': [],
        'top(1, "land area", ~"part of"("America") | "France")': [],
    }.items():
        assert unvalued(Query.parse(query), KG) == lacking


def test_however_sure_a_reading_is_it_does_not_rank_what_has_no_value() -> None:
    asked = LinkedQuestion.of("Is Texas or France the larger one?", GraphSchema(KG))
    ranked, other = (
        WeighedReading(Query.parse(f'top(1, {by}, "Texas" | "France")'), probability, "")
        for by, probability in (('"land area"', 0.95), ("people", 0.2))
    )
    found = chosen(asked, [ranked, other], sure=0.7, possible=0.1)
    assert found.query is None
    assert 'the graph has no land area of "Texas"' in found.problem
    assert [reading.query for reading in found.readings] == [other.query], "what may be meant is offered, as it can be"
    assert chosen(asked, [other], sure=0.1, possible=0.1).query == other.query
