from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoning.graph.index import TripleIndex
from reasoning.graph.names import StringColumn, byte_order

texts = st.lists(st.text(max_size=5), max_size=12)
ENTITIES, RELATIONS = 6, 3
triple_lists = st.lists(
    st.tuples(st.integers(0, ENTITIES - 1), st.integers(0, RELATIONS - 1), st.integers(0, ENTITIES - 1)), max_size=25
)
Triples = list[tuple[int, int, int]]


def index(triples: Triples) -> TripleIndex:
    return TripleIndex.build(np.array(triples, dtype=np.int32).reshape(-1, 3), ENTITIES, RELATIONS)


# Strings --------------------------------------------------------------------------------------------------------


@given(texts)
def test_a_column_holds_its_strings(strings: list[str]) -> None:
    assert list(StringColumn.from_strings(strings)) == strings


@given(texts)
def test_a_column_indexes_and_slices_like_a_list(strings: list[str]) -> None:
    column = StringColumn.from_strings(strings)
    assert [column[i] for i in range(-len(strings), len(strings))] == strings * 2
    assert column[1:-1] == strings[1:-1]


@pytest.mark.parametrize("strings", [[], [""], ["", ""], ["\ud800"], ["a\0b"], ["😀", "é"]])
def test_odd_strings_survive(strings: list[str]) -> None:
    assert list(StringColumn.from_strings(strings)) == strings


@pytest.mark.parametrize("position", [3, -4])
def test_a_place_outside_is_an_index_error(position: int) -> None:
    with pytest.raises(IndexError):
        StringColumn.from_strings("abc")[position]


@given(texts, st.text(max_size=5))
def test_a_span_holds_every_position_of_a_key(strings: list[str], key: str) -> None:
    column = StringColumn.from_strings(strings)
    order = byte_order(column)
    found = sorted(int(order[i]) for i in column.span(key, order))
    assert found == [i for i, text in enumerate(strings) if text == key]


@given(texts)
def test_byte_order_sorts_by_utf8(strings: list[str]) -> None:
    encoded = [text.encode("utf-8", "surrogatepass") for text in strings]
    assert [encoded[i] for i in byte_order(strings)] == sorted(encoded)


# Triples --------------------------------------------------------------------------------------------------------


@given(triple_lists)
def test_the_index_holds_each_triple_once(triples: Triples) -> None:
    assert sorted(map(tuple, index(triples).triples().tolist())) == sorted(set(triples))


@given(triple_lists, st.sets(st.integers(0, ENTITIES - 1)), st.integers(0, RELATIONS - 1), st.booleans())
def test_edges_are_those_that_leave_the_sources(
    triples: Triples, sources: set[int], relation: int, inverse: bool
) -> None:
    left, right = index(triples).edges(np.array(sorted(sources), dtype=np.int32), relation, inverse)
    pairs = {(t, h) if inverse else (h, t) for h, r, t in triples if r == relation}
    assert sorted(zip(left.tolist(), right.tolist(), strict=True)) == sorted(p for p in pairs if p[0] in sources)


@given(triple_lists, st.integers(0, ENTITIES - 1), st.booleans())
def test_around_an_entity_are_all_its_edges(triples: Triples, entity: int, incoming: bool) -> None:
    built = index(triples)
    found = {tuple(triple) for triple in built.triples(built.around(entity, incoming)).tolist()}
    assert found == {triple for triple in triples if triple[2 if incoming else 0] == entity}


def test_an_index_without_triples_answers_with_nothing() -> None:
    empty = index([])
    assert empty.project(np.array([0, 1], dtype=np.int32), 0, False).tolist() == []
