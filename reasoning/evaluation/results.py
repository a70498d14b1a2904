"""Results files: one JSON line a query, from which a stopped run resumes, and a summary."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg_data.batches.run_files import RunFile
from reasoning.completion.complete import RankingWeights, fit_ranking, write_weights
from reasoning.completion.fitted import load_predictor
from reasoning.errors import EvaluationError
from reasoning.evaluation.metrics import QUERY_METRICS, QUESTION_METRICS, QueryTally, QuestionTally
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.records import is_shape
from skylark.errors import DataError
from skylark.files import Line, encoded, nothing_at, write_whole


def summary_path(path: Path) -> Path:
    """Where the summary of a results file stands: `FILE.summary.json`."""
    return path.with_name(f"{path.name}.summary.json")


def parse_line(text: bytes, metrics: Collection[str]) -> Line | None:
    """A line as it was written, or None where it is damaged: without a metric, say, or with a value that is none."""
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(line, dict) or not all(isinstance(line.get(key), str) for key in ("id", "type")):
        return None
    return line if all(_is_value(metric, line.get(metric)) for metric in metrics) else None


def _is_value(metric: str, value: object) -> bool:
    # A question without a gold path has no path_match.
    return (isinstance(value, int | float) and math.isfinite(value)) or (metric == "path_match" and value is None)


class ResultsFile(RunFile):
    """The results file of one run, locked against other processes while it is open (a context manager).

    Args:
        path: the file of lines.
        settings: everything that decides what the lines will be, JSON-serialisable.
        identifiers: the ids of the run's queries, in order.
        metrics: what each line measures.
        resume: go on with the lines that the file holds; their limit may have been smaller.

    Attributes:
        seconds: what earlier parts of the run took.

    Raises:
        EvaluationError: the file has lines that may not be added to.
        ResultsError: the file is in use or cannot be written; also while it is being written.
        DataError: one of its lines is damaged.
    """

    refusal = EvaluationError

    def __init__(
        self,
        path: Path,
        settings: Mapping[str, Any],
        identifiers: Sequence[str],
        metrics: Collection[str],
        resume: bool,
    ) -> None:
        super().__init__(path, settings, resume)
        self._identifiers, self._metrics = identifiers, metrics
        self.seconds = 0.0

    def checkpoint(self, summary: Mapping[str, Any]) -> None:
        """Force the lines to the disk and replace the summary."""
        self._force()
        write_whole(summary_path(self.path), encoded(json.dumps(summary, ensure_ascii=False, indent=2)))

    def _may_go_on(self, content: bytes) -> bool:
        return bool(content or self.kept)

    def _begin_anew(self) -> None:
        # Before the first line: lines whose settings are not known could never be resumed.
        self._write_settings()
        self._begin(0)

    def _write_settings(self) -> None:
        self.checkpoint({"settings": self.settings, "count": 0, "seconds": self.seconds, "complete": False})

    def _read_summary(self) -> dict[str, Any]:
        beside = summary_path(self.path)
        try:
            summary = dict(json.loads(beside.read_text(encoding="utf-8")))
            summary["settings"], self.seconds = dict(summary["settings"]), float(summary["seconds"])
            return summary
        except (OSError, ValueError, KeyError, TypeError):
            raise EvaluationError(
                f"{self.path} cannot be resumed: {beside} does not say with which settings it was begun; "
                "choose another file, or delete it"
            ) from None

    def _differing(self, before: Mapping[str, Any]) -> list[str]:
        keys = super()._differing(before)
        limit, earlier = self.settings.get("limit"), before.get("limit")
        if "limit" in keys and earlier is not None and (limit is None or limit > earlier):
            keys.remove("limit")  # it lets through all that the earlier one did, and more
        return keys

    def _read(self, content: bytes) -> list[Line]:
        before = self._read_summary()["settings"]
        self.check_settings(before)
        lines: list[Line] = []
        waiting = dict.fromkeys(self._identifiers)
        for number, text in enumerate(content.split(b"\n")[:-1]):
            line = parse_line(text, self._metrics)
            if line is None or line["id"] not in waiting:
                expected = next(iter(waiting), None)
                what = "no further line" if expected is None else f"the line of query {expected} as it was written"
                raise DataError(self.path, what, line=number + 1, found=text.decode(errors="replace"))
            del waiting[line["id"]]
            lines.append(line)
        if before != self.settings:
            # Before the first further line: by the old limit it could not be there.
            self._write_settings()
        return lines


@dataclass(frozen=True)
class Results:
    """The lines of one run with the settings they were made with, see `reasoning.evaluation.run`.

    `lines` has one of each query or question, in order; of a run that is not complete those that are done.
    """

    path: Path
    settings: Mapping[str, Any]
    lines: Sequence[Line]
    complete: bool

    @property
    def of_questions(self) -> bool:
        """Whether it holds questions, and not logical queries."""
        return "questions" in self.settings

    @property
    def metrics(self) -> tuple[str, ...]:
        """What each line measures."""
        return QUESTION_METRICS if self.of_questions else QUERY_METRICS[self.settings["protocol"]]

    @property
    def averages(self) -> tuple[str, ...]:
        """What stands beside the types in a summary."""
        return ("overall",) if self.of_questions else ("avg_p", "avg_n")

    @property
    def tally(self) -> QueryTally | QuestionTally:
        """The lines added up."""
        tally = QuestionTally(self.metrics, 0) if self.of_questions else QueryTally(self.metrics, 0)
        for line in self.lines:
            tally.add(line)
        return tally


def read_results(path: Path) -> Results:
    """Read a results file and the summary beside it.

    A last line that was cut short by a kill is left out, as it is when the run is resumed.

    Raises:
        EvaluationError: there is no such file, or it has no summary that says how it was made, or it has no line yet.
        DataError: a line is damaged, or a query is there twice.
    """
    if not path.is_file():
        raise EvaluationError(nothing_at("results file", path))
    beside = summary_path(path)
    try:
        summary = json.loads(beside.read_text(encoding="utf-8"))
        settings, complete = dict(summary["settings"]), bool(summary["complete"])
        if "questions" not in settings and settings["protocol"] not in QUERY_METRICS:
            raise ValueError(settings["protocol"])
    except (OSError, ValueError, KeyError, TypeError):
        raise EvaluationError(
            f"{path} is no results file of `evaluate --out`: {beside} does not say how it was made"
        ) from None
    results = Results(path, settings, [], complete)
    lines: dict[str, Line] = {}
    content = path.read_bytes()
    for number, text in enumerate(content[: content.rfind(b"\n") + 1].split(b"\n")[:-1], start=1):
        line = parse_line(text, results.metrics)
        if line is None or not (results.of_questions or is_shape(line["type"])):
            expected = f"a line with id, type and numbers for {', '.join(results.metrics)}"
            raise DataError(path, expected, line=number, found=text.decode(errors="replace"))
        if line["id"] in lines:
            raise DataError(path, "each query once", line=number, found=line["id"])
        lines[line["id"]] = line
    if not lines:
        raise EvaluationError(f"{path} has no line yet; evaluate --resume goes on with its run")
    return Results(path, settings, list(lines.values()), complete)


TELLING = (
    "method",
    "llm",
    "prompting",
    "names",
    "token_budget",
    "max_parts",
    "replies",
    "repairs",
    "samples",
    "seed",
    "protocol",
)
"""Settings that a label may tell, in its order."""


def labels_of(several: Sequence[Results]) -> list[str]:
    """A short name for each file: the settings in which they differ, or the files' names where that tells nothing."""
    keys = [key for key in TELLING if len({results.settings.get(key) for results in several} - {None}) > 1]
    if len(several) == 1 or "method" in keys:
        # Beside method exact, the label of lark needs no more than its model.
        keys = list(dict.fromkeys(("method", "llm", *keys)))
    labels = [_label(results.settings, keys) for results in several]
    if len(set(labels)) == len(labels) and all(labels):
        return labels
    names = [results.path.stem for results in several]
    return names if len(set(names)) == len(names) else [str(results.path) for results in several]


