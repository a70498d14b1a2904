"""Parameters and results of programs' calls, described once for HTTP and MCP.

The arguments of a call are any JSON, since annotations bind no caller: a mistake in them is a sentence that says what
was expected, with the nearest name. A question may have tens of thousands of answers, each with its evidence; results
are cut to a few, since a language model pays for every word.
"""

from __future__ import annotations

import difflib
import inspect
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal, NotRequired, get_args, get_type_hints

import gradio as gr
from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict  # typing's own cannot be described before Python 3.12

from app.image.looking import LEAST_SCORE, MEDIA, MOST_IN_SCENE, MOST_SCORE, NO_SLICES, checked_slices
from app.server.serving import AUDIO_SECONDS
from reasoning import KnowledgeGraph, Query
from reasoning.answer import Answer
from reasoning.errors import quoted_list
from reasoning.query.chain import decompose
from reasoning.query.tree import Entity
from vision.detectors.slices import AUTO, MOST_SLICES
from vision.errors import SlicingError
from vision.grounding.grounding import UNSURE

USUAL_LEAST = 0.5
USUAL_LIMIT, MOST_ANSWERS = 20, 1_000
"""Answers, or objects of an image, that are listed where nothing else is asked for, and at most."""
USUAL_IN_SCENE = 10

Json = dict[str, Any]
Method = Literal["exact", "lark", "complete"]

GraphName = Annotated[str, Field(description=(
    "The knowledge graph, by its name in the list of graphs. \"world\" is built in: countries, cities, subdivisions, "
    "airports, currencies, languages."
))]  # fmt: skip
EntityName = Annotated[str, Field(description=(
    "The name as it is known, such as \"Cote d'Ivoire\"; case, accents and small misspellings do not matter."
))]  # fmt: skip
Question = Annotated[str, Field(description=(
    "The question in plain English, such as \"Which countries border France and use the Euro?\", or a formal query."
))]  # fmt: skip
FormalQuery = Annotated[str, Field(description=(
    "The formal query, such as capital(borders(\"Germany\")). r(\"X\") is what relation r leads to from X, ~r(\"X\") "
    "its inverse; & | ! are and, or, not; count(S), exists(S), top(3, r, S), bottom(3, r, S) and r(S) > 5 work on "
    "values. Relations are those in the list of the graph's relations, written as there, names of entities stand in "
    "double quotes; so does a relation that is no single word: \"is a\"(\"X\")."
))]  # fmt: skip
MethodName = Annotated[Method, Field(description=(
    "How the answer is found. \"exact\" reads it off the graph: at once, and never more than the graph says. \"lark\" "
    "has the server's language model work it out step by step: up to minutes, and it may be wrong. \"complete\" also "
    "uses edges that the graph lacks but that its rules make likely: each answer has its confidence as its score, and "
    "a proof; the first question to a graph may take minutes."
))]  # fmt: skip
Least = Annotated[float, Field(ge=0, le=1, description=(
    "Of method \"complete\" alone: answers below this confidence, from 0 to 1, are left out."
))]  # fmt: skip
Limit = Annotated[int, Field(ge=1, le=MOST_ANSWERS, description=(
    f"How many answers are listed at most, the best first, from 1 to {MOST_ANSWERS:,}; `answers_total` says how many "
    "there are. Evidence and steps are shortened with them."
))]  # fmt: skip
ObjectLimit = Annotated[int, Field(ge=1, le=MOST_ANSWERS, description=(
    f"How many objects are listed at most, the surest or those asked for first, from 1 to {MOST_ANSWERS:,}; "
    "`objects_total` says how many there are."
))]  # fmt: skip
SceneLimit = Annotated[int, Field(ge=1, le=MOST_IN_SCENE, description=(
    f"How many objects the scene has at most, the surest first, from 1 to {MOST_IN_SCENE}; `objects_total` says how "
    "many were found. How they lie grows with the square of their number and is told of the surest alone."
))]  # fmt: skip
Image = Annotated[str | Json, Field(description=(
    "The image: what an upload to this server gave (POST the file as the form field `files` to /gradio_api/upload; "
    "what comes back is a list with its path), the address that the uploaded file has on this server, or the image "
    "itself as a text, \"data:image/jpeg;base64,...\". No other address is fetched."
))]  # fmt: skip
Recording = Annotated[str | Json, Field(description=(
    "The recording of somebody who speaks English, as WAV, MP3, FLAC, OGG, WebM, M4A or the like, of at most "
    f"{AUDIO_SECONDS} seconds: what an upload to this server gave (POST the file as the form field `files` to "
    "/gradio_api/upload; what comes back is a list with its path), the address that the uploaded file has on this "
    "server, or the recording itself as a text, \"data:audio/wav;base64,...\". No other address is fetched."
))]  # fmt: skip
SpokenGraph = Annotated[str, Field(description=(
    "The knowledge graph that will be asked, by its name in the list of graphs: its relations and its best known names "
    "are what is likely to be said."
))]  # fmt: skip
Instruction = Annotated[str, Field(description=(
    "What to look for in plain English, and the form of the result if it matters: \"Find every vehicle except buses; "
    "boxes as JSON\", \"Outline the dogs\", \"How many people are there?\""
))]  # fmt: skip
ImageQuestion = Annotated[str, Field(description=(
    "A thing by what it is to others, or a question: \"the person left of the bus\", \"how many bottles are on the "
    "table?\""
))]  # fmt: skip
MinScore = Annotated[float, Field(ge=LEAST_SCORE, le=MOST_SCORE, description=(
    f"How sure the detector has to be of an object, from {LEAST_SCORE} to {MOST_SCORE}: lower finds more, and more "
    "that is not there. Things said by what they are to others (\"the cup on the table\") and questions what, where or "
    f"of which colour something is are no strict bound: where nothing so sure fits, objects down to {UNSURE:g} of it "
    "are looked at, and a note says so. Numbers, and yes or no, are of the sure alone."
))]  # fmt: skip
SceneScore = Annotated[float, Field(ge=LEAST_SCORE, le=MOST_SCORE, description=(
    f"How sure the detector has to be of an object, from {LEAST_SCORE} to {MOST_SCORE}: lower finds more, and more "
    "that is not there."
))]  # fmt: skip

