"""What each parameter of a program's call is, said once: HTTP and MCP show the same words and hold to the same bounds.

The arguments of a call are any JSON, since annotations bind no caller. A mistake in them is a sentence that says what
was expected, with the nearest name.
"""

import difflib
import inspect
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, get_args, get_type_hints

import gradio as gr
from pydantic import Field

from app.image.looking import LEAST_SCORE, MEDIA, MOST_IN_SCENE, MOST_SCORE, NO_SLICES, checked_slices
from app.server.limits import AUDIO_SECONDS
from vision.detectors.slices.slicing import AUTO, MOST_SLICES
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
    """A call that has no answer, with a sentence for the caller; Gradio writes no traceback of it.

    Args:
        message: the sentence.
        status: of HTTP, where the call is answered in one request.
    """

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
    """The arguments of a call by name, in order, those that have a default and were not given with it.

    Args:
        endpoint: what is called.
        given: the arguments by name, or in order.

    Raises:
        CallError: one is missing, unknown or of another kind than expected.
    """
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
    """A number within its bounds, a file, or a text that is not empty, as the parameter of an endpoint says.

    Raises:
        CallError: it is something else.
    """
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
    """A part of a sentence that names all parameters."""
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
