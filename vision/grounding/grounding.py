"""Grounding of an expression: its readings tried on the scene, and the boxes or the value with their reasons.

What an expression may mean, and which classes that needs, is known before anything is looked at. "The X" means one
thing: of several that fit, the detector's surest is returned, and the notes say how many there were. A yes-or-no
question may name alternatives: "is the dog left or right of the bus?".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from reasoning import Answer, Query
from reasoning.query.tree import Entity, Intersect, Project, Union
from skylark.text import element, html
from vision.classes.matching import Matcher
from vision.detections.boxes import is_score
from vision.detections.detections import Detections
from vision.detections.showing import counted, listed, shown, with_article
from vision.errors import InstructionError
from vision.grounding.asking import (
    OF_ALL,
    OF_COLOUR,
    Asked,
    Fact,
    Things,
    Value,
    as_many,
    first_fitting,
    in_words,
    narrower_words,
    not_found,
    passed_over,
    reasons,
    telling,
    things_of,
    value_of,
)
from vision.parsing.expression_reader import ExpressionReading, kind_meant
from vision.parsing.prompt import EVERYTHING, PICTURE, Pieces, Question, Sentence, TextPrompt, both, same_things
from vision.parsing.reader import PACKAGED, readers
from vision.scene.graph import Scene
from vision.scene.relations import CONVERSES, RELATIONS
from vision.task import Target

_SAID = frozenset(RELATIONS) - {"contains", "overlapping"}
"""Relations whose names are English before a thing."""


@dataclass(frozen=True)
class Alternatives:
    """What a yes-or-no question names to choose from.

    Attributes:
        held: those that hold, in words: "left of the bus".
        is_choice: whether they are opposite places, or colours, of which one alone holds: then which one it is is what
            was asked.
    """

    held: str
    is_choice: bool

    def answer(self, doubt: str = "") -> str:
        """As the answer to the question; `doubt` is how surely it is told, such as ", I think"."""
        return f"{self.held[:1].upper()}{self.held[1:]}{doubt}" if self.is_choice else f"Yes{doubt}: {self.held}"


def alternatives_held(asked: Asked, scene: Things) -> Alternatives | None:
    """Which alternatives of a question hold; None where it names none, several to choose from at once, or none that
    can be said in words, and where none holds for sure.
    """
    sentence = asked.sentence
    if sentence.question != "exists" or sentence.denied or sentence.bound is not None:
        return None
    things = same_things(sentence.things)
    parts = things.parts if isinstance(things, Intersect) else (things,)
    kinds = {kind_meant(match): match.thing for match in asked.reading.matches.values()}
    # A word that means several classes, as "pet", is a union too, and names no alternatives.
    unions = [part for part in parts if isinstance(part, Union) and part not in kinds]
    if len(unions) != 1:
        return None
    [union] = unions
    choices = [(choice, _words(choice, kinds)) for choice in union.parts]
    if not all(words for _, words in choices):
        return None
    rest = [part for part in parts if part is not union]
    fitting = [(words, scene.members(scene.answer(both([*rest, choice]), asked.classes))) for choice, words in choices]
    held = [words for words, members in fitting if members]
    by_colour = all(isinstance(one, Project) and one.relation in OF_COLOUR for one, _ in choices)
    if not held or (by_colour and any(scene.objects[place].doubt for _, members in fitting for place in members)):
        return None
    is_choice = len(held) == 1 and (by_colour or _are_opposites([choice for choice, _ in choices]))
    return Alternatives(f"{'both ' * (len(held) == 2)}{listed(held)}", is_choice)


def _words(choice: Query, kinds: Mapping[Query, str]) -> str:
    """A set in words: "red", "a dog", "left of the bus"; "" where it has none. `kinds` are what things are called."""
    if choice in kinds:
        return with_article(kinds[choice])
    match choice:
        case Project(relation=relation, source=Entity(name=name), inverse=True) if relation in OF_COLOUR:
            return name
        case Project(relation=relation, source=source, inverse=True) if relation in _SAID and source in kinds:
            return f"{relation.replace('_', ' ')} the {kinds[source]}"
    return ""


def _are_opposites(choices: list[Query]) -> bool:
    """Whether some sets are two, and nothing is in both: what is left and what is right of one thing."""
    match choices:
        case [Project(relation=one, source=first), Project(relation=other, source=second)]:
            return first == second and one != other and CONVERSES.get(one) == other
    return False


LEAST_SURE, POSSIBLE = 0.3, 0.1
"""Probability below which no reading is taken, and from which one is tried where nothing fits those before."""


@lru_cache(maxsize=256)
def sure_readings(
    text: str, matcher: Matcher, adapter: Path, pieces: Pieces = PICTURE, actions: tuple[str, ...] = ()
) -> Sequence[ExpressionReading]:
    """What an expression may well mean, the likeliest first; the last ones are kept.

    Args:
        pieces: of what the expression speaks about.
        actions: the labels of the actions that a video was divided into.

    Raises:
        InstructionError: the text is empty or cannot be read, or a word names nothing that the model can detect.
    """
    prompt = TextPrompt(text)
    prompt.check("expression")
    reader = readers(adapter).expressions if pieces is PICTURE else readers(adapter).videos
    readings = [one for one in reader.read(prompt, matcher, actions) if one.probability >= POSSIBLE]
    if not readings or readings[0].probability < LEAST_SURE:
        raise InstructionError(
            f'it is not clear what "{text}" means; say it by class, colour, size, place, number or relation, as in '
            f"{pieces.example}"
        )
    return readings


def expression_classes(text: str, matcher: Matcher, adapter: Path = PACKAGED) -> tuple[Target, ...] | None:
    """What a detector must look for so that an expression can be grounded.

    Returns:
        One target for each phrase that means something else, in order, under the names of the classes where it is
        narrower than these, or None where the expression speaks of things of
        any class ("what is left of the bus?"). Colours are no part of the targets: the scene has them.

    Raises:
        InstructionError: the text is empty or cannot be read, or a word names nothing that the model can detect.
        LLMError: the adapter or the weights are missing or damaged.
    """
    return targets_of(sure_readings(text, matcher, adapter))


def targets_of(readings: Sequence[ExpressionReading]) -> tuple[Target, ...] | None:
    """The same for an expression that is read: what any of its readings, at least one, speaks of."""
    if any(_speaks_of_everything(reading.sentence.things) for reading in readings):
        return None
    targets: dict[str, Target] = {}
    for reading in readings:
        for match in reading.matches.values():
            for label in match.classes if match.narrower else (match.thing,):
                targets.setdefault(label, Target(label, (label,) if match.narrower else match.classes))
    return tuple(targets.values())


def _speaks_of_everything(query: Query) -> bool:
    measured = getattr(getattr(query, "measure", None), "sets", ())
    return query == EVERYTHING or any(map(_speaks_of_everything, (*query.children, *measured)))


MAX_JUSTIFIED = 50
"""Objects whose reasons are given."""

UNSURE = 0.3
"""Share of the score that sure objects have, down to which an expression's objects are looked for."""