def _label(settings: Mapping[str, Any], keys: Sequence[str]) -> str:
    words = [
        str(settings[key]) if key in ("method", "llm") else f"{key.replace('_', ' ')} {settings[key]}"
        for key in keys
        if settings.get(key) is not None
    ]
    return ", ".join(words)


Signals = list[tuple[NDArray[np.float64], NDArray[np.int64]]]


def fit_ranking_weights(results: Path, kg: KnowledgeGraph, model: Path) -> dict[str | None, RankingWeights]:
    """Fit weights for each type of query, and for all others, and keep them beside the link predictor in `model`.

    Args:
        results: the lines of `evaluate --protocol hard --method hybrid --out`.
        kg: the graph of that run.
        model: the folder of its link predictor.

    Raises:
        EvaluationError: the file holds no signals, or another predictor's.
    """
    predictor = load_predictor(model, kg)
    try:
        settings = json.loads(summary_path(results).read_text(encoding="utf-8"))["settings"]
        lines = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EvaluationError(f"{results} and its summary cannot be read ({error}); expected a results file") from None
    if settings.get("predictor") != predictor.digest:
        raise EvaluationError(
            f"{results} was made with the link predictor {settings.get('predictor')}, {model} is {predictor.digest}"
        )
    queries: dict[str | None, Signals] = defaultdict(list)
    for number, line in enumerate(lines, 1):
        try:
            if (signals := line.get("signals")) is None:
                continue
            right, others = (np.array(signals[name], dtype=np.float64).reshape(-1, 3) for name in ("hard", "others"))
            item = np.concatenate([right, others]), np.arange(len(right))
            queries[line["type"]].append(item)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise EvaluationError(f"{results}, line {number}: no signals as hybrid writes them ({error!r})") from None
        queries[None].append(item)
    if not queries:
        raise EvaluationError(f"{results} holds no signals; make it with evaluate --protocol hard --method hybrid")
    weights = {kind: fit_ranking(items) for kind, items in queries.items()}
    assert predictor.folder is not None
    write_weights(predictor.folder, weights)
    return weights
