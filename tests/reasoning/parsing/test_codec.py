import pytest

from reasoning import Query
from reasoning.errors import QueryError
from reasoning.lm.constraint import Constraint
from reasoning.parsing.codec import ids_in, pieces_of, query_grammar, read_back, written
from tests.reasoning.parsing.prompts import PROMPT, SPELLING, TOKENS, ids_of, tokens_of

QUERIES = {
    '~reports_to("Ann Lee") & !~"works in"(entity("t1"))': "~A(a) &!~B(b)",
    '~type("employee")': "α",
    'hired(~type("employee")) >= date("2019-05-03")': "D(α) >=d",
    '[salary(it) - salary(reports_to(it))](~type("employee")) > 0': "[C(it) -C(A(it))](α) >0",
    'top(3, salary, ~type("employee"))': "top(3,C,α)",
    'bottom(1, [count(~"works in"(it))], ~type("team"))': "bottom(1,[count(~B(it))],β)",
    'average(salary, ~type("employee"))': "average(C,α)",
    'top(1, [average(salary, ~"works in"(it))], ~type("team"))': "top(1,[average(C,~B(it))],β)",
    'every("works in", ~type("team"))': "every(B,β)",
    'every(~"works in", ~reports_to("Ann Lee"))': "every(~B,~A(a))",
    '(today - hired("Ann Lee")) / 365.25': "(today -D(a)) /365.25",
    'name_starts("Be", ~type("employee"))': "starts(Be,α)",
    'exists(salary("Ann Lee") > 50000)': "exists(C(a) >c)",
    'count("works in"("Ann Lee") | ~reports_to("Ann Lee"))': "count(B(a) |~A(a))",
    '[salary(it) - salary(reports_to(it))](~reports_to("Ann Lee"))': "[C(it) -C(A(it))](~A(a))",
    'salary(~type("employee")) < 1000000': "C(α) <1000000",
    'name_starts("+1", ~type("team"))': "starts(+1,β)",
}


@pytest.mark.parametrize(("query", "text"), QUERIES.items())
def test_a_query_is_written_over_ids_as_the_grammar_allows_and_read_back(query: str, text: str) -> None:
    pieces = written(query, ids_of(PROMPT))
    assert "".join(pieces) == text == "".join(pieces_of(text))
    assert Query.parse(read_back(text, PROMPT.meanings)) == Query.parse(query)
    assert Constraint(query_grammar(PROMPT, lambda piece: [TOKENS[piece]]), SPELLING).accepts(tokens_of(pieces))


def test_what_parses_to_nothing_cannot_be_written() -> None:
    constraint = Constraint(query_grammar(PROMPT, lambda piece: [TOKENS[piece]]), SPELLING)
    for pieces in ("A ( e )", "E ( a )", "A ( c )", "A ( C ( a ) )", "A ( a", "it"):
        assert not constraint.accepts(tokens_of(pieces.split()))
    for written_so in (["B", "(", "a", ")", " >", "c"], ["a", " none"]):
        assert not constraint.accepts(tokens_of(written_so))


def test_a_relation_that_is_stored_the_other_way_round_is_turned() -> None:
    ids = {**ids_of(PROMPT), "~manages": "A"}
    del ids["reports_to"]
    assert written('manages("Ann Lee")', ids) == ["~", "A", "(", "a", ")"]
    assert written('~manages("Ann Lee")', ids) == ["A", "(", "a", ")"]
    assert written('starts("Ann Lee")', {**ids, "starts": "E"}) == ["E", "(", "a", ")"], "the name of a short form"
    assert ids_in("starts(Bea,~B(b)) &!α") == {"B", "b", "α"}, "the beginning of a name holds no ids"


def test_what_is_no_piece_is_an_error() -> None:
    for text, problem in {
        "A(z)": "z stands for nothing", "works_in(a)": '"works" is no word of queries',
        "é(a)": "é is no part of queries", 'B("Ann")': '"Ann" is no word of queries', '"1"(a)': "is no part of queries",
        "B(a); A(a)": "; is no part of queries",
    }.items():  # fmt: skip
        with pytest.raises(QueryError, match=problem):
            read_back(text, PROMPT.meanings)


def test_brackets_quotes_and_orders_in_a_name_stay_inside_it() -> None:
    name = 'Bob") | "Eve" & !("Ann'
    ids = ids_of(PROMPT) | {'"Bob\\") | \\"Eve\\" & !(\\"Ann"': "e"}
    query = Query.parse('reports_to("Bob\\") | \\"Eve\\" & !(\\"Ann")')
    assert query.children[0].name == name  # type: ignore[attr-defined]
    assert written(str(query), ids) == ["A", "(", "e", ")"]
