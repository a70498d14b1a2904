"""Soft logic against a table of all confidences that is worked out by Python, entity by entity."""

import itertools
import math
import random

import numpy as np
import pytest
from hypothesis import given
from numpy.typing import NDArray

from reasoning import KnowledgeGraph, Query
from reasoning.completion import soft_logic as soft_execution
from reasoning.completion.adjacency import LARGEST, SMOOTHING, ExpectedDegrees, NeuralAdjacency
from reasoning.completion.soft_logic import FuzzySet, SoftLogic, SoftRun, among_first
from reasoning.errors import QueryError
from reasoning.execution.exact import execute
from reasoning.graph.index import Ids
from reasoning.query.binding import bind
from reasoning.query.tree import Complement, Entity, Intersect, Project, Union
from tests.reasoning.random_queries import Facts, facts, sets

NAMES = ("a", "b", "c", "d", "e")
SCALE = 1.7


class Drawn:
    """Belief drawn at random, the same for the same question."""

    def __init__(self, entities: int) -> None:
        self.entities = entities

    digest = "drawn"

    def strength(self, relation: int, sources: Ids, degrees: NDArray[np.float64]) -> NDArray[np.float32]:
        return -np.log1p(-np.stack([self.row(relation, source) for source in sources.tolist()]))

    def row(self, relation: int, source: int) -> NDArray[np.float32]:
        drawn = np.random.default_rng((relation, source)).random(self.entities).astype(np.float32)
        return np.asarray(drawn**3)


def made(seed: int) -> tuple[KnowledgeGraph, SoftLogic]:
    rng = random.Random(seed)
    kg = KnowledgeGraph.from_triples(
        [(rng.choice(NAMES), rng.choice("rs"), rng.choice(NAMES)) for _ in range(8)]
        + [("a", "r", "b"), ("c", "s", "d"), ("e", "s", "e")]
    )
    return kg, SoftLogic(kg, NeuralAdjacency(kg.index.whole, Drawn(kg.entity_count), 0.0), SCALE)


def edge(kg: KnowledgeGraph, relation: int, inverse: bool, source: int, target: int, missing: float = 1.0) -> float:
    known = set(kg.index.whole.side(inverse).row(relation, source).tolist())
    if target in known:
        return 1.0
    if source == target and not any(
        each in kg.index.whole.forward.row(relation, each) for each in range(kg.entity_count)
    ):
        return 0.0
    sure = min(float(Drawn(kg.entity_count).row(2 * relation + inverse, source)[target]), LARGEST)
    counts = [len(kg.index.whole.side(inverse).row(relation, each)) for each in range(kg.entity_count)]
    if known:
        at_least, more = (sum(count >= len(known) + extra for count in counts) for extra in (0, 1))
        missing *= (more + 1) / (at_least + 2)
    return sure * missing / (sure * missing + 1 - sure)


def oracle(kg: KnowledgeGraph, query: Query, entity: int) -> float:
    """The confidence that `entity` is an answer, by the definition alone."""
    if isinstance(query, Entity):
        return float(kg.entity(query.name) == entity)
    if isinstance(query, Intersect):
        if all(isinstance(part, Complement) for part in query.parts):
            # Outside all of them is outside their union, as chains say it; the scale makes a difference.
            return oracle(kg, Complement(Union(tuple(part.children[0] for part in query.parts))), entity)
        return math.prod(oracle(kg, part, entity) for part in query.parts)
    if isinstance(query, Union):
        return 1 - math.prod(1 - oracle(kg, part, entity) for part in query.parts)
    if isinstance(query, Complement):
        return 1 - min(1.0, SCALE * oracle(kg, query.part, entity))
    assert isinstance(query, Project)
    relation = kg.relation(query.relation)
    return max(
        oracle(kg, query.source, source) * edge(kg, relation.index, query.inverse, source, entity)
        for source in kg.universe.tolist()
    )


QUERIES = [
    'r("a")', '~s("d")', 's(r("a"))', 'r(~s(s("c")))', 'r("a") & ~s("d")', 's(r("a") & ~r("b"))', 's(r("a")) & r("c")',
    'r("a") | s("c")', '~r(r("a") | s("c"))', 'r("a") & !s("c")', 's(r("a") & !s("c"))', 's(r("a")) & !r("e")',
    '!r("a")', 'r(!s("c"))', '!r("a") & !s("c")', '!(r("a") | s("c"))', '!r("a") | s("c")', 'r("a") & "b"',
    '"a" | r("a")',
    's(!(r("a") & !s("c")) | ~r("b"))',
]  # fmt: skip


@pytest.mark.parametrize("text", QUERIES)
def test_every_shape_is_worth_what_its_definition_says(text: str) -> None:
    for seed in range(3):
        kg, logic = made(seed)
        query = Query.parse(text)
        chain = bind(query, kg)
        found = logic.execute(chain)[-1].of(kg.universe)
        expected = [oracle(kg, query, entity) for entity in kg.universe.tolist()]
        assert found == pytest.approx(expected, abs=1e-6)


