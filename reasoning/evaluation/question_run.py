"""Evaluating a method on questions in plain English: is the question read as meant, and is the answer right."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from kg_data.appended_lines import Line
from kg_data.batches.options import ALONE, Workers
from reasoning.evaluation.method import MethodEvaluation, MethodReply, about, replies
from reasoning.evaluation.metrics import QUESTION_METRICS, counted_metrics
from reasoning.evaluation.query_files import digest
from reasoning.evaluation.question_files import Gold, QuestionRecord, files_of, read_questions
from reasoning.evaluation.run import Answered, PreparedRun
from reasoning.evaluation.settings import run_settings
from reasoning.evaluation.tally import QuestionTally
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.tree import Complement, Entity, Intersect, Project, Query, Union, Value, json_value
from reasoning.reasoner import Reasoner


@dataclass(frozen=True)
class QuestionEvaluation(MethodEvaluation):
    """A method, and the questions of a file that it is measured on; all splits of a data set's graph are used.

    Attributes:
        questions: the file, see `question_files`.
    """

    questions: Path

    def run(
        self, out: Path | None = None, resume: bool = False, progress: bool = False, workers: Workers = ALONE
    ) -> dict[str, Any]:
        """Answer the questions and return the summary.

        Args:
            out: the results file, one JSON line a question; `FILE.misses.jsonl` beside it holds those that are not
                wholly right, each with its `reason`.
            resume: go on with the lines that `out` holds.
            progress: show a bar on stderr.
            workers: who answers; the lines are the same whoever does.

        Returns:
            `overall` (`hits@1`, `f1`, `exact_match`, `path_match`, `count`; `path_match` is None where no gold path is
            known), `per_type` (the same by "1-hop", "2-hop" ...), `count`, `skipped` (questions whose gold path reaches
            nothing in this graph), `errors` (questions that could not be read or answered, counted as wrong),
            `rightly_refused` (those that were not answered, as the file expects, counted as right), `intervals` (of
            each mean, see `reasoning.evaluation.resampling`), `usage` (requests, tokens and cost, where a model was
            asked), `settings`, `seconds`, `complete`.

        Raises:
            EvaluationError: the settings do not fit, or `out` holds another run's results.
            ResultsError: `out` cannot be written.
            DataError: a line is broken; with file and line.
            WorkerError: a worker died again and again.
            SkylarkError: the graph or the language model cannot be loaded, or the model is out of reach.
        """
        return self.prepare().run(out, resume, progress, workers)

    def prepare(self) -> PreparedRun[QuestionRecord]:
        """Load and check everything that `run` needs; it raises the same errors."""
        reasoner = self.reasoner()
        records, left_out = read_questions(self.questions, reasoner.kg, self.limit)
        return PreparedRun(
            reasoner,
            records,
            [record.question for record in records],
            partial(_answered, reasoner),
            partial(_opened, replace(self, kg=reasoner.kg)),
            partial(QuestionTally, QUESTION_METRICS, left_out),
            QUESTION_METRICS,
            {
                "questions": str(self.questions.resolve()),
                "questions_digest": digest(files_of(self.questions)),
                **run_settings(self, reasoner, llm_matters=True),
            },
            reason_of,
        )


def _opened(evaluation: QuestionEvaluation) -> Answered[QuestionRecord]:
    """What gives each question's line, opened over the evaluation's graph."""
    return partial(_answered, evaluation.reasoner())


def _answered(reasoner: Reasoner, records: Sequence[QuestionRecord]) -> Iterator[tuple[Line, bool]]:
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
        "gold": [_shown(item, kg) for item in record.gold],
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


def _shown(expected: Gold, kg: KnowledgeGraph) -> str:
    return expected if isinstance(expected, str) else kg.identifier(min(expected))


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
