"""Evaluation of query files and question files by one method."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reasoning.completion.complete import Complete
from reasoning.completion.predictor import CompletionOptions
from reasoning.errors import EvaluationError, GraphError
from reasoning.evaluation.metrics import (
    QUERY_METRICS,
    QUESTION_METRICS,
    Metrics,
    QueryTally,
    QuestionTally,
    counted_metrics,
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
from reasoning.evaluation.question_files import Gold, QuestionRecord, files_of, read_questions
from reasoning.evaluation.run import Answered, MethodEvaluation, MethodReply, PreparedRun, about, replies, run_settings
from reasoning.execution.batch import BatchExecutor
from reasoning.execution.exact import Exact
from reasoning.graph.index import IdLists, Ids
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.binding import bind
from reasoning.query.tree import Complement, Entity, Intersect, Project, Query, Union, Value, json_value
from reasoning.reasoner import Reasoner
from skylark.files import Line

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
        own = [np.ones(len(r.entities)) if r.scores is None else np.asarray(r.scores, dtype=float) for r in rankings]
        ranks = filtered_ranks(predicted, np.concatenate([np.zeros(0), *own]), hard, easy, len(table))
        metrics = rank_metrics(ranks, hard)
        ranks_of = np.split(ranks, hard.offsets[1:-1])
        for line, record, ranking, places in zip(lines, records, rankings, ranks_of, strict=True):
            line["answers"] = table.write(ranking.entities[:TOP])
            line["hard_ranks"] = {
                str(identifier): int(rank) if rank.is_integer() else rank
                for identifier, rank in zip(table.write(record.hard), places.tolist(), strict=True)
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


def _rows(metrics: Metrics) -> list[dict[str, Any]]:
    columns = [values.tolist() for values in metrics.values()]
    return [dict(zip(metrics, row, strict=True)) for row in zip(*columns, strict=True)]


@dataclass(frozen=True)
class QuestionEvaluation(MethodEvaluation):
    """A method, and a file of questions (see `question_files`) that it is measured on, by all splits of a graph."""

    questions: Path

    def prepare(self) -> PreparedRun[QuestionRecord]:
        """Load and check everything that `run` needs; it raises the same errors."""
        reasoner = self.reasoner()
        records, left_out = read_questions(self.questions, reasoner.kg, self.limit)
        return PreparedRun(
            reasoner,
            records,
            [record.question for record in records],
            partial(_answered_questions, reasoner),
            partial(_opened_questions, replace(self, kg=reasoner.kg)),
            partial(QuestionTally, QUESTION_METRICS, left_out),
            QUESTION_METRICS,
            {
                "questions": str(self.questions.resolve()),
                "questions_digest": digest(files_of(self.questions)),
                **run_settings(self, reasoner, llm_matters=True),
            },
            reason_of,
        )


def _opened_questions(evaluation: QuestionEvaluation) -> Answered[QuestionRecord]:
    """What gives each question's line, opened over the evaluation's graph."""
    return partial(_answered_questions, evaluation.reasoner())


def _answered_questions(reasoner: Reasoner, records: Sequence[QuestionRecord]) -> Iterator[tuple[Line, bool]]:
    """Each question's line, and whether the method gave any reply to it."""
    answers = replies(reasoner, (record.question for record in records))
    for record, reply in zip(records, answers, strict=True):
        yield line_of(record, reply, reasoner.kg), reply.arrived


