"""Evaluating a method on logical queries, by protocol `reading` or `hard`.

`reading` gives the method the graph that the gold answers were computed on, so that every answer can be read off: it
measures whether a query is understood and carried out. `hard` gives the smaller graph, so that the hard answers can
only be guessed: it measures completion, and set algebra scores next to nothing by construction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg_data.appended_lines import Line
from kg_data.batches.options import ALONE, Workers
from reasoning.completion.complete import Complete
from reasoning.completion.options import CompletionOptions
from reasoning.errors import EvaluationError, GraphError
from reasoning.evaluation.method import MethodEvaluation, MethodReply, about, replies
from reasoning.evaluation.metrics import (
    QUERY_METRICS,
    Metrics,
    filtered_ranks,
    lark_metrics,
    rank_metrics,
    set_metrics,
)
from reasoning.evaluation.query_files import (
    GRAPH_SPLITS,
    PROTOCOLS,
    EntityTable,
    Protocol,
    QueryRecord,
    digest,
    find_files,
    read_records,
)
from reasoning.evaluation.run import Answered, PreparedRun
from reasoning.evaluation.settings import run_settings
from reasoning.evaluation.tally import QueryTally
from reasoning.execution.batch import BatchExecutor
from reasoning.execution.exact import Exact
from reasoning.graph.id_lists import IdLists
from reasoning.graph.index import Ids
from reasoning.query.binding import bind
from reasoning.query.tree import Entity, Project, Query
from reasoning.reasoner import Reasoner

CHUNK = 256
"""Queries that method exact answers at once; a run that is stopped does at most so many again."""

TOP = 100
"""How many answers a line of protocol `hard` lists."""


@dataclass(frozen=True)
class QueryEvaluation(MethodEvaluation):
    """A method, and the queries of a file or folder that it is measured on.

    Attributes:
        kg: name or folder of a data set with the splits train, valid (and test).
        queries: a file of records, or a folder of files named `<split>-<type>.jsonl`.
        protocol: "reading" or "hard"; in hard everything is ranked, whatever the `least` of `completion`.
        split: "valid" or "test", where the files' names do not say it or there are files of both.
        skip: leave out the first this many of each type, such as those that weights were fitted on.
    """

    queries: Path
    protocol: Protocol
    split: str | None = field(default=None, kw_only=True)
    skip: int = field(default=0, kw_only=True)

    def run(
        self, out: Path | None = None, resume: bool = False, progress: bool = False, workers: Workers = ALONE
    ) -> dict[str, Any]:
        """Answer the queries and return the summary.

        Args:
            out: the results file, one JSON line a query.
            resume: go on with the lines that `out` holds.
            progress: show a bar on stderr.
            workers: who answers; the lines are the same whoever does.

        Returns:
            `per_type` (type -> metric -> mean, and `count`), `avg_p` and `avg_n` (metric -> mean over the types without
            and with negation, {} where there are none), `count`, `skipped` (queries without hard answers in protocol
            hard), `errors` (queries that the method failed, counted as wrong), `steps` (type -> counts, where a
            language model answers steps), `usage` (requests, tokens and cost, where a model was asked), `intervals` (of
            each mean, see `reasoning.evaluation.resampling`), `settings`, `seconds`, `complete`.

        Raises:
            EvaluationError: the settings do not fit the data, or `out` holds another run's results.
            ResultsError: `out` cannot be written.
            DataError: a record is broken; with file and line.
            WorkerError: a worker died again and again.
            SkylarkError: the graph or the language model cannot be loaded, or the model is out of reach.
        """
        return self.prepare().run(out, resume, progress, workers)

    def prepare(self) -> PreparedRun[QueryRecord]:
        """Load and check everything that `run` needs; it raises the same errors."""
        if self.protocol not in PROTOCOLS:
            raise EvaluationError(f"unknown protocol {self.protocol!r}; expected {' or '.join(PROTOCOLS)}")
        files, split = find_files(self.queries, self.split)
        evaluation = self
        if self.protocol == "hard":
            evaluation = replace(self, completion=replace(self.completion or CompletionOptions(), least=0.0))
        try:
            reasoner = evaluation.reasoner(GRAPH_SPLITS[self.protocol, split])
        except GraphError as error:
            raise EvaluationError(f"protocol {self.protocol} on {split} queries: {error}") from None
        table = EntityTable(reasoner.kg)
        records = read_records(files, reasoner.kg, table, self.limit, self.skip)
        measured = [record for record in records if self.protocol == "reading" or len(record.hard)]
        if not measured:
            raise EvaluationError(
                f"none of the {len(records):,} queries has a hard answer, so that there is nothing to rank"
            )
        metrics = QUERY_METRICS[self.protocol]
        return PreparedRun(
            reasoner,
            measured,
            [record.query for record in measured],
            partial(_answered, reasoner, self.protocol, table),
            partial(_opened, replace(evaluation, kg=reasoner.kg), table.integers),
            partial(QueryTally, metrics, skipped=len(records) - len(measured)),
            metrics,
            {
                "queries": str(self.queries.resolve()),
                "queries_digest": digest(files),
                "protocol": self.protocol,
                "split": split,
                "skip": self.skip,
                **run_settings(self, reasoner, llm_matters=False),
            },
            alike=_followed_from_several if isinstance(reasoner.answering, Complete) else None,
        )


def _followed_from_several(record: QueryRecord) -> str | None:
    """The relation that a query follows last from several entities, what it leads to from each of which is kept."""
    parts: list[Query] = [record.query]
    for part in parts:  # the outer ones first
        if isinstance(part, Project) and not isinstance(part.source, Entity):
            return part.relation
        parts += part.children
    return None


def _opened(evaluation: QueryEvaluation, integers: bool) -> Answered[QueryRecord]:
    """What gives each query's line, opened over the evaluation's graph; `integers` is of its `EntityTable`."""
    reasoner = evaluation.reasoner()
    return partial(_answered, reasoner, evaluation.protocol, EntityTable(reasoner.kg, integers))


def _answered(
    reasoner: Reasoner, protocol: Protocol, table: EntityTable, records: Sequence[QueryRecord]
) -> Iterator[tuple[Line, bool]]:
    """Each query's line, and whether the method gave any reply to it."""
    if not isinstance(reasoner.answering, Exact) or reasoner.kg.server is not None:
        answers = replies(reasoner, (record.query for record in records))
        for record, reply in zip(records, answers, strict=True):
            yield lines_of([record], [Ranking.from_reply(reply)], protocol, table)[0], reply.arrived
        return
    executor = BatchExecutor(reasoner.kg)
    for start in range(0, len(records), CHUNK):
        chunk = records[start : start + CHUNK]
        sets = executor.execute([bind(record.query, reasoner.kg) for record in chunk])
        rankings = [Ranking(sets[i]) for i in range(len(chunk))]
        yield from ((line, True) for line in lines_of(chunk, rankings, protocol, table))


