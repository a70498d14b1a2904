"""Questions about a picture that are worth a click after one that could not be answered: made of what is in it."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from markupsafe import Markup

from app.ask.cards import (
    CANNOT_TELL,
    failure_card,
    found_card,
    graph_card,
    picture_card,
    picture_sentence,
    refusal_card,
)
from app.ask.image_intent import (
    CLEAR,
    SURE,
    Heard,
    InView,
    Sureness,
    graph_sureness,
    heard,
    named_classes,
    nothing_to_find,
)
from app.graph.answer_view import Asked, ask
from app.graph.examples import MOST, about_graph, named
from app.graph.graphs import DEFAULT_GRAPH, GraphRegistry
from app.image.examples import PHOTOGRAPHS, Photograph
from app.image.looking import USUAL_SCORE, Looked, SharedDetector, loaded
from app.models import LanguageModel
from reasoning import Answer, KnowledgeGraph, Reasoner
from reasoning.query.read_question import QuestionError
from skylark.errors import SkylarkError
from vision import Scene, Task
from vision.detections.showing import counted_names, there_is
from vision.errors import InstructionError
from vision.images import LoadedImage, load_image
from vision.parsing.reader import is_beyond_pictures

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


FIRST_QUESTION = "Which countries border France and use the euro?"
FIRST_INSTRUCTION = "the person right of the car"
DESCRIBED = Task("Describe it", "describe", targets=None)
NOT_UNDERSTOOD = "I did not understand that."
UNCLEAR = (
    "it is not clear what is asked of the picture: say it by class, colour, size, place or relation, as in "
    '"the person left of the bus" or "what colour is the car?"'
)
MOST_NOTES = 2
"""Sentences on why something could not be told."""


@dataclass(frozen=True)
class AskSession:
    """What a question may be about: a picture, and the last answer of the graph.

    Attributes:
        photograph: the name of one of the page's own; "" where the visitor gave one.
        path: where the visitor's lies.
        in_view: what was shown last.
        last: the graph's last answer, which the next question may refer to.
    """

    photograph: str = "street"
    path: str = ""
    in_view: InView = "both"
    last: Answer | None = field(default=None, compare=False)

    def given(self, photograph: str = "", path: str = "") -> AskSession:
        """With another picture, one of the page's own or a visitor's, which is asked first of all."""
        return replace(self, photograph=photograph, path=path, in_view="picture")


@dataclass(frozen=True)
class Reply:
    """What the page shows: a card on the picture, one on the graph, or both; and what is in hand after it."""

    seen: Markup
    told: Markup
    in_hand: AskSession


class AskController:
    """Answers whatever is typed; it holds only what all visitors share."""

    def __init__(self, shelf: GraphRegistry, model: LanguageModel, detector: SharedDetector) -> None:
        self._shelf, self._model, self._detector = shelf, model, detector
        self._questions: dict[str, tuple[str, ...]] = {}
        self._begins_with: Answer | None = None

    def answer(self, text: str, in_hand: AskSession, graph: str = "") -> Reply:
        """Answer a text by the picture in hand or by a graph; a `graph` that is named is asked alone."""
        of_graph_alone = bool(graph)
        text, graph = (text or "").strip(), graph or self._shelf.names[0]
        if not text:
            nothing = QuestionError("there is no question yet: type one, or pick an example")
            return self._refused(nothing, text, graph, in_hand)
        # What follows an answer follows what was shown last.
        last = {"both": self._begins_with, "graph": in_hand.last, "picture": None}[in_hand.in_view]
        try:
            asked: Asked | Exception = ask(self._shelf.get(graph), graph, text, self._model.reader, last)
        except Exception as error:
            asked = error
        if not of_graph_alone:
            picture = self._for_picture(text, asked, graph, in_hand.in_view)
            if picture is not None:
                return self._by_picture(text, picture, replace(in_hand, in_view="picture"))
        if isinstance(asked, Asked):
            return Reply(Markup(""), graph_card(asked), replace(in_hand, in_view="graph", last=asked.answer))
        return self._refused(asked, text, graph, replace(in_hand, in_view="graph"))

    def _for_picture(self, text: str, asked: Asked | Exception, graph: str, in_view: InView) -> Heard | None:
        """The text as it is asked of the picture; None where the graph is asked, as what names an entity always is."""
        follows = isinstance(asked, Asked) and asked.understood is not None and bool(asked.understood.referred)
        sure = graph_sureness(asked)
        if sure >= SURE and in_view != "picture" and not (follows and in_view == "both"):
            return None
        try:
            # A picture's reader knows no names, and takes "the president of France" for a person.
            if named(self._shelf.get(graph), text, surely=in_view == "picture"):
                return None
        except SkylarkError:  # there is no such graph, as the visitor is told
            return None
        picture = self._heard(text)
        return picture if Sureness(sure, picture.sure, in_view, follows, picture.of_things).is_for_picture else None

    def given(self, in_hand: AskSession, before: AskSession) -> Reply:
        """Show a picture that was just given; where it cannot be looked at, what was in hand `before` stays."""
        try:
            looked, scene = self._described(in_hand)
        except Exception as error:
            return Reply(failure_card("", error), Markup(""), before)
        said, offered = picture_sentence(looked), about_picture(scene)
        return Reply(found_card(looked.image, scene, _photograph(in_hand), said, offered), Markup(""), in_hand)

    def missing(self, text: str, error: SkylarkError) -> Reply:
        """Say what a link names and is not there, with questions that can be asked instead."""
        return self._refused(error, text, self._shelf.names[0], AskSession(in_view="graph"))

    def first(self) -> Reply:
        """The two answers that the page begins with; of a graph that is not the built-in one, one of its own facts."""
        graph, question = self._shelf.names[0], FIRST_QUESTION
        # Loads the weights, which may take longer than a visitor is allowed.
        Reasoner(self._shelf.get(graph), llm=self._model.reader, method="exact").read(question)
        if graph != DEFAULT_GRAPH:
            question = next(iter(about_graph(self._shelf.get(graph), graph, "", self._model.reader)), FIRST_QUESTION)
        told = self.answer(question, AskSession())
        self._begins_with = told.in_hand.last
        seen = self._by_picture(FIRST_INSTRUCTION, self._heard(FIRST_INSTRUCTION), AskSession())
        return replace(seen, told=told.told)

    def prepare(self) -> None:
        """Find what is offered where a question of the first graph is refused, which takes several answers."""
        with contextlib.suppress(SkylarkError):  # the visitor who asks it learns of it
            self._usual(self._shelf.get(self._shelf.names[0]), self._shelf.names[0])

    def _heard(self, text: str) -> Heard:
        try:
            return heard(self._detector.vision, text)
        except SkylarkError as error:  # there is no detector
            return Heard(None, 0.0, error)

    def _by_picture(self, text: str, picture: Heard, in_hand: AskSession) -> Reply:
        try:
            if picture.task is None:
                raise picture.error or InstructionError("the words could not be read")
            if picture.task.understood and picture.sure < CLEAR and not nothing_to_find(picture.task):
                raise InstructionError(UNCLEAR)
            looked = self._detector.look(_image(in_hand), picture.task, USUAL_SCORE)
            task, notes = looked.task, looked.detections.notes
            refused = CANNOT_TELL if is_beyond_pictures(task) else NOT_UNDERSTOOD
            said = picture_sentence(looked) if task.understood else refused
            if not task.understood or nothing_to_find(task):
                notes = (*task.notes, *notes)
            elif said == CANNOT_TELL:
                notes = tuple(note for note in notes if note not in (*looked.image.notes, *task.notes))
            else:
                scene, _ = self._detector.scene_of(looked, USUAL_SCORE)
                return Reply(picture_card(text, looked, scene, _photograph(in_hand)), Markup(""), in_hand)
        except SkylarkError as error:
            said, notes = CANNOT_TELL, (str(error),)
        why = [_as_sentence(note, self._detector.model) for note in [*dict.fromkeys(notes)][:MOST_NOTES]]
        return Reply(self._refusal(text, said, why, in_hand), Markup(""), in_hand)

    def _refusal(self, text: str, said: str, notes: Sequence[str], in_hand: AskSession) -> Markup:
        """The picture stays, with all that was found in it, and what is there of what was spoken of is said; one that
        cannot be looked at is the mistake itself."""
        try:
            looked, scene = self._described(in_hand)
        except SkylarkError as error:
            return failure_card(text, error)
        spoken_of = named_classes(text)
        there = [item.class_name for item in scene.objects if item.class_name in spoken_of]
        said = f"{said.removesuffix('.')}, but {there_is(there, after=True)}." if there else said
        return found_card(looked.image, scene, _photograph(in_hand), said, about_picture(scene), text, notes)

    def _described(self, in_hand: AskSession) -> tuple[Looked, Scene]:
        looked = self._detector.look(_image(in_hand), DESCRIBED, USUAL_SCORE)
        return looked, Scene.from_detections(looked.detections, looked.image)

    def _usual(self, kg: KnowledgeGraph, graph: str) -> tuple[str, ...]:
        """Questions that a graph answers, whatever was asked; those of a graph on offer are kept."""
        if graph not in self._shelf.names:
            return about_graph(kg, graph, "", self._model.reader)
        if graph not in self._questions:
            self._questions[graph] = about_graph(kg, graph, "", self._model.reader)
        return self._questions[graph]

    def _refused(self, error: Exception, text: str, graph: str, in_hand: AskSession) -> Reply:
        suggestions: tuple[str, ...] = ()
        choices = []
        try:
            kg = self._shelf.get(graph)
            reading = error.reading if isinstance(error, QuestionError) else None
            if reading is not None:
                choices = [(one.words(kg), str(one.query)) for one in reading.alternatives[:MOST]]
            if named(kg, text):
                offered = [words for words, _ in choices]
                suggestions = about_graph(kg, graph, text, self._model.reader, MOST - len(choices), offered)
            else:
                suggestions = self._usual(kg, graph)[: MOST - len(choices)]
        except SkylarkError as failure:
            error = failure
        return Reply(Markup(""), refusal_card(error, text, suggestions, graph, choices), in_hand)


@cache
def _own(name: str) -> LoadedImage:
    return load_image(PHOTOGRAPHS[name].path)


def _image(in_hand: AskSession) -> LoadedImage:
    """The picture in hand, loaded within the page's bounds."""
    return loaded(in_hand.path) if in_hand.path else _own(in_hand.photograph)


def _photograph(in_hand: AskSession) -> Photograph | None:
    return None if in_hand.path else PHOTOGRAPHS[in_hand.photograph]


def _as_sentence(note: str, model: str) -> str:
    """A remark of the detector's, which is called by its name, as a sentence."""
    note = f"The detector{note.removeprefix(model)}" if note.startswith(f"{model} ") else note
    return f"{note[:1].upper()}{note[1:].rstrip('.')}."
