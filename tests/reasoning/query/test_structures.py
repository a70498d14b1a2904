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


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in EXAMPLES.items() for text in texts])
def test_a_query_is_known_by_its_structure(name: str, text: str) -> None:
    assert Query.parse(text).structure == name


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ('r("a") & s("b")', "2i"),
        ('~r("a") & !s(t(q(r("a"))))', "r(e) & !r(r(r(r(e))))"),
        ('!s(t(q(r("a")))) & ~r("a")', "r(e) & !r(r(r(r(e))))"),
        ('r("a" | s("b")) & (r("a") | s("b"))', "(r(e) | r(e)) & r(e | r(e))"),
        ('r(top(3, size, s("b")))', "r(top(r(e)))"),
        ('bottom(1, [count(r(it))], name_starts("B", s("b")))', "bottom(name_starts(r(e)))"),
        ('every(~r, s("b"))', "every(r(e))"),
        ('size(r("a")) > 3', "compare(r(e))"),
    ],
)
def test_any_query_has_a_shape(text: str, shape: str) -> None:
    assert shape_of(Query.parse(text)) == shape
    assert is_shape(shape)


def test_what_is_no_shape_is_told_from_one() -> None:
    assert not any(map(is_shape, ("9p", "", "r(x)", "DROP e", "2p ")))


def test_shapes_stand_behind_the_14() -> None:
    assert in_order({"r(e) | e", "pni", "2p", "!e & r(e)"}) == ["2p", "pni", "!e & r(e)", "r(e) | e"]
    assert [is_negated(name) for name in ("2p", "pni", "!e & r(e)", "r(e) | e")] == [False, True, True, False]


@pytest.mark.parametrize("text", OTHERS)
def test_another_shape_has_no_name(text: str) -> None:
    assert structure_of(Query.parse(text)) is None


def test_the_14_structures_are_9_positive_and_5_negated() -> None:
    assert set(STRUCTURES) == set(EXAMPLES)
    assert (len(STRUCTURES), len(set(STRUCTURES) - NEGATED), len(NEGATED)) == (14, 9, 5)


@pytest.mark.parametrize("name", STRUCTURES)
def test_negated_structures_are_those_with_a_complement(name: str) -> None:
    assert (name in NEGATED) == ("!" in EXAMPLES[name][0])


@pytest.mark.parametrize("name", STRUCTURES)
def test_an_instance_is_filled_in_the_order_of_its_record(name: str) -> None:
    text = EXAMPLES[name][0]
    anchors = [Entity(anchor) for anchor in re.findall(r'"(\w)"', text)]
    # The examples name their relations r, s, t from the inside and from the left.
    relations = sorted(re.findall(r"(\w)\(", text))
    assert instantiate(name, anchors, relations) == Query.parse(text)


def test_a_tilde_before_a_relation_is_its_inverse() -> None:
    assert instantiate("2p", [Entity("a")], ["~r", "s"]) == Query.parse('s(~r("a"))')


@pytest.mark.parametrize(
    ("name", "anchors", "relations", "message"),
    [
        ("4p", 1, 1, "unknown structure '4p'; expected one of 1p, 2p"),
        ("2i", 1, 2, "2i takes 2 anchors and 2 relations, found 1 and 2"),
        ("1p", 1, 0, "1p takes 1 anchors and 1 relations, found 1 and 0"),
    ],
)
def test_a_structure_filled_wrongly_is_an_error(name: str, anchors: int, relations: int, message: str) -> None:
    with pytest.raises(QueryError) as raised:
        instantiate(name, [Entity("a")] * anchors, ["r"] * relations)
    assert message in str(raised.value)