@dataclass(frozen=True)
class Ranking:
    """What a method gave for one query.

    Attributes:
        entities: without repetition, best first, shape (p,).
        scores: of the same shape, higher is better; None for a set, whose members are all alike.
        details: what else the line says, see `method.about`.
        signals: what method hybrid ranks by, shape (p, 3); None of other methods.
    """

    entities: Ids
    scores: Sequence[float] | None = None
    details: Line | None = None
    signals: NDArray[np.float64] | None = None

    @classmethod
    def from_reply(cls, reply: MethodReply) -> Ranking:
        """The ranking that a method's reply gives."""
        if reply.answer is None:
            return cls(np.zeros(0, dtype=np.int32), details=about(reply))
        answer = reply.answer
        return cls(answer.ranked, answer.scores, about(reply), answer.signals)


def lines_of(
    records: Sequence[QueryRecord], rankings: Sequence[Ranking], protocol: Protocol, table: EntityTable
) -> list[Line]:
    """The lines of some queries, scored together; each is the same whichever others stand beside it."""
    predicted = IdLists.of([ranking.entities for ranking in rankings])
    lines: list[Line] = [{"id": record.identifier, "type": record.kind} for record in records]
    if protocol == "reading":
        gold = IdLists.of([record.gold for record in records])
        metrics = set_metrics(predicted, gold) | lark_metrics(predicted, gold)
        for line, ranking in zip(lines, rankings, strict=True):
            line["answers"] = table.write(ranking.entities)
    else:
        hard = IdLists.of([record.hard for record in records])
        easy = IdLists.of([record.easy for record in records])
        ranks = filtered_ranks(predicted, _scores(rankings), hard, easy, len(table))
        metrics = rank_metrics(ranks, hard)
        for line, record, ranking, own in zip(
            lines, records, rankings, np.split(ranks, hard.offsets[1:-1]), strict=True
        ):
            line["answers"] = table.write(ranking.entities[:TOP])
            line["hard_ranks"] = {
                str(identifier): int(rank) if rank.is_integer() else rank
                for identifier, rank in zip(table.write(record.hard), own.tolist(), strict=True)
            }
            if ranking.signals is not None:
                line["signals"] = _signals(record, ranking, ranking.signals)
    for line, ranking, values in zip(lines, rankings, _rows(metrics), strict=True):
        line |= values | (ranking.details or {})
    return lines


def _signals(record: QueryRecord, ranking: Ranking, signals: NDArray[np.float64]) -> dict[str, Any]:
    """What hard answers, and the first entities that are no answers, are ranked by: what weights are fitted on."""
    right = np.isin(ranking.entities, record.hard)
    wrong = np.flatnonzero(~right & ~np.isin(ranking.entities, record.easy))[:TOP]
    return {
        name: [[float(f"{value:.4g}") for value in row] for row in signals[rows].tolist()]
        for name, rows in (("hard", right), ("others", wrong))
    }


def _scores(rankings: Sequence[Ranking]) -> NDArray[np.float64]:
    own = [np.ones(len(r.entities)) if r.scores is None else np.asarray(r.scores, dtype=float) for r in rankings]
    return np.concatenate([np.zeros(0), *own])


def _rows(metrics: Metrics) -> list[dict[str, Any]]:
    columns = [values.tolist() for values in metrics.values()]
    return [dict(zip(metrics, row, strict=True)) for row in zip(*columns, strict=True)]
