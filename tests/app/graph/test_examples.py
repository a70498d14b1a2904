import random

import pytest

from app.graph.examples import drawing_of, example_of, filled_shape, grown, shape_example, shapes_html
from app.graph.graphs import GraphRegistry
from app.server.views import called
from reasoning import KnowledgeGraph, Query, Reasoner
from reasoning.query.records import NEGATED, STRUCTURES, instantiate
from reasoning.query.tree import Complement, Entity, Project
from tests.app.test_views import assert_harmless


@pytest.fixture(scope="module")
def kg() -> KnowledgeGraph:
    rng = random.Random(7)
    return KnowledgeGraph.from_triples(
        {(f"n{rng.randrange(30)}", f"r{rng.randrange(4)}", f"n{rng.randrange(30)}") for _ in range(160)}, name="random"
    )


def count(query: Query, kind: type[Query]) -> int:
    return isinstance(query, kind) + sum(count(child, kind) for child in query.children)


@pytest.mark.parametrize("name", STRUCTURES)
def test_a_structure_is_drawn_with_its_dots_and_arrows_and_has_an_example(kg: KnowledgeGraph, name: str) -> None:
    drawing = drawing_of(name)
    query = instantiate(name, [Entity("a")] * len(drawing.anchors), ["r"] * len(drawing.edges))
    assert count(query, Entity) == len(drawing.anchors)
    assert count(query, Project) == len(drawing.edges)
    assert sum(negated for *_, negated in drawing.edges) == count(query, Complement) == (name in NEGATED)
    assert all(drawing.places[source][0] < drawing.places[target][0] for source, target, _ in drawing.edges)
    assert bool(drawing.united) == (name in {"2u", "up"})
    assert len(set(drawing.places.values())) == len(drawing.places)
    found = example_of(kg, name, random.Random(1))
    assert found is not None
    query = instantiate(name, [Entity(anchor) for anchor in found[0]], found[1])
    assert query.structure == name and len(Reasoner(kg, method="exact").answer(query).ranked)


def test_no_example_is_tried_twice_and_each_shape_is_a_choice() -> None:
    exact = Reasoner(KnowledgeGraph.from_triples([("A", "road", "B"), ("C", "road", "D")]), method="exact")
    queries = [str(example.query) for example in grown(exact, "1p", random.Random(1))]
    assert sorted(queries) == ['road("A")', 'road("C")', '~road("B")', '~road("D")']
    page = assert_harmless(shapes_html().replace("<form", "<div").replace("</form", "</div"))
    assert [value for name, value in page.attributes if name == "value"] == list(STRUCTURES)


def test_filling_a_shape_writes_its_query(kg: KnowledgeGraph) -> None:
    shelf = GraphRegistry(["world"])
    graph = shelf.own.add("me", kg).key
    given = {"graph": graph, "shape": "pin", "anchors": ["n1", "n2"], "relations": ["r0", "~r1", "r2"]}
    assert filled_shape(shelf, given) == {"query": '~r1(r0("n1")) & !r2("n2")'}
    for change, told in (
        ({"anchors": ["n1"]}, "Anchor 2 is still empty"),
        ({"relations": ["r0", "", "r2"]}, "Relation 2 is still empty"),
        ({"anchors": ["n1", "zzzz"]}, "zzzz"), ({"relations": ["r0", "r1", "nothing"]}, "nothing"),
        ({"shape": "9p"}, "unknown structure"), ({"graph": "../x"}, "no graph here"),
    ):  # fmt: skip
        assert told in called(filled_shape, shelf, given | change)["error"]
    assert "error" in called(shape_example, shelf, {"graph": graph, "shape": "<script>"})
    assert "error" in called(shape_example, shelf, None)
