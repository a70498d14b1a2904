"""Answers about a scene: the boxes that an expression means, or the value that a question asks for, with their reasons.

"The X" means one thing: of several that fit, the detector's surest is returned, and the notes say how many there were.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kg_data.markup import element, html
from reasoning import Answer, Query
from reasoning.query.tree import Entity, Intersect
from vision.classes.matching import Matcher
from vision.detections.detections import Detections
from vision.detections.fields import is_score
from vision.detections.showing import counted, shown
from vision.errors import InstructionError
from vision.grounding.alternatives import Alternatives, alternatives_held
from vision.grounding.asking import (
    OF_ALL,
    Asked,
    Fact,
    Value,
    as_many,
    first_fitting,
    in_words,
    not_found,
    passed_over,
    reasons,
    telling,
    things_of,
    value_of,
)
from vision.grounding.readings import sure_readings
from vision.reading.expressions.reader import ExpressionReading
from vision.reading.expressions.sentence import Question, Sentence
from vision.reading.loading import PACKAGED
from vision.scene.graph import Scene

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
        return {
            "name": self.name,
            "index": self.index,
            "facts": [list(fact) for fact in self.facts],
            "words": self.words,
        }


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
        """The picture, for front ends that show no HTML; None where the image is not known."""
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
    """The answer to what an expression was read as; see `ground`.

    Args:
        text: the expression.
        readings: what it may mean, the likeliest first, at least one.
        scene: what was found.
        min_score: what an object must score to be there.
    """
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
    others = "" if kept else passed_over(sentence.things, asked.classes, scene)
    more += [others] if others else []
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
