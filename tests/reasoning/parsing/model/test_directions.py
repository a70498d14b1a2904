from __future__ import annotations

import pytest

from reasoning.errors import QueryError
from reasoning.parsing.checking import with_directions, without_directions
from tests.reasoning.parsing.model.prompts import PROMPT

MARKED = {
    "B(a)": "B(a)",
    "~B(b)": "B(b)",
    "~A(a)": "~A(a)",
    "B(~A(a))": "B(~A(a))",
    "~B(B(a)) &!a": "B(B(a)) &!a",
    "top(1,[count(~B(it))],β)": "top(1,[count(B(it))],β)",
    "[C(it) -average(C,~B(B(it)))](α) >0": "[C(it) -average(C,B(B(it)))](α) >0",
    "every(B,β)": "every(B,β)",
    "every(~B,~A(a))": "every(B,~A(a))",
    "~B(b) |~B(β)": "B(b) |B(β)",
    "C(~B(b)) >c": "C(B(b)) >c",
    "starts(Be,~B(b))": "starts(Be,B(b))",
    "today -D(a)": "today -D(a)",
}


@pytest.mark.parametrize(("marked", "short"), MARKED.items())
def test_a_direction_is_written_only_where_kinds_do_not_decide_it(marked: str, short: str) -> None:
    assert without_directions(marked, PROMPT) == short
    assert with_directions(short, PROMPT) == marked


@pytest.mark.parametrize("text", ["a(b)", "~α(a)", "top(1,a,α)"])
def test_what_is_no_relation_is_an_error(text: str) -> None:
    with pytest.raises(QueryError, match=r"is the id of no relation|does not fit here"):
        with_directions(text, PROMPT)


def test_a_direction_that_kinds_rule_out_is_turned() -> None:
    assert with_directions("~B(a)", PROMPT) == "B(a)"