Slices = Annotated[str, Field(description=(
    "Whether a large image is looked at in slices as well, which finds small things in it and takes as many times as "
    f"long as there are slices, at most {MOST_SLICES}: \"{NO_SLICES}\", \"{AUTO}\" (of about the size that the "
    "detector sees), or width and height of a slice in pixels, \"640x480\". A note says into how many parts the image "
    "was cut."
))]  # fmt: skip


class CallError(gr.Error):
    """A call that has no answer, with a sentence and an HTTP status; Gradio writes no traceback of it."""

    def __init__(self, message: str, status: int = 422) -> None:
        super().__init__(message, print_exception=False)
        self.status = status


def description(endpoint: Callable[..., Any]) -> str:
    """What an endpoint does: its docstring, a paragraph a line."""
    paragraphs = inspect.cleandoc(endpoint.__doc__ or "").split("\n\n")
    return "\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def parameter_lines(endpoint: Callable[..., Any]) -> list[str]:
    """What each of its parameters is, a sentence or more each."""
    hints = get_type_hints(endpoint, include_extras=True)
    return [f"{name}: {hints[name].__metadata__[0].description}" for name in inspect.signature(endpoint).parameters]


def named(endpoint: Callable[..., Any], given: Mapping[str, Any] | Sequence[Any]) -> Json:
    """The arguments of a call by name, in order, those that have a default and were not given with it (raises
    CallError: one is missing, unknown or of another kind than expected)."""
    parameters = inspect.signature(endpoint).parameters
    if not isinstance(given, Mapping):
        if len(given) > len(parameters):
            raise CallError(f"{len(given)} arguments were sent, at most {len(parameters)} fit; {_list(parameters)}")
        given = dict(zip(parameters, given, strict=False))
    for name in given:
        if name not in parameters:
            raise CallError(f"there is no parameter `{name[:100]}`{nearest(name, parameters)}; {_list(parameters)}")
    for name, parameter in parameters.items():
        if name not in given and parameter.default is parameter.empty:
            raise CallError(f"the parameter `{name}` is missing; {_list(parameters)}")
    for name, value in given.items():
        check(endpoint, name, value)
    return {name: given.get(name, parameter.default) for name, parameter in parameters.items()}