@dataclass(frozen=True)
class Justification:
    """Why one object is an answer.

    Attributes:
        name: the object's name in the scene.
        index: its position among the scene's detections.
        facts: the triples of the scene that make it one: head, relation, tail or value.
        words: the same in English.
    """

    name: str
    index: int
    facts: tuple[Fact, ...]
    words: str

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable."""
        return {**vars(self), "facts": [list(fact) for fact in self.facts]}


@dataclass(frozen=True, eq=False)
class Grounding:
    """What an expression or question means in an image.

    Two are equal where all but their scenes is.

    Attributes:
        expression: as it was read.
        question: what it asks for: "find" things, "count" them, whether any "exists" or something holds, their
            "colour", "what" or "where" they are.
        scene: what it was asked of.
        detections: the objects that it means, counts or asks about, best first.
        value: the number, truth value or word that answers a question; None where things themselves are asked for, or
            a number or a truth value that the model cannot tell; the notes say why.
        query: the logical query that was run.
        justification: the reasons of each object, in the order of `detections`.
        notes: what was assumed, one sentence each.
        passed_over: where nothing fits, what there is of the class that is asked for, in a sentence, which is among the
            notes too; "" where there is nothing of it.
        alternatives: of a yes-or-no question that names some and is true, which of them hold; the notes say it too.
        narrower: words of it that name only a part of what the classes of the objects count, as "limousine" of "car":
            whether one of them is that can't be told, which the notes say too.
    """

    expression: str
    question: Question
    scene: Scene
    detections: Detections
    value: Value | None
    query: Query
    justification: tuple[Justification, ...]
    notes: tuple[str, ...] = ()
    passed_over: str = ""
    alternatives: Alternatives | None = None
    narrower: tuple[str, ...] = ()

    def __repr__(self) -> str:
        value = "" if self.value is None else f", value={self.value!r}"
        return f"Grounding({self.expression!r}, {self.question!r}, objects={counted(self.detections)}{value})"

    def __eq__(self, other: object) -> bool:
        return self._compared == other._compared if isinstance(other, Grounding) else NotImplemented

    def __hash__(self) -> int:
        return hash((self.expression, self.question, self.query, self.value))

    @property
    def _compared(self) -> tuple[object, ...]:
        told = (self.value, self.justification, self.notes)
        return self.expression, self.question, self.query, self.detections, *told

    def _repr_html_(self) -> str:
        """What a notebook shows: the value, the picture with the objects that are meant, and the reasons of each."""
        reasons = [one.words for one in self.justification]
        reasons += [""] * (len(self.detections) - len(reasons))
        says = "" if self.value is None else replace(self.detections, value=self.value).text
        notes = [note for note in self.notes if note not in self.detections.notes]
        return html(
            element("p", element("em", self.expression)),
            *shown(self.detections, says, {"why": reasons}),
            *(element("p", note) for note in notes),
            element("p", "Query: ", element("code", str(self.query))),
        )

    def _repr_png_(self) -> bytes | None:
        return self.detections._repr_png_()

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable: the expression, query, value, objects with boxes and scores, reasons and notes."""
        found = self.detections
        return {
            "expression": self.expression,
            "question": self.question,
            "query": str(self.query),
            "value": self.value,
            "objects": [
                {
                    "label": name,
                    "class": found.model_classes[i],
                    "xyxy": [round(float(v), 2) for v in found.xyxy[i]],
                    "score": None if found.scores is None else round(float(found.scores[i]), 4),
                }
                for i, name in enumerate(found.class_names)
            ],
            "justification": [reason.to_dict() for reason in self.justification],
            "notes": list(self.notes),
        }


