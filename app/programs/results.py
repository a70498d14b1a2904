"""What programs are given: the form of each result, described once for HTTP and MCP, and answers cut to a few.

A question may have tens of thousands of answers, each with its evidence; who asks reads a few of them, and a language
model pays for every word.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NotRequired

from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict  # typing's own cannot be described before Python 3.12

from app.programs.parameters import MOST_ANSWERS, Json
from reasoning import KnowledgeGraph, Query
from reasoning.answer import Answer
from reasoning.errors import quoted_list
from reasoning.query.chain import decompose
from reasoning.query.tree import Entity

DESCRIBED = with_config(ConfigDict(use_attribute_docstrings=True))
MOST_IN_STEP = 50
MOST_NAMED = 3
"""Entities of one name that a note names."""
MOST_RELATIONS = 1_000
"""Triples of a scene: sixty objects may have twenty thousand."""


@DESCRIBED
class GraphOnOffer(TypedDict):
    """A knowledge graph that can be asked."""

    name: str
    """What other calls name it by."""
    about: str
    """What it holds."""


@DESCRIBED
class GraphList(TypedDict):
    """The knowledge graphs that can be asked."""

    graphs: list[GraphOnOffer]
    """All of them."""


@DESCRIBED
class RelationList(TypedDict):
    """What a knowledge graph is made of."""

    graph: str
    """Its name."""
    triples: int
    """How many facts between two things it has."""
    values: int
    """How many numbers and dates of things it has."""
    entities: int
    """How many things it knows."""
    relations: list[str]
    """The names of its relations, as formal queries write them."""
    notes: list[str]
    """What is to be known of how its file was read, such as a column that is read as names."""


@DESCRIBED
class FoundEntity(TypedDict):
    """The entity that a name means."""

    entity: str | None
    """Its name in the graph, as queries read it; null where none has the name, or several."""
    id: str | None
    """Its id in the graph."""
    types: list[str]
    """What it is, such as "country"."""
    nearest: list[str]
    """Others that may be meant by the name. Where none has it: the nearest names. Where several have one and the same:
    each as entity("id"), for queries."""
    notes: list[str]
    """How the name was read: corrected, one of several, or why there is none."""


@DESCRIBED
class ListedAnswer(TypedDict):
    """One of the answers."""

    entity: str
    """Its name."""
    id: str
    """Its id in the graph."""
    score: float
    """How sure it is, from 0 to 1; 1 where it is read off the graph."""
    value: NotRequired[Any]
    """Its number or date, where the query reads values or ranks by them."""


@DESCRIBED
class GraphAnswer(TypedDict):
    """The answer to a question about a knowledge graph."""

    sentence: str
    """The answer in a sentence; empty where it is incomplete."""
    answers: list[ListedAnswer]
    """The first answers, best first, as many as `limit` allows."""
    answers_total: int
    """How many answers there are in all."""
    value: int | float | str | bool | None
    """The number, date or truth value, where one is asked for."""
    query: str
    """The formal query that was answered: what the question was read as."""
    verbalised: str
    """The query in English, to compare with what was meant."""
    method: str
    """How the answer was found."""
    evidence: list[list[Any]]
    """Triples [head, relation, tail] that the listed answers rest on, as many as `limit` allows."""
    sources: NotRequired[list[list[Json]]]
    """Where each triple of `evidence` was found, as {"document", "line", "start", "end"} as far as that is known;
    only where the graph knows it of any."""
    evidence_total: int
    """How many triples the listed answers rest on."""
    steps: list[Json]
    """The query as single operations, each with what it gave."""
    tree: Json
    """The query as a tree of words."""
    sentence_parts: list[Json]
    """The sentence in parts, each with the positions in `evidence` of what it rests on."""
    notes: list[str]
    """What was assumed, left out or should be known besides, in sentences."""
    error: str | None
    """Why the answer is incomplete; null where it is complete."""
    usage: Json
    """What the language model took: requests, tokens, cost."""
    proofs: NotRequired[list[Json]]
    """Of method "complete": for each answer which edges are known and which predicted."""
    question: NotRequired[str]
    """Of a question in English: as it was asked."""
    confidence: NotRequired[float]
    """Of a question in English: how probable it is that it means the query, from 0 to 1."""
    margin: NotRequired[float]
    """Of a question in English: how much more probable the query is than the next with another answer."""
    alternatives: NotRequired[list[Json]]
    """Of a question in English: further queries that it may mean."""
    assumed: NotRequired[list[str]]
    """Of a question in English: what was assumed in reading it."""
    unread: NotRequired[list[str]]
    """Of a question in English: words that the graph has nothing for."""


@DESCRIBED
class ImageObjects(TypedDict):
    """What was found in an image."""

    image_size: list[int]
    """Width and height in pixels."""
    classes: list[str]
    """The classes that were looked for; empty where everything was."""
    objects: list[Json]
    """The first, each with `class_name`, `xyxy` (left, top, right, bottom in pixels), `score`, and `polygon`, which is
    null or outlines."""
    objects_total: int
    """How many were found."""
    value: int | bool | None
    """The number or truth value, where one is asked for; null where a class that the detector lacks leaves it open."""
    perhaps: list[Json]
    """What may be there too, with a score just below the least one: of the same form as `objects`."""
    text: str
    """The listed objects in the form that was asked for."""
    polygon_source: str | None
    """Where outlines come from."""
    task: Json | None
    """What the instruction was read as."""
    notes: list[str]
    """What was assumed, in sentences."""


@DESCRIBED
class ImageAnswer(TypedDict):
    """The answer to a question about an image."""

    expression: str
    """The question as it was read."""
    question: str
    """What it asks for: "find", "count", "exists", "colour", "what" or "where"."""
    query: str
    """The logical query that was asked of the scene."""
    value: int | bool | str | None
    """The number, truth value or word, where one is asked for."""
    objects: list[Json]
    """The first of what is meant, counted or asked about: each with `label`, `class`, `xyxy` in pixels and `score`."""
    objects_total: int
    """How many are meant, counted or asked about."""
    justification: list[Json]
    """Why each object is an answer, in the order of `objects`: `facts`, which are triples, and `words`."""
    notes: list[str]
    """What was assumed, in sentences."""


@DESCRIBED
class SceneGraph(TypedDict):
    """What is found in an image, as a small knowledge graph."""

    objects: list[Json]
    """Each with `name` (such as "person 1"), `class`, `colours`, `size`, `positions` and `xyxy` in pixels."""
    objects_total: int
    """How many were found."""
    relations: list[list[Any]]
    """How they lie: triples such as ["person 1", "left_of", "bus 1"], of the surest objects, 1,000 at most."""
    notes: list[str]
    """What should be known besides, in sentences."""


@DESCRIBED
class HeardQuestion(TypedDict):
    """What was said in a recording."""

    text: str
    """The words, with punctuation: what can be asked."""
    language: str | None
    """The language's code, "en"; null where the model tells none."""
    language_probability: float | None
    """How probable it is that it is this language, from 0 to 1; null where the model tells none."""
    seconds: float
    """Of sound that was listened to."""


