"""A line of a results file as the page shows it: small, whatever the line holds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from app.server.markup import percent, shortened
from kg_data.appended_lines import Line, whole_lines
from kg_data.errors import SkylarkError
from reasoning.evaluation.comparison import MAIN_METRICS, MAIN_OF_QUESTIONS
from reasoning.evaluation.results import parse_line
from reasoning.evaluation.run import PreparedRun
from reasoning.graph.store import KnowledgeGraph

ANSWERS_SHOWN = 4
LONGEST_ASKED, LONGEST_NAME, LONGEST_NOTE = 220, 60, 260


@dataclass(frozen=True)
class Row:
    """One query that is done; its texts are plain, and escaped when shown.

    Attributes:
        id: of the line.
        type: its structure, or what its file calls it.
        asked: the question, or the query in words.
        answers: the first answers, by name, where they are not certain with their confidence.
        count: how many there are.
        score: the main metric, 0 to 1.
        note: why there is no answer, or only a part of one; empty where all is well.
        size: bytes of the line.
    """

    id: str
    type: str
    asked: str
    answers: tuple[str, ...]
    count: int
    score: float
    note: str
    size: int


def main_metric(settings: Mapping[str, Any]) -> str:
    """The metric that a row shows."""
    return MAIN_OF_QUESTIONS[0] if "questions" in settings else MAIN_METRICS[settings["protocol"]][0]


def row_of(item: Any, line: Line, prepared: PreparedRun[Any]) -> Row:
    """One line as a row; `item` is the query or question that it answers."""
    kg = prepared.reasoner.kg
    of_questions = "questions" in prepared.settings
    asked = item.question if of_questions else item.query.verbalise(kg)
    answers = line["answers"] if isinstance(line.get("answers"), list) else []
    scores = line["scores"] if isinstance(line.get("scores"), list) else []
    shown = tuple(
        _named(kg, answer, of_questions) + (f" ({percent(score)})" if score < 1 else "")
        for answer, score in zip_longest(answers[:ANSWERS_SHOWN], scores[: len(answers[:ANSWERS_SHOWN])], fillvalue=1)
    )
    return Row(
        line["id"], line["type"], shortened(asked, LONGEST_ASKED), shown, len(answers),
        float(line[main_metric(prepared.settings)]), shortened(str(line.get("error", "")), LONGEST_NOTE),
        len(json.dumps(line)) + 1,
    )  # fmt: skip


def rows_of(out: Path, prepared: PreparedRun[Any]) -> list[Row]:
    """The rows of a results file; a broken line ends them, and the run that goes on says what is wrong with it."""
    if not out.exists():
        return []
    rows: list[Row] = []
    for item, text in zip(prepared.items, whole_lines(out.read_bytes()).split(b"\n")[:-1], strict=False):
        line = parse_line(text, prepared.metrics)
        if line is None or line["id"] != item.identifier:
            break
        rows.append(row_of(item, line, prepared))
    return rows


def _named(kg: KnowledgeGraph, answer: object, of_questions: bool) -> str:
    if isinstance(answer, str) or not of_questions:
        try:
            return shortened(kg.name(kg.entity_by_id(str(answer))), LONGEST_NAME)
        except SkylarkError:
            pass
    if isinstance(answer, bool):
        return "yes" if answer else "no"
    return shortened(f"{answer:,}" if isinstance(answer, int | float) else str(answer), LONGEST_NAME)
