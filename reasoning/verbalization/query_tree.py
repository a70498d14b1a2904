"""A query as a tree of words with the size of every set, and an answer as HTML for notebooks.

The terminal, JSON and the demo show the same tree, each in its own way: what is asked at the top, what it is asked of
below.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from reasoning.answer import Answer, Evidence
from reasoning.execution.exact import execute
from reasoning.execution.remote_results import member_count
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.binding import as_value, bind
from reasoning.query.tree import (
    Aggregate,
    Arithmetic,
    Compare,
    Complement,
    Count,
    Entity,
    Every,
    Exists,
    Intersect,
    Measured,
    NameStarts,
    Negative,
    Number,
    Project,
    Query,
    Top,
    Union,
)
from reasoning.verbalization.queries import (
    direction,
    entity_words,
    forward_phrase,
    inverse_phrase,
    measure_words,
    number_words,
    relation_words,
    thing_words,
    verbalise,
)
from reasoning.verbalization.words import bound_words, confidence_words, given_words, readable, readable_of
from skylark.errors import SkylarkError
from skylark.text import Element, element, html, table

MOST_SIZED = 30
"""Most nodes whose sets are counted: each is executed anew, and in a larger tree nobody reads the numbers."""

GAP = "…"
"""Stands for what the branches below a node say."""

NodeKind = Literal["entity", "relation", "set", "not", "value"]


@dataclass(frozen=True)
class TreeNode:
    """A node of the tree.

    Attributes:
        kind: what it does, for its looks.
        before, key, after: its words, `key` those that matter most.
        size: the size of its set or its value, in words; "" where it is an entity or was not counted.
        empty: whether its set is empty.
        branches: what it is asked of.
    """

    kind: NodeKind
    before: str
    key: str
    after: str
    size: str
    empty: bool
    branches: tuple[TreeNode, ...]

    @property
    def words(self) -> str:
        """Its words."""
        return f"{self.before}{self.key}{self.after}"

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable."""
        shown: dict[str, Any] = {"kind": self.kind, "words": self.words}
        if self.size:
            shown["gives"] = self.size
        if self.branches:
            shown["of"] = [branch.to_dict() for branch in self.branches]
        return shown

    def lines(self, first: str = "", further: str = "") -> Iterator[str]:
        """The tree as lines of text, each branch led to by a line."""
        yield f"{first}{self.words}{f'  ({self.size})' if self.size else ''}"
        for branch in self.branches:
            last = branch is self.branches[-1]
            yield from branch.lines(f"{further}{'└─ ' if last else '├─ '}", f"{further}{'   ' if last else '│  '}")


def tree_of(query: Query, kg: KnowledgeGraph) -> TreeNode:
    """The tree of a query whose names are all in the graph."""
    return _node(query, kg, _nodes(query) <= MOST_SIZED)


def _node(query: Query, kg: KnowledgeGraph, sized: bool) -> TreeNode:
    kind, (before, key, after) = _described(query, kg)
    size, empty = ("", False) if isinstance(query, Entity) or not sized else _size(query, kg)
    # What is said of everything needs no branch that says everything.
    said = query.is_everything or (isinstance(query, Project) and query.source.is_everything)
    branches = () if said else tuple([_node(child, kg, sized) for child in query.children])
    return TreeNode(kind, before, key, after, size, empty, branches)


def _described(query: Query, kg: KnowledgeGraph) -> tuple[NodeKind, tuple[str, str, str]]:
    if isinstance(query, Entity):
        return "entity", ("", entity_words(query, kg), "")
    if query.is_everything:
        return "set", ("", "everything", "")
    if isinstance(query, Project):
        words, backwards = direction(query, kg, relation_words(query.relation, kg))
        if query.source.is_everything:
            phrase = verbalise(query, kg)
        else:
            phrase = f"everything {inverse_phrase(words, GAP)}" if backwards else forward_phrase(words, GAP)
        key = words if words in phrase else thing_words(words)
        before, _, after = phrase.rpartition(key)
        return "relation", (before, key, after)
    if isinstance(query, Intersect):
        return "set", ("in ", "all", " of")
    if isinstance(query, Union):
        return "set", ("in ", "any", " of")
    if isinstance(query, Complement):
        return "not", ("", "not", " in")
    if isinstance(query, Compare):
        if isinstance(query.value, Query):
            against = GAP
        else:
            against = bound_words(query.value, kg.column(query.relation) if query.relation else None)
        return "value", ("with ", _measured(query, kg), f" {query.operator} {against} among")
    if isinstance(query, Top):
        rank = "largest" if query.largest else "smallest"
        return "value", ("the ", f"{query.k} {rank}", f" by {_measured(query, kg)} among")
    if isinstance(query, Every):
        words, backwards = direction(query, kg, relation_words(query.relation, kg))
        return "relation", ("those with ", f"{words}{' backwards' if backwards else ''}", " for every one of")
    if isinstance(query, NameStarts):
        return "value", ("with a name from ", f'"{query.prefix}"', " on among")
    if isinstance(query, Aggregate):
        return "value", ("the ", query.kind, f" of {_measured(query, kg)} over")
    if isinstance(query, Measured):
        return "value", ("the ", _measured(query, kg), " of each of")
    if isinstance(query, Arithmetic):
        return "value", (f"{GAP} ", query.sign, f" {GAP}")
    if isinstance(query, Negative):
        return "value", ("", "minus", "")
    if isinstance(query, Count):
        return "value", ("", "how many", " are")
    if isinstance(query, Number):
        return "value", ("", number_words(query, kg), "")
    assert isinstance(query, Exists)
    return "value", ("is there ", "any", " of")


