"""Compiled batches against the oracle, query by query."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoning import KnowledgeGraph, Query
from reasoning.execution import batch as execution_module
from reasoning.execution.batch import BatchExecutor, Program, can_compile
from reasoning.execution.exact import execute
from reasoning.query.binding import BoundChain, bind
from reasoning.query.records import STRUCTURES, instantiate, template
from reasoning.query.tree import Complement, Entity, Intersect, Project, Union
from tests.reasoning.random_queries import Facts, facts, sets


def oracle(kg: KnowledgeGraph, chain: BoundChain) -> list[int]:
    if chain.anchor is not None:
        return [chain.anchor]
    return execute(kg, chain)[-1].members.tolist()  # type: ignore[no-any-return]


def check(kg: KnowledgeGraph, queries: list[Query]) -> None:
    chains = [bind(query, kg) for query in queries]
    answers = BatchExecutor(kg).execute(chains)
    assert len(answers) == len(queries)
    assert answers.ids.dtype == np.int32
    for i, chain in enumerate(chains):
        assert answers[i].tolist() == oracle(kg, chain), str(chain.query)


def random_graph(entities: int, triples: int, seed: int) -> KnowledgeGraph:
    """Degrees from one to thousands, so that every way to combine two sets is taken."""
    rng = np.random.default_rng(seed)
    heads = rng.integers(0, entities, triples)
    tails = (rng.pareto(1.0, triples) * 3).astype(int) % entities
    relations = rng.choice(4, triples, p=[0.7, 0.2, 0.09, 0.01])
    rows = zip(heads.tolist(), relations.tolist(), tails.tolist(), strict=True)
    return KnowledgeGraph.from_triples([(f"e{h}", f"r{r}", f"e{t}") for h, r, t in rows])


@pytest.mark.slow
@given(facts(), st.lists(sets(), max_size=6))
def test_a_batch_gives_what_the_oracle_gives(world: Facts, queries: list[Query]) -> None:
    check(KnowledgeGraph.from_triples(world.triples), queries)


def test_the_named_structures_on_a_graph_with_hubs() -> None:
    kg, rng = random_graph(5000, 20_000, seed=1), np.random.default_rng(2)
    queries = []
    for structure, _ in product(STRUCTURES, range(20)):
        shape = str(template(structure))
        # Half of the anchors are hubs.
        numbers = rng.choice([*range(40), *rng.integers(0, len(kg.universe), 40)], shape.count("entity("))
        relations = [f"{'~' if rng.random() < 0.5 else ''}r{rng.integers(4)}" for _ in range(shape.count('"('))]
        queries.append((structure, [Entity(kg.name(int(number))) for number in numbers], relations))
    check(kg, [instantiate(*query) for query in queries])


def test_areas_grow_without_losing_or_repeating_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution_module, "SMALLEST_AREA", 1)
    kg = random_graph(300, 2000, seed=3)
    everything = Complement(Project("r3", Entity("e0")))
    wide: Query = Union((everything, Project("r0", everything)))
    for _ in range(4):
        wide = Union((Project("r0", wide), Project("r1", wide, inverse=True), Complement(wide)))
    deep: Query = Entity("e1")
    for level in range(180):
        deep = Project(f"r{level % 2}", deep, inverse=level % 3 == 0)
    check(kg, [Project("r0", Entity(f"e{i}")) for i in range(50)] + [wide, Intersect((wide, everything)), deep])


def test_queries_with_values_go_to_the_oracle_in_their_places() -> None:
    kg = KnowledgeGraph.from_triples(
        [("Ash", "road", "Birch"), ("Birch", "road", "Cedar"), ("Ash", "people", 30), ("Birch", "people", 20)]
    )
    texts = ['road("Ash")', 'people(road("Ash")) > 10', '"Cedar"', 'top(1, people, road("Ash"))', '~road("Cedar")']
    chains = [bind(Query.parse(text), kg) for text in texts]
    assert [can_compile(chain) for chain in chains] == [True, False, False, False, True]
    check(kg, [Query.parse(text) for text in texts])
    assert len(BatchExecutor(kg).execute([])) == 0


def test_an_executor_runs_many_programs_over_a_graph_of_one_triple() -> None:
    kg = KnowledgeGraph.from_triples([("a", "r", "b")])
    check(kg, [Query.parse(text) for text in ('r("a")', 'r("b")', '!r("a")', '~r(r("a"))', 'r("a") & r("b")')])
    executor, chain = BatchExecutor(kg), bind(Query.parse('r("a") | "a"'), kg)
    program = Program.compile([chain])
    assert executor.run(program)[0].tolist() == executor.run(program)[0].tolist() == oracle(kg, chain)