def nearest(name: str, names: Iterable[str]) -> str:
    """A part of a sentence that names what was probably meant; "" where nothing is near."""
    near = difflib.get_close_matches(name[:100].lower(), names, n=1, cutoff=0.5)
    return f", nearest: `{near[0]}`" if near else ""


def check(endpoint: Callable[..., Any], name: str, value: Any) -> None:
    """A number within its bounds, a file, or a text that is not empty, as the parameter of an endpoint says (raises
    CallError: it is something else)."""
    if (bounds := _bounds(endpoint, name)) is not None:
        low, high = bounds
        whole = name == "limit"
        expected = f"{name}: a {'whole ' if whole else ''}number from {low} to {high:,} was expected, not "
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise CallError(expected + _kind(value))
        if not low <= value <= high or (whole and value != int(value)):
            raise CallError(f"{expected}{value}")
    elif name in MEDIA and not isinstance(value.get("path") if isinstance(value, dict) else value, str):
        raise CallError(
            f'{name}: an uploaded file, or a text "data:{MEDIA[name]};base64,...", was expected, not {_kind(value)}'
        )
    elif name in MEDIA and not (value["path"] if isinstance(value, dict) else value):
        raise CallError(f"{name}: it is empty; an uploaded file, or the {name} itself as a text, was expected")
    elif name not in MEDIA and not isinstance(value, str):
        raise CallError(f"{name}: a text was expected, not {_kind(value)}")
    elif name not in MEDIA and not value.strip():
        raise CallError(f"{name}: it is empty; a text was expected")
    elif name == "method" and value not in get_args(Method):
        raise CallError(
            f'method: "exact", "lark" or "complete" was expected, not "{value[:100]}"{nearest(value, get_args(Method))}'
        )
    elif name == "slices":
        try:
            checked_slices(value)
        except SlicingError as error:
            raise CallError(str(error)) from None


def _bounds(endpoint: Callable[..., Any], name: str) -> tuple[float, float] | None:
    """The least and the most that a parameter may be; None where it is no number."""
    bounds = get_type_hints(endpoint, include_extras=True)[name].__metadata__[0].metadata
    return (bounds[0].ge, bounds[1].le) if bounds else None


def _list(parameters: Mapping[str, inspect.Parameter]) -> str:
    needed = [f"`{name}`" for name, parameter in parameters.items() if parameter.default is parameter.empty]
    further = [f"`{name}`" for name in parameters if f"`{name}`" not in needed]
    return f"needed: {', '.join(needed) or 'none'}; may be left out: {', '.join(further) or 'none'}"


def _kind(value: object) -> str:
    """What a value is in the words of JSON."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case float() if not math.isfinite(value):
            return "one without bounds"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list():
            return "a list"
    return "an object of another form"


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
class GraphDescription(TypedDict):
    """What a knowledge graph holds, as it was understood."""

    name: str
    """Its name."""
    source: str
    """Where it comes from and under which licence."""
    triples: int
    """How many facts between two things it has."""
    values: int
    """How many numbers, dates and texts of things it has."""
    entities: int | None
    """How many things it knows; null where a server does not say."""
    typed: bool
    """Whether it says what its things are."""
    kinds: list[Json]
    """Its kinds, the most frequent first: `name`, `size`, `namer` (what names them), `definition`, two `members`."""
    relations: list[Json]
    """Between things: `name`, `heads` and `tails` (the kinds at both ends), `facts`, `aliases`, `inverse_names`."""
    columns: list[Json]
    """With values: `name`, `heads`, `kind` of value, `unit`, `facts`, and `lowest`, `highest` or `examples`."""
    hidden: list[str]
    """Kinds and relations that its owner hides."""
    left_out: dict[str, int]
    """How many triples or cells of its source it leaves out, by the reason."""
    notes: list[str]
    """How its files were read."""


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
    """An answer as JSON with its first `limit` answers alone, what they rest on, and how to get more of them."""
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
    """What names may mean beside the entities that they are read as, a sentence for each that may."""
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
    """Say how to list the rest of the results, as one note; [] where all are listed."""
    if total <= limit:
        return []
    listed = f"the first {limit:,} of {total:,} {things} are listed"
    if limit >= most:
        return [f"{listed}, the most that one call gives: ask for fewer things"]
    return [f"{listed}: a `limit` of {min(total, most)} lists {'all' if total <= most else 'more'}"]
