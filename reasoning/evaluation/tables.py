"""Summaries of runs, and comparisons of two, as tables for a terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from kg_data.text_table import aligned
from reasoning.evaluation.comparison import Comparison, Row
from reasoning.evaluation.metrics import LARK_METRICS, LARK_NOTE, marked
from reasoning.evaluation.resampling import LEVEL
from reasoning.evaluation.results_file import labels_of
from reasoning.evaluation.tally import STEP_COUNTS
from reasoning.language.usage import TokenUsage

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
        parts.append(_changes(comparison, texts))
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


def _changes(comparison: Comparison, texts: Mapping[str, str]) -> str:
    metric = marked(next(iter(comparison.metrics)))
    rows = [
        [change.id, f"{change.a:.4f}", f"{change.b:.4f}", f"{change.b - change.a:+.4f}"]
        for change in comparison.changes
    ]
    lines = aligned([f"largest changes in {metric}", "A", "B", "B - A"], rows).split("\n")
    shown = [texts.get(change.id, "") for change in comparison.changes]
    return "\n".join([*lines[:2], *(f"{line}  {text}".rstrip() for line, text in zip(lines[2:], shown, strict=True))])
