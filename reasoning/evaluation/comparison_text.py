"""A comparison as tables for a terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping

from kg_data.text_table import aligned
from reasoning.evaluation.comparison import Comparison, Row
from reasoning.evaluation.intervals import LEVEL
from reasoning.evaluation.metrics import LARK_METRICS, LARK_NOTE, marked
from reasoning.evaluation.results import labels_of

P_NOTE = "p: two-sided sign-flip test over the pairs, each row by itself (no correction for their number)"


def comparison_text(comparison: Comparison, texts: Mapping[str, str]) -> str:
    """What is compared, a table for each metric, and the queries that changed most, with their texts where known."""
    parts = [_files(comparison)]
    for metric, rows in comparison.metrics.items():
        header = [marked(metric), "queries", "A", "B", "B - A", f"{LEVEL:.0%} interval", "p", "B won", "lost", "tied"]
        parts.append(aligned(header, [[name, *_cells(row)] for name, row in rows.items()]))
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


def _cells(row: Row) -> list[str]:
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
