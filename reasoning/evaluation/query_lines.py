"""From what a method gave for each query to the query's line in the results file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from kg_data.appended_lines import Line
from reasoning.evaluation.method import Reply, about
from reasoning.evaluation.metrics import (
    LARK_METRICS,
    RANK_METRICS,
    SET_METRICS,
    Metrics,
    filtered_ranks,
    lark_metrics,
    rank_metrics,
    set_metrics,
)
from reasoning.evaluation.query_files import EntityTable, QueryRecord
from reasoning.graph.id_lists import IdLists
from reasoning.graph.index import Ids

Protocol = Literal["reading", "hard"]
PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)

METRICS: dict[Protocol, tuple[str, ...]] = {"reading": (*SET_METRICS, *LARK_METRICS), "hard": RANK_METRICS}
TOP = 100
"""How many answers a line of protocol `hard` lists."""


@dataclass(frozen=True)
class Ranking:
    """What a method gave for one query.

    Attributes:
        entities: without repetition, best first, shape (p,).
        scores: of the same shape, higher is better; None for a set, whose members are all alike.
        told: what else the line says, see `method.about`.
        signals: what method hybrid ranks by, shape (p, 3); None of other methods.
    """

    entities: Ids
    scores: Sequence[float] | None = None
    told: Line | None = None
    signals: NDArray[np.float64] | None = None

    @classmethod
    def from_reply(cls, reply: Reply) -> Ranking:
        """Of a method that was asked."""
        if reply.answer is None:
            return cls(np.zeros(0, dtype=np.int32), told=about(reply))
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
        line |= values | (ranking.told or {})
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
