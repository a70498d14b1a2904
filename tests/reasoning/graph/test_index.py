"""What each kind of graph is held to: as arrays, as changes laid over arrays, and on a server."""

import random
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoning import KnowledgeGraph
from reasoning.errors import EndpointError
from reasoning.graph.index import EdgeIndex, Ids, TripleIndex
from reasoning.graph.updates import edges
from reasoning.graph.updates.edges import ChangedIndex, EdgeChanges, EdgeEditor
from tests.reasoning.endpoint_server import serving, store_of

Triple = tuple[int, int, int]

BASE_ENTITIES, BASE_RELATIONS = 5, 2
ENTITIES, RELATIONS = 7, 3


def triples(entities: int, relations: int) -> st.SearchStrategy[Triple]:
    return st.tuples(st.integers(0, entities - 1), st.integers(0, relations - 1), st.integers(0, entities - 1))


def pairs_of(ends: tuple[Ids, Ids]) -> list[tuple[int, int]]:
    return list(zip(ends[0].tolist(), ends[1].tolist(), strict=True))


def assert_answers(index: EdgeIndex, content: set[Triple], size: int = ENTITIES, relations: int = RELATIONS) -> None:
    """An index answers each question as sets over its triples do."""
    everyone = np.arange(size, dtype=np.int32)
    assert len(index) == len(content)
    assert index.counts().tolist() == [sum(r == relation for _, r, _ in content) for relation in range(relations)]
    degrees = [sum((h == entity) + (t == entity) for h, _, t in content) for entity in range(size)]
    assert index.degrees(everyone).tolist() == degrees
    for relation, inverse in product(range(relations), (False, True)):
        pairs = sorted((t, h) if inverse else (h, t) for h, r, t in content if r == relation)
        assert index.ends(relation, inverse).tolist() == sorted({start for start, _ in pairs})
        assert pairs_of(index.block(relation, inverse)) == pairs_of(index.some(relation, inverse, 999)) == pairs
        for sources in ([], [0], [6], [1, 3], everyone.tolist()):
            asked, found = np.array(sources, dtype=np.int32), [pair for pair in pairs if pair[0] in sources]
            assert pairs_of(index.edges(asked, relation, inverse)) == found
            assert index.project(asked, relation, inverse).tolist() == sorted({end for _, end in found})
    for entity, incoming in product(range(size), (False, True)):
        positions = index.around(entity, incoming)
        assert (positions < index.bound).all()
        own = sorted(triple for triple in content if triple[2 if incoming else 0] == entity)
        assert sorted(map(tuple, index.triples(positions).tolist())) == own
    drawn = index.drawn(50, random.Random(0)).tolist()
    assert {tuple(triple) for triple in drawn} <= content and len(drawn) == (50 if content else 0)


def built(content: list[Triple] | set[Triple], entities: int = ENTITIES, relations: int = RELATIONS) -> TripleIndex:
    return TripleIndex.build(np.array(list(content), dtype=np.int32).reshape(-1, 3), entities, relations)


@given(st.lists(triples(ENTITIES, RELATIONS), max_size=25))
def test_arrays_answer_as_sets(content: list[Triple]) -> None:
    assert_answers(built(content), set(content))
    assert built(content).whole.triples()[:, [1, 0, 2]].tolist() == sorted([r, h, t] for h, r, t in set(content))


def edited(changes: EdgeChanges, content: set[Triple], wanted: list[Triple]) -> tuple[EdgeChanges, set[Triple]]:
    """Each triple is taken away where it is there, and added where it is not."""
    editor, content = EdgeEditor(changes), set(content)
    for triple in wanted:
        assert editor.holds(*triple) == (triple in content)
        editor.put(*triple, there=triple not in content)
        content ^= {triple}
    return editor.done(), content


