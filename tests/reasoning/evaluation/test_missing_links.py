"""The least number of missing links against every choice of the links that might be known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from reasoning.errors import EvaluationError, QueryError
from reasoning.evaluation.query_files import EntityTable, read_records
from reasoning.evaluation.sampling.missing_links import GraphPair, MissingLinks
from reasoning.query.tree import Query
from tests.reasoning.split_graphs import Link, denote, fewest, graph_pair, splits, structured_queries


def least(query: str, known: set[Link], missing: set[Link], answer: int) -> int:
    found = MissingLinks(graph_pair(known, missing)).least(Query.parse(query), np.array([answer], dtype=np.int32))
    assert found.shape == (1,)
    return int(found[0])


@pytest.mark.slow
@given(splits(), structured_queries())
def test_as_few_as_any_set_of_links_that_gives_the_answer(links: tuple[set[Link], set[Link]], query: Query) -> None:
    known, missing = links
    answers = sorted(denote(query, known | missing, known | missing))
    found = MissingLinks(graph_pair(known, missing)).least(query, np.array(answers, dtype=np.int32))
    assert found.tolist() == [fewest(query, answer, known, missing) for answer in answers]


def test_the_cheapest_way_through_the_graph_counts() -> None:
    known, missing = {(0, 0, 1)}, {(0, 0, 2), (2, 1, 3), (1, 1, 3), (2, 1, 4)}
    assert least('r1(r0("e0"))', known, missing, 3) == 1  # through e1
    assert least('r1(r0("e0"))', known, missing, 4) == 2  # through e2 alone


def test_one_branch_of_a_union_is_enough() -> None:
    known, missing = {(3, 0, 3)}, {(0, 0, 2), (1, 0, 2)}
    assert least('r0("e0") | r0("e1")', known, missing, 2) == 1
    assert least('r0("e0") & r0("e1")', known, missing, 2) == 2


def test_a_link_that_two_branches_use_counts_once() -> None:
    # Both e0's way over e1 and the branch from e1 end with the same link.
    assert least('r1(r0("e0")) & r1("e1")', {(0, 0, 1)}, {(1, 1, 2)}, 2) == 1


def test_what_the_full_graph_takes_away_proves_nothing() -> None:
    known, missing = {(0, 0, 1), (2, 0, 3)}, {(1, 1, 4), (2, 0, 1), (0, 0, 3), (3, 1, 4)}
    assert least('r1(r0("e0"))', known, missing, 4) == 1
    with pytest.raises(EvaluationError, match='"e4" is no answer of'):
        least('r1(r0("e0") & !r0("e2"))', known, missing, 4)


def test_an_answer_of_another_graph_is_named() -> None:
    with pytest.raises(EvaluationError, match=r'"e3" is no answer of r0\("e0"\) on the splits train, valid'):
        least('r0("e0")', {(0, 0, 1)}, {(0, 0, 2)}, 3)


def test_a_complement_alone_has_no_proofs() -> None:
    with pytest.raises(QueryError, match="it has no part that proves an answer"):
        least('!r0("e0")', {(0, 0, 1)}, {(0, 0, 2)}, 3)


@pytest.mark.slow
def test_the_shares_of_the_official_3i_queries_are_the_published_ones(data_root: Path) -> None:
    folder = data_root / "kg" / "nell995-betae"
    if not (folder / "queries").is_dir():
        pytest.skip(f"needs the queries of NELL995 in {folder}")
    pair = GraphPair.load(folder, "test")
    links = MissingLinks(pair)
    records = read_records([folder / "queries/test-3i.jsonl"], pair.full, EntityTable(pair.full), None)
    found = np.concatenate([links.least(record.query, record.hard) for record in records])
    # Gregucci et al. 2024, all 4,000 queries: 87.4% reduce to one link, 0.5% to no fewer than three.
    assert [np.mean(found == number) for number in (1, 3)] == pytest.approx([0.874, 0.005], abs=0.005)
