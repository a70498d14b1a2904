"""Evaluating a method on logical queries, by protocol `reading` or `hard`.

`reading` gives the method the graph that the gold answers were computed on, so that every answer can be read off: it
measures whether a query is understood and carried out. `hard` gives the smaller graph, so that the hard answers can
only be guessed: it measures completion, and set algebra scores next to nothing by construction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from langchain_core.language_models import BaseChatModel

from kg_data.appended_lines import Line
from reasoning.completion.options import CompletionOptions
from reasoning.errors import EvaluationError, GraphError
from reasoning.evaluation.method import load_method, replies
from reasoning.evaluation.query_files import EntityTable, QueryRecord, Split, digest, find_files, read_records
from reasoning.evaluation.query_lines import METRICS, PROTOCOLS, Protocol, Ranking, lines_of
from reasoning.evaluation.run import PreparedRun
from reasoning.evaluation.settings import run_settings
from reasoning.evaluation.tally import QueryTally
from reasoning.execution.batch import BatchExecutor
from reasoning.execution.exact import Exact
from reasoning.lark import LarkOptions
from reasoning.query.binding import bind

GRAPH_SPLITS: dict[tuple[Protocol, Split], tuple[str, ...]] = {
    ("hard", "valid"): ("train",),
    ("reading", "valid"): ("train", "valid"),
    ("hard", "test"): ("train", "valid"),
    ("reading", "test"): ("train", "valid", "test"),
}
"""The splits in the graph that a method is given."""

CHUNK = 256
"""Queries that method exact answers at once; a run that is stopped does at most so many again."""


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
    completion: CompletionOptions | None = None,
    skip: int = 0,
) -> dict[str, Any]:
    """Answer the queries of a file or folder and return the summary.

    Args:
        kg: name or folder of a data set with the splits train, valid (and test).
        queries: a file of records, or a folder of files named `<split>-<type>.jsonl`.
        protocol: "reading" or "hard".
        method: "exact", "lark", "complete" or "hybrid".
        llm: the language model of methods lark and hybrid.
        options: how the language model is asked.
        split: "valid" or "test", where the files' names do not say it or both are there.
        limit: only the first this many queries of each type.
        out: the results file, one JSON line a query.
        resume: go on with the lines that `out` holds.
        progress: show a bar on stderr.
        completion: the link predictor of methods complete and hybrid; in protocol hard everything is ranked, whatever
            its `least`.
        skip: leave out the first this many of each type, such as those that weights were fitted on.

    Returns:
        `per_type` (type -> metric -> mean, and `count`), `avg_p` and `avg_n` (metric -> mean over the types without
        and with negation, {} where there are none), `count`, `skipped` (queries without hard answers in protocol
        hard), `errors` (queries that the method failed, counted as wrong), `steps` (type -> counts, method lark only),
        `usage` (requests, tokens and cost, where a model was asked), `intervals` (of each mean, see
        `reasoning.evaluation.intervals`), `settings`, `seconds`, `complete`.

    Raises:
        EvaluationError: the settings do not fit the data, or `out` holds another run's results.
        ResultsError: `out` cannot be written.
        DataError: a record is broken; with file and line.
        SkylarkError: the graph or the language model cannot be loaded, or the model is out of reach.
    """
    return prepare_queries(kg, queries, protocol, method, llm, options, split, limit, completion, skip).run(
        out, resume, progress
    )


def prepare_queries(
    kg: str | Path,
    queries: Path,
    protocol: Protocol,
    method: str = "exact",
    llm: str | BaseChatModel = "embedded",
    options: LarkOptions | None = None,
    split: str | None = None,
    limit: int | None = None,
    completion: CompletionOptions | None = None,
    skip: int = 0,
) -> PreparedRun[QueryRecord]:
    """Load and check everything that `evaluate_queries` needs, which has the same arguments and errors."""
    if protocol not in PROTOCOLS:
        raise EvaluationError(f"unknown protocol {protocol!r}; expected {' or '.join(PROTOCOLS)}")
    files, chosen = find_files(queries, split)
    if protocol == "hard":
        completion = replace(completion or CompletionOptions(), least=0.0)
    try:
        reasoner = load_method(kg, GRAPH_SPLITS[protocol, chosen], method, llm, options, limit, completion)
    except GraphError as error:
        raise EvaluationError(f"protocol {protocol} on {chosen} queries: {error}") from None
    table = EntityTable(reasoner.kg)
    records = read_records(files, reasoner.kg, table, limit, skip)
    measured = [record for record in records if protocol == "reading" or len(record.hard)]
    if not measured:
        raise EvaluationError(
            f"none of the {len(records):,} queries has a hard answer, so that there is nothing to rank"
        )
    settings = {
        "queries": str(queries.resolve()),
        "queries_digest": digest(files),
        "protocol": protocol,
        "split": chosen,
        "skip": skip,
        **run_settings(kg, reasoner, llm, limit, llm_matters=False),
    }

    def answered(rest: Sequence[QueryRecord]) -> Iterator[tuple[Line, bool]]:
        if isinstance(reasoner.answering, Exact):
            executor = BatchExecutor(reasoner.kg)
            for start in range(0, len(rest), CHUNK):
                chunk = rest[start : start + CHUNK]
                answers = executor.execute([bind(record.query, reasoner.kg) for record in chunk])
                rankings = [Ranking(answers[i]) for i in range(len(chunk))]
                yield from ((line, True) for line in lines_of(chunk, rankings, protocol, table))
        else:
            given = replies(reasoner, (record.query for record in rest))
            for record, reply in zip(rest, given, strict=True):
                yield lines_of([record], [Ranking.from_reply(reply)], protocol, table)[0], reply.given

    asked = [record.query for record in measured]
    metrics = METRICS[protocol]
    new_tally = partial(QueryTally, metrics, skipped=len(records) - len(measured))
    return PreparedRun(reasoner, measured, asked, answered, new_tally, metrics, settings)
