"""The exact answer: how the question was read, what the graph says, and the words of its sources.

It is shown at once, before any language model has begun. There may be thousands of answers, so the page holds the
first rows of their table; the server sorts and lengthens it, and writes it to files. The picture of the facts is
drawn here; the page's script moves it, and asks for it anew when an entity is opened.
"""

from __future__ import annotations

import csv
import io
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from langchain_core.language_models import BaseChatModel
from markupsafe import Markup

from app.graph.drawing import NAMED_ANSWER, ROLE_WORDS, drawing_svg
from app.graph.graphs import GraphRegistry, is_own
from app.graph.layout import MOST_OPENED, Edge, Key, Layout, lay_out
from app.graph.predictions import AnswerWithPredictions
from app.server.serving import ANSWER_SECONDS, TimeLimit
from app.server.views import ELLIPSIS, counted, muted, percent, render, shortened
from reasoning import KnowledgeGraph, Query, Reasoner
from reasoning.answer import Answer, Evidence
from reasoning.execution.conclusion import divided_by_zero, emptiness_note, emptying_step
from reasoning.graph.names import fold
from reasoning.graph.provenance import Source
from reasoning.parsing import MAX_CHARACTERS, ReadQuestion
from reasoning.query.read_question import QuestionError
from reasoning.query.tree import json_value
from reasoning.verbalization.query_tree import TreeNode, tree_of
from reasoning.verbalization.words import given_words, readable_of
from skylark.errors import SkylarkError

ANSWERS_AT_ONCE = 4
ANSWERS = TimeLimit(ANSWERS_AT_ONCE, ANSWER_SECONDS, "the answer")
"""Exact answers of all visitors: none holds the machine for long."""


@dataclass(frozen=True)
class Asked:
    """A question that was read and answered by exact execution.

    Attributes:
        graph: the graph's name on the shelf.
        text: what was typed.
        query: how it was read.
        understood: what a question in English was understood as, with what else it may mean; None for a formal query.
        notes: what was assumed in reading it.
        answer: the exact answer.
        read_seconds: time that the reading took.
        exact_seconds: time that the exact execution took.
    """

    graph: str
    text: str
    query: Query
    understood: ReadQuestion | None
    notes: tuple[str, ...]
    answer: Answer
    read_seconds: float
    exact_seconds: float


def ask(
    kg: KnowledgeGraph, graph: str, text: str | None, llm: str | BaseChatModel, previous: Answer | None = None
) -> Asked:
    """Read a question, which may refer to `previous`, an answer of the same graph, or a formal query, and answer it
    exactly.

    Raises:
        SkylarkError: it cannot be read, or a name in it is not in the graph. A `QuestionError` holds what a question
            in English was understood as.
        TookTooLongError: the answer takes longer than one visitor may keep the machine.
    """
    if not isinstance(text, str | None):  # the API takes any JSON
        raise QuestionError(f"expected a question as a text, found {type(text).__name__}")
    text = (text or "").strip()
    if not text:
        raise QuestionError("there is no question yet: type one, or pick an example")
    if len(text) > MAX_CHARACTERS:
        raise QuestionError(f"the question has {len(text):,} characters; at most {MAX_CHARACTERS:,} are read")
    last = previous if previous is not None and previous.kg is kg else None
    return ANSWERS.run(lambda: _asked(kg, graph, text, llm, last))


def _asked(kg: KnowledgeGraph, graph: str, text: str, llm: str | BaseChatModel, previous: Answer | None) -> Asked:
    reasoner = Reasoner(kg, llm=llm, method="exact")
    began = time.perf_counter()
    query, understood = reasoner.asked(text, previous)
    read = time.perf_counter()
    answer = reasoner.answer(query)
    done = time.perf_counter()
    notes = (*(() if understood is None else understood.assumed), *answer.notes)
    return Asked(graph, text, query, understood, notes, answer, read - began, done - read)


