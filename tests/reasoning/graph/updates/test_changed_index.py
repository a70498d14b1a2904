"""A changed index answers as one that is built anew of the same triples."""

from __future__ import annotations

import random
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoning.graph.index import TripleIndex
from reasoning.graph.updates import edges
from reasoning.graph.updates.edges import ChangedIndex, EdgeChanges, EdgeEditor

Triple = tuple[int, int, int]

BASE_ENTITIES, BASE_RELATIONS = 5, 2
ENTITIES, RELATIONS = 7, 3
triples = st.tuples(st.integers(0, ENTITIES - 1), st.integers(0, RELATIONS - 1), st.integers(0, ENTITIES - 1))
of_base = st.tuples(
    st.integers(0, BASE_ENTITIES - 1), st.integers(0, BASE_RELATIONS - 1), st.integers(0, BASE_ENTITIES - 1)
)


def built(content: set[Triple], entities: int = ENTITIES, relations: int = RELATIONS) -> TripleIndex:
    return TripleIndex.build(np.array(sorted(content), dtype=np.int32).reshape(-1, 3), entities, relations)


def edited(changes: EdgeChanges, content: set[Triple], wanted: list[Triple]) -> tuple[EdgeChanges, set[Triple]]:
    """Each triple is taken away where it is there, and added where it is not."""
    editor, content = EdgeEditor(changes), set(content)
    for triple in wanted:
        assert editor.holds(*triple) == (triple in content)
        editor.put(*triple, there=triple not in content)
        content ^= {triple}
    return editor.done(), content


def assert_same(changed: ChangedIndex, content: set[Triple]) -> None:
    anew = built(content)
    assert len(changed) == len(anew) == len(content)
    assert changed.counts().tolist() == anew.counts().tolist()
    everyone = np.arange(ENTITIES, dtype=np.int32)
    assert changed.degrees(everyone).tolist() == anew.degrees(everyone).tolist()
    for relation, inverse in product(range(RELATIONS), (False, True)):
        assert changed.ends(relation, inverse).tolist() == anew.ends(relation, inverse).tolist()
        for one, other in zip(changed.block(relation, inverse), anew.block(relation, inverse), strict=True):
            assert one.tolist() == other.tolist()
        for sources in ([], [0], [6], [1, 3], [0, 1, 2, 3, 4, 5, 6]):
            asked = np.array(sources, dtype=np.int32)
            assert changed.project(asked, relation, inverse).tolist() == anew.project(asked, relation, inverse).tolist()
            for one, other in zip(
                changed.edges(asked, relation, inverse), anew.edges(asked, relation, inverse), strict=True
            ):
                assert one.tolist() == other.tolist()
    for entity, incoming in product(range(ENTITIES), (False, True)):
        positions = changed.around(entity, incoming)
        assert (positions < changed.bound).all()
        own = {(h, r, t) for h, r, t in content if (t if incoming else h) == entity}
        there = [tuple(triple) for triple in changed.triples(positions).tolist()]
        assert len(there) == len(own) and set(there) == own
    drawn = {tuple(triple) for triple in changed.drawn(50, random.Random(0)).tolist()}
    assert drawn <= content and bool(drawn) == bool(content)
    for name, array in changed.whole.arrays().items():
        assert array.tolist() == anew.arrays()[name].tolist(), name


@pytest.mark.parametrize(("pending", "laid_over"), [(0, 0.0), (0, 10.0), (3, 10.0), (100, 0.0)])
@given(start=st.sets(of_base, max_size=15), steps=st.lists(st.lists(triples, max_size=8), max_size=4))
def test_every_question_is_answered_as_by_an_index_built_anew(
    pending: int, laid_over: float, start: set[Triple], steps: list[list[Triple]]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(edges, "PENDING", pending)
        patch.setattr(edges, "LAID_OVER", laid_over)
        patch.setattr(edges, "ALWAYS_MADE", -1 if laid_over else 0)
        content = start
        changes = EdgeChanges.none(built(start, BASE_ENTITIES, BASE_RELATIONS))
        versions = [(changes, content)]
        for wanted in steps:
            changes, content = edited(changes, content, wanted)
            versions.append((changes, content))
        # The older ones are what they were, whatever was changed after them.
        for before, held in versions:
            assert_same(ChangedIndex(before, ENTITIES, RELATIONS), held)


def test_what_is_undone_weighs_nothing() -> None:
    changes = EdgeChanges.none(built({(0, 0, 1)}))
    changes, content = edited(changes, {(0, 0, 1)}, [(0, 0, 1), (2, 1, 3)])
    assert changes.weight == 2
    changes, _ = edited(changes, content, [(0, 0, 1), (2, 1, 3)])
    assert changes.weight == 0 and len(changes.pending) == 0
