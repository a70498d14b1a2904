from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
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


@example(["", "\ud800", "a\0b", "😀", "é"])
@given(texts)
def test_a_column_indexes_and_slices_like_a_list(strings: list[str]) -> None:
    column = StringColumn.from_strings(strings)
    assert list(column) == strings
    assert [column[i] for i in range(-len(strings), len(strings))] == strings * 2
    assert column[1:-1] == strings[1:-1]
    for outside in (len(strings), -len(strings) - 1):
        with pytest.raises(IndexError):
            column[outside]
    encoded = [text.encode("utf-8", "surrogatepass") for text in strings]
    assert [encoded[i] for i in byte_order(strings)] == sorted(encoded)


@given(texts, st.text(max_size=5))
def test_a_span_holds_every_position_of_a_key(strings: list[str], key: str) -> None:
    column = StringColumn.from_strings(strings)
    order = byte_order(column)
    found = sorted(int(order[i]) for i in column.span(key, order))
    assert found == [i for i, text in enumerate(strings) if text == key]


# Triples --------------------------------------------------------------------------------------------------------


@given(triple_lists, st.sets(st.integers(0, ENTITIES - 1)), st.integers(0, RELATIONS - 1), st.booleans())
def test_edges_are_those_that_leave_the_sources(
    triples: Triples, sources: set[int], relation: int, inverse: bool
) -> None:
    built, asked = index(triples), np.array(sorted(sources), dtype=np.int32)
    assert sorted(map(tuple, built.triples().tolist())) == sorted(set(triples))
    left, right = built.edges(asked, relation, inverse)
    pairs = {(t, h) if inverse else (h, t) for h, r, t in triples if r == relation}
    assert sorted(zip(left.tolist(), right.tolist(), strict=True)) == sorted(p for p in pairs if p[0] in sources)
    assert built.project(asked, relation, inverse).tolist() == sorted({end for start, end in pairs if start in sources})


@given(triple_lists, st.integers(0, ENTITIES - 1), st.booleans())
def test_around_an_entity_are_all_its_edges(triples: Triples, entity: int, incoming: bool) -> None:
    built = index(triples)
    found = {tuple(triple) for triple in built.triples(built.around(entity, incoming)).tolist()}
    assert found == {triple for triple in triples if triple[2 if incoming else 0] == entity}
