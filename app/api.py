"""What programs ask for, by Gradio's API and by MCP: the same names, types and limits in both.

Each method's docstring is what a program's author, or a language model with these as its tools, is shown. Annotations
are types here and no texts, since Gradio describes what is returned by them.
"""

import functools
import inspect
import logging
import math
import traceback
from collections.abc import Callable
from typing import Any, Literal, TypeVar, cast, get_args

import gradio as gr
from gradio import events

import kg_data
from app.graph.asking import ANSWERS, ANSWERS_AT_ONCE, ask
from app.graph.graphs import DEFAULT_GRAPH, GraphShelf
from app.image.looking import AT_ONCE, LEAST_SCORE, MOST_SCORE, USUAL_SCORE, SharedDetector
from app.models.language_model import MAX_NEW_TOKENS, LanguageModel
from app.server.limits import RUN_SECONDS, TimeLimit
from kg_data.errors import SkylarkError
from reasoning import Query, Reasoner
from reasoning.answer import Answer
from reasoning.errors import AmbiguousEntityError, QueryError, UnknownEntityError
from reasoning.lark import LarkOptions
from reasoning.reading import looks_formal

log = logging.getLogger(__name__)

RUNS_AT_ONCE, RUNS_WAITING = 1, 2
LIKELY_AT_ONCE, LIKELY_WAITING = 2, 2
USUAL_LEAST = 0.5
MOST_ANSWERS = 1_000
"""Listed of one answer; `answers_total` says how many there are."""
MOST_NAMES = 50
Method = Literal["exact", "lark", "complete"]
Json = dict[str, Any]
NUMBERS = {"least": (0, 1), "min_score": (LEAST_SCORE, MOST_SCORE)}
"""Arguments that are numbers, with their bounds."""


Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


def _answering(endpoint: Endpoint) -> Endpoint:
    """An endpoint whose arguments are checked, since the API takes any JSON and annotations bind no caller.

    A mistake that was foreseen is a sentence to the caller. Of any other the caller learns only that it happened: what
    was sent may be in its message, so the log has its kind and the lines of code alone.
    """
    signature = inspect.signature(endpoint)

    @functools.wraps(endpoint)
    def answered(*arguments: Any, **named: Any) -> Any:
        for name, value in signature.bind(*arguments, **named).arguments.items():
            if name != "self":
                _check(name, value)
        try:
            return endpoint(*arguments, **named)
        except gr.Error:
            raise
        except SkylarkError as error:
            raise _mistake(str(error)) from error
        except Exception as error:
            lines = "".join(traceback.format_tb(error.__traceback__))
            log.error("a program's call failed: %s\n%s", type(error).__name__, lines)
            raise _mistake(
                "something went wrong inside Skylark, and this call has no answer; the server's log says where"
            ) from None

    return cast(Endpoint, answered)


def _mistake(message: str) -> gr.Error:
    return gr.Error(message, print_exception=False)


def _check(name: str, value: Any) -> None:
    """A number, an image or a text, as the argument's name says. Scores out of bounds are brought within them later."""
    if name in NUMBERS:
        low, high = NUMBERS[name]
        expected = f"{name}: a number from {low} to {high} was expected, not "
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise _mistake(expected + _kind(value))
        if name == "least" and not low <= value <= high:
            raise _mistake(f"{expected}{value}")
    elif name == "image" and not isinstance(value.get("path") if isinstance(value, dict) else value, str):
        raise _mistake(
            f'image: an uploaded file, or a text "data:image/jpeg;base64,...", was expected, not {_kind(value)}'
        )
    elif name != "image" and not isinstance(value, str):
        raise _mistake(f"{name}: a text was expected, not {_kind(value)}")


