from __future__ import annotations

import re

import pytest

from reasoning import Query
from reasoning.errors import QueryError
from reasoning.query.records import (
    NEGATED,
    STRUCTURES,
    in_order,
    instantiate,
    is_negated,
    is_shape,
    shape_of,
    structure_of,
)
from reasoning.query.tree import Entity

# The 14 structures of Ren & Leskovec 2020, by hand; branches in another order, deeper names and inverses are the same.
EXAMPLES = {
    "1p": ['r("a")', '~r("a")'],
    "2p": ['s(r("a"))'],
    "3p": ['t(s(r("a")))', 't(~s(r("a")))'],
    "2i": ['r("a") & s("b")'],
    "3i": ['r("a") & s("b") & t("c")'],
    "ip": ['t(r("a") & s("b"))'],
    "pi": ['s(r("a")) & t("b")', 't("b") & s(r("a"))'],
    "2u": ['r("a") | s("b")'],
    "up": ['t(r("a") | s("b"))'],
    "2in": ['r("a") & !s("b")', '!s("b") & r("a")'],
    "3in": ['r("a") & s("b") & !t("c")', 'r("a") & !t("c") & s("b")'],
    "inp": ['t(r("a") & !s("b"))'],
    "pin": ['s(r("a")) & !t("b")'],
    "pni": ['!s(r("a")) & t("b")', 't("b") & !s(r("a"))'],
}
OTHERS = ['"a"', '!r("a")', 'r("a") & "b"', 'r("a") & s("b") & t("c") & u("d")', 't(s(r(q("a"))))', 'count(r("a"))']


def test_a_query_is_known_by_its_structure() -> None:
    assert {text: Query.parse(text).structure for texts in EXAMPLES.values() for text in texts} == {
        text: name for name, texts in EXAMPLES.items() for text in texts
    }
    assert [structure_of(Query.parse(text)) for text in OTHERS] == [None] * len(OTHERS)
    assert set(STRUCTURES) == set(EXAMPLES) and len(STRUCTURES) == 14
    assert {name for name, texts in EXAMPLES.items() if "!" in texts[0]} == NEGATED


def test_any_query_has_a_shape() -> None:
    shapes = {
        'r("a") & s("b")': "2i",
        '~r("a") & !s(t(q(r("a"))))': "r(e) & !r(r(r(r(e))))",
        '!s(t(q(r("a")))) & ~r("a")': "r(e) & !r(r(r(r(e))))",
        'r("a" | s("b")) & (r("a") | s("b"))': "(r(e) | r(e)) & r(e | r(e))",
        'r(top(3, size, s("b")))': "r(top(r(e)))",
        'bottom(1, [count(r(it))], name_starts("B", s("b")))': "bottom(name_starts(r(e)))",
        'every(~r, s("b"))': "every(r(e))",
        'size(r("a")) > 3': "compare(r(e))",
    }
    assert {text: shape_of(Query.parse(text)) for text in shapes} == shapes
    assert all(map(is_shape, shapes.values())) and not any(map(is_shape, ("9p", "", "r(x)", "DROP e", "2p ")))
    assert in_order({"r(e) | e", "pni", "2p", "!e & r(e)"}) == ["2p", "pni", "!e & r(e)", "r(e) | e"]
    assert [is_negated(name) for name in ("2p", "pni", "!e & r(e)", "r(e) | e")] == [False, True, True, False]


def test_an_instance_is_filled_in_the_order_of_its_record() -> None:
    for name, (text, *_) in EXAMPLES.items():
        anchors = [Entity(anchor) for anchor in re.findall(r'"(\w)"', text)]
        # The examples name their relations r, s, t from the inside and from the left.
        assert instantiate(name, anchors, sorted(re.findall(r"(\w)\(", text))) == Query.parse(text)
    assert instantiate("2p", [Entity("a")], ["~r", "s"]) == Query.parse('s(~r("a"))')


@pytest.mark.parametrize(
    ("name", "relations", "message"),
    [("4p", 1, "'4p'; expected one of 1p, 2p"), ("2i", 2, "2 anchors and 2 relations, found 1"), ("1p", 0, "1 and 0")],
)
def test_a_structure_filled_wrongly_is_an_error(name: str, relations: int, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        instantiate(name, [Entity("a")], ["r"] * relations)
