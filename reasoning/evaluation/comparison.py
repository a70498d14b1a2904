"""Comparison of two results files query by query, and results as tables."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from reasoning.errors import EvaluationError
from reasoning.evaluation.metrics import (
    LARK_METRICS,
    LARK_NOTE,
    LEVEL,
    STEP_COUNTS,
    TIED,
    Interval,
    average_of,
    averaged,
    interval,
    marked,
    mean,
    p_value,
    resampled_means,
)
from reasoning.evaluation.query_files import Protocol, digest, find_files, query_of
from reasoning.evaluation.results import Results, labels_of
from reasoning.graph.store import KnowledgeGraph
from reasoning.lm.calls import TokenUsage
from reasoning.query.records import in_order
from skylark.errors import SkylarkError
from skylark.files import Line
from skylark.text import aligned

DECISIVE = ("protocol", "split", "queries_digest", "questions_digest")
"""Settings that must be equal: otherwise the two files answer different questions."""

PLACES = ("queries", "questions")
"""Settings that may differ without a word: where the files lay, while their content is the same."""

MAIN_METRICS: dict[Protocol, tuple[str, ...]] = {"reading": ("f1", "exact_match"), "hard": ("mrr",)}
MAIN_OF_QUESTIONS = ("f1", "hits@1")


@dataclass(frozen=True)
class Row:
    """One metric over some queries: the means in both files, b - a with bounds from the pairs, and on how many B won.

    Attributes:
        p: the p-value of the paired permutation test; not corrected for the number of rows.
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
    """Compare two files query by query; differences are b - a.

    Args:
        a, b: what is compared.
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
    """Refuse two files that answer different questions by an `EvaluationError` that names what differs."""
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


def texts_of(results: Results, identifiers: Sequence[str]) -> dict[str, str]:
    """The text of each of the lines, by its id: a question as it stands, a query verbalised.

    A query is left out where its file is gone or has changed, and told by its ids where the graph is gone.
    """
    wanted = set(identifiers)
    if results.of_questions:
        return {line["id"]: line["question"] for line in results.lines if line["id"] in wanted and "question" in line}
    settings = results.settings
    try:
        files, _ = find_files(Path(settings["queries"]), settings["split"])
        if digest(files) != settings["queries_digest"]:
            return {}
    except (SkylarkError, OSError):
        return {}
    try:
        kg = KnowledgeGraph.load(settings["kg"])
    except SkylarkError:
        kg = None
    found = {}
    for path in files:
        for number, text in enumerate(path.read_text(encoding="utf-8-sig").split("\n")):
            if (identifier := f"{path.stem}:{number}") in wanted:
                query = query_of(json.loads(text))
                found[identifier] = str(query) if kg is None else query.verbalise(kg)
    return found


P_NOTE = "p: two-sided sign-flip test over the pairs, each row by itself (no correction for their number)"


def query_table(summary: Mapping[str, Any]) -> str:
    """The summary of a query run: a row per type, the averages, what was left out, the language model's steps."""
    per_type: Mapping[str, Mapping[str, float]] = summary["per_type"]
    intervals = summary.get("intervals", {})
    names = [name for name in next(iter(per_type.values()), {}) if name != "count"]
    bounds = intervals.get("per_type", {})
    rows = [[kind, f"{row['count']:,}", *_cells(names, row, bounds.get(kind))] for kind, row in per_type.items()]
    for average in ("avg_p", "avg_n"):
        if summary[average]:
            rows.append([average, "", *_cells(names, summary[average], intervals.get(average))])
    parts = [aligned(["type", "queries", *map(marked, names)], rows)]
    if any(name in LARK_METRICS for name in names):
        parts.append(LARK_NOTE)
    notes = [f"{summary['count']:,} queries in {summary['seconds']:,.1f} s"]
    if summary["skipped"]:
        notes.append(f"{summary['skipped']:,} without hard answers left out")
    if summary["errors"]:
        notes.append(f"{summary['errors']:,} failed, counted as wrong")
    parts += ["; ".join(notes), *_level(intervals, parts[0])]
    if "steps" in summary:
        parts.append(_steps(summary["steps"].values()))
    return "\n".join([*parts, *_usage(summary)])


def question_table(summary: Mapping[str, Any]) -> str:
    """The summary of a question run: a row per number of hops, and overall."""
    names = [name for name in summary["overall"] if name != "count"]
    intervals = summary.get("intervals", {})
    bounds = {**intervals.get("per_type", {}), "overall": intervals.get("overall")}
    rows = [
        [kind, f"{row['count']:,}", *_cells(names, row, bounds.get(kind))]
        for kind, row in [*summary["per_type"].items(), ("overall", summary["overall"])]
    ]
    notes = [f"{summary['overall']['count']:,} questions in {summary['seconds']:,.1f} s"]
    if summary["skipped"]:
        notes.append(f"{summary['skipped']:,} whose gold path reaches nothing left out")
    if summary["errors"]:
        notes.append(f"{summary['errors']:,} not answered, counted as wrong")
    if summary.get("rightly_refused"):
        notes.append(f"{summary['rightly_refused']:,} not answered, as expected")
    table = aligned(["type", "questions", *names], rows)
    return "\n".join([table, "; ".join(notes), *_level(intervals, table), *_usage(summary)])


