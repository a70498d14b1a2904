from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reasoning.evaluation.comparison import query_table, question_table
from reasoning.evaluation.metrics import RESAMPLES, QueryTally, QuestionTally, average_of, interval, resampled_means
from reasoning.evaluation.runs import QueryEvaluation
from tests.reasoning.made_dataset import make_dataset


def line(number: int, kind: str, **metrics: float | None) -> dict[str, Any]:
    return {"id": f"test-{kind}:{number}", "type": kind, **metrics}


def bounds(values: list[float], stratum: str = "2p") -> tuple[float, float]:
    found = interval(resampled_means(values, stratum))
    assert found is not None
    return found[0], found[1]


class TestOneMean:
    @pytest.mark.slow
    def test_95_of_100_intervals_hold_the_true_mean(self) -> None:
        rng = np.random.default_rng(0)
        held = 0
        for i in range(300):
            low, high = bounds((rng.random(60) < 0.7).astype(float).tolist(), f"sample {i}")
            held += low <= 0.7 <= high
        # The standard error of the share is 0.013.
        assert 0.91 <= held / 300 <= 0.98

    def test_of_many_values_it_is_that_of_the_normal_distribution(self) -> None:
        values = np.random.default_rng(0).exponential(size=2000)
        low, high = bounds(values.tolist())
        width = 1.96 * values.std() / math.sqrt(len(values))
        assert low == pytest.approx(values.mean() - width, abs=0.1 * width)
        assert high == pytest.approx(values.mean() + width, abs=0.1 * width)

    def test_the_same_lines_give_the_same_interval(self) -> None:
        values = np.random.default_rng(0).random(50).tolist()
        assert bounds(values) == bounds(values) != bounds(values, "3p")

    def test_one_value_says_nothing_of_its_spread(self) -> None:
        assert interval(resampled_means([0.5], "2p")) is None
        assert interval(resampled_means([], "2p")) is None

    def test_equal_values_have_no_spread(self) -> None:
        assert bounds([0.1] * 7) == (0.1, 0.1)


class TestAnAverageOfTypes:
    def test_is_resampled_within_each_type(self) -> None:
        # The types lie far apart; between them nothing is drawn, so the average is as certain as they are.
        rng = np.random.default_rng(0)
        rows = {kind: (place + rng.random(400)).tolist() for place, kind in enumerate(("1p", "2p", "3p", "2i"))}
        means = [resampled_means(values, kind) for kind, values in rows.items()]
        low, high = interval(average_of(means)) or [0.0, 0.0]
        widths = [high - low for low, high in (bounds(values, kind) for kind, values in rows.items())]
        assert high - low == pytest.approx(float(np.mean(widths)) / math.sqrt(4), rel=0.1)

    def test_is_unknown_where_one_of_them_is(self) -> None:
        assert average_of([resampled_means([0.0, 1.0], "1p"), None]) is None
        assert average_of([]) is None


class TestTheSummary:
    def test_has_an_interval_around_every_mean(self, tmp_path: Path) -> None:
        dataset = make_dataset(tmp_path / "made", 5)
        summary = QueryEvaluation(dataset, dataset / "queries", "reading", split="test").run()
        found = summary["intervals"]
        assert found["level"] == 0.95 and found["resamples"] == RESAMPLES
        pairs = [(summary["per_type"][kind], found["per_type"][kind]) for kind in summary["per_type"]]
        for means, intervals in [*pairs, *((summary[name], found[name]) for name in ("avg_p", "avg_n"))]:
            assert intervals.keys() == means.keys() - {"count"}
            for name, (low, high) in intervals.items():
                assert low - 1e-12 <= means[name] <= high + 1e-12

    def test_has_none_for_an_average_of_no_types(self) -> None:
        tally = QueryTally(["mrr"], skipped=0)
        for number in range(3):
            tally.add(line(number, "2in", mrr=number / 3))
        assert tally.intervals()["avg_p"] == {} and tally.intervals()["avg_n"]["mrr"] is not None

    def test_of_questions_leaves_out_what_is_not_known(self) -> None:
        tally = QuestionTally(["f1", "path_match"], skipped=0)
        for number in range(6):
            tally.add(line(number, "1-hop", f1=number / 6, path_match=1.0 if number == 3 else None))
        found = tally.intervals()
        assert found["overall"]["path_match"] is None and found["per_type"]["1-hop"]["path_match"] is None
        low, high = found["overall"]["f1"]
        assert low < tally.summary()["overall"]["f1"] < high


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

    def test_of_a_stopped_run_has_none(self) -> None:
        tally = QuestionTally(["f1"], skipped=0)
        tally.add(line(0, "other", f1=0.5))
        assert "±" not in question_table({**tally.summary(), "seconds": 1.0})