class Programs:
    """What the named endpoints do; they share graphs, model and detector with the page.

    Args:
        shelf: the graphs on offer.
        model: the language model.
        images: the detector.
    """

    def __init__(self, shelf: GraphShelf, model: LanguageModel, images: SharedDetector) -> None:
        self._shelf, self._model, self._images = shelf, model, images
        self._runs = TimeLimit(RUNS_AT_ONCE, RUN_SECONDS, "the language model's run", RUNS_WAITING)
        self._likely = TimeLimit(LIKELY_AT_ONCE, RUN_SECONDS, "finding likely answers", LIKELY_WAITING)

    @_answering
    def datasets(self) -> list[Json]:
        """List the knowledge graphs that can be asked, each with its name and what it holds.

        Returns:
            A list of objects with `name` and `about`.
        """
        about = {item.name: getattr(item, "about", "a graph of this server's data folder")
                 for item in kg_data.list_datasets()}  # fmt: skip
        return [{"name": name, "about": about.get(name, "")} for name in self._shelf.names]

    @_answering
    def relations(self, graph: str = DEFAULT_GRAPH) -> Json:
        """Say how large a knowledge graph is and which relations it has: the words that a formal query is made of.

        Args:
            graph: the graph's name, as `datasets` lists it.

        Returns:
            An object with `graph`, `triples`, `entities` and `relations`, a list of names.
        """

        def work() -> Json:
            kg = self._shelf.get(graph)
            return {"graph": graph, "triples": len(kg), "entities": kg.entity_count, "relations": kg.relation_names()}

        return ANSWERS.run(work)

    @_answering
    def find_entity(self, name: str, graph: str = DEFAULT_GRAPH) -> Json:
        """Find the entity that a name means in a knowledge graph, despite case, accents and small misspellings.

        Args:
            name: the name as it is known.
            graph: the graph's name, as `datasets` lists it.

        Returns:
            An object with `entity` (null where none or several have the name), `id`, `types`, and `nearest`, further
            names or, where several share the name, ids of the form entity("id").
        """

        def work() -> Json:
            kg = self._shelf.get(graph)
            try:
                entity = kg.entity(name[:500])
            except UnknownEntityError as error:
                return {"entity": None, "id": None, "types": [], "nearest": list(error.nearest)}
            except AmbiguousEntityError as error:
                near = [f'entity("{identifier}")' for identifier in error.ids[:MOST_NAMES]]
                return {"entity": None, "id": None, "types": [], "nearest": near}
            return {
                "entity": kg.name(entity), "id": kg.identifier(entity), "types": kg.types(entity), "nearest": [],
            }  # fmt: skip

        return ANSWERS.run(work)

    @_answering
    def ask(self, graph: str, question: str, method: Method = "exact", least: float = USUAL_LEAST) -> Json:
        """Answer a question about a knowledge graph, in plain English or as a formal query, with its evidence.

        Args:
            graph: the graph's name, as `datasets` lists it; "world" has countries, cities, currencies and languages.
            question: such as "Which countries border France and use the Euro?"
            method: "exact" reads the answer off the graph; "lark" has the language model work it out step by step;
                "complete" adds what the graph lacks but makes likely, each answer with its confidence as its score.
            least: from 0 to 1, of method "complete": answers below this confidence are left out.

        Returns:
            An object with `query` (as the question was read), `answers` (each with `entity`, `id` and `score`),
            `answers_total`, `value` (a number or truth value where one is asked for), `sentence`, `steps`, `evidence`
            (triples) and `notes`; of method "complete" also `proofs`, which say what is known and what predicted.
        """

        def work() -> Answer:
            return ask(self._shelf.get(graph), graph, question, self._model.reader).answer

        return self._by(method, graph, least, work)

    @_answering
    def query(self, graph: str, query: str, method: Method = "exact", least: float = USUAL_LEAST) -> Json:
        """Answer a formal query on a knowledge graph, with its evidence.

        r("X") is what relation r leads to from X; ~r("X") is the inverse; & | ! are and, or, not; count(S), exists(S),
        top(3, r, S), bottom(3, r, S) and r(S) > 5 work on values. For example capital(borders("Germany")).

        Args:
            graph: the graph's name, as `datasets` lists it.
            query: the query, of relations as `relations` lists them and entities in quotes.
            method: "exact" reads the answer off the graph; "lark" has the language model work it out step by step;
                "complete" adds what the graph lacks but makes likely.
            least: from 0 to 1, of method "complete": answers below this confidence are left out.

        Returns:
            An object as `ask` gives it.
        """

        def work() -> Answer:
            text = query.strip()
            if text and not looks_formal(text):
                Query.parse(text)  # says where it cannot be read
                raise QueryError("a formal query was expected; `ask` takes questions in English")
            return ask(self._shelf.get(graph), graph, text, self._model.reader).answer

        return self._by(method, graph, least, work)

    @_answering
    def detect(self, image: str | Json, instruction: str, min_score: float = USUAL_SCORE) -> Json:
        """Find, outline or count objects in an image as an instruction in plain English says.

        Args:
            image: an uploaded file, or the image itself as a text "data:image/jpeg;base64,..."; no address is fetched.
            instruction: such as "Find every vehicle except buses; boxes as JSON".
            min_score: from 0.05 to 0.95, how sure the detector has to be.

        Returns:
            An object with `image_size` in pixels, `objects` (each with `class_name`, `xyxy` in pixels, `score` and
            `polygon`), `value`, `notes`, and `text`, the result in the form that was asked for.
        """
        looked = self._images.look(image, instruction, min_score)
        return {**looked.detections.to_dict(), "text": looked.detections.text}

    @_answering
    def ask_image(self, image: str | Json, question: str, min_score: float = USUAL_SCORE) -> Json:
        """Answer a question about an image by a logical query over the objects that are found in it.

        Args:
            image: as for `detect`.
            question: such as "the person left of the bus" or "how many bottles are on the table?"
            min_score: from 0.05 to 0.95, how sure the detector has to be.

        Returns:
            An object with `query`, `value` (a number, truth value or word where one is asked for), `objects` with
            `xyxy` in pixels, the reasons, and `notes`.
        """
        return self._images.ground(image, question, min_score).to_dict()

    @_answering
    def scene(self, image: str | Json, min_score: float = USUAL_SCORE) -> Json:
        """Describe everything that is found in an image as a small knowledge graph: objects and how they lie.

        Args:
            image: as for `detect`.
            min_score: from 0.05 to 0.95, how sure the detector has to be.

        Returns:
            An object with `objects` and `relations`, triples such as ["person 1", "left_of", "bus 1"].
        """
        return self._images.scene(image, min_score).to_dict()

    def _by(self, method: str, graph: str, least: float, work: Callable[[], Answer]) -> Json:
        if method not in get_args(Method):
            raise _mistake(f'there is no method "{method[:100]}": "exact", "lark" or "complete" was expected')

        exact = work()
        if method == "exact":
            return ANSWERS.run(lambda: _listed(exact))
        if method == "complete":
            return self._likely.run(lambda: _listed(self._completed(graph, exact, least)))
        return self._runs.run(lambda: _listed(self._worked_out(exact)))

    def _completed(self, graph: str, exact: Answer, least: float) -> Answer:
        """The same query over known and predicted edges."""
        return self._shelf.likely.predicted(graph, exact.kg).answer(exact.query, least)

    def _worked_out(self, exact: Answer) -> Answer:
        """The same query by the language model, which stops at its next token once its time is over."""
        options = LarkOptions(max_new_tokens=MAX_NEW_TOKENS)
        return Reasoner(exact.kg, llm=self._model.for_run(), method="lark", options=options).answer(exact.query)


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


def _listed(answer: Answer) -> Json:
    content = answer.to_dict()
    total = len(content["answers"])
    return {**content, "answers": content["answers"][:MOST_ANSWERS], "answers_total": total}


def offer_only_programs(page: gr.Blocks) -> None:
    """The page's own events are nobody's to call by name: Gradio offers some by itself once the page is complete."""
    for event in page.fns.values():
        if not isinstance(getattr(event.fn, "__self__", None), Programs):
            event.api_visibility = "private"


def build_programs(programs: Programs) -> None:
    """The named endpoints, inside the page."""
    exact: dict[str, Any] = {"concurrency_limit": 2 * ANSWERS_AT_ONCE, "concurrency_id": "programs"}
    looks: dict[str, Any] = {"concurrency_limit": AT_ONCE, "concurrency_id": "look"}
    endpoint: Callable[..., Any]
    for endpoint in (programs.datasets, programs.relations, programs.find_entity, programs.ask, programs.query):
        events.api(endpoint, api_name=endpoint.__name__, **exact)
    for endpoint in (programs.detect, programs.ask_image, programs.scene):
        events.api(endpoint, api_name=endpoint.__name__, **looks)
