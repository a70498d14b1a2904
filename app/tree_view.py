"""A query as a drawn tree: what is asked at the top, what it is asked of below, with the size of every set.

It is a nested list with lines between its levels, so that it reads the same by eye, by screen reader and on a phone.
"""

from __future__ import annotations

from app.markup import ELLIPSIS, counted, name, text
from kg_data.errors import SkylarkError
from reasoning import KnowledgeGraph, Query
from reasoning.binding import bind
from reasoning.exact import execute
from reasoning.query.tree import Compare, Complement, Count, Entity, Exists, Intersect, Project, Top, Union
from reasoning.query.value_text import readable, readable_of
from reasoning.query.verbalise import entity_words, forward_phrase, inverse_phrase, relation_words

MOST_SIZED = 30
"""Most nodes whose sets are counted: each is executed anew, and in a larger tree nobody reads the numbers."""


def tree_html(query: Query, kg: KnowledgeGraph) -> str:
    """The tree of a query whose names are all in the graph."""
    sized = _nodes(query) <= MOST_SIZED
    return f'<ul class="sk-tree" aria-label="The query as a tree">{_node(query, kg, sized)}</ul>'


def _node(query: Query, kg: KnowledgeGraph, sized: bool) -> str:
    kind, label = _described(query, kg)
    size = "" if isinstance(query, Entity) or not sized else _size(query, kg)
    below = "".join(_node(child, kg, sized) for child in query.children)
    return f'<li><span class="sk-node sk-node-{kind}">{label}</span>{size}{f"<ul>{below}</ul>" if below else ""}</li>'


def _described(query: Query, kg: KnowledgeGraph) -> tuple[str, str]:
    """A node's kind, for its looks, and its label as HTML."""
    if isinstance(query, Entity):
        return "entity", name(entity_words(query, kg))
    if isinstance(query, Project):
        words = relation_words(query.relation, kg)
        backwards = query.inverse != kg.relation(query.relation).inverse
        phrase = f"everything {inverse_phrase(words, ELLIPSIS)}" if backwards else forward_phrase(words, ELLIPSIS)
        before, _, after = phrase.rpartition(words)
        return "relation", f"{text(before)}<b>{text(words)}</b>{text(after)}"
    if isinstance(query, Intersect):
        return "set", "in <b>all</b> of"
    if isinstance(query, Union):
        return "set", "in <b>any</b> of"
    if isinstance(query, Complement):
        return "not", "<b>not</b> in"
    if isinstance(query, Compare):
        test = f"{query.operator} {readable_of(kg, query.relation, query.value)}"
        return "value", f"with <b>{text(relation_words(query.relation, kg))}</b> {text(test)} among"
    if isinstance(query, Top):
        rank = "largest" if query.largest else "smallest"
        return "value", f"the <b>{query.k} {rank}</b> by {text(relation_words(query.relation, kg))} among"
    if isinstance(query, Count):
        return "value", "<b>how many</b> are"
    assert isinstance(query, Exists)
    return "value", "is there <b>any</b> of"


def _size(query: Query, kg: KnowledgeGraph) -> str:
    try:
        result = execute(kg, bind(query, kg))[-1]
    except SkylarkError:
        # The whole query is bound before it is drawn; this guards a part that cannot stand alone.
        return ""
    told = counted(len(result.members), "entity", "entities") if result.value is None else readable(result.value)
    empty = " sk-empty" if result.value is None and not len(result.members) else ""
    return f'<span class="sk-size{empty}">{text(told)}</span>'


def _nodes(query: Query) -> int:
    return 1 + sum(_nodes(child) for child in query.children)
