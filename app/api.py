"""What programs ask for, over HTTP and by MCP: the same functions, types and limits in both.

Each method's docstring, with what `app.server.descriptions` says of its parameters, is what a program's author, or a
language model with these as its tools, is shown. Annotations are types here and no texts, since Gradio describes what
is returned by them.
"""

import functools
import inspect
import logging
import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar, cast

import gradio as gr
from gradio import events

import kg_data
from app.ask.speech import SharedSpeech
from app.graph.answer_view import ANSWERS, ANSWERS_AT_ONCE, ask
from app.graph.graphs import DEFAULT_GRAPH, GraphRegistry
from app.image.looking import AT_ONCE, MOST_IN_SCENE, NO_SLICES, USUAL_SCORE, SharedDetector
from app.models import MAX_NEW_TOKENS, LanguageModel
from app.server.calls import Group
from app.server.descriptions import (
    USUAL_IN_SCENE,
    USUAL_LEAST,
    USUAL_LIMIT,
    CallError,
    EntityName,
    FormalQuery,
    FoundEntity,
    GraphAnswer,
    GraphDescription,
    GraphList,
    GraphName,
    HeardQuestion,
    Image,
    ImageAnswer,
    ImageObjects,
    ImageQuestion,
    Instruction,
    Least,
    Limit,
    MethodName,
    MinScore,
    ObjectLimit,
    Question,
    Recording,
    RelationList,
    SceneGraph,
    SceneLimit,
    SceneScore,
    Slices,
    SpokenGraph,
    check,
    description,
    listed,
    more_notes,
    names_in,
    namesake_notes,
    parameter_lines,
    with_first_relations,
)
from app.server.serving import HEARD_AT_ONCE, RUN_SECONDS, TimeLimit, TookTooLongError
from reasoning import Query, Reasoner
from reasoning.answer import Answer
from reasoning.errors import AmbiguousEntityError, QueryError, UnknownEntityError
from reasoning.graph.names import quoted, relation_text
from reasoning.lark import LarkOptions
from reasoning.parsing import MAX_CHARACTERS, looks_formal
from reasoning.query.read_question import QuestionError
from skylark.errors import SkylarkError
from vision import Detections, Task
from vision.errors import InstructionError
from vision.parsing.instruction_reader import in_brief

log = logging.getLogger(__name__)

RUNS_AT_ONCE, RUNS_WAITING = 1, 2
PREDICTIONS_AT_ONCE, PREDICTIONS_WAITING = 2, 2
MOST_NAMES = 50
MOST_CHOICES = 5

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
                check(endpoint, name, value)
        try:
            return endpoint(*arguments, **named)
        except CallError:
            raise
        except QuestionError as error:
            raise CallError(_asked_back(error)) from error
        except TookTooLongError as error:
            raise CallError(str(error), 503) from error
        except SkylarkError as error:
            raise CallError(str(error)) from error
        except Exception as error:
            lines = "".join(traceback.format_tb(error.__traceback__))
            log.error("a program's call failed: %s\n%s", type(error).__name__, lines)
            raise CallError(
                "something went wrong inside Skylark, and this call has no answer; the server's log says where", 500
            ) from None

    return cast(Endpoint, answered)


def _asked_back(error: QuestionError) -> str:
    """What was not understood, and the formal queries that may be meant: a program has no buttons to choose with."""
    choices = () if error.reading is None else error.reading.alternatives[:MOST_CHOICES]
    if not choices:
        return str(error)
    return f"{error}; it may mean {' or '.join(str(choice.query) for choice in choices)}: ask for one of these"


def _obeyed(task: Task, found: Detections) -> Detections:
    """What an instruction led to.

    Raises:
        InstructionError: it led to nothing, since it was not understood or the detector has none of its classes.
    """
    if not task.understood:
        rivals = " or ".join(f'"{in_brief(rival)}"' for rival in task.rivals)
        raise InstructionError(
            f'it is not clear what "{task.instruction[:200]}" asks for; {f"it may mean {rivals}; " if rivals else ""}'
            'say what to find, outline or count, as in "Find every dog"'
        )
    if task.targets == () and task.undetectable:
        lacking = (
            f'"{one.word[:200]}"' + (f" (nearest: {', '.join(one.nearest)})" if one.nearest else "")
            for one in task.undetectable
        )
        raise InstructionError(f"this model has no class for {' or '.join(lacking)}")
    return found


