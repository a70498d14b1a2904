"""Results files read back, to be compared and plotted. What a file holds is known by the summary beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kg_data.appended_lines import Line
from kg_data.errors import DataError
from reasoning.errors import EvaluationError
from reasoning.evaluation import query_lines, question_run
from reasoning.evaluation.results_file import parse_line, summary_path
from reasoning.evaluation.tally import QueryTally, QuestionTally
from reasoning.query.structures import STRUCTURES


@dataclass(frozen=True)
class Results:
    """The lines of one run with the settings they were made with.

    Attributes:
        path: the file of lines.
        settings: what decided the lines, see `reasoning.evaluation.settings`.
        lines: one of each query or question, in order; of a run that is not complete those that are done.
        complete: whether the run came to its end.
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
        return question_run.METRICS if self.of_questions else query_lines.METRICS[self.settings["protocol"]]

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
        raise EvaluationError(f"there is no results file {path}")
    beside = summary_path(path)
    try:
        summary = json.loads(beside.read_text(encoding="utf-8"))
        settings, complete = dict(summary["settings"]), bool(summary["complete"])
        if "questions" not in settings and settings["protocol"] not in query_lines.METRICS:
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
        if line is None or not (results.of_questions or line["type"] in STRUCTURES):
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
        # Method exact beside lark needs to be told no more of lark than its model.
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
