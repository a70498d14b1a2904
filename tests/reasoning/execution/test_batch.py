"""Compiled batches against the oracle, query by query."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoning import KnowledgeGraph, Query
from reasoning.execution import batch as execution_module
from reasoning.execution.batch import BatchExecutor, Program, can_compile
from reasoning.execution.exact import execute
from reasoning.query.binding import BoundChain, bind
from reasoning.query.records import STRUCTURES, instantiate
from reasoning.query.tree import Complement, Entity, Intersect, Project, Union
from tests.reasoning.random_queries import Facts, facts, sets

ROOT = Path(__file__).resolve().parents[3]


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


@pytest.mark.parametrize("structure", STRUCTURES)
def test_the_named_structures_on_a_graph_with_hubs(structure: str) -> None:
    kg = random_graph(5000, 20_000, seed=1)
    rng = np.random.default_rng(2)
    template = instantiate_sizes(structure)
    queries = []
    for _ in range(60):
        # Half of the anchors are hubs.
        anchors = [
            Entity(kg.name(int(e)))
            for e in rng.choice([*range(40), *rng.integers(0, len(kg.universe), 40)], template[0])
        ]
        relations = [f"{'~' if rng.random() < 0.5 else ''}r{rng.integers(4)}" for _ in range(template[1])]
        queries.append(instantiate(structure, anchors, relations))
    check(kg, queries)


def instantiate_sizes(structure: str) -> tuple[int, int]:
    sizes = {
        "1p": (1, 1), "2p": (1, 2), "3p": (1, 3), "2i": (2, 2), "3i": (3, 3), "ip": (2, 3), "pi": (2, 3), "2u": (2, 2),
        "up": (2, 3), "2in": (2, 2), "3in": (3, 3), "inp": (2, 3), "pin": (2, 3), "pni": (2, 3),
    }  # fmt: skip
    return sizes[structure]


def test_areas_grow_without_losing_or_repeating_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution_module, "SMALLEST_AREA", 1)
    kg = random_graph(300, 2000, seed=3)
    everything = Complement(Project("r3", Entity("e0")))
    wide = Union((everything, Project("r0", everything)))
    for _ in range(4):
        wide = Union((Project("r0", wide), Project("r1", wide, inverse=True), Complement(wide)))
    check(kg, [Project("r0", Entity(f"e{i}")) for i in range(50)] + [wide, Intersect((wide, everything))])


def test_a_query_of_a_hundred_and_eighty_levels() -> None:
    kg = random_graph(50, 200, seed=4)
    query: Query = Entity("e1")
    for level in range(180):
        query = Project(f"r{level % 2}", query, inverse=level % 3 == 0)
    check(kg, [query])


def test_queries_with_values_go_to_the_oracle_in_their_places() -> None:
    kg = KnowledgeGraph.from_triples(
        [("Ash", "road", "Birch"), ("Birch", "road", "Cedar"), ("Ash", "people", 30), ("Birch", "people", 20)]
    )
    texts = ['road("Ash")', 'people(road("Ash")) > 10', '"Cedar"', 'top(1, people, road("Ash"))', '~road("Cedar")']
    chains = [bind(Query.parse(text), kg) for text in texts]
    assert [can_compile(chain) for chain in chains] == [True, False, False, False, True]
    check(kg, [Query.parse(text) for text in texts])


def test_an_empty_batch_has_no_answers() -> None:
    kg = random_graph(10, 20, seed=5)
    assert len(BatchExecutor(kg).execute([])) == 0


def test_a_graph_of_one_triple() -> None:
    kg = KnowledgeGraph.from_triples([("a", "r", "b")])
    check(kg, [Query.parse(text) for text in ('r("a")', 'r("b")', '!r("a")', '~r(r("a"))', 'r("a") & r("b")')])


def test_a_mapped_graph_is_executed_by_the_same_machine_code(tmp_path: Path) -> None:
    path = tmp_path / "facts.tsv"
    path.write_text("\n".join(f"e{i % 97}\tr\te{i * 7 % 101}" for i in range(3000)) + "\n", encoding="utf-8")
    KnowledgeGraph.load(path)
    check(KnowledgeGraph.load(path), [Query.parse(f'r(~r("e{i}"))') for i in range(90)])


def test_an_executor_runs_many_programs() -> None:
    kg = random_graph(100, 500, seed=6)
    executor = BatchExecutor(kg)
    chain = bind(Query.parse('r0(r0("e1")) | r1("e2")'), kg)
    program = Program.compile([chain])
    assert executor.run(program)[0].tolist() == executor.run(program)[0].tolist() == oracle(kg, chain)


@pytest.mark.slow
def test_numba_is_imported_only_where_a_batch_runs() -> None:
    code = "import sys, reasoning, reasoning.execution.batch; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