def line_of(record: QuestionRecord, reply: MethodReply, kg: KnowledgeGraph) -> Line:
    """One question's line."""
    answer = reply.answer
    predicted: list[int] | list[Value | bool] = []
    if answer is not None:
        predicted = [answer.value] if answer.value is not None else answer.ranked.tolist()
    by_value = answer is not None and answer.value is not None
    shown = [json_value(item) for item in predicted] if by_value else [kg.identifier(int(e)) for e in predicted]  # type: ignore[arg-type]
    hits = [_means(item, record.gold, by_value) for item in predicted]
    correct, covered = sum(bool(hit) for hit in hits), len(set().union(*hits))
    metrics = counted_metrics(correct, len(predicted), covered, len(record.gold))
    query = None if answer is None else answer.query
    line: Line = {
        "id": record.identifier,
        "type": record.kind,
        "question": record.question,
        "query": None if query is None else str(query),
        "answers": shown,
        "gold": [item if isinstance(item, str) else kg.identifier(min(item)) for item in record.gold],
        "hits@1": float(bool(hits and hits[0])),
        "f1": float(metrics["f1"]),
        "exact_match": float(metrics["exact_match"]),
        "path_match": _path_match(record, query, kg),
    }
    line |= about(reply)
    if record.unknown:
        line |= dict.fromkeys(("hits@1", "f1", "exact_match"), 0.0)
    elif record.unanswerable:
        line |= dict.fromkeys(("hits@1", "f1", "exact_match"), float(reply.error is not None and reply.arrived))
    elif reply.error is not None:
        expected = float(reply.arrived and not record.gold)  # nothing is expected, and nothing was answered
        line |= dict.fromkeys(("hits@1", "f1", "exact_match"), expected)
    elif not record.gold and not predicted:
        line["hits@1"] = 1.0
    return line


def reason_of(line: Line) -> str | None:
    """Why a question's line is a miss, None where it is none."""
    if line["exact_match"] == 1.0 and line["path_match"] in (1.0, None):
        return None
    if "error" in line:
        return str(line["error"])
    if not line["gold"]:
        return "answered, though the graph cannot answer it"
    if line["path_match"] == 0.0:
        same = " with the expected answers" if line["exact_match"] == 1.0 else ""
        return f"read as another query{same}"
    return "no answers" if not line["answers"] else "other answers than expected"


def _means(item: int | Value | bool, gold: tuple[Gold, ...], by_value: bool) -> set[int]:
    """Positions of the gold answers that a predicted one stands for."""
    if not by_value:
        return {i for i, expected in enumerate(gold) if not isinstance(expected, str) and item in expected}
    return {i for i, expected in enumerate(gold) if isinstance(expected, str) and _same_value(item, expected)}


def _same_value(value: Value | bool, text: str) -> bool:
    if isinstance(value, bool):
        return text.casefold() in (("yes", "true") if value else ("no", "false"))
    if isinstance(value, datetime.date):
        return text == value.isoformat()
    try:
        return math.isclose(float(text.replace(",", "")), value, rel_tol=1e-9)
    except ValueError:
        return False


def _path_match(record: QuestionRecord, query: Query | None, kg: KnowledgeGraph) -> float | None:
    if record.query is not None:
        return float(query is not None and meaning(query, kg) == meaning(record.query, kg))
    if record.path is None:
        return None
    return float(query is not None and relations_along(query, kg) == record.path)


def relations_along(query: Query, kg: KnowledgeGraph) -> tuple[tuple[int, bool], ...] | None:
    """The (relation, inverse) pairs of a chain of projections from one anchor, in the order walked; None for others.

    Dropping single entities on the way (`... & !"Heat"`) leaves it the same chain: gold paths drop their topic.
    """
    along: list[tuple[int, bool]] = []
    while not isinstance(query, Entity):
        if isinstance(query, Project):
            relation = kg.relation(query.relation)
            if relation.kind == "values":
                return None
            along.append((relation.index, relation.inverse != query.inverse))
            query = query.source
        elif isinstance(query, Intersect):
            kept = [
                part for part in query.parts if not (isinstance(part, Complement) and isinstance(part.part, Entity))
            ]
            if len(kept) != 1:
                return None
            query = kept[0]
        else:
            return None
    return tuple(reversed(along))


def meaning(query: Query, kg: KnowledgeGraph) -> object:
    """A form that two queries share if they are the same but for names, branch order and the writing of inverses."""
    if isinstance(query, Entity):
        return query.index(kg)
    children = [meaning(child, kg) for child in query.children]
    if isinstance(query, Intersect | Union):
        return type(query).__name__, frozenset(children)
    if isinstance(query, Project):
        relation = kg.relation(query.relation)
        return relation.kind, relation.index, relation.inverse != query.inverse, children[0]
    own = tuple(value for name, value in vars(query).items() if not isinstance(value, Query) and name != "relation")
    named = kg.relation(query.relation).index if hasattr(query, "relation") else None
    return type(query).__name__, own, named, children[0]