def _measured(query: Compare | Top | Aggregate | Measured, kg: KnowledgeGraph) -> str:
    return measure_words(query.measure, kg) if query.relation is None else relation_words(query.relation, kg)


def _size(query: Query, kg: KnowledgeGraph) -> tuple[str, bool]:
    try:
        chain = bind(query, kg)
        if kg.server is not None and query.gives_set and chain.steps:
            # Its members would be fetched to be counted.
            number = member_count(kg, kg.server, query)
            return f"{number:,} {'entity' if number == 1 else 'entities'}", not number
        result = execute(kg, chain)[-1]
    except SkylarkError:
        # The whole query is bound before it is drawn; this guards a part that cannot stand alone.
        return "", False
    if chain.steps[-1].gives_number:
        value = None if result.value is None else as_value(chain.steps[-1].kind, float(result.value))
        return ("none", True) if value is None else (given_words(kg, chain.steps[-1], value, unit=True), False)
    if result.value is not None:
        return readable(bool(result.value)), False
    number = len(result.members)
    return f"{number:,} {'entity' if number == 1 else 'entities'}", not number


def _nodes(query: Query) -> int:
    return 1 + sum(_nodes(child) for child in query.children)


MOST_ROWS = 20


def answer_html(answer: Answer) -> str:
    """See `Answer._repr_html_`."""
    return html(*_parts(answer))


def _parts(answer: Answer) -> Iterator[Element]:
    if answer.error is not None:
        yield element("p", element("strong", "No answer: "), answer.error)
    else:
        yield element("p", element("strong", answer.sentence))
        if answer.value is None and len(answer.ranked):
            yield _answers(answer)
    yield from (element("p", note) for note in answer.notes)
    yield element("p", "Query: ", element("code", str(answer.query)))
    if answer.evidence:
        shown = answer.evidence[:MOST_ROWS]
        triples = [_triple(answer, one) for one in shown]
        header = ["head", "relation", "tail", "in the graph"]
        if any(one.sources for one in shown):
            header.append("source")
            triples = [(*row, "; ".join(map(str, one.sources))) for row, one in zip(triples, shown, strict=True)]
        rest = f", {len(triples):,} of them shown" if answer.evidence_total > len(triples) else ""
        yield element(
            "details",
            element("summary", f"Evidence ({answer.evidence_total:,}{rest})"),
            table(header, triples),
        )


def _answers(answer: Answer) -> Element:
    shown = range(min(len(answer.ranked), MOST_ROWS))
    columns = {"answer": [answer.kg.name(int(answer.ranked[at])) for at in shown]}
    if answer.values is not None:
        step = answer.steps[-1].step
        columns["value"] = [given_words(answer.kg, step, answer.values[at], unit=True) for at in shown]
    if answer.soft is not None:
        columns["confidence"] = [confidence_words(answer.scores[at]) for at in shown]
    whole = element("div", table([*columns], zip(*columns.values(), strict=True)))
    if (rest := len(answer.ranked) - MOST_ROWS) > 0:
        whole.append(element("p", f"and {rest:,} more"))
    return whole


def _triple(answer: Answer, one: Evidence) -> tuple[str, ...]:
    tail = one.tail if isinstance(one.tail, str) else readable_of(answer.kg, one.relation, one.tail, unit=True)
    return one.head, one.relation, tail, "yes" if one.known else f"no, confidence {confidence_words(one.confidence)}"