def answer_shown(shelf: GraphRegistry, wanted: object) -> tuple[Asked, Answer, dict[str, Any]]:
    """The answer that the page shows, found again for its scripts: exact, or followed by likely answers.

    Args:
        shelf: the graphs.
        wanted: `{"graph", "query"}`, and `"least"` where likely answers are shown too: a confidence, as a text.

    Returns:
        What was asked, the answer as it is shown, and `wanted`.

    Raises:
        SkylarkError: the graph, the query or its likely answers are no longer available.
        ValueError: `wanted` is something else.
    """
    if not isinstance(wanted, dict):
        raise ValueError("expected an object with graph and query")
    graph = str(wanted.get("graph"))
    asked = ask(shelf.get(graph), graph, str(wanted.get("query")), "embedded")
    if not wanted.get("least"):
        return asked, asked.answer, wanted
    least = float(wanted["least"])
    if not math.isfinite(least):
        raise ValueError("a confidence is from 0 to 1")
    kept = shelf.likely.kept(graph, asked.query)
    if kept is None:
        raise SkylarkError("the likely answers to this question are not kept any more: move the slider, or ask again")
    return asked, AnswerWithPredictions.of(asked.answer, kept[0], least), wanted


AROUND = 70
"""Characters before and behind the words, to the next blank."""


@dataclass(frozen=True)
class Quote:
    """Words of a text: `said` is what says the fact, the others are what stands around it."""

    before: str
    said: str
    behind: str


def quote(texts: Mapping[str, str], source: Source) -> Quote | None:
    """What a source says, from the texts by name; None where its text or the place in it is not known."""
    text, start, end = texts.get(source.document), source.start, source.end
    if text is None or start is None or end is None or end > len(text):
        return None
    # Only of its own paragraph: the next one speaks of other things.
    before = text[text.rfind("\n", 0, start) + 1 : start]
    behind = text[end:].partition("\n")[0]
    if len(before) > AROUND:
        before = ELLIPSIS + before[-AROUND:].partition(" ")[2]
    if len(behind) > AROUND:
        behind = behind[:AROUND].rpartition(" ")[0] + ELLIPSIS
    return Quote(before, text[start:end], behind)


MOST_LISTED = 12
"""Facts in the text alternative; all of them stand in the table."""


def picture_html(asked: Asked, likely: AnswerWithPredictions | None = None) -> Markup:
    """The picture with its tools and legend; a sentence where there is nothing to draw."""
    layout = lay_out(likely or asked.answer)
    if not layout.edges:
        return muted("There is no fact to draw for this answer.")
    roles = {node.role for node in layout.nodes} | {"near"}
    return render(
        "graph/picture.html",
        asked=asked,
        least=None if likely is None else f"{likely.least:g}",
        drawing=_drawing(layout),
        caption=_caption(layout),
        roles=[(role, words) for role, words in ROLE_WORDS.items() if role in roles],
        named=NAMED_ANSWER if any(node.named for node in layout.nodes) else "",
        predicted=layout.predicted,
    )


def opened_picture(shelf: GraphRegistry, wanted: object) -> dict[str, str]:
    """The picture anew, with the neighbours of opened entities: what the page's script asks for.

    Args:
        shelf: the graphs.
        wanted: `{"graph", "query", "least", "opened"}`, the last a list of entity indexes, the others as `answer_shown`
            has them; whatever else comes is refused.

    Returns:
        "svg" and, in words, what it shows, "caption".

    Raises:
        SkylarkError: the graph or the query is no longer available.
        ValueError: `wanted` is something else.
    """
    if not isinstance(wanted, dict) or not isinstance(opened := wanted.get("opened"), list):
        raise ValueError("expected an object with graph, query and opened")
    entities = [int(entity) for entity in opened[:MOST_OPENED] if isinstance(entity, int)]
    layout = lay_out(answer_shown(shelf, wanted)[1], entities)
    return {"svg": _drawing(layout), "caption": _caption(layout)}


def _drawing(layout: Layout) -> Markup:
    labels = {node.key: node.label for node in layout.nodes}
    return drawing_svg(layout, "evidence", _alternative(layout.edges, labels))