def ground(
    text: str, scene: Scene, matcher: Matcher, min_score: float | None = None, adapter: Path = PACKAGED
) -> Grounding:
    """Answer a referring expression or a question about an image.

    Args:
        text: such as "the person left of the bus", "cars that are not near any person" or "how many dogs are there?".
        scene: what was found; objects of the classes that `expression_classes` gives are enough.
        matcher: knows what words mean among the detector's classes.
        min_score: what an object must score to be there, where the scene holds less sure ones too. An expression speaks
            of what is there, so where nothing sure fits, the less sure are looked at down to `UNSURE` of it; a number
            or a truth value is always told of the sure alone.
        adapter: folder of the adapter that reads.

    Raises:
        InstructionError: the text is empty or cannot be read, a word names nothing that the model can detect, or
            `min_score` is outside 0 to 1.
        LLMError: the adapter or the weights are missing or damaged.
    """
    if min_score is not None and not is_score(min_score):
        raise InstructionError(f"min_score is {min_score!r}: expected a number from 0 to 1")
    return grounded(text, sure_readings(text, matcher, adapter), scene, min_score)


def grounded(
    text: str, readings: Sequence[ExpressionReading], scene: Scene, min_score: float | None = None
) -> Grounding:
    """The answer to what an expression was read as; see `ground`."""
    tried = (_Fit(part, note, *first_fitting(readings, part)) for part, note in _parts(scene, min_score, readings[0]))
    sure = next(tried)
    fit = sure if len(sure.answer.ranked) else next((fit for fit in tried if len(fit.answer.ranked)), sure)
    scene, asked, answer = fit.scene, fit.asked, fit.answer
    sentence = asked.sentence
    members = scene.members(answer if sentence.query == sentence.things else things_of(asked, scene))
    # That nothing is found is what a number or a truth value says, and of things what is said of them below.
    of_answer = () if sentence.question in OF_ALL or not len(answer.ranked) else answer.notes
    notes = [*scene.notes, *fit.notes, *of_answer, *not_found(asked, scene), *asked.notes]
    kept, chosen = _surest(sentence, scene, members)
    value, more = value_of(asked, scene, answer, [scene.objects[i] for i in kept])
    narrower, untold = narrower_words(asked, scene, [scene.objects[i] for i in kept])
    if narrower and sentence.question in OF_ALL:
        value, more = None, []
    others = "" if kept else passed_over(sentence.things, asked.classes, scene)
    more += [*untold, *([others] if others else [])]
    alternatives = alternatives_held(asked, scene) if value is True else None
    more += [f"Of what the question names this holds: {alternatives.held}."] if alternatives else []
    return Grounding(
        expression=text,
        question=sentence.question,
        scene=scene,
        detections=scene.detections[kept],
        value=value,
        query=answer.query,
        justification=tuple(_justified(index, asked, scene) for index in kept[:MAX_JUSTIFIED]),
        notes=tuple(dict.fromkeys([*notes, *chosen, *more])),
        passed_over=others,
        alternatives=alternatives,
        narrower=tuple(narrower),
    )