def _cells(
    names: Sequence[str], row: Mapping[str, float | None], bounds: Mapping[str, Sequence[float] | None] | None
) -> list[str]:
    """Each metric's mean, and behind it half the width of its interval where there is one to speak of."""
    cells = []
    for name in names:
        value, bound = row[name], (bounds or {}).get(name)
        text = "-" if value is None else f"{value:.4f}"
        if bound and bound[0] < bound[1]:
            text += " ±" + f"{(bound[1] - bound[0]) / 2:.4f}".removeprefix("0")
        cells.append(text)
    return cells


def _level(intervals: Mapping[str, Any], table: str) -> list[str]:
    if "±" not in table:
        return []
    return [f"± half of the {intervals['level']:.0%} bootstrap interval over queries; its bounds are in the summary"]


def _usage(summary: Mapping[str, Any]) -> list[str]:
    return [f"language model: {TokenUsage.from_dict(summary['usage'])}"] if "usage" in summary else []


def _steps(counts: Any) -> str:
    total = {name: sum(count[name] for count in counts) for name in STEP_COUNTS}
    share = f" ({total['agreeing'] / total['llm']:.1%})" if total["llm"] else ""
    text = f"steps answered by the language model: {total['llm']:,}, right {total['agreeing']:,}{share}"
    if total["symbolic"]:
        text += f"; done symbolically and left out of that: {total['symbolic']:,}"
    if total["parts"] > total["llm"]:
        text += f"; too big for one prompt, they were asked in {total['parts']:,} parts"
    if total["left_out"]:
        text += f"; triples and members that did not fit their prompts: {total['left_out']:,}"
    return text


def comparison_text(comparison: Comparison, texts: Mapping[str, str]) -> str:
    """What is compared, a table for each metric, and the queries that changed most, with their texts where known."""
    parts = [_files(comparison)]
    for metric, rows in comparison.metrics.items():
        header = [marked(metric), "queries", "A", "B", "B - A", f"{LEVEL:.0%} interval", "p", "B won", "lost", "tied"]
        parts.append(aligned(header, [[name, *_row_cells(row)] for name, row in rows.items()]))
    notes = [P_NOTE, *([LARK_NOTE] if any(metric in LARK_METRICS for metric in comparison.metrics) else [])]
    parts.append("\n".join(notes))
    if comparison.changes:
        parts.append(_change_rows(comparison, texts))
    return "\n\n".join(parts)


def _files(comparison: Comparison) -> str:
    a, b = comparison.a, comparison.b
    lines = [
        f"{letter}: {results.path}" + (f" ({label})" if label != results.path.stem else "")
        for letter, results, label in zip("AB", (a, b), labels_of([a, b]), strict=True)
    ]
    what = "questions" if a.of_questions else "queries"
    lines.append(f"{comparison.count:,} {what} in both")
    for letter, number in (("A", comparison.only_a), ("B", comparison.only_b)):
        if number:
            lines.append(f"{number:,} {what} in {letter} only, left out")
    if comparison.settings:
        differing = ", ".join(
            f"{key} {json.dumps(mine)} / {json.dumps(other)}" for key, (mine, other) in comparison.settings.items()
        )
        lines.append(f"other settings: {differing}")
    return "\n".join(lines)


def _row_cells(row: Row) -> list[str]:
    bounds = "-" if row.interval is None else f"{row.interval[0]:+.4f} {row.interval[1]:+.4f}"
    p = f"{row.p:.4f}" if row.p >= 0.0001 else f"{row.p:.0e}"
    count = row.won + row.lost + row.tied
    counts = [f"{number:,}" for number in (row.won, row.lost, row.tied)]
    return [f"{count:,}", f"{row.a:.4f}", f"{row.b:.4f}", f"{row.difference:+.4f}", bounds, p, *counts]


def _change_rows(comparison: Comparison, texts: Mapping[str, str]) -> str:
    metric = marked(next(iter(comparison.metrics)))
    rows = [
        [change.id, f"{change.a:.4f}", f"{change.b:.4f}", f"{change.b - change.a:+.4f}"]
        for change in comparison.changes
    ]
    lines = aligned([f"largest changes in {metric}", "A", "B", "B - A"], rows).split("\n")
    shown = [texts.get(change.id, "") for change in comparison.changes]
    return "\n".join([*lines[:2], *(f"{line}  {text}".rstrip() for line, text in zip(lines[2:], shown, strict=True))])
