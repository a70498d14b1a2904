import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoning import KnowledgeGraph, Query, SkylarkError
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
from reasoning.query.tree import Complement, Entity, Intersect, Project, Union

# The forms as the data sets write them, and what they say.
RECORDS: dict[str, tuple[list[Any], str]] = {
    "1p": ([1, [0]], '"0"(entity("1"))'),
    "2p": ([1, [0, 1]], '"1"("0"(entity("1")))'),
    "3p": ([1, [0, 1, 2]], '"2"("1"("0"(entity("1"))))'),
    "2i": ([[1, [0]], [2, [1]]], '"0"(entity("1")) & "1"(entity("2"))'),
    "3i": ([[1, [0]], [2, [1]], [3, [2]]], '"0"(entity("1")) & "1"(entity("2")) & "2"(entity("3"))'),
    "ip": ([[[1, [0]], [2, [1]]], [2]], '"2"("0"(entity("1")) & "1"(entity("2")))'),
    "pi": ([[1, [0, 1]], [2, [2]]], '"1"("0"(entity("1"))) & "2"(entity("2"))'),
    "2u": ([[1, [0]], [2, [1]], [-1]], '"0"(entity("1")) | "1"(entity("2"))'),
    "up": ([[[1, [0]], [2, [1]], [-1]], [2]], '"2"("0"(entity("1")) | "1"(entity("2")))'),
    "2in": ([[1, [0]], [2, [1, -2]]], '"0"(entity("1")) & !"1"(entity("2"))'),
    "3in": ([[1, [0]], [2, [1]], [3, [2, -2]]], '"0"(entity("1")) & "1"(entity("2")) & !"2"(entity("3"))'),
    "inp": ([[[1, [0]], [2, [1, -2]]], [2]], '"2"("0"(entity("1")) & !"1"(entity("2")))'),
    "pin": ([[1, [0, 1]], [2, [2, -2]]], '"1"("0"(entity("1"))) & !"2"(entity("2"))'),
    "pni": ([[1, [0, 1, -2]], [2, [2]]], '!"1"("0"(entity("1"))) & "2"(entity("2"))'),
}

# Relation 1 is stored as the inverse twin of relation 0, as the integer data sets do; names beside the ids.
KG = KnowledgeGraph.from_triples(
    [("1", "0", "2"), ("2", "0", "3"), ("2", "0_reverse", "1"), ("3", "likes", "1"), ("1", "age", 5)],
    aliases=[("1", "Ann")],
)


# Branches in another order, deeper names and inverses are of the same structure.
REORDERED = {
    '~r("a")': "1p", 't(~s(r("a")))': "3p", 't("b") & s(r("a"))': "pi", '!s("b") & r("a")': "2in",
    'r("a") & !t("c") & s("b")': "3in", 't("b") & !s(r("a"))': "pni",
}  # fmt: skip
OTHERS = ['"a"', '!r("a")', 'r("a") & "b"', 'r("a") & s("b") & t("c") & u("d")', 't(s(r(q("a"))))', 'count(r("a"))']


def tuples(node: Any) -> Any:
    return tuple(tuples(item) for item in node) if isinstance(node, list) else node


def test_a_record_says_its_query_has_its_structure_and_comes_back_as_it_was() -> None:
    assert set(RECORDS) == set(STRUCTURES)
    for name, (record, text) in RECORDS.items():
        query = Query.from_record(record)
        assert (str(query), query.structure) == (text, name)
        assert json.loads(json.dumps(Query.from_record({"type": name, "query": record}).to_record())) == record
        assert Query.from_record(tuples(record)).to_betae() == tuples(record)


def test_a_query_is_known_by_its_structure() -> None:
    assert {text: structure_of(Query.parse(text)) for text in REORDERED} == REORDERED
    assert [structure_of(Query.parse(text)) for text in OTHERS] == [None] * len(OTHERS)
    assert len(STRUCTURES) == 14 and {name for name, (_, text) in RECORDS.items() if "!" in text} == NEGATED


def test_any_query_has_a_shape() -> None:
    shapes = {
        'r("a") & s("b")': "2i", '~r("a") & !s(t(q(r("a"))))': "r(e) & !r(r(r(r(e))))",
        '!s(t(q(r("a")))) & ~r("a")': "r(e) & !r(r(r(r(e))))",
        'r("a" | s("b")) & (r("a") | s("b"))': "(r(e) | r(e)) & r(e | r(e))", 'r(top(3, size, s("b")))': "r(top(r(e)))",
        'bottom(1, [count(r(it))], name_starts("B", s("b")))': "bottom(name_starts(r(e)))",
        'every(~r, s("b"))': "every(r(e))", 'size(r("a")) > 3': "compare(r(e))",
    }  # fmt: skip
    assert {text: shape_of(Query.parse(text)) for text in shapes} == shapes
    assert all(map(is_shape, shapes.values())) and not any(map(is_shape, ("9p", "", "r(x)", "DROP e", "2p ")))
    assert in_order({"r(e) | e", "pni", "2p", "!e & r(e)"}) == ["2p", "pni", "!e & r(e)", "r(e) | e"]
    assert [is_negated(name) for name in ("2p", "pni", "!e & r(e)", "r(e) | e")] == [False, True, True, False]


