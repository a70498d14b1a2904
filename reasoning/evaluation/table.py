"""Summaries as tables for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reasoning.evaluation.metrics import LARK_METRICS

LARK_NOTE = (
    "* LARK's own released metrics, for comparison with that paper only: the mean of 1/position over correct "
    "predictions, and precision at K; a perfect answer does not score 1"
)


def query_table(summary: Mapping[str, Any]) -> str:
    """The summary of a query run: a row per type, the averages, what was left out, the language model's steps."""
    per_type: Mapping[str, Mapping[str, float]] = summary["per_type"]
    names = [name for name in next(iter(per_type.values()), {}) if name != "count"]
    rows = [[kind, f"{row['count']:,}", *(f"{row[name]:.4f}" for name in names)] for kind, row in per_type.items()]
    for average in ("avg_p", "avg_n"):
        if summary[average]:
            rows.append([average, "", *(f"{summary[average][name]:.4f}" for name in names)])
    parts = [aligned(["type", "queries", *(f"{n}*" if n in LARK_METRICS else n for n in names)], rows)]
    if any(name in LARK_METRICS for name in names):
        parts.append(LARK_NOTE)
    notes = [f"{summary['count']:,} queries in {summary['seconds']:,.1f} s"]
    if summary["skipped"]:
        notes.append(f"{summary['skipped']:,} without hard answers left out")
    if summary["errors"]:
        notes.append(f"{summary['errors']:,} failed, counted as wrong")
    parts.append("; ".join(notes))
    if "steps" in summary:
        parts.append(_steps(summary["steps"].values()))
    return "\n".join(parts)


def question_table(summary: Mapping[str, Any]) -> str:
    """The summary of a question run: a row per number of hops, and overall."""
    names = [name for name in summary["overall"] if name != "count"]
    rows = [
        [kind, f"{row['count']:,}", *("-" if row[name] is None else f"{row[name]:.4f}" for name in names)]
        for kind, row in [*summary["per_type"].items(), ("overall", summary["overall"])]
    ]
    notes = [f"{summary['overall']['count']:,} questions in {summary['seconds']:,.1f} s"]
    if summary["skipped"]:
        notes.append(f"{summary['skipped']:,} whose gold path reaches nothing left out")
    if summary["errors"]:
        notes.append(f"{summary['errors']:,} not answered, counted as wrong")
    return "\n".join([aligned(["type", "questions", *names], rows), "; ".join(notes)])


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns of text, the first to the left and the others to the right."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    lines = [
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in [header, *rows]
    ]
    lines.insert(1, "-" * len(lines[0]))
    return "\n".join(line.rstrip() for line in lines)


def _steps(counts: Any) -> str:
    total = {name: sum(count[name] for count in counts) for name in ("llm", "agreeing", "symbolic", "left_out")}
    share = f" ({total['agreeing'] / total['llm']:.1%})" if total["llm"] else ""
    text = f"steps answered by the language model: {total['llm']:,}, right {total['agreeing']:,}{share}"
    if total["symbolic"]:
        text += f"; done symbolically and left out of that: {total['symbolic']:,}"
    if total["left_out"]:
        text += f"; triples and members that did not fit their prompts: {total['left_out']:,}"
    return text
