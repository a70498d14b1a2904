"""Figures as tables for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kg_data.text_table import aligned

DETECTION = ("AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large", "AR100")


def detection_table(figures: Mapping[str, Any]) -> str:
    """The figures of `evaluate_detections`: a row for boxes, one for masks, and one a class that is annotated."""
    kinds = {"boxes": figures, **({"masks": figures["segm"]} if "segm" in figures else {})}
    rows = [[kind, "", *_cells(figures_of, DETECTION)] for kind, figures_of in kinds.items()]
    for name, row in figures["per_class"].items():
        if row["annotations"]:
            rows.append([name, f"{row['annotations']:,}", *_cells(row, DETECTION)])
    lines = [
        aligned(["", "objects", *DETECTION], rows),
        f"{figures['images']:,} images, {figures['detections']:,} detections; rows of classes are of boxes",
    ]
    if "segm" in figures and figures["segm"]["polygon_source"] not in (None, "model"):
        lines.append(f"outlines by {figures['segm']['polygon_source']}, since the model gives boxes alone")
    if figures["not_detectable"]:
        named = ", ".join(f"{name} ({count:,})" for name, count in figures["not_detectable"].items())
        lines.append(f"classes that the model lacks, in no mean: {named}")
    return "\n".join(lines)


def grounding_table(figures: Mapping[str, Any]) -> str:
    """The figures of `evaluate_expressions`: a row a kind, all of them, and the misses."""
    names = ("accuracy", "precision", "recall", "first")
    rows = [[kind, f"{row['count']:,}", *_cells(row, names)] for kind, row in figures["per_kind"].items()]
    rows.append(["all", f"{figures['count']:,}", *_cells(figures, names)])
    lines = [aligned(["kind", "expressions", *names], rows)]
    if figures["not_understood"]:
        lines.append(f"{figures['not_understood']:,} were not understood, counted as wrong")
    for miss in figures["misses"]:
        lines += ["", f"{miss['image']}: {miss['expression']}", f"  expected {_result(miss['expected'])}"]
        found = miss["found"]
        lines.append(f"  {found['error']}" if found["error"] else f"  found {_result(found)} by {found['query']}")
    return "\n".join(lines)


def _cells(row: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    return ["-" if (value := row.get(name)) is None else f"{value:.3f}" for name in names]


def _result(result: Mapping[str, Any]) -> str:
    values = [str(result[name]) for name in ("count", "answer", "value") if result.get(name) is not None]
    if values:
        return values[0]
    boxes = result.get("boxes") or []
    return f"{len(boxes)} {'box' if len(boxes) == 1 else 'boxes'}"
