"""The exact answer: how the question was read, what the graph says, and where it says nothing, why."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup

from app.graph.answer_table import table_html
from app.graph.asking import Asked
from app.graph.likely.answer import AnswerWithLikely
from app.graph.own_graphs import is_own
from app.server.templates import render
from app.server.words import counted, shortened
from reasoning import KnowledgeGraph, Query
from reasoning.answer import Answer, Evidence
from reasoning.execution.conclusion import emptiness_note, emptying_step
from reasoning.wording.query_tree import TreeNode, tree_of
from reasoning.wording.value_text import readable, readable_of

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
}


def understood_html(asked: Asked) -> Markup:
    """The query in words, in the grammar, and what was assumed."""
    # The answer itself says at which step it became empty.
    emptied = emptiness_note(asked.answer.chain, asked.answer.steps)
    return render(
        "graph/understood.html",
        words=asked.query.verbalise(asked.answer.kg),
        query=asked.query,
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


def answer_html(asked: Asked, likely: AnswerWithLikely | None = None, predicted_by: str = "") -> Markup:
    """What the graph says; where likely answers are shown too, they follow and look different.

    Args:
        asked: the question with its exact answer.
        likely: the same answer followed by likely ones.
        predicted_by: what predicted them, in words.
    """
    answer = asked.answer
    empty_step = None if len(answer.ranked) else emptying_step(answer.chain, answer.steps)
    why_empty: dict[str, Any] = {}
    if empty_step is not None:
        operation = empty_step.step.step.operation
        why_empty = {
            "why_empty": _WHY_EMPTY.get(operation, "nothing in the graph fits"),
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
        link=_link(asked, likely),
        **why_empty,
    )


def _headline(answer: Answer) -> str:
    is_count = bool(answer.steps) and answer.steps[-1].step.step.operation == "count"
    if isinstance(answer.value, bool) or is_count:
        return readable(answer.value) if answer.value is not None else ""
    return counted(len(answer.ranked), "answer")


def _link(asked: Asked, likely: AnswerWithLikely | None) -> str:
    """The query string of a link to the answer; "" for a visitor's own graph, which nobody else can open."""
    if is_own(asked.graph):
        return ""
    least = {} if likely is None else {"least": f"{likely.least:g}"}
    return urlencode({"graph": asked.graph, "q": asked.text} | least)


def evidence_table_html(answer: Answer) -> Markup:
    """The facts behind the answer as a table, folded up until somebody asks for it."""
    facts = answer.evidence
    return render(
        "graph/evidence_table.html",
        facts=[(fact, _tail(answer, fact)) for fact in facts],
        predicted=not all(fact.known for fact in facts),
        total=answer.evidence_total if facts else 0,
    )


def _tail(answer: Answer, fact: Evidence) -> str:
    return fact.tail if isinstance(fact.tail, str) else readable_of(answer.kg, fact.relation, fact.tail)