def test_a_proof_multiplies_to_the_confidence_and_names_its_edges() -> None:
    whole = 0
    queries = ('s(r("a"))', 'r(s(r("a")))', 's(r("a")) & ~r("b")', 's(r("a") & r("c"))')
    for seed, text in itertools.product(range(5), queries):
        kg, logic = made(seed)
        stated, chain = set(kg), bind(Query.parse(text), kg)
        results = logic.execute(chain)
        for entity in results[-1].members.tolist():
            proof = SoftRun(logic, chain, results).prove(entity)
            if len(proof.edges) == sum(step.step.operation == "project" for step in chain):  # else one serves twice
                whole += 1
                assert math.prod(e.confidence for e in proof.edges) == pytest.approx(proof.confidence, rel=1e-5)
            for shown in proof.edges:
                assert shown.known == (tuple(shown.to_list()) in stated)
            assert proof.assignments[-1].entity == entity
            assert proof.predicted == sum(not shown.known for shown in proof.edges)
    assert whole > 50


@pytest.mark.slow
@given(stated=facts(), query=sets())
def test_without_a_predictor_it_is_set_algebra(stated: Facts, query: Query) -> None:
    kg = KnowledgeGraph.from_triples(stated.triples)
    chain = bind(query, kg)
    if chain.result is None:
        return
    logic = SoftLogic(kg, NeuralAdjacency(kg.index.whole, None, 0.0))
    members, confidence = logic.execute(chain)[-1].ranked(kg.universe)
    assert sorted(members.tolist()) == execute(kg, chain)[-1].members.tolist()
    assert np.all(confidence == 1.0)


@pytest.mark.parametrize(
    ("query", "what"),
    [
        ('[count(r(it))]("a")', "a measure in brackets"),
        ('top(1, [count(r(it))], "a")', "a measure in brackets"),
        ('every(r, "b")', "every(...)"),
        ('sum(v, "a")', "a sum or another aggregate"),
        ('v("a") > v("b")', "a number of the graph"),
        ('v("a") - 1', "arithmetic"),
    ],
)
def test_what_soft_logic_has_no_rule_for_is_refused_before_anything_is_done(query: str, what: str) -> None:
    kg = KnowledgeGraph.from_triples([("a", "r", "b"), ("a", "v", 1), ("b", "v", 2)])
    chain = bind(Query.parse(query), kg)
    with pytest.raises(QueryError, match="ask by method exact") as raised:
        SoftLogic(kg, NeuralAdjacency(kg.index.whole, None, 0.0)).check(chain)
    assert what in str(raised.value)


def test_the_first_k_weigh_every_way_in_which_those_before_may_be_members() -> None:
    confidence = np.array([0.9, 0.3, 0.6, 0.5, 1.0])
    members = np.arange(5, dtype=np.int32)
    places = np.array([1, 2, 3, 0, 2])  # the second and the last tie
    for k in (1, 2, 4):
        expected = np.zeros(5)
        for world in itertools.product((0, 1), repeat=5):
            weight = math.prod(c if there else 1 - c for c, there in zip(confidence, world, strict=True))
            for at in range(5):
                before = sum(world[other] for other in range(5) if places[other] < places[at])
                expected[at] += weight * (world[at] and before < k)
        found = among_first(FuzzySet(members, confidence), places, k)
        assert found.of(members) == pytest.approx(expected)


def test_the_floor_takes_away_predicted_edges_alone_and_loops_need_a_loop() -> None:
    kg, _ = made(0)
    adjacency = NeuralAdjacency(kg.index.whole, Drawn(kg.entity_count), 0.3, 0.6)
    for relation, source in itertools.product(range(4), range(5)):
        row = adjacency.rows(relation, np.array([source], dtype=np.int32))[0]
        known = kg.index.whole.side(bool(relation & 1)).row(relation >> 1, source)
        assert set(known.tolist()) == set(row.targets[row.confidence == 1].tolist())
        assert np.all(row.confidence >= np.float32(0.3))
        possible = len(known) or ExpectedDegrees(kg.index.whole).of(relation, np.array([source]))[0] >= 0.3
        for target in range(5):
            expected = edge(kg, relation >> 1, bool(relation & 1), source, target, 0.6) if possible else 0.0
            got = adjacency.confidence(relation, source, target)
            assert got == pytest.approx(expected if expected >= 0.3 else 0.0, abs=1e-6)
    kg = KnowledgeGraph.from_triples([("a", "reports to", "b"), ("a", "knows", "a"), ("c", "knows", "b")])
    adjacency = NeuralAdjacency(kg.index.whole, Drawn(kg.entity_count), 0.0)
    reports, knows = (kg.relation(name).index for name in ("reports to", "knows"))
    for source in range(kg.entity_count):
        for inverse in (0, 1):
            assert adjacency.confidence(2 * reports + inverse, source, source) == 0
            assert adjacency.confidence(2 * knows + inverse, source, source) > 0


