"""Adding up the lines of a run: means per type, their intervals, averages over types."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kg_data.appended_lines import Line
from reasoning.evaluation.resampling import LEVEL, RESAMPLES, Interval, Means, average_of, interval, resampled_means
from reasoning.language.usage import TokenUsage
from reasoning.query.structures import in_order, is_negated

STEP_COUNTS = ("llm", "agreeing", "symbolic", "parts", "left_out")


def averaged(kinds: Iterable[str]) -> dict[str, list[str]]:
    """The types that each average is over, in order: those without negation, and those with it."""
    ordered = in_order(kinds)
    return {
        "avg_p": [kind for kind in ordered if not is_negated(kind)],
        "avg_n": [kind for kind in ordered if is_negated(kind)],
    }


class MetricValues:
    """What the lines of a run hold, by type and metric."""

    def __init__(self, metrics: Sequence[str]) -> None:
        self.metrics = tuple(metrics)
        self.counts: Counter[str] = Counter()
        self.errors = 0
        self._values: dict[str, dict[str, list[float]]] = defaultdict(lambda: {name: [] for name in self.metrics})
        self.usage = TokenUsage()
        """What the language model was sent and wrote, and what that cost, over all lines."""

    def add(self, line: Line) -> None:
        """Take in one query's line."""
        self.counts[line["type"]] += 1
        self.errors += "error" in line
        for name, values in self._values[line["type"]].items():
            # A question without a gold path has no path_match.
            if line[name] is not None:
                values.append(line[name])
        if "usage" in line:
            self.usage += TokenUsage.from_dict(line["usage"])

    def of(self, kind: str) -> Mapping[str, Sequence[float]]:
        """Metric -> the values of one type's queries, in order."""
        return self._values[kind]


class QueryTally:
    """Adds up the lines of a query run.

    Args:
        metrics: those of its protocol.
        skipped: queries left out.
    """

    def __init__(self, metrics: Sequence[str], skipped: int) -> None:
        self._values, self._skipped = MetricValues(metrics), skipped
        self._steps: dict[str, Counter[str]] = defaultdict(Counter)

    def add(self, line: Line) -> None:
        """Count one query's line."""
        self._values.add(line)
        if "steps" in line:
            self._steps[line["type"]].update(line["steps"])

    def summary(self) -> dict[str, Any]:
        """The figures so far; see `QueryEvaluation.run`."""
        values, kinds = self._values, self._kinds
        means = {kind: _means(values.of(kind)) for kind in kinds}
        summary: dict[str, Any] = {
            "per_type": {kind: {**means[kind], "count": values.counts[kind]} for kind in kinds},
            **{name: self._average([means[kind] for kind in over]) for name, over in averaged(kinds).items()},
            "count": values.counts.total(),
            "skipped": self._skipped,
            "errors": values.errors,
        }
        if self._steps:
            summary["steps"] = {
                kind: {name: self._steps[kind][name] for name in STEP_COUNTS} for kind in kinds if kind in self._steps
            }
        return _with_usage(summary, values)

    def intervals(self) -> dict[str, Any]:
        """The intervals of the summary's means, in the same places."""
        per_type = {kind: _resampled(self._values.of(kind), kind) for kind in self._kinds}
        averages = {
            name: {
                metric: interval(average_of([per_type[kind][metric] for kind in over]))
                for metric in self._values.metrics
            }
            if over
            else {}
            for name, over in averaged(per_type).items()
        }
        return {**_described(per_type), **averages}

    @property
    def _kinds(self) -> list[str]:
        return in_order(self._values.counts)

    def _average(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        return {name: mean([row[name] for row in rows]) for name in self._values.metrics} if rows else {}


class QuestionTally:
    """Adds up the lines of a question run.

    Args:
        metrics: those of questions.
        skipped: questions left out.
    """

    def __init__(self, metrics: Sequence[str], skipped: int) -> None:
        self._values, self._skipped, self._rightly_refused = MetricValues(metrics), skipped, 0

    def add(self, line: Line) -> None:
        """Count one question's line; one that is rightly not answered is no error."""
        self._values.add(line)
        if "error" in line and line["exact_match"] == 1.0:
            self._rightly_refused += 1

    def summary(self) -> dict[str, Any]:
        """The figures so far; see `QuestionEvaluation.run`."""
        values = self._values
        per_type = {kind: {**_means(values.of(kind)), "count": values.counts[kind]} for kind in sorted(values.counts)}
        summary = {
            "overall": {**_means(self._every), "count": values.counts.total()},
            "per_type": per_type,
            "count": values.counts.total(),
            "skipped": self._skipped,
            "errors": values.errors - self._rightly_refused,
            "rightly_refused": self._rightly_refused,
        }
        return _with_usage(summary, values)

    def intervals(self) -> dict[str, Any]:
        """The intervals of the summary's means, in the same places."""
        per_type = {kind: _resampled(self._values.of(kind), kind) for kind in sorted(self._values.counts)}
        overall = {name: interval(means) for name, means in _resampled(self._every, "overall").items()}
        return {**_described(per_type), "overall": overall}

    @property
    def _every(self) -> dict[str, list[float]]:
        kinds = sorted(self._values.counts)
        return {name: [v for kind in kinds for v in self._values.of(kind)[name]] for name in self._values.metrics}


def mean(values: Sequence[float]) -> float:
    """The same mean whatever the order, so that a resumed run's summary equals an uninterrupted one's."""
    return math.fsum(values) / len(values)


def _means(row: Mapping[str, Sequence[float]]) -> dict[str, float | None]:
    return {name: mean(values) if values else None for name, values in row.items()}


def _resampled(row: Mapping[str, Sequence[float]], stratum: str) -> dict[str, Means | None]:
    return {name: resampled_means(values, stratum) for name, values in row.items()}


def _described(per_type: Mapping[str, Mapping[str, Means | None]]) -> dict[str, Any]:
    bounds: dict[str, dict[str, Interval]] = {
        kind: {name: interval(means) for name, means in row.items()} for kind, row in per_type.items()
    }
    return {"level": LEVEL, "resamples": RESAMPLES, "per_type": bounds}


def _with_usage(summary: dict[str, Any], values: MetricValues) -> dict[str, Any]:
    usage = values.usage
    return {**summary, "usage": usage.to_dict()} if usage.requests or usage.cached else summary
