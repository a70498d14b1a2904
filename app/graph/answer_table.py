"""The answers as a table that is sorted and lengthened on request, and as files.

All rows may be thousands, so the page holds the first of them; sorting happens here, over all.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.graph.graphs import GraphShelf
from app.graph.likely.answer import AnswerWithLikely
from app.graph.likely.view import sureness_cell
from app.graph.shown_answer import answer_shown
from app.server.markup import counted, muted, name, text
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
LIKELY_ROW = ' class="sk-likely"'


@dataclass(frozen=True)
class Column:
    """A column of the table.

    Attributes:
        key: what it is asked for by.
        title: its header.
        sorts: what a row, by its position among the answers, is sorted by.
        cell: the row's cell as HTML.
        spelled: whether sorting by it spells every answer out.
    """

    key: str
    title: str
    sorts: Callable[[int], Any]
    cell: Callable[[int], str]
    spelled: bool = False


def table_html(answer: Answer, by: str = "", descending: bool = False, shown: int = MOST_ROWS) -> str:
    """The table with its headers as buttons; "" where there are no answers.

    Args:
        answer: the answer.
        by: the key of the column to sort by; best first where it is none of them.
        descending: whether the largest comes first.
        shown: how many rows are wanted; the nearest of `LENGTHS` from below is taken.
    """
    total = len(answer.ranked)
    if not total:
        return ""
    columns = _columns(answer)
    length = max((length for length in LENGTHS if length <= shown), default=MOST_ROWS)
    sortable = [column for column in columns if total <= MOST_SORTED or not column.spelled]
    chosen = next((column for column in sortable if column.key == by), None)
    order = range(total) if chosen is None else sorted(range(total), key=chosen.sorts, reverse=descending)
    head = "".join(_header(column, column in sortable, chosen, descending) for column in columns)
    known = answer.known if isinstance(answer, AnswerWithLikely) else total
    rows = "".join(
        f"<tr{'' if position < known else LIKELY_ROW}>"
        f"{''.join(f'<td>{column.cell(position)}</td>' for column in columns)}</tr>"
        for position in order[:length]
    )
    called = "The exact answer" if known == total else "What the graph says, then what is likely"
    return (
        f'<div class="sk-scroll" tabindex="0" role="region" aria-label="{called}"><table class="sk-table">'
        f'<caption class="sk-unseen">{called}</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody>'
        f"</table></div>{_more(total, length)}"
    )


def _header(column: Column, sortable: bool, chosen: Column | None, descending: bool) -> str:
    if not sortable:
        return f'<th scope="col">{text(column.title)}</th>'
    sorted_by = column is chosen
    state = ("descending" if descending else "ascending") if sorted_by else "none"
    sign = ("▼" if descending else "▲") if sorted_by else "↕"
    return (
        f'<th scope="col" aria-sort="{state}"><button type="button" class="sk-sort" data-by="{column.key}">'
        f'{text(column.title)} <span aria-hidden="true">{sign}</span></button></th>'
    )


def _more(total: int, length: int) -> str:
    if total <= length:
        return ""
    longer = next((one for one in LENGTHS if one > length), None)
    told = f"The first {length:,} of {total:,} are shown."
    if longer is None:
        return muted(f"{told} All of them are in the files below.")
    button = (
        f'<button type="button" class="sk-tool" data-more="{longer}">Show {min(longer, total) - length:,} more</button>'
    )
    return f'<p class="sk-muted sk-more-rows">{told} {button}</p>'


def _columns(answer: Answer) -> list[Column]:
    kg, values, ranked = answer.kg, answer.values, answer.ranked.tolist()

    def types(position: int) -> str:
        return ", ".join(kg.types(ranked[position]))

    def label(position: int) -> str:
        return kg.name(ranked[position])

    columns = [Column("name", "Entity", lambda at: fold(label(at)), lambda at: name(label(at)), spelled=True)]
    if any(kg.types(entity) for entity in ranked[:MOST_ROWS]):
        columns.append(Column("type", "Type", lambda at: fold(types(at)), lambda at: text(types(at)), True))
    relation = answer.steps[-1].step.relation if answer.steps else None
    if values is not None and relation is not None:
        column = kg.literals[relation.index]
        title = column.relation.capitalize() + (f" ({column.unit})" if column.unit else "")
        columns.append(
            Column(
                "value", title, values.__getitem__,
                lambda at: f'<span class="sk-number">{text(readable_of(kg, column.relation, values[at]))}</span>',
            )
        )  # fmt: skip
    if isinstance(answer, AnswerWithLikely):
        return [*columns, Column("score", "How sure", answer.scores.__getitem__, lambda at: sureness_cell(answer, at))]
    columns.append(
        Column(
            "score", "Score", answer.scores.__getitem__,
            lambda at: f'<span class="sk-number">{answer.scores[at]:.2f}</span>',
        )
    )  # fmt: skip
    return columns


def sorted_table(shelf: GraphShelf, wanted: object) -> dict[str, str]:
    """The table anew, `{"table": ...}`: what the page's script asks for.

    Args:
        shelf: the graphs.
        wanted: `{"graph", "query", "least", "by", "descending", "shown"}`, the first three as `answer_shown` has them.

    Raises:
        SkylarkError: the graph or the query is not to be had any more.
        ValueError: `wanted` is something else.
    """
    _, answer, given = answer_shown(shelf, wanted)
    shown = given.get("shown")
    length = shown if isinstance(shown, int) else MOST_ROWS
    return {"table": table_html(answer, str(given.get("by")), given.get("descending") is True, length)}


def saved_answer(shelf: GraphShelf, wanted: object) -> dict[str, str]:
    """The whole answer as a file, `{"name", "text"}`.

    Args:
        shelf: the graphs.
        wanted: `{"graph", "query", "least", "form"}`, the form "csv" or "json".

    Raises:
        SkylarkError: as `sorted_table`, or there are too many answers for a browser to be handed.
        ValueError: `wanted` is something else.
    """
    _, answer, given = answer_shown(shelf, wanted)
    if len(answer.ranked) > MOST_SAVED:
        raise SkylarkError(
            f"{counted(len(answer.ranked), 'answer')} are more than a page can save ({MOST_SAVED:,}): "
            "use the command line, python -m reasoning query --json"
        )
    if given.get("form") == "json":
        return {
            "name": "skylark-answer.json", "text": json.dumps(answer.to_dict(), ensure_ascii=False, indent=1) + "\n"
        }  # fmt: skip
    if given.get("form") == "csv":
        return {"name": "skylark-answer.csv", "text": answer_csv(answer)}
    raise ValueError("a form is csv or json")


def answer_csv(answer: Answer) -> str:
    """Columns entity, id, types, value (where there are values) and score; a lone value is one row of its own.

    A text that a spreadsheet would take for a formula begins with an apostrophe: the names are strangers'.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    if answer.value is not None and not len(answer.ranked):
        writer.writerows([["value"], [json_value(answer.value)]])
        return file.getvalue()
    values = answer.values
    writer.writerow(["entity", "id", "types", *(["value"] if values is not None else []), "score"])
    for at, entity in enumerate(answer.ranked.tolist()):
        value = [json_value(values[at])] if values is not None else []
        types = "; ".join(answer.kg.types(entity))
        texts = [_no_formula(answer.kg.name(entity)), _no_formula(answer.kg.identifier(entity)), _no_formula(types)]
        writer.writerow([*texts, *value, answer.scores[at]])
    return file.getvalue()


def _no_formula(content: str) -> str:
    return f"'{content}" if content.startswith(("=", "+", "-", "@", "\t", "\r")) else content
