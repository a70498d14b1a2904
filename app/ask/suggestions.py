"""Questions that are worth a click after one that could not be answered: made of what is there, and tried first."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Collection, Iterator
from itertools import islice

import numpy as np
from langchain_core.language_models import BaseChatModel

from app.graph.asking import ask
from kg_data.errors import SkylarkError
from reasoning import KnowledgeGraph
from reasoning.query.tree import Entity, Project
from reasoning.reading import MAX_CHARACTERS
from reasoning.reading.model.linked_question import LinkedQuestion
from reasoning.reading.model.loading import PACKAGED, reader_of
from vision import Scene
from vision.detections.description import counted_names

MOST = 3
"""Questions that are offered at once."""
TRIED = 8
"""Questions about a graph that are tried for them."""
MOST_PROMPTED = 100
"""Things of a scene whose relations are gone through."""
TELLING = frozenset(("left_of", "right_of"))
"""Relations that a question speaks of: those that boxes tell for certain."""


def about_picture(scene: Scene) -> tuple[str, ...]:
    """Up to three questions that the picture answers, of what was found in it; none where that is nothing.

    One finds a thing by where it lies, one counts, one describes, so that they show what else can be asked.
    """
    counts = Counter(item.class_name for item in scene.objects)
    if not counts:
        return ()
    often, number = counts.most_common(1)[0]
    counting = f"How many {counted_names([(often, 2)]).partition(' ')[2]} are there?"
    questions = [_placed(scene, counts), counting if number > 1 else f"Find every {often}", "What is in this picture?"]
    return tuple(question for question in questions if question is not None)


def _placed(scene: Scene, counts: Counter[str]) -> str | None:
    """A thing by its place beside another one, both the only ones of their kinds, the most prominent that there are."""
    prominence = scene.detections.area * (1.0 if scene.detections.scores is None else scene.detections.scores)
    place = {item.name: (item.class_name, float(prominence[item.index])) for item in scene.objects[:MOST_PROMPTED]}
    pairs = [
        (min(place[head][1], place[tail][1]), f"the {place[head][0]} {relation.replace('_', ' ')} the {place[tail][0]}")
        for head, relation, tail in scene.to_dict()["relations"]
        if relation in TELLING and {head, tail} <= set(place) and counts[place[head][0]] == 1 == counts[place[tail][0]]
    ]
    return max(pairs, default=(0.0, None), key=lambda pair: pair[0])[1]


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
    found = (question for question in _answered(kg, graph, text, llm) if question not in but)
    return tuple(islice(found, most))


def _answered(kg: KnowledgeGraph, graph: str, text: str, llm: str | BaseChatModel) -> Iterator[str]:
    for query in islice(_simple(kg, text), TRIED):
        question = query.verbalise(kg)
        with contextlib.suppress(SkylarkError):
            asked = ask(kg, graph, question, llm)
            if asked.query == query and len(asked.answer.ranked):
                yield question


def _simple(kg: KnowledgeGraph, text: str) -> Iterator[Project]:
    """Each relation that leads from an entity named in the text, then from the heads of the graph's first facts."""
    seen = set[Project]()
    for entity, relation in (*_leaving_named(kg, text), *_first(kg)):
        query = Project(kg.relation_label(relation), Entity(kg.name(entity)))
        if query not in seen:
            seen.add(query)
            yield query


def named(kg: KnowledgeGraph, text: str) -> tuple[int, ...]:
    """The entities of the graph that a text names, as the graph's reader links them."""
    found: list[int] = []
    with contextlib.suppress(SkylarkError):
        for name in LinkedQuestion.of(text[:MAX_CHARACTERS], reader_of(kg, PACKAGED).schema).names:
            if not name.literal:
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
