"""Ranks and metrics of queries, their 95% intervals, and the tables of both."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoning.evaluation.comparison import query_table, question_table
from reasoning.evaluation.metrics import (
    RESAMPLES,
    QueryTally,
    QuestionTally,
    average_of,
    filtered_ranks,
    interval,
    lark_metrics,
    rank_metrics,
    resampled_means,
    set_metrics,
)
from reasoning.evaluation.runs import QueryEvaluation
from reasoning.graph.index import IdLists

ENTITIES = 12
Case = tuple[list[int], list[float], list[int], list[int]]


def ids(*items: int) -> list[int]:
    return list(items)


def lists(*parts: list[int]) -> IdLists:
    return IdLists.of([np.array(part, dtype=np.int32) for part in parts])


def ranks_of(*cases: Case, entities: int) -> list[float]:
    predicted, scores, hard, easy = zip(*cases, strict=True)
    flat = np.array([score for part in scores for score in part])
    return list(filtered_ranks(lists(*predicted), flat, lists(*hard), lists(*easy), entities))


@st.composite
def rankings(draw: st.DrawFn) -> Case:
    order = draw(st.permutations(range(ENTITIES)))
    predicted = list(order[: draw(st.integers(0, ENTITIES))])
    scores = draw(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=len(predicted), max_size=len(predicted)))
    answers = draw(st.lists(st.integers(0, ENTITIES - 1), min_size=1, unique=True))
    cut = draw(st.integers(1, len(answers)))
    return predicted, scores, sorted(answers[:cut]), sorted(answers[cut:])


def rank_by_sorting(score_of: dict[int, float], answer: int, others: set[int], answer_first: bool) -> int:
    candidates = [entity for entity in range(ENTITIES) if entity == answer or entity not in others]
    candidates.sort(key=lambda e: (-score_of.get(e, -1.0), (e != answer) == answer_first))
    return candidates.index(answer) + 1


@given(st.lists(rankings(), min_size=1, max_size=4))
def test_the_filtered_rank_is_the_mean_of_the_best_and_the_worst_order_of_ties(cases: list[Case]) -> None:
    expected = []
    for predicted, scores, hard, easy in cases:
        score_of = dict(zip(predicted, scores, strict=True))
        for answer in hard:
            others = {*hard, *easy} - {answer}
            first, last = (rank_by_sorting(score_of, answer, others, side) for side in (True, False))
            expected.append((first + last) / 2)
    assert ranks_of(*cases, entities=ENTITIES) == expected


@given(st.lists(rankings(), min_size=1, max_size=4))
def test_a_query_scores_the_same_whichever_others_stand_beside_it(cases: list[Case]) -> None:
    predicted, _, hard, _ = (lists(*part) for part in zip(*cases, strict=True))
    together = set_metrics(predicted, hard) | lark_metrics(predicted, hard)
    for i, (ours, _, gold, _) in enumerate(cases):
        alone = set_metrics(lists(ours), lists(gold)) | lark_metrics(lists(ours), lists(gold))
        assert {name: values[0] for name, values in alone.items()} == {name: v[i] for name, v in together.items()}


def test_a_set_stands_first_and_rank_metrics_are_means_over_hard_answers() -> None:
    # Of 101 entities a set of four is given; 50 is a hard answer in it, 60 one outside it, 1 an easy one.
    ranks = ranks_of((ids(1, 2, 3, 50), [1.0] * 4, ids(50, 60), ids(1)), entities=101)
    # Beside 50 stand the two wrong members; behind the two lie 101 - 3 answers - 2 = 96 others beside 60.
    assert ranks == [1 + 2 / 2, 1 + 2 + 96 / 2]
    assert ranks_of((ids(), [], ids(3), ids()), entities=101) == [51.0]
    metrics = rank_metrics(np.array([1.0, 2.0, 4.0, 20.0, 2.0]), lists(ids(5, 6, 7, 8), ids(5)))
    assert {name: values.tolist() for name, values in metrics.items()} == {
        "mrr": pytest.approx([(1 + 0.5 + 0.25 + 0.05) / 4, 0.5]),
        "hits@1": [0.25, 0],
        "hits@3": [0.5, 1],
        "hits@10": [0.75, 1],
    }


@pytest.mark.parametrize(
    ("predicted", "gold", "exact_match", "precision", "recall", "f1"),
    [
        (ids(2, 1), ids(1, 2), 1, 1, 1, 1),
        (ids(1), ids(1, 2), 0, 1, 0.5, 2 / 3),
        (ids(1, 2, 3, 4), ids(1), 0, 0.25, 1, 0.4),
        (ids(3), ids(1), 0, 0, 0, 0),
        (ids(), ids(1), 0, 0, 0, 0),
        (ids(1), ids(), 0, 0, 0, 0),
        (ids(), ids(), 1, 1, 1, 1),
    ],
)
def test_sets(
    predicted: list[int], gold: list[int], exact_match: float, precision: float, recall: float, f1: float
) -> None:
    assert set_metrics(lists(predicted), lists(gold)) == pytest.approx(
        {"exact_match": exact_match, "precision": precision, "recall": recall, "f1": f1}
    )


@pytest.mark.parametrize(
    ("predicted", "gold", "mrr", "hits"),
    [
        # A perfect answer of three: (1 + 1/2 + 1/3) / 3.
        (ids(7, 8, 9), ids(7, 8, 9), 11 / 18, (1, 1, 1)),
        # Right at positions 2 and 4 of five: (1/2 + 1/4) / 2.
        (ids(1, 7, 2, 8, 3), ids(7, 8, 9), 0.375, (0, 1 / 3, 2 / 5)),
        (ids(1, 2), ids(7), 0, (0, 0, 0)),
        (ids(), ids(7), 0, (0, 0, 0)),
    ],
)
def test_larks_own_metrics_as_its_code_computes_them(
    predicted: list[int], gold: list[int], mrr: float, hits: tuple[float, float, float]
) -> None:
    assert lark_metrics(lists(predicted), lists(gold)) == pytest.approx(
        {"lark_mrr": mrr, "lark_hits@1": hits[0], "lark_hits@3": hits[1], "lark_hits@10": hits[2]}
    )


def line(number: int, kind: str, **metrics: float | None) -> dict[str, Any]:
    return {"id": f"test-{kind}:{number}", "type": kind, **metrics}


def bounds(values: list[float], stratum: str = "2p") -> tuple[float, float]:
    found = interval(resampled_means(values, stratum))
    assert found is not None
    return found[0], found[1]


class TestOneMean:
    def test_of_many_values_it_is_normal_and_always_the_same_and_of_one_none(self) -> None:
        values = np.random.default_rng(0).exponential(size=2000)
        low, high = bounds(values.tolist())
        width = 1.96 * values.std() / math.sqrt(len(values))
        assert low == pytest.approx(values.mean() - width, abs=0.1 * width)
        assert high == pytest.approx(values.mean() + width, abs=0.1 * width)
        values = np.random.default_rng(0).random(50).tolist()
        assert bounds(values) == bounds(values) != bounds(values, "3p")
        assert interval(resampled_means([0.5], "2p")) is None
        assert interval(resampled_means([], "2p")) is None
        assert bounds([0.1] * 7) == (0.1, 0.1)


class TestAnAverageOfTypes:
    def test_is_resampled_within_each_type_and_unknown_where_one_of_them_is(self) -> None:
        # The types lie far apart; between them nothing is drawn, so the average is as certain as they are.
        rng = np.random.default_rng(0)
        rows = {kind: (place + rng.random(400)).tolist() for place, kind in enumerate(("1p", "2p", "3p", "2i"))}
        means = [resampled_means(values, kind) for kind, values in rows.items()]
        low, high = interval(average_of(means)) or [0.0, 0.0]
        widths = [high - low for low, high in (bounds(values, kind) for kind, values in rows.items())]
        assert high - low == pytest.approx(float(np.mean(widths)) / math.sqrt(4), rel=0.1)
        assert average_of([resampled_means([0.0, 1.0], "1p"), None]) is None
        assert average_of([]) is None


class TestTheSummary:
    def test_has_an_interval_around_every_mean(self, dataset: Path) -> None:
        summary = QueryEvaluation(dataset, dataset / "queries", "reading", split="test").run()
        found = summary["intervals"]
        assert found["level"] == 0.95 and found["resamples"] == RESAMPLES
        pairs = [(summary["per_type"][kind], found["per_type"][kind]) for kind in summary["per_type"]]
        for means, intervals in [*pairs, *((summary[name], found[name]) for name in ("avg_p", "avg_n"))]:
            assert intervals.keys() == means.keys() - {"count"}
            for name, (low, high) in intervals.items():
                assert low - 1e-12 <= means[name] <= high + 1e-12

    def test_has_none_for_no_types_and_leaves_out_what_is_not_known(self) -> None:
        tally = QueryTally(["mrr"], skipped=0)
        for number in range(3):
            tally.add(line(number, "2in", mrr=number / 3))
        assert tally.intervals()["avg_p"] == {} and tally.intervals()["avg_n"]["mrr"] is not None
        questions = QuestionTally(["f1", "path_match"], skipped=0)
        for number in range(6):
            questions.add(line(number, "1-hop", f1=number / 6, path_match=1.0 if number == 3 else None))
        found = questions.intervals()
        assert found["overall"]["path_match"] is None and found["per_type"]["1-hop"]["path_match"] is None
        low, high = found["overall"]["f1"]
        assert low < questions.summary()["overall"]["f1"] < high


class TestTheTable:
    def test_shows_half_of_the_width_behind_the_mean(self) -> None:
        tally = QueryTally(["mrr", "hits@1"], skipped=0)
        for number in range(40):
            tally.add(line(number, "2p", **{"mrr": number % 2, "hits@1": 1.0}))
        tally.add(line(0, "3p", **{"mrr": 0.25, "hits@1": 0.0}))
        summary = {**tally.summary(), "intervals": tally.intervals(), "seconds": 1.0}
        low, high = summary["intervals"]["per_type"]["2p"]["mrr"]
        rows = query_table(summary).splitlines()
        assert rows[2].split() == ["2p", "40", "0.5000", f"±{(high - low) / 2:.4f}".replace("0.", "."), "1.0000"]
        assert rows[3].split() == ["3p", "1", "0.2500", "0.0000"]
        assert "95% bootstrap interval" in rows[-1]
        stopped = QuestionTally(["f1"], skipped=0)
        stopped.add(line(0, "other", f1=0.5))
        assert "±" not in question_table({**stopped.summary(), "seconds": 1.0})