class Programs:
    """What the named endpoints do; they share graphs and models with the page.

    Args:
        shelf: the graphs on offer.
        model: the language model.
        images: the detector.
        speech: hears recordings.
    """

    def __init__(
        self, shelf: GraphRegistry, model: LanguageModel, images: SharedDetector, speech: SharedSpeech
    ) -> None:
        self._shelf, self._model, self._images, self._speech = shelf, model, images, speech
        self._runs = TimeLimit(RUNS_AT_ONCE, RUN_SECONDS, "the language model's run", RUNS_WAITING)
        self._likely = TimeLimit(PREDICTIONS_AT_ONCE, RUN_SECONDS, "finding likely answers", PREDICTIONS_WAITING)

    @property
    def groups(self) -> tuple[Group, ...]:
        """The endpoints: those about graphs, about images and about recordings; these two wait with the page."""
        graphs = (self.datasets, self.relations, self.describe, self.find_entity, self.ask, self.query)
        images = (self.detect, self.ask_image, self.scene)
        return (
            Group("programs", 2 * ANSWERS_AT_ONCE, graphs),
            Group("look", AT_ONCE, images),
            Group("hear", HEARD_AT_ONCE, (self.hear,)),
        )

    @_answering
    def datasets(self) -> GraphList:
        """List the knowledge graphs that can be asked, each with its name and what it holds."""
        about = {item.name: getattr(item, "about", "a graph of this server's data folder")
                 for item in kg_data.list_datasets()}  # fmt: skip
        own = "a graph that this server was started with"
        return {"graphs": [{"name": name, "about": about.get(name, own)} for name in self._shelf.names]}

    @_answering
    def relations(self, graph: GraphName = DEFAULT_GRAPH) -> RelationList:
        """Say how large a knowledge graph is and which relations it has: the words that a formal query is made of."""

        def work() -> RelationList:
            kg = self._shelf.get(graph)
            return {
                "graph": graph,
                "triples": len(kg),
                "values": kg.value_count,
                "entities": kg.entity_count,
                "relations": [relation_text(name) for name in kg.relation_names()],
                "notes": kg.loading_notes,
            }

        return ANSWERS.run(work)

    @_answering
    def describe(self, graph: GraphName = DEFAULT_GRAPH) -> GraphDescription:
        """Describe a knowledge graph: its kinds of things, what names them, its relations with the kinds at both ends,
        its values with their units and ranges, what was left out of its source and why.
        """
        return ANSWERS.run(lambda: cast(GraphDescription, self._shelf.get(graph).profile().to_dict()))

    @_answering
    def find_entity(self, name: EntityName, graph: GraphName = DEFAULT_GRAPH) -> FoundEntity:
        """Find the entity that a name means in a knowledge graph, despite case, accents and small misspellings.

        It is the one that a query with that name is about. Others that may be meant by the name as well are listed, the
        ids to choose from where one name is that of several, and the nearest names where none has it.
        """

        def work() -> FoundEntity:
            kg, asked = self._shelf.get(graph), name[:500]
            try:
                match = kg.match(asked)
            except UnknownEntityError as error:
                return {"entity": None, "id": None, "types": [], "nearest": error.nearest, "notes": [str(error)]}
            except AmbiguousEntityError as error:
                ids = [f"entity({quoted(identifier)})" for identifier in error.ids[:MOST_NAMES]]
                return {"entity": None, "id": None, "types": [], "nearest": ids, "notes": [str(error)]}
            [entity] = match.entities
            corrected = [] if match.corrected_to is None else [f'read "{asked}" as "{match.corrected_to}"']
            return {
                "entity": kg.name(entity), "id": kg.identifier(entity), "types": kg.types(entity),
                "nearest": [kg.name(other) for other in kg.namesakes(asked)[:MOST_NAMES]],
                "notes": [*corrected, *namesake_notes(kg, [asked])],
            }  # fmt: skip

        return ANSWERS.run(work)

    @_answering
    def ask(
        self,
        graph: GraphName,
        question: Question,
        method: MethodName = "exact",
        least: Least = USUAL_LEAST,
        limit: Limit = USUAL_LIMIT,
    ) -> GraphAnswer:
        """Answer a question about a knowledge graph, in plain English or as a formal query, with its evidence.

        It gives the answer in a sentence, the first entities of it and how many there are, the query that the question
        was read as, and the facts that the answer rests on. A question that may mean several things, or of which
        nothing is understood, is an error that says so.
        """

        def work() -> Answer:
            asked = ask(self._shelf.get(graph), graph, question, self._model.reader)
            return replace(asked.answer, understood=asked.understood)

        return self._by(method, graph, least, limit, work)

    @_answering
    def query(
        self,
        graph: GraphName,
        query: FormalQuery,
        method: MethodName = "exact",
        least: Least = USUAL_LEAST,
        limit: Limit = USUAL_LIMIT,
    ) -> GraphAnswer:
        """Answer a formal query on a knowledge graph, with its evidence: no reading of English comes in between.

        It gives what a question in English gives. A query that cannot be read is an error with the place in it; where
        a name in it may mean other things too, `notes` say so.
        """

        def work() -> Answer:
            text = query.strip()
            if len(text) <= MAX_CHARACTERS and not looks_formal(text):
                Query.parse(text)  # says where it cannot be read
                raise QueryError(
                    'a formal query was expected, such as capital("France"); questions in English are asked otherwise'
                )
            return ask(self._shelf.get(graph), graph, text, self._model.reader).answer

        return self._by(method, graph, least, limit, work)

    @_answering
    def detect(
        self,
        image: Image,
        instruction: Instruction,
        min_score: MinScore = USUAL_SCORE,
        limit: ObjectLimit = USUAL_LIMIT,
        slices: Slices = NO_SLICES,
    ) -> ImageObjects:
        """Find, outline or count objects in an image as an instruction in plain English says.

        An instruction that is not understood, or asks for nothing that the detector has a class for, is an error that
        says so.
        """
        looked = self._images.look(image, instruction, min_score, slices=slices)
        found = _obeyed(looked.task, looked.detections)
        first = found[: int(limit)]
        content = first.to_dict()
        notes = [*content["notes"], *more_notes("objects", len(found), len(first))]
        return cast(ImageObjects, {**content, "objects_total": len(found), "text": first.text, "notes": notes})

    @_answering
    def ask_image(
        self,
        image: Image,
        question: ImageQuestion,
        min_score: MinScore = USUAL_SCORE,
        limit: ObjectLimit = USUAL_LIMIT,
        slices: Slices = NO_SLICES,
    ) -> ImageAnswer:
        """Answer a question about an image by a logical query over the objects that are found in it, with reasons."""
        content = self._images.ground(image, question, min_score, slices).to_dict()
        total = len(content["objects"])
        first = {name: content[name][: int(limit)] for name in ("objects", "justification")}
        notes = [*content["notes"], *more_notes("objects", total, len(first["objects"]))]
        return cast(ImageAnswer, {**content, **first, "objects_total": total, "notes": notes})

    @_answering
    def scene(
        self,
        image: Image,
        min_score: SceneScore = USUAL_SCORE,
        limit: SceneLimit = USUAL_IN_SCENE,
        slices: Slices = NO_SLICES,
    ) -> SceneGraph:
        """Describe everything that is found in an image as a small knowledge graph: objects and how they lie."""
        scene, total = self._images.scene(image, min_score, int(limit), slices)
        content = with_first_relations(scene.to_dict())
        notes = [*content["notes"], *more_notes("objects", total, len(content["objects"]), MOST_IN_SCENE)]
        return cast(SceneGraph, {**content, "objects_total": total, "notes": notes})

    @_answering
    def hear(self, recording: Recording, graph: SpokenGraph = DEFAULT_GRAPH) -> HeardQuestion:
        """Hear a question that somebody speaks in a recording: its words, which can then be asked.

        Nothing is answered. A recording in which nobody speaks, or in another language than English, a video, and what
        is cut off, too long or no recording at all is an error that says so.
        """
        return cast(HeardQuestion, self._speech.hear(recording, self._shelf.get(graph)).to_dict())

    def _by(self, method: str, graph: str, least: float, limit: int, work: Callable[[], Answer]) -> GraphAnswer:
        exact = work()
        # What a question in English means was chosen among all that have a name.
        names = names_in(exact.query) if exact.understood is None else ()

        def given(answer: Answer) -> GraphAnswer:
            notes = (*answer.notes, *namesake_notes(exact.kg, names))
            return cast(GraphAnswer, listed(replace(answer, understood=exact.understood, notes=notes), int(limit)))

        if method == "exact":
            return ANSWERS.run(lambda: given(exact))
        if method == "complete":
            return self._likely.run(
                lambda: given(self._shelf.likely.predicted(graph, exact.kg).answer(exact.query, least))
            )
        return self._runs.run(lambda: given(self._worked_out(exact)))

    def _worked_out(self, exact: Answer) -> Answer:
        """The same query by the language model, which stops at its next token once its time is over."""
        options = LarkOptions(max_new_tokens=MAX_NEW_TOKENS)
        return Reasoner(exact.kg, llm=self._model.for_run(), method="lark", options=options).answer(exact.query)


def offer_only_programs(page: gr.Blocks) -> None:
    """The page's own events are nobody's to call by name: Gradio offers some by itself once the page is complete."""
    for event in page.fns.values():
        if not isinstance(getattr(event.fn, "__self__", None), Programs):
            event.api_visibility = "private"


def build_programs(programs: Programs) -> None:
    """The named endpoints, inside the page."""
    for name, at_once, endpoints in programs.groups:
        for endpoint in endpoints:
            told = "\n".join([description(endpoint), *parameter_lines(endpoint)])
            events.api(
                endpoint,
                api_name=endpoint.__name__,
                api_description=told,
                concurrency_limit=at_once,
                concurrency_id=name,
            )