@pytest.mark.parametrize(("pending", "laid_over"), [(0, 0.0), (0, 10.0), (3, 10.0), (100, 0.0)])
@given(
    start=st.sets(triples(BASE_ENTITIES, BASE_RELATIONS), max_size=15),
    steps=st.lists(st.lists(triples(ENTITIES, RELATIONS), max_size=8), max_size=4),
)
def test_changes_answer_as_sets(pending: int, laid_over: float, start: set[Triple], steps: list[list[Triple]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(edges, "PENDING", pending)
        patch.setattr(edges, "LAID_OVER", laid_over)
        patch.setattr(edges, "ALWAYS_MADE", -1 if laid_over else 0)
        versions = [(EdgeChanges.none(built(start, BASE_ENTITIES, BASE_RELATIONS)), start)]
        for wanted in steps:
            versions.append(edited(*versions[-1], wanted))
        # The older ones are what they were, whatever was changed after them.
        for before, held in versions:
            changed = ChangedIndex(before, ENTITIES, RELATIONS)
            assert_answers(changed, held)
            whole, anew = changed.whole.arrays(), built(held).arrays()
            assert {name: array.tolist() for name, array in whole.items()} == {n: a.tolist() for n, a in anew.items()}


def test_what_is_undone_weighs_nothing() -> None:
    changes = EdgeChanges.none(built({(0, 0, 1)}))
    changes, content = edited(changes, {(0, 0, 1)}, [(0, 0, 1), (2, 1, 3)])
    assert changes.weight == 2
    changes, _ = edited(changes, content, [(0, 0, 1), (2, 1, 3)])
    assert changes.weight == 0 and len(changes.pending) == 0


IDS = [f"e{number}" for number in range(ENTITIES)]
LINKS = {(0, 0, 1), (0, 0, 3), (1, 1, 2), (1, 1, 1), (3, 0, 2), (4, 2, 5), (5, 2, 4), (6, 1, 0)}
SIZES = {"e0": 3, "e2": -1, "e6": 0}
FACTS: list[tuple[str, str, Any]] = [
    *((f"e{h}", "rst"[r], f"e{t}") for h, r, t in sorted(LINKS, key=lambda link: (link[1], link[0]))),
    *((name, "size", size) for name, size in SIZES.items()),
]
PLACED: list[tuple[str, str, Any]] = [(name, "first", f"x{name}") for name in IDS]
"""Facts by which entities are met in the order of their numbers."""


def whole() -> KnowledgeGraph:
    kg = KnowledgeGraph.from_triples([*PLACED, *FACTS], types=[("e0", "big"), ("e2", "big"), ("e0", "a")])
    return kg.changed(labels=[("e1", "Twin"), ("e2", "Twin"), ("e3", "Único")])


@pytest.fixture(scope="module", params=["arrays", "changes", "server"])
def kg(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeGraph]:
    if request.param == "changes":
        kg = KnowledgeGraph.from_triples([*PLACED, *FACTS[:3], ("e0", "size", 5), ("e4", "size", 5)])
        kg = kg.changed(remove=[("e4", "size", 5), ("e0", "size", 5)], add=FACTS)
        yield kg.changed(
            types=[("e0", "big"), ("e2", "big"), ("e0", "a")],
            labels=[("e1", "Twin"), ("e2", "Twin"), ("e3", "Único")],
        )
    elif request.param == "arrays":
        yield KnowledgeGraph(whole().content.whole)
    else:
        with serving(store_of(whole(), tmp_path_factory.mktemp("served"))) as server:
            yield KnowledgeGraph.load(f"sparql:{server.url}", refresh=True)


def test_values_of_a_column(kg: KnowledgeGraph) -> None:
    (column,) = kg.content.values
    assert (column.relation, column.identifier, column.kind, column.unit) == ("size", "size", "integer", "")
    sizes = {kg.entity_by_id(name): float(size) for name, size in SIZES.items()}
    for entities, values in ((column.entities, column.values), (column.whole.entities, column.whole.values)):
        assert dict(zip(entities.tolist(), values.tolist(), strict=True)) == sizes
    assert len(column) == 3 and column.entities.tolist() == sorted(sizes)
    asked = sorted(kg.entity_by_id(name) for name in ("e0", "e1", "e6"))
    entities, values = column.read(np.array(asked, dtype=np.int32))
    assert dict(zip(entities.tolist(), values.tolist(), strict=True)) == {e: sizes[e] for e in asked if e in sizes}
    entities, values = column.some(2)
    assert len(entities) >= 2 and set(zip(entities.tolist(), values.tolist(), strict=True)) <= set(sizes.items())


def test_entities_and_their_names(kg: KnowledgeGraph) -> None:
    table, names = kg.content.entities, kg.names
    numbers = [table.find(name) for name in IDS]
    assert None not in numbers and table.find("e99") is None
    assert [table.ids[number] for number in numbers if number is not None] == IDS
    assert set(table.present.tolist()) >= set(numbers) and len(table.present) == 2 * ENTITIES
    told = [(table.labels[n], table.shares_label(n), sorted(table.types(n))) for n in numbers[:4] if n is not None]
    assert told == [("e0", False, ["a", "big"]), ("Twin", True, []), ("Twin", True, ["big"]), ("Único", False, [])]
    assert set(table.type_names) == {"a", "big"}
    assert sorted(names.with_key("twin")) == sorted(numbers[1:3]) == sorted(names.called("TWIN"))  # type: ignore[type-var]
    assert names.beginning("uni", 5) == [numbers[3]] == names.spelling("nico", 5)
    match = names.match("ÚNICO")
    assert match is not None and match.entities == (numbers[3],) and match.corrected_to is None
    assert names.match("nobody at all") is None and names.longer_by("uni", ["co"]) == [numbers[3]]


def test_edges_of_a_graph(kg: KnowledgeGraph) -> None:
    number = {name: kg.entity_by_id(name) for name in kg.entity_ids}
    links = {(number[h], kg.relation(r).index, number[t]) for h, r, t in [*PLACED, *FACTS] if isinstance(t, str)}
    assert_answers(kg.index, links, kg.entity_count, kg.relation_count)
    try:
        assert set(map(tuple, kg.index.whole.triples().tolist())) == links
    except EndpointError as refused:
        assert "stays on its server" in str(refused)