def _caption(layout: Layout) -> Markup:
    """How much of the evidence is drawn, and of the entity that was opened last."""
    opened, facts = layout.opened[-1] if layout.opened else (None, 0)
    return render(
        "graph/caption.html",
        drawn=layout.behind - layout.predicted,
        total=layout.total - layout.predicted,
        predicted=layout.predicted,
        opened=next((node.label for node in layout.nodes if node.key == opened), ""),
        facts=facts,
        shown=sum(opened in (edge.head, edge.tail) for edge in layout.edges),
        full=MOST_OPENED if len(layout.opened) >= MOST_OPENED else 0,
    )


def _alternative(edges: Sequence[Edge], labels: dict[Key, str]) -> str:
    facts = "; ".join(
        f"{labels[edge.head]}, {edge.relation}, {labels[edge.tail]}"
        + (f" (predicted, {percent(edge.confidence)})" if edge.predicted else "")
        for edge in edges[:MOST_LISTED]
    )
    more = f"; and {len(edges) - MOST_LISTED} more, all in the table below" if len(edges) > MOST_LISTED else ""
    predicted = sum(edge.predicted for edge in edges)
    guessed = f" and {counted(predicted, 'predicted edge')}, drawn dashed" if predicted else ""
    return f"A graph of {counted(len(edges) - predicted, 'fact')}{guessed}: {facts}{more}."


MOST_ACROSS = 530
"""Pixels beyond which a tree is not drawn from left to right: half of the page."""
LETTER, LEVEL = 7.4, 63
"""Width of a letter, and of what a level adds to its words: the padding of its box and the line to the next."""
_WHY_EMPTY = {
    "project": "the graph holds no fact that leads on from there",
    "intersect": "these share no entity",
    "difference": "the second takes away all of the first",
    "compare": "no value passes the comparison",
    "top": "none of these has a value",
    "measure": "none of these has such a number",
    "aggregate": "none of these has a value",
    "number": "one of its numbers is not in the graph",
    "every": "nothing leads to all of these, or there are none of them",
    "name_starts": "no name begins so",
}

NO_TEXTS: Mapping[str, str] = {}
_MAY_BE_TRUE = "What the graph does not say may still be true"


def understood_html(asked: Asked) -> Markup:
    """The query in words, in the grammar, how sure its reading is, and what was assumed."""
    # The answer itself says at which step it became empty.
    emptied = emptiness_note(asked.answer.chain, asked.answer.steps)
    return render(
        "graph/understood.html",
        words=asked.query.verbalise(asked.answer.kg),
        query=asked.query,
        probability=None if asked.understood is None else asked.understood.confidence,
        notes=[note for note in asked.notes if note != emptied],
    )


def tree_html(query: Query, kg: KnowledgeGraph) -> Markup:
    """A query, whose names are all in the graph, as a tree: what is asked at the top, what it is asked of below.

    Every set comes with its size. Where there is room the tree is drawn from left to right; else, as on a phone, from
    level to level.
    """
    tree = tree_of(query, kg)
    return render("graph/tree.html", tree=tree, across=_tree_width(tree) <= MOST_ACROSS)


def _tree_width(node: TreeNode) -> float:
    return len(node.words) * LETTER + LEVEL + max(map(_tree_width, node.branches), default=0)


def answer_html(asked: Asked, likely: AnswerWithPredictions | None = None, predicted_by: str = "") -> Markup:
    """What the graph says; where likely answers are shown too, they follow and look different."""
    answer = asked.answer
    settled = len(answer.ranked) > 0 or answer.contrast is not None
    empty_step = None if settled else emptying_step(answer.chain, answer.steps)
    why_empty: dict[str, Any] = {}
    if empty_step is not None:
        operation, by_zero = empty_step.step.step.operation, divided_by_zero(empty_step)
        why_empty = {
            "why_empty": "nothing can be divided by 0"
            if by_zero
            else f"{_WHY_EMPTY.get(operation, 'nothing in the graph fits')}. {_MAY_BE_TRUE}",
            "inputs": [
                shortened(empty_step.kg.name(int(members[0])), 60)
                if len(members) == 1
                else counted(len(members), "entity", "entities")
                for members in empty_step.inputs
            ],
        }
    return render(
        "graph/answer.html",
        asked=asked,
        likely=likely,
        least=None if likely is None else f"{likely.least:g}",
        likely_count=0 if likely is None else len(likely.ranked) - likely.known,
        predicted_by=predicted_by,
        headline=_headline(answer),
        table=table_html(likely or answer),
        empty_step=empty_step,
        settled=settled,
        link=_link(asked, likely),
        **why_empty,
    )


