"""Evaluating a method on logical queries, by protocol `reading` or `hard`.

`reading` gives the method the graph that the gold answers were computed on, so that every answer can be read off: it
measures whether a query is understood and carried out. `hard` gives the smaller graph, so that the hard answers can
only be guessed: it measures completion, and set algebra scores next to nothing by construction.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from langchain_core.language_models import BaseChatModel

from kg_data.errors import SkylarkError
from reasoning.answer import Answer
from reasoning.errors import EvaluationError, GraphError
from reasoning.evaluation.metrics import (
    LARK_METRICS,
    RANK_METRICS,
    SET_METRICS,
    filtered_ranks,
    lark_metrics,
    rank_metrics,
    set_metrics,
)
from reasoning.evaluation.query_files import EntityTable, QueryRecord, Split, digest, find_files, read_records
from reasoning.evaluation.results_file import Line
from reasoning.evaluation.run import run
from reasoning.evaluation.settings import common_settings, graph_digest, graph_setting
from reasoning.graph.store import KnowledgeGraph
from reasoning.lark import LarkOptions
from reasoning.llms import LLMError
from reasoning.query.structures import NEGATED, STRUCTURES
from reasoning.reasoner import Reasoner

Protocol = Literal["reading", "hard"]
PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)

GRAPH_SPLITS: dict[tuple[Protocol, Split], tuple[str, ...]] = {
    ("hard", "valid"): ("train",),
    ("reading", "valid"): ("train", "valid"),
    ("hard", "test"): ("train", "valid"),
    ("reading", "test"): ("train", "valid", "test"),
}
"""The splits in the graph that a method is given."""

METRICS: dict[Protocol, tuple[str, ...]] = {"reading": (*SET_METRICS, *LARK_METRICS), "hard": RANK_METRICS}
TOP = 100
"""How many answers a line of protocol `hard` lists."""

STEP_COUNTS = ("llm", "agreeing", "symbolic", "left_out")


def evaluate_queries(
    kg: str | Path,
    queries: Path,
    protocol: Protocol,
    method: str = "exact",
    llm: str | BaseChatModel = "embedded",
    options: LarkOptions | None = None,
    split: str | None = None,
    limit: int | None = None,
    out: Path | None = None,
    resume: bool = False,
    progress: bool = False,
) -> dict[str, Any]:
    """Answer the queries of a file or folder and return the summary.

    Args:
        kg: name or folder of a data set with the splits train, valid (and test).
        queries: a file of records, or a folder of files named `<split>-<type>.jsonl`.
        protocol: "reading" or "hard".
        method: "exact" or "lark".
        llm: the language model of method lark.
        options: how the language model is asked.
        split: "valid" or "test", where the files' names do not say it or both are there.
        limit: only the first this many queries of each type.
        out: the results file, one JSON line a query.
        resume: go on with the lines that `out` holds.
        progress: show a bar on stderr.

    Returns:
        `per_type` (type -> metric -> mean, and `count`), `avg_p` and `avg_n` (metric -> mean over the types without
        and with negation, {} where there are none), `count`, `skipped` (queries without hard answers in protocol
        hard), `errors` (queries that the method failed, counted as wrong), `steps` (type -> counts, method lark only),
        `settings`, `seconds`, `complete`.

    Raises:
        EvaluationError: the settings do not fit the data, or `out` holds another run's results.
        ResultsError: `out` cannot be written.
        DataError: a record is broken; with file and line.
        SkylarkError: the graph or the language model cannot be loaded, or the model is out of reach.
    """
    if protocol not in PROTOCOLS:
        raise EvaluationError(f"unknown protocol {protocol!r}; expected {' or '.join(PROTOCOLS)}")
    if limit is not None and limit < 1:
        raise EvaluationError(f"the limit must be at least 1, not {limit}")
    files, chosen = find_files(queries, split)
    try:
        graph = KnowledgeGraph.load(kg, GRAPH_SPLITS[protocol, chosen])
    except GraphError as error:
        raise EvaluationError(f"protocol {protocol} on {chosen} queries: {error}") from None
    reasoner = Reasoner(graph, llm=llm, method=method, options=options)
    if method != "exact":
        _ = reasoner.llm  # a missing key or package is worth knowing before the records are read
    table = EntityTable(graph)
    records = read_records(files, graph, table, limit)
    measured = [record for record in records if protocol == "reading" or len(record.hard)]
    settings = {
        "kg": graph_setting(kg),
        "kg_digest": graph_digest(graph),
        "queries": str(queries.resolve()),
        "queries_digest": digest(files),
        "protocol": protocol,
        "split": chosen,
        "limit": limit,
        **common_settings(method, llm, reasoner.options),
    }

    def answer(record: QueryRecord) -> tuple[Line, bool]:
        return measure(record, reasoner, protocol, table)

    tally = QueryTally(protocol, skipped=len(records) - len(measured))
    return run(measured, answer, tally, settings, out, resume, progress)


def measure(record: QueryRecord, reasoner: Reasoner, protocol: Protocol, table: EntityTable) -> tuple[Line, bool]:
    """Answer one query: its line, and whether the method gave any reply; see `run`."""
    answer: Answer | None = None
    error: str | None
    replied = True
    try:
        answer = reasoner.answer(record.query)
        ranked, scores, error = answer.ranked, answer.scores, answer.error
        replied = not silent(answer)
    except SkylarkError as failure:
        ranked, scores, error = np.zeros(0, dtype=np.int32), (), str(failure)
        replied = not isinstance(failure, LLMError)
    line: Line = {"id": record.identifier, "type": record.kind}
    if protocol == "reading":
        line["answers"] = table.write(ranked)
        line |= set_metrics(ranked, record.gold) | lark_metrics(ranked, record.gold)
    else:
        ranks = filtered_ranks(ranked, scores, record.hard, record.easy, reasoner.kg.entity_count)
        line["answers"] = table.write(ranked[:TOP])
        line["hard_ranks"] = {
            str(identifier): int(rank) if rank.is_integer() else rank
            for identifier, rank in zip(table.write(record.hard), ranks.tolist(), strict=True)
        }
        line |= rank_metrics(ranks)
    if error is not None:
        line["error"] = error
    if answer is not None and answer.method != "exact":
        line["steps"] = _step_counts(answer)
    return line, replied


def _step_counts(answer: Answer) -> dict[str, int]:
    asked = [step for step in answer.steps if step.by == "llm"]
    return {
        "llm": len(asked),
        "agreeing": sum(bool(step.agrees) for step in asked),
        "symbolic": len(answer.steps) - len(asked),
        "left_out": sum(step.context.left_out for step in asked if step.context is not None),
    }


def silent(answer: Answer) -> bool:
    """Whether the language model could not be reached or did not finish in time."""
    last = answer.steps[-1] if answer.steps else None
    return last is not None and last.error is not None and not any(attempt.replied for attempt in last.attempts)


class QueryTally:
    """Adds up the lines of a query run."""

    def __init__(self, protocol: Protocol, skipped: int) -> None:
        self._metrics, self._skipped = METRICS[protocol], skipped
        self._values: dict[str, dict[str, list[float]]] = defaultdict(lambda: {name: [] for name in self._metrics})
        self._steps: dict[str, Counter[str]] = defaultdict(Counter)
        self._counts: Counter[str] = Counter()
        self._errors = 0

    def add(self, line: Line) -> None:
        """Count one query's line."""
        self._counts[line["type"]] += 1
        self._errors += "error" in line
        for name in self._metrics:
            self._values[line["type"]][name].append(line[name])
        if "steps" in line:
            self._steps[line["type"]].update(line["steps"])

    def summary(self) -> dict[str, Any]:
        """The figures so far; see `evaluate_queries`."""
        kinds = [kind for kind in STRUCTURES if kind in self._counts]
        means = {kind: {name: _mean(values) for name, values in self._values[kind].items()} for kind in kinds}
        summary: dict[str, Any] = {
            "per_type": {kind: {**means[kind], "count": self._counts[kind]} for kind in kinds},
            "avg_p": self._average(means[kind] for kind in kinds if kind not in NEGATED),
            "avg_n": self._average(means[kind] for kind in kinds if kind in NEGATED),
            "count": self._counts.total(),
            "skipped": self._skipped,
            "errors": self._errors,
        }
        if self._steps:
            summary["steps"] = {
                kind: {name: self._steps[kind][name] for name in STEP_COUNTS} for kind in kinds if kind in self._steps
            }
        return summary

    def _average(self, rows: Iterable[Mapping[str, float]]) -> dict[str, float]:
        listed = list(rows)
        return {name: _mean([row[name] for row in listed]) for name in self._metrics} if listed else {}


def _mean(values: list[float]) -> float:
    # fsum: the same mean whatever the order, so a resumed run's summary equals an uninterrupted one's.
    return math.fsum(values) / len(values)
