"""The answers as a table that is sorted and lengthened on request, and as files.

There may be thousands of rows, so the page holds the first of them, and the server, which has them all, sorts.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from app.graph.asking import answer_shown
from app.graph.graphs import GraphShelf
from app.graph.likely.answer import AnswerWithLikely
from app.server.templates import render
from app.server.words import counted
from kg_data.errors import SkylarkError
from reasoning.answer import Answer
from reasoning.graph.names import fold
from reasoning.query.tree import json_value
from reasoning.wording.value_text import readable_of

MOST_ROWS = 100
LENGTHS = (MOST_ROWS, 500, 2_000, 5_000)
"""How many rows are shown, one length after the other."""
MOST_SORTED = 50_000
"""Answers beyond which they are not sorted by name or type: spelling them all out takes too long."""
MOST_SAVED = 200_000


@dataclass(frozen=True)
class Column:
    """A column of the table.

    Attributes:
        key: what it is asked for by.
        title: its header.
        sort_key: what a row, by its position among the answers, is sorted by.
        spelled_out: whether sorting by it spells every answer out.
    """

    key: str
    title: str
    sort_key: Callable[[int], Any]
    spelled_out: bool = False


def table_html(answer: Answer, by: str = "", descending: bool = False, shown: int = MOST_ROWS) -> Markup:
    """The table with its headers as buttons; "" where there are no answers.

    Args:
        answer: the answer.
        by: the key of the column to sort by; any other text leaves the best answer first.
        descending: whether the largest comes first.
        shown: how many rows are wanted; the nearest of `LENGTHS` from below is taken.
    """
    total = len(answer.ranked)
    if not total:
        return Markup("")
    columns = _columns(answer)
    length = max((length for length in LENGTHS if length <= shown), default=MOST_ROWS)
    sortable = [column for column in columns if total <= MOST_SORTED or not column.spelled_out]
    sorted_by = next((column for column in sortable if column.key == by), None)
    order = range(total) if sorted_by is None else sorted(range(total), key=sorted_by.sort_key, reverse=descending)
    likely = isinstance(answer, AnswerWithLikely) and answer.known < total
    return render(
        "graph/table.html",
        caption="What the graph says, then what is likely" if likely else "The exact answer",
        columns=columns,
        sortable=sortable,
        sorted_by=sorted_by,
        descending=descending,
        rows=[_row(answer, position) for position in order[:length]],
        with_likely=isinstance(answer, AnswerWithLikely),
        total=total,
        length=length,
        longer=next((longer for longer in LENGTHS if longer > length), None),
    )


def _columns(answer: Answer) -> list[Column]:
    kg, ranked = answer.kg, answer.ranked.tolist()
    columns = [Column("name", "Entity", lambda position: fold(kg.name(ranked[position])), spelled_out=True)]
    if any(kg.types(entity) for entity in ranked[:MOST_ROWS]):
        columns.append(Column("type", "Type", lambda position: fold(_types(answer, position)), spelled_out=True))
    relation, unit = _value_relation(answer)
    if relation and answer.values is not None:
        title = relation.capitalize() + (f" ({unit})" if unit else "")
        columns.append(Column("value", title, answer.values.__getitem__))
    title = "How sure" if isinstance(answer, AnswerWithLikely) else "Score"
    return [*columns, Column("score", title, answer.scores.__getitem__)]


def _row(answer: Answer, position: int) -> dict[str, Any]:
    """What a row of the table shows."""
    entity = int(answer.ranked[position])
    relation, _ = _value_relation(answer)
    return {
        "entity": entity,
        "name": answer.kg.name(entity),
        "types": _types(answer, position),
        "value": readable_of(answer.kg, relation, answer.values[position]) if relation and answer.values else "",
        "score": answer.scores[position],
        "likely": isinstance(answer, AnswerWithLikely) and position >= answer.known,
    }


def _types(answer: Answer, position: int) -> str:
    return ", ".join(answer.kg.types(int(answer.ranked[position])))


def _value_relation(answer: Answer) -> tuple[str, str]:
    """Relation and unit of the answers' values; "" where they have none."""
    relation = answer.steps[-1].step.relation if answer.steps else None
    if answer.values is None or relation is None:
        return "", ""
    column = answer.kg.literals[relation.index]
    return column.relation, column.unit


def sorted_table(shelf: GraphShelf, wanted: object) -> dict[str, str]:
    """The table anew, `{"table": ...}`: what the page's script asks for.

    Args:
        shelf: the graphs.
        wanted: `{"graph", "query", "least", "by", "descending", "shown"}`, the first three as `answer_shown` has them.

    Raises:
        SkylarkError: the graph or the query is no longer available.
        ValueError: `wanted` is something else.
    """
    _, answer, request = answer_shown(shelf, wanted)
    shown = request.get("shown")
    length = shown if isinstance(shown, int) else MOST_ROWS
    return {"table": table_html(answer, str(request.get("by")), request.get("descending") is True, length)}


def saved_answer(shelf: GraphShelf, wanted: object) -> dict[str, str]:
    """The whole answer as a file, `{"name", "text"}`.

    Args:
        shelf: the graphs.
        wanted: `{"graph", "query", "least", "form"}`, the form "csv" or "json".

    Raises:
        SkylarkError: as `sorted_table`, or there are too many answers for a browser to be handed.
        ValueError: `wanted` is something else.
    """
    _, answer, request = answer_shown(shelf, wanted)
    if len(answer.ranked) > MOST_SAVED:
        raise SkylarkError(
            f"{counted(len(answer.ranked), 'answer')} are more than a page can save ({MOST_SAVED:,}): "
            "use the command line, python -m reasoning query --json"
        )
    if request.get("form") == "json":
        content = json.dumps(answer.to_dict(), ensure_ascii=False, indent=1) + "\n"
        return {"name": "skylark-answer.json", "text": content}
    if request.get("form") == "csv":
        return {"name": "skylark-answer.csv", "text": answer_csv(answer)}
    raise ValueError("a form is csv or json")


def answer_csv(answer: Answer) -> str:
    """Columns entity, id, types, value (where there are values) and score; a lone value is one row of its own.

    A text that a spreadsheet would take for a formula begins with an apostrophe, for the names are strangers'.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    if answer.value is not None and not len(answer.ranked):
        writer.writerows([["value"], [json_value(answer.value)]])
        return file.getvalue()
    values = answer.values
    writer.writerow(["entity", "id", "types", *(["value"] if values is not None else []), "score"])
    for position, entity in enumerate(answer.ranked.tolist()):
        value = [json_value(values[position])] if values is not None else []
        texts = answer.kg.name(entity), answer.kg.identifier(entity), "; ".join(answer.kg.types(entity))
        writer.writerow([*map(_without_formula, texts), *value, answer.scores[position]])
    return file.getvalue()


def _without_formula(content: str) -> str:
    return f"'{content}" if content.startswith(("=", "+", "-", "@", "\t", "\r")) else content
