"""Two results files side by side: the same queries, answered in two ways."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from kg_data.appended_lines import Line
from reasoning.errors import EvaluationError
from reasoning.evaluation.query_files import Protocol
from reasoning.evaluation.resampling import TIED, Interval, average_of, interval, p_value, resampled_means
from reasoning.evaluation.results_file import Results
from reasoning.evaluation.tally import averaged, mean
from reasoning.query.structures import in_order

DECISIVE = ("protocol", "split", "queries_digest", "questions_digest")
"""Settings that must be equal: otherwise the two files answer different questions."""

PLACES = ("queries", "questions")
"""Settings that may differ without a word: where the files lay, while their content is the same."""

MAIN_METRICS: dict[Protocol, tuple[str, ...]] = {"reading": ("f1", "exact_match"), "hard": ("mrr",)}
MAIN_OF_QUESTIONS = ("f1", "hits@1")


@dataclass(frozen=True)
class Row:
    """One metric over some queries, in both files.

    Attributes:
        a, b: the means.
        difference: b - a.
        interval: bounds of the difference, from the pairs.
        p: the p-value of the paired permutation test; not corrected for the number of rows.
        won, lost, tied: queries on which B is better, worse, equal.
    """

    a: float
    b: float
    difference: float
    interval: Interval
    p: float
    won: int
    lost: int
    tied: int


@dataclass(frozen=True)
class Change:
    """One query on which the two differ."""

    id: str
    type: str
    a: float
    b: float


@dataclass(frozen=True)
class Comparison:
    """What `compare` finds.

    Attributes:
        a, b: the two files.
        settings: those that differ, each with both values.
        count: queries in both files.
        only_a, only_b: queries that only one file has; they are left out.
        metrics: metric -> type or average -> row.
        changes: the queries that differ most in the first metric, largest first, as many as were asked for.
    """

    a: Results
    b: Results
    settings: Mapping[str, tuple[Any, Any]]
    count: int
    only_a: int
    only_b: int
    metrics: Mapping[str, Mapping[str, Row]]
    changes: Sequence[Change]

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable."""
        return {
            "a": str(self.a.path),
            "b": str(self.b.path),
            "settings": {key: list(values) for key, values in self.settings.items()},
            "count": self.count,
            "only_a": self.only_a,
            "only_b": self.only_b,
            "metrics": {
                metric: {name: asdict(row) for name, row in rows.items()} for metric, rows in self.metrics.items()
            },
            "changes": [asdict(change) for change in self.changes],
        }


def compare(a: Results, b: Results, metrics: Sequence[str] = (), worst: int = 0) -> Comparison:
    """Compare two files query by query.

    Args:
        a: what is compared with.
        b: what is compared; differences are b - a.
        metrics: which of the files' metrics; by default the main ones of their protocol.
        worst: how many queries to list, those with the largest change in the first metric first.

    Raises:
        EvaluationError: they answer different questions, have no query in common, or lack a metric.
    """
    check_comparable(a, b)
    chosen = tuple(metrics) or main_metrics(a)
    for metric in chosen:
        if metric not in a.metrics:
            raise EvaluationError(f"{a.path} has no metric {metric!r}; it has {', '.join(a.metrics)}")
    of_a, of_b = ({line["id"]: line for line in results.lines} for results in (a, b))
    common = [identifier for identifier in of_a if identifier in of_b]
    if not common:
        raise EvaluationError(f"{a.path} and {b.path} have no query in common")
    pairs = [(of_a[identifier], of_b[identifier]) for identifier in common]
    return Comparison(
        a,
        b,
        _differing(a.settings, b.settings),
        len(common),
        len(of_a) - len(common),
        len(of_b) - len(common),
        {metric: _rows(pairs, metric, a.of_questions) for metric in chosen},
        _changes(pairs, chosen[0])[:worst],
    )


def check_comparable(a: Results, b: Results) -> None:
    """Refuse two files that answer different questions.

    Raises:
        EvaluationError: it names the setting in which they differ.
    """
    if a.of_questions != b.of_questions:
        kinds = ["questions" if results.of_questions else "queries" for results in (a, b)]
        raise EvaluationError(f"{a.path} holds {kinds[0]} and {b.path} {kinds[1]}; they cannot be compared")
    for key in DECISIVE:
        mine, other = (results.settings.get(key) for results in (a, b))
        if mine != other:
            shown = "files (by their content)" if key.endswith("_digest") else ""
            what = f"{key.removesuffix('_digest')} {shown}".strip()
            raise EvaluationError(
                f"{a.path} and {b.path} cannot be compared: {what} {json.dumps(mine)} and {json.dumps(other)}"
            )


def _differing(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    pairs = {key: (a.get(key), b.get(key)) for key in {**a, **b} if key not in PLACES}
    differing = {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}
    if "method" in differing:
        # What only one of the methods uses follows from the methods.
        differing = {key: pair for key, pair in differing.items() if key in ("llm", "limit") or None not in pair}
    return differing


def main_metrics(results: Results) -> tuple[str, ...]:
    """The metrics that stand for a file where none is asked for, the finest first."""
    return MAIN_OF_QUESTIONS if results.of_questions else MAIN_METRICS[results.settings["protocol"]]


def _rows(pairs: Sequence[tuple[Line, Line]], metric: str, of_questions: bool) -> dict[str, Row]:
    by_kind: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for mine, other in pairs:
        if mine[metric] is not None and other[metric] is not None:
            by_kind[mine["type"]].append((mine[metric], other[metric]))
    if of_questions:
        rows = {kind: _row([by_kind[kind]], kind) for kind in sorted(by_kind)}
        every = [pair for kind in sorted(by_kind) for pair in by_kind[kind]]
        return {**rows, "overall": _row([every], "overall")} if every else {}
    rows = {kind: _row([by_kind[kind]], kind) for kind in in_order(by_kind)}
    for name, over in averaged(by_kind).items():
        if over:
            rows[name] = _row([by_kind[kind] for kind in over], *over)
    return rows


def _row(strata: Sequence[Sequence[tuple[float, float]]], *names: str) -> Row:
    """A mean of means, each over one stratum's pairs."""
    differences = [[b - a for a, b in pairs] for pairs in strata]
    a, b = (mean([mean([pair[side] for pair in pairs]) for pairs in strata]) for side in (0, 1))
    resampled = [resampled_means(values, name) for values, name in zip(differences, names, strict=True)]
    every = [value for values in differences for value in values]
    weighted = [value / len(values) for values in differences for value in values]
    won, lost = sum(value > TIED for value in every), sum(value < -TIED for value in every)
    return Row(
        a, b, b - a, interval(average_of(resampled)), p_value(weighted, " ".join(names)),
        won, lost, len(every) - won - lost,
    )  # fmt: skip


def _changes(pairs: Sequence[tuple[Line, Line]], metric: str) -> list[Change]:
    changes = [
        Change(mine["id"], mine["type"], mine[metric], other[metric])
        for mine, other in pairs
        if mine[metric] is not None and other[metric] is not None and abs(other[metric] - mine[metric]) > TIED
    ]
    # What got worse stands before what got as much better.
    return sorted(changes, key=lambda change: (-abs(change.b - change.a), change.b - change.a))