def _headline(answer: Answer) -> str:
    if isinstance(answer.value, bool) or (answer.steps and answer.steps[-1].step.gives_number):
        return (
            "No number"
            if answer.value is None
            else given_words(answer.kg, answer.steps[-1].step, answer.value, unit=True)
        )
    return counted(len(answer.ranked), "answer")


def _link(asked: Asked, likely: AnswerWithPredictions | None) -> str:
    """The query string of a link to the answer; "" for a visitor's own graph, which nobody else can open."""
    if is_own(asked.graph):
        return ""
    least = {} if likely is None else {"least": f"{likely.least:g}"}
    return urlencode({"tab": "graph", "graph": asked.graph, "q": asked.text} | least)


def evidence_table_html(answer: Answer, texts: Mapping[str, str] = NO_TEXTS) -> Markup:
    """The facts behind the answer as a table, folded up, beside the words of `texts` that say them."""
    facts = answer.evidence
    return render(
        "graph/evidence_table.html",
        facts=[(fact, _tail(answer, fact), [(s, quote(texts, s)) for s in fact.sources]) for fact in facts],
        predicted=not all(fact.known for fact in facts),
        sourced=any(fact.sources for fact in facts),
        quoted=bool(texts),
        total=answer.evidence_total if facts else 0,
    )


def _tail(answer: Answer, fact: Evidence) -> str:
    return fact.tail if isinstance(fact.tail, str) else readable_of(answer.kg, fact.relation, fact.tail)


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
    likely = isinstance(answer, AnswerWithPredictions) and answer.known < total
    return render(
        "graph/table.html",
        caption="What the graph says, then what is likely" if likely else "The exact answer",
        columns=columns,
        sortable=sortable,
        sorted_by=sorted_by,
        descending=descending,
        rows=[_row(answer, position) for position in order[:length]],
        with_likely=isinstance(answer, AnswerWithPredictions),
        total=total,
        length=length,
        longer=next((longer for longer in LENGTHS if longer > length), None),
    )


def _columns(answer: Answer) -> list[Column]:
    kg, ranked = answer.kg, answer.ranked.tolist()
    columns = [Column("name", "Entity", lambda position: fold(kg.name(ranked[position])), spelled_out=True)]
    if any(kg.types(entity) for entity in ranked[:MOST_ROWS]):
        columns.append(Column("type", "Type", lambda position: fold(_types(answer, position)), spelled_out=True))
    if answer.values is not None:
        column = answer.column
        title = "Number" if column is None else column.relation.capitalize()
        step = answer.steps[-1].step
        unit = f" ({step.unit})" if step.unit else ""
        columns.append(Column("value", title + unit, answer.values.__getitem__))
    likely = isinstance(answer, AnswerWithPredictions)
    # What is read off the graph is certain, which need not be said in every row.
    if likely or any(score != 1 for score in answer.scores):
        columns.append(Column("score", "How sure" if likely else "Score", answer.scores.__getitem__))
    return columns


def _row(answer: Answer, position: int) -> dict[str, Any]:
    """What a row of the table shows."""
    entity = int(answer.ranked[position])
    return {
        "entity": entity,
        "name": answer.kg.name(entity),
        "types": _types(answer, position),
        "value": given_words(answer.kg, answer.steps[-1].step, answer.values[position]) if answer.values else "",
        "score": answer.scores[position],
        "likely": isinstance(answer, AnswerWithPredictions) and position >= answer.known,
    }


def _types(answer: Answer, position: int) -> str:
    return ", ".join(answer.kg.types(int(answer.ranked[position])))


def sorted_table(shelf: GraphRegistry, wanted: object) -> dict[str, str]:
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


def saved_answer(shelf: GraphRegistry, wanted: object) -> dict[str, str]:
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
        writer.writerow([*map(without_formula, texts), *value, answer.scores[position]])
    return file.getvalue()


def without_formula(cell: object) -> str:
    """A text that no spreadsheet takes for a formula."""
    text = str(cell)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
