"""Questions that a graph answers: made of what is in it, and tried before they are offered."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator
from itertools import islice

import numpy as np
from langchain_core.language_models import BaseChatModel

from app.graph.asking import ask
from kg_data.errors import SkylarkError
from reasoning import KnowledgeGraph, Query
from reasoning.query.tree import Entity, Project
from reasoning.reading import MAX_CHARACTERS
from reasoning.reading.model.linked_question import LinkedQuestion
from reasoning.reading.model.loading import PACKAGED, reader_of

MOST = 3
"""Questions that are offered at once."""
TRIED = 8
"""Questions that are tried for them."""


def about_graph(
    kg: KnowledgeGraph,
    graph: str,
    text: str,
    llm: str | BaseChatModel,
    most: int = MOST,
    but: Collection[str] = (),
) -> tuple[str, ...]:
    """Questions that the graph answers, of the names in a text, else of its first facts; each was asked.

    Args:
        kg: the graph.
        graph: its name on the shelf.
        text: what was asked, and could not be answered.
        llm: reads questions.
        most: how many are wanted.
        but: questions that are offered anyway.
    """
    tried = islice(_simple(kg, text), TRIED)
    found = (question for question, _ in answered(kg, graph, tried, llm) if question not in but)
    return tuple(islice(found, most))


def answered(
    kg: KnowledgeGraph, graph: str, queries: Iterable[Query], llm: str | BaseChatModel
) -> Iterator[tuple[str, Query]]:
    """Those of some queries that are read as they are meant when they are asked in English, and have an answer.

    Args:
        kg: the graph.
        graph: its name on the shelf.
        queries: what is tried, one after the other as they are wanted.
        llm: reads questions.

    Yields:
        A question in English, and its query.
    """
    for query in queries:
        with contextlib.suppress(SkylarkError):
            question = query.verbalise(kg)
            asked = ask(kg, graph, question, llm)
            if asked.query == query and (len(asked.answer.ranked) or asked.answer.value is not None):
                yield question, query


def _simple(kg: KnowledgeGraph, text: str) -> Iterator[Project]:
    """Each relation that leads from an entity named in the text, then from the heads of the graph's first facts."""
    seen = set[Project]()
    for entity, relation in (*_leaving_named(kg, text), *_first(kg)):
        query = Project(kg.relation_label(relation), Entity(kg.name(entity)))
        if query not in seen:
            seen.add(query)
            yield query


def named(kg: KnowledgeGraph, text: str, surely: bool = False) -> tuple[int, ...]:
    """The entities of the graph that a text names, as the graph's reader links them.

    Args:
        kg: the graph.
        text: the text.
        surely: whether those are left out that its words may name by chance: who is "reading" need not be in Reading.
    """
    found: list[int] = []
    with contextlib.suppress(SkylarkError):
        question = LinkedQuestion.of(text[:MAX_CHARACTERS], reader_of(kg, PACKAGED).schema)
        for name in question.names:
            if not name.literal and (not surely or question.is_surely_named(name)):
                found.append(kg.entity(name.label))
    return tuple(dict.fromkeys(found))


def _leaving_named(kg: KnowledgeGraph, text: str) -> Iterator[tuple[int, int]]:
    for entity in named(kg, text):
        for head, relation, _ in kg.index.triples(kg.index.around(entity, incoming=False)[:TRIED]).tolist():
            yield head, relation


def _first(kg: KnowledgeGraph) -> Iterator[tuple[int, int]]:
    for relation in np.argsort(-kg.index.counts(), kind="stable").tolist():
        heads, _ = kg.index.some(relation, False, 1)
        if len(heads):
            yield int(heads[0]), relation