def listed(answer: Answer, limit: int) -> Json:
    """An answer as JSON with its first answers alone, what they rest on, and how to get more of them.

    Args:
        answer: the answer.
        limit: how many answers, triples and members of a step are listed at most.
    """
    total = len(answer.ranked)
    first = answer
    if total > limit:
        # Evidence is traced for the answers that an answer has: of a shorter one it is that of the first.
        first = replace(
            answer, ranked=answer.ranked[:limit], scores=answer.scores[:limit],
            values=None if answer.values is None else answer.values[:limit],
        )  # fmt: skip
    content = first.to_dict()
    place = {fact: position for position, fact in enumerate(first.evidence[:limit])}
    parts = [
        {
            **part.to_dict(),
            "evidence": [place[answer.evidence[i]] for i in part.evidence if answer.evidence[i] in place],
        }
        for part in answer.sentence_parts
    ]
    return {
        **content,
        "answers_total": total,
        "evidence": content["evidence"][:limit],
        **({"sources": content["sources"][:limit]} if "sources" in content else {}),
        "sentence": answer.sentence,
        "sentence_parts": parts,
        "steps": [step.to_dict(min(limit, MOST_IN_STEP)) for step in answer.steps],
        "notes": [*content["notes"], *more_notes("answers", total, limit)],
    }


def names_in(query: Query) -> tuple[str, ...]:
    """The names by which a query names entities, each once."""
    chain = decompose(query)
    anchors = (*(ref for step in chain.steps for ref in step.inputs), chain.result)
    return tuple(dict.fromkeys(ref.name for ref in anchors if isinstance(ref, Entity) and not ref.by_id))


def namesake_notes(kg: KnowledgeGraph, names: Iterable[str]) -> list[str]:
    """What names may mean beside the entities that they are read as, a sentence for each that may.

    Args:
        kg: the graph.
        names: such as it reads as one entity each.
    """
    notes = []
    for name in names:
        others = [kg.name(entity) for entity in kg.namesakes(name)]
        if others:
            more = len(others) - MOST_NAMED
            listed = quoted_list(others[:MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")
            notes.append(f'"{name}" was read as "{kg.name(kg.entity(name))}"; it may also mean {listed}')
    return notes


def with_first_relations(scene: Json) -> Json:
    """A scene as JSON with how its surest objects lie alone, as many as `MOST_RELATIONS` triples allow."""
    place = {item["name"]: position for position, item in enumerate(scene["objects"])}
    later = [max(place[head], place[tail]) for head, _, tail in scene["relations"]]
    if len(later) <= MOST_RELATIONS:
        return scene
    count = sorted(later)[MOST_RELATIONS]
    kept = [triple for triple, last in zip(scene["relations"], later, strict=True) if last < count]
    note = f"how they lie is told of the {count} surest alone; ask about others by what they are to these"
    return {**scene, "relations": kept, "notes": [*scene["notes"], note]}


def more_notes(things: str, total: int, limit: int, most: int = MOST_ANSWERS) -> list[str]:
    """How to get the rest, where only the first so many things are listed; [] where all are.

    Args:
        things: what is listed, "answers".
        total: how many there are.
        limit: how many are listed.
        most: how many one call lists at most.
    """
    if total <= limit:
        return []
    listed = f"the first {limit:,} of {total:,} {things} are listed"
    if limit >= most:
        return [f"{listed}, the most that one call gives: ask for fewer things"]
    return [f"{listed}: a `limit` of {min(total, most)} lists {'all' if total <= most else 'more'}"]
