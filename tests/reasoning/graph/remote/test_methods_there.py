"""Methods on a graph that stays on its server, held to the contract of all methods."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from reasoning import KnowledgeGraph, Query, Reasoner
from reasoning.retrieval.retriever import GraphRetriever
from tests.reasoning.chat_models import faultless
from tests.reasoning.contracts import QUERIES, TRIPLES, MethodContract
from tests.reasoning.deep_queries import RandomQueries
from tests.reasoning.endpoint_server import serving, store_of
from tests.reasoning.sparql_oracle import by_executor

DEEP = 60


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeGraph]:
    here = KnowledgeGraph.from_triples(TRIPLES)
    with serving(store_of(here, tmp_path_factory.mktemp("served"))) as server:
        yield KnowledgeGraph.load(f"sparql:{server.url}", refresh=True)


class OnAServer(MethodContract):
    @pytest.fixture
    def kg(self, served: KnowledgeGraph) -> KnowledgeGraph:
        return served


class TestExactOnAServer(OnAServer):
    method = "exact"


class TestLarkOnAServer(OnAServer):
    method = "lark"


def test_a_chain_of_the_model_agrees_with_one_on_the_graph_here(served: KnowledgeGraph) -> None:
    here = KnowledgeGraph.from_triples(TRIPLES)
    for query in QUERIES:
        mine, theirs = (Reasoner(kg, llm=faultless(), method="lark").answer(query) for kg in (here, served))
        assert theirs.entities == mine.entities and all(step.agrees is not False for step in theirs.steps)
        prompts = [[step.context.prompt for step in answer.steps if step.context] for answer in (mine, theirs)]
        assert prompts[0] == prompts[1]
        assert any(step.context is not None and step.context.distractors for step in theirs.steps)


def test_many_are_asked_at_once_and_without_blocking(served: KnowledgeGraph) -> None:
    exact = Reasoner(served, method="exact")
    one_by_one = [exact.answer(query).entities for query in QUERIES]
    assert [answer.entities for answer in exact.batch(list(QUERIES), max_concurrency=4)] == one_by_one
    assert asyncio.run(exact.aanswer(QUERIES[0])).entities == one_by_one[0]
    assert [step.entities for step in exact.stream(QUERIES[2])][-1] == one_by_one[2]


def test_triples_and_values_around_a_thing_are_retrieved(served: KnowledgeGraph, tmp_path: Path) -> None:
    documents = GraphRetriever(kg=served).invoke('works_in("Ann")')
    assert documents[0].page_content == '("Ann", "works_in", "Sales")'
    here = KnowledgeGraph.from_triples([("Ann", "knows", "Bob"), ("Ann", "age", 40), ("Bob", "age", 41)])
    with serving(store_of(here, tmp_path)) as server:
        there = KnowledgeGraph.load(f"sparql:{server.url}", refresh=True)
        mine, theirs = (
            {document.page_content for document in GraphRetriever(kg=kg, hops=1).invoke('age("Ann")')}
            for kg in (here, there)
        )
        assert mine == theirs and '("Ann", "age", 40)' in mine


FACTS: list[tuple[str, str, str | int | float]] = [
    (f"t{n}", relation, f"t{(n * step + 1) % 12}") for n in range(12) for relation, step in (("a", 2), ("b", 5))
]
VALUES: list[tuple[str, str, str | int | float]] = [(f"t{n}", "size", n % 4) for n in range(0, 12, 2)]
FRACTIONS: list[tuple[str, str, str | int | float]] = [(f"t{n}", "ratio", n / 7) for n in range(0, 12, 3)]


def test_deep_queries_give_what_they_give_here(tmp_path: Path) -> None:
    here = KnowledgeGraph.from_triples([*FACTS, *VALUES, *FRACTIONS])
    with serving(store_of(here, tmp_path)) as server:
        there = KnowledgeGraph.load(f"sparql:{server.url}", refresh=True)
        queries: list[Query] = list(itertools.islice(RandomQueries(here, random.Random(7)).deep(), DEEP))
        for query in queries:
            assert by_executor(query, there) == by_executor(query, here), str(query)
