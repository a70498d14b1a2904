"""A made data set, a cache of these tests' own, and results files with given figures, as a run would leave them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from reasoning.evaluation.metrics import RANK_METRICS
from reasoning.evaluation.results import ResultsFile
from skylark.files import Line
from tests.reasoning.made_dataset import make_dataset

EACH = 6
"""Queries of each type in each split of the made data set."""


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_dataset(tmp_path_factory.mktemp("made") / "made", EACH)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKYLARK_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


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
    """Write lines with `SETTINGS` and what is to be different in them, in the place of a file of before."""
    chosen = SETTINGS | settings
    path.unlink(missing_ok=True)
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