@dataclass(frozen=True)
class _Fit:
    """What came of an expression in a part of a scene."""

    scene: Scene
    notes: tuple[str, ...]
    asked: Asked
    answer: Answer


def _parts(
    scene: Scene, min_score: float | None, reading: ExpressionReading
) -> Iterator[tuple[Scene, tuple[str, ...]]]:
    """The scene's surest objects, then with less and less sure ones, each with a note where they are unsure."""
    scores = scene.detections.scores
    if min_score is None or scores is None:
        yield scene, ()
        return
    bounds = [min_score]
    if reading.sentence.question not in OF_ALL:
        bounds += [min_score * share for share in (0.75, 0.5, UNSURE)]
    before = -1
    for bound in bounds:
        count = int((scores[: len(scene)] >= bound).sum())
        if count > before:
            unsure = f"Nothing that scores at least {min_score:g} fits; objects down to {bound:.2g} were looked at."
            yield scene.best(count), () if bound == min_score else (unsure,)
        before = count


def _surest(sentence: Sentence, scene: Scene, members: list[int]) -> tuple[list[int], list[str]]:
    """The objects that are returned: all, or as many of the surest as are asked for; with notes."""
    area, scores = scene.detections.area, scene.detections.scores
    why = "the highest score" if scores is not None and len(set(scores[members].tolist())) > 1 else "the largest box"

    def place(i: int) -> tuple[float, float, int]:
        return -float(scores[i]) if scores is not None else 0.0, -float(area[i]), i

    return as_many(sentence, members, place, (f"with {why}", f"with {why}"))


def _justified(index: int, asked: Asked, scene: Scene) -> Justification:
    """The triples that make one object an answer: the evidence of the query narrowed to it."""
    name = scene.objects[index].name
    evidence = reasons(Intersect((Entity(name), asked.sentence.things)), asked, scene)
    facts = telling(((one.head, one.relation, one.tail) for one in evidence), name)
    return Justification(name, index, facts, "; ".join(map(in_words, facts)))