def test_degrees_are_told_by_other_relations_and_a_functional_one_hardly_lacks_more() -> None:
    people = [(f"p{i}", "lives in", "Town") for i in range(10)] + [(f"p{i}", "works at", "Mill") for i in range(5)]
    kg = KnowledgeGraph.from_triples([*people, ("Mill", "stands in", "Town")])
    expected = ExpectedDegrees(kg.index.whole)
    works = 2 * kg.relation_labels.index("works at")
    ids = np.array([list(kg.entity_labels).index(name) for name in ("p7", "Mill", "Town")], dtype=np.int32)
    assert expected.of(works, ids) == pytest.approx([5 / (10 + SMOOTHING), 0, 0])
    lives = 2 * kg.relation_labels.index("lives in")
    assert expected.of(lives, ids[:1]) == pytest.approx([10 / (10 + SMOOTHING)])

    class Degrees(Drawn):
        def strength(self, relation: int, sources: Ids, degrees: NDArray[np.float64]) -> NDArray[np.float32]:
            return -np.log1p(-np.repeat(degrees.astype(np.float32)[:, None] / 100, self.entities, axis=1))

    rows = NeuralAdjacency(kg.index.whole, Degrees(kg.entity_count), 1e-4).rows(works, ids)
    assert rows[0].confidence == pytest.approx(np.full(kg.entity_count - 1, 5 / 15 / 100), abs=1e-6)
    assert [len(row.targets) for row in rows[1:]] == [0, 0], "a town has no employer"
    capitals = [(f"c{i}", "capital of", f"s{i}") for i in range(20)]
    friends = [("c0", "twin of", f"c{i}") for i in range(1, 6)] + [("c1", "twin of", "c2")]
    kg = KnowledgeGraph.from_triples(capitals + friends)
    expected = ExpectedDegrees(kg.index.whole)
    capital, twin = (2 * kg.relation_labels.index(name) for name in ("capital of", "twin of"))
    assert expected.chance_of_more(capital, np.array([0, 1])) == pytest.approx([1, 1 / 22])
    assert expected.chance_of_more(twin, np.array([0, 1, 2, 5, 1000])) == pytest.approx([1, 2 / 4, 2 / 3, 1 / 3, 1 / 2])

    class Sure(Drawn):
        def strength(self, relation: int, sources: Ids, degrees: NDArray[np.float64]) -> NDArray[np.float32]:
            return np.full((len(sources), self.entities), -np.log(0.1), dtype=np.float32)

    adjacency = NeuralAdjacency(kg.index.whole, Sure(kg.entity_count), 0.0, missing=0.5)
    source, other = (list(kg.entity_labels).index(name) for name in ("c0", "s7"))
    assert adjacency.confidence(capital, source, other) == pytest.approx(9 * 0.5 / 22 / (9 * 0.5 / 22 + 1))
    assert adjacency.confidence(twin, source, other) == pytest.approx(9 * 0.5 / 3 / (9 * 0.5 / 3 + 1))


def test_of_many_sources_the_surest_are_followed_and_all_certain_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    kg, logic = made(3)
    confidence = np.array([0.9, 1.0, 0.2, 1.0, 0.4])
    for most, followed in ((1, [1, 3]), (3, [0, 1, 3]), (4, [0, 1, 3, 4]), (9, [0, 1, 2, 3, 4])):
        monkeypatch.setattr(soft_execution, "PAIRS", 5 * most + 4)
        for relation in range(4):
            found = logic.project(FuzzySet(kg.universe, confidence), relation)
            some = FuzzySet(kg.universe[followed], confidence[followed])
            monkeypatch.setattr(soft_execution, "PAIRS", 45)
            expected = logic.project(some, relation)
            monkeypatch.setattr(soft_execution, "PAIRS", 5 * most + 4)
            assert np.array_equal(found.members, expected.members)
            assert np.array_equal(found.confidence, expected.confidence)


def test_rows_are_kept_within_the_bound_and_stay_right() -> None:
    kg, _ = made(1)
    small = NeuralAdjacency(kg.index.whole, Drawn(kg.entity_count), 0.0, most_bytes=1500)
    large = NeuralAdjacency(kg.index.whole, Drawn(kg.entity_count), 0.0)
    rng = random.Random(0)
    for _ in range(200):
        relation, source = rng.randrange(4), np.array([rng.randrange(5)], dtype=np.int32)
        for got, expected in zip(small.rows(relation, source), large.rows(relation, source), strict=True):
            assert np.array_equal(got.targets, expected.targets)
            assert np.array_equal(got.confidence, expected.confidence)
        assert small.nbytes <= 1500
    assert large.nbytes > 1500