def test_an_instance_is_filled_in_the_order_of_its_record() -> None:
    for name, (_, text) in RECORDS.items():
        anchors = [Entity(anchor, by_id=True) for anchor in re.findall(r'entity\("(\d)"\)', text)]
        # The examples number their relations from the inside and from the left.
        assert instantiate(name, anchors, sorted(re.findall(r'"(\d)"\(', text))) == Query.parse(text)
    assert instantiate("2p", [Entity("a")], ["~r", "s"]) == Query.parse('s(~r("a"))')
    for name, count, message in (
        ("4p", 1, "'4p'; expected one of 1p"), ("2i", 2, "2 anchors and 2 relations, found 1"), ("1p", 0, "1 and 0"),
    ):  # fmt: skip
        with pytest.raises(QueryError, match=message):
            instantiate(name, [Entity("a")], ["r"] * count)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ((("e1", ("r1",)), ("e2", ("r2", "n"))), 'r1(entity("e1")) & !r2(entity("e2"))'),
        ((("e1", ("r1",)), ("e2", ("r2",)), ("u",)), 'r1(entity("e1")) | r2(entity("e2"))'),
        (((("e1", ("r1", "n")), ("e2", ("r2", "n"))), ("n", "r3")), 'r3(!(!r1(entity("e1")) & !r2(entity("e2"))))'),
    ],
)
def test_betaes_letters_mean_union_and_negation(written: Any, meant: str) -> None:
    assert Query.from_record(written) == Query.parse(meant)


def branches(entities: st.SearchStrategy[Query]) -> st.SearchStrategy[Query]:
    relations = st.sampled_from(["0", "1", "likes", "007", "9" * 5000])

    def grow(inner: st.SearchStrategy[Query]) -> st.SearchStrategy[Query]:
        several = st.lists(inner, min_size=2, max_size=3).map(tuple)
        single = st.builds(Project, relations, inner), st.builds(Complement, inner)
        return st.one_of(*single, st.builds(Intersect, several), st.builds(Union, several))

    return st.recursive(entities, grow, max_leaves=6)


@pytest.mark.slow
@given(branches(st.builds(Entity, st.sampled_from(["1", "x", "-5", "٣", "9" * 5000]), st.just(True))))
def test_any_tree_of_the_four_operations_comes_back(query: Query) -> None:
    assert Query.from_record(query.to_record()) == query


def test_names_and_directions_become_the_data_sets_ids() -> None:
    records = {
        '"0"("Ann")': [1, [0]], 'likes("3")': [3, ["likes"]], '~"0"("2")': [2, ["0_reverse"]],
        '"0_reverse"("2")': [2, ["0_reverse"]], '~"0_reverse"("1")': [1, [0]],
        '"0"("1") & !~"0"("3")': [[1, [0]], [3, ["0_reverse", -2]]],
    }  # fmt: skip
    assert {text: Query.parse(text).to_record(KG) for text in records} == records


@pytest.mark.parametrize(
    ("text", "kg", "message"),
    [
        ('~likes("1")', KG, 'no inverse of "likes"'), ('age("1")', KG, "age has values"),
        ('age("1") > 3', KG, "they hold no values"), ('count(likes("1"))', KG, "they hold no values"),
        ('likes("nobody at all")', KG, "no entity named"), ('r("Ann")', None, 'the id of "Ann" is not known'),
        ('~r(entity("1"))', None, "the id of the inverse of r"), ('n(entity("1"))', None, 'the id "n" means'),
        ('u("0"(entity("1")) & "0"(entity("2")))', None, 'the id "u"'), ('r(entity("n"))', None, 'the id "n" means'),
    ],
)  # fmt: skip
def test_what_a_record_cannot_hold_is_an_error(text: str, kg: KnowledgeGraph | None, message: str) -> None:
    with pytest.raises(SkylarkError) as raised:
        Query.parse(text).to_record(kg)
    assert message in str(raised.value)


DEEP: list[Any] = [1, [0]]
for _ in range(5000):
    DEEP = [DEEP, [0]]


@pytest.mark.parametrize(
    "record",
    [
        None, 5, "1p", [], [1], [[1, [0]]], [1, 0], [1, [0], [0]], [1, "ab"], [[1, [0]], 7], [[1, [0]], "ab"],
        [1, [None]], [1, [1.5]], [True, [0]], [1, [[0]]], [-1, [0]], ["u", [0]], [[1, [0]], [2, [0]], [3]],
        [[], [0]], [1, [-1]], [[1, [0]], None], [1, [0] * 500], {}, {"query": None}, {"type": "1p"}, {1: 2, "a": 3},
        [[1, [0]], {"a": 1}], b"12", [1, {"r": 0}], DEEP,
    ],
)  # fmt: skip
def test_a_malformed_record_is_a_query_error(record: Any) -> None:
    with pytest.raises(QueryError):
        Query.from_record(record)


@pytest.mark.parametrize("record", [(7, (3, -3)), (7, (-4,)), (-7, (3,)), ((1, (0,)), (2, (0, -5)))])
def test_a_negative_id_that_is_no_mark_is_refused(record: Any) -> None:
    with pytest.raises(QueryError, match=r"an id of 0 or more, found -[3457]: -1 marks a union and -2 a complement"):
        Query.from_record(record)


@pytest.mark.slow
@given(
    st.recursive(
        st.one_of(st.integers(-3, 3), st.sampled_from(["u", "n", "", "x"]), st.none()),
        lambda inner: st.lists(inner, max_size=4),
        max_leaves=12,
    )
)
def test_any_nesting_is_a_query_or_a_query_error(record: Any) -> None:
    try:
        query = Query.from_record(record)
    except QueryError:
        return
    assert Query.from_record(query.to_record()) == query
