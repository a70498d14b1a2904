"""Results files with given figures, as a run would leave them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reasoning.evaluation.metrics import RANK_METRICS
from reasoning.evaluation.results import ResultsFile
from skylark.files import Line

SETTINGS: dict[str, Any] = {
    "kg": "made",
    "kg_digest": "0",
    "queries": "/data/queries",
    "queries_digest": "1",
    "protocol": "hard",
    "split": "test",
    "limit": None,
    "method": "exact",
    "llm": None,
}


def write(path: Path, lines: Sequence[Line], complete: bool = True, **settings: Any) -> Path:
    """Write lines with `SETTINGS` and what is to be different in them."""
    chosen = SETTINGS | settings
    with ResultsFile(path, chosen, [line["id"] for line in lines], (), resume=False) as sink:
        for line in lines:
            sink.append(line)
        sink.checkpoint({"settings": chosen, "seconds": 0.0, "complete": complete})
    return path


def ranked(kind: str, values: Sequence[float]) -> list[Line]:
    """Lines of protocol hard, in which all metrics have the same value."""
    return [
        {"id": f"test-{kind}:{number}", "type": kind, **dict.fromkeys(RANK_METRICS, value)}
        for number, value in enumerate(values)
    ]
