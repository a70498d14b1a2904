"""Answers about a scene: the boxes that an expression means, or the value that a question asks for, with their reasons.

An expression may be read in several ways. They are tried in order, and the first that anything fits is taken, since
people speak of what is there; a count or a yes-or-no question takes the first reading whatever it gives. "The X" means
one thing: of several that fit, the detector's surest is returned, and the notes say how many there were.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kg_data.errors import SkylarkError
from reasoning import Answer, Query
from reasoning.query.tree import Entity, Intersect
from vision.classes.matching import Matcher
from vision.detections.detections import Detections
from vision.errors import InstructionError
from vision.reading.expressions.expressions import ReadExpression, read_expression
from vision.reading.expressions.phrases import Question
from vision.scene.graph import OBJECT, Scene
from vision.scene.measures import BETWEEN
from vision.scene.queries import ExpressionQuery, expression_queries

MAX_JUSTIFIED = 50
"""Objects whose reasons are given."""

UNSURE = 0.3
"""Share of the score that sure objects have, down to which an expression's objects are looked for."""

Value = int | bool | str


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
    facts: tuple[tuple[str, str, str | float], ...]
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

    Attributes:
        expression: as it was read.
        question: what it asks for: "find" things, "count" them, whether any "exists" or something holds ("check"),
            their "colour", "what" or "where" they are.
        scene: what it was asked of.
        detections: the objects that it means, counts or asks about, best first.
        value: the number, truth value or word that answers a question; None where things themselves are asked for.
        query: the logical query that was run.
        justification: the reasons of each object, in the order of `detections`.
        notes: what was assumed, one sentence each.
    """

    expression: str
    question: Question
    scene: Scene
    detections: Detections
    value: Value | None
    query: Query
    justification: tuple[Justification, ...]
    notes: tuple[str, ...] = ()

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


def ground(text: str, scene: Scene, matcher: Matcher, min_score: float | None = None) -> Grounding:
    """Answer a referring expression or a question about an image.

    Args:
        text: such as "the person left of the bus", "cars that are not near any person" or "how many dogs are there?".
        scene: what was found; objects of the classes that `expression_classes` gives are enough.
        matcher: knows what words mean among the detector's classes.
        min_score: what an object must score to be there, where the scene holds less sure ones too. An expression speaks
            of what is there, so where nothing sure fits, the less sure are looked at down to `UNSURE` of it; a number
            or a truth value is always told of the sure alone.

    Raises:
        InstructionError: the text is empty or a part of it cannot be read, a word names nothing that the model can
            detect, or an adjective that no box shows would have to decide between several objects.
    """
    read = read_expression(text, matcher)
    tried = (_Fit(part, note, *_first_fitting(read, part)) for part, note in _parts(scene, min_score, read))
    sure = next(tried)
    fit = sure if len(sure.answer.ranked) else next((fit for fit in tried if len(fit.answer.ranked)), sure)
    scene, asked, answer = fit.scene, fit.asked, fit.answer
    members = scene.members(answer) if asked.query == asked.objects else _objects(asked, scene, read)
    notes = [*scene.notes, *fit.notes, *read.notes, *asked.notes, *answer.notes]
    for name in dict.fromkeys(asked.loosened):
        notes.append(f'Nothing fits "{name}" strictly, so it was taken loosely.')
    kept = _kept(read, asked, scene, members, notes)
    value, more = _value(read, asked, scene, answer, kept)
    unseen = tuple(dict.fromkeys(asked.unseen))
    if unseen:
        _require_alone(unseen, read, members, asked.amount or 1)
        notes.append(f"{_quoted(unseen)} cannot be told from boxes and colours; all that fits the rest was taken.")
    return Grounding(
        expression=read.text,
        question=read.question,
        scene=scene,
        detections=scene.detections[kept],
        value=value,
        query=answer.query,
        justification=tuple(_justified(index, asked, scene, read) for index in kept[:MAX_JUSTIFIED]),
        notes=tuple(dict.fromkeys([*notes, *more])),
    )


@dataclass(frozen=True)
class _Fit:
    """What came of an expression in a part of a scene."""

    scene: Scene
    notes: tuple[str, ...]
    asked: ExpressionQuery
    answer: Answer


def _parts(scene: Scene, min_score: float | None, read: ReadExpression) -> Iterator[tuple[Scene, tuple[str, ...]]]:
    """The scene's surest objects, then with less and less sure ones, each with a note where they are unsure."""
    scores = scene.detections.scores
    if min_score is None or scores is None:
        yield scene, ()
        return
    bounds = [min_score]
    if read.question not in ("count", "exists", "check"):
        bounds += [min_score * share for share in (0.75, 0.5, UNSURE)]
    before = -1
    for bound in bounds:
        count = int((scores[: len(scene)] >= bound).sum())
        if count > before:
            unsure = f"Nothing that scores at least {min_score:g} fits; objects down to {bound:.2g} were looked at."
            yield scene.best(count), () if bound == min_score else (unsure,)
        before = count


def _first_fitting(read: ReadExpression, scene: Scene) -> tuple[ExpressionQuery, Answer]:
    first: tuple[ExpressionQuery, Answer] | None = None
    for asked in expression_queries(read):
        answer = scene.answer(asked.query, read.classes)
        first = first or (asked, answer)
        if read.question in ("count", "exists", "check") or len(answer.ranked):
            return asked, answer
    assert first is not None
    return first


def _objects(asked: ExpressionQuery, scene: Scene, read: ReadExpression) -> list[int]:
    return scene.members(scene.answer(asked.objects, read.classes))


def _kept(
    read: ReadExpression, asked: ExpressionQuery, scene: Scene, members: list[int], notes: list[str]
) -> list[int]:
    """The objects that are returned: all, or as many of the surest as are asked for."""
    if read.question in ("count", "exists", "check"):
        return members
    amount = 1 if asked.single else asked.amount
    if amount is None or len(members) == amount:
        return members
    if len(members) < amount:
        if members and amount > 1:
            notes.append(f"Only {len(members)} of the {amount} things asked for were found.")
        return members
    area, scores = scene.detections.area, scene.detections.scores
    surest = sorted(members, key=lambda i: (-float(scores[i]) if scores is not None else 0.0, -float(area[i]), i))
    why = "the highest score" if scores is not None and len(set(scores[members].tolist())) > 1 else "the largest box"
    if amount == 1:
        notes.append(f"{len(members)} things fit; the one with {why} was taken.")
    else:
        notes.append(f"{len(members)} things fit; the {amount} with {why} were taken.")
    return surest[:amount]


def _value(
    read: ReadExpression, asked: ExpressionQuery, scene: Scene, answer: Answer, kept: list[int]
) -> tuple[Value | None, list[str]]:
    """What a question's answer is, with notes."""
    objects = [scene.objects[i] for i in kept]
    match read.question:
        case "count":
            assert isinstance(answer.value, int)
            return answer.value, []
        case "exists" | "check":
            return _truth(read, asked, scene, answer)
        case "find":
            return None, []
    if not objects:
        return "nothing" if read.question == "what" else "unknown", ["Nothing in the scene fits."]
    if read.question == "colour":
        return ", ".join(dict.fromkeys(item.colours[0] for item in objects if item.colours)) or "unknown", []
    if read.question == "where":
        return "; ".join(dict.fromkeys(_whereabouts(item.positions) for item in objects)), []
    return ", ".join(dict.fromkeys(item.class_name for item in objects)), []


_COMPARISONS = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le, "=": operator.eq}


def _truth(read: ReadExpression, asked: ExpressionQuery, scene: Scene, answer: Answer) -> tuple[bool, list[str]]:
    if asked.each:
        each_exists = [len(scene.answer(query, read.classes).ranked) > 0 for query in asked.each]
        return all(each_exists) != asked.denied, ["Each of the things was asked for by itself."]
    if asked.least is not None:
        assert isinstance(answer.value, int)
        compared = _COMPARISONS[asked.least.bound or "="](answer.value, asked.least.number)
        return compared, [f"There are {answer.value}."]
    if asked.subject is not None and not len(scene.answer(asked.subject, read.classes).ranked):
        return False, ["There are none of the things that are asked about."]
    return bool(answer.value) != asked.denied, []


def _whereabouts(positions: tuple[str, ...]) -> str:
    """ "top left", "right", "centre": by thirds."""
    thirds = [name.removesuffix(" third") for name in positions if name.endswith(" third") and name != "middle third"]
    return " ".join(sorted(thirds, key=("top", "bottom", "left", "right").index)) or "centre"


def _require_alone(unseen: tuple[str, ...], read: ReadExpression, members: list[int], amount: int) -> None:
    """What cannot be seen may be left out only where the rest leaves one thing, so that it decides nothing.

    Raises:
        InstructionError: it would decide.
    """
    if len(members) > amount or read.question in ("count", "exists", "check"):
        raise InstructionError(
            f"{_quoted(unseen)} cannot be told from boxes and colours, and {len(members)} things fit the rest of "
            f'"{read.text}"; say it by class, colour, size, place, number or relation'
        )


def _quoted(words: tuple[str, ...]) -> str:
    return " and ".join(f'"{word}"' for word in words)


def _justified(index: int, asked: ExpressionQuery, scene: Scene, read: ReadExpression) -> Justification:
    """The triples that make one object an answer: the evidence of the query narrowed to it."""
    name = scene.objects[index].name
    try:
        answer = scene.answer(Intersect((Entity(name), asked.objects)), read.classes)
        facts = [(e.head, e.relation, e.tail if isinstance(e.tail, str) else _number(e.tail)) for e in answer.evidence]
    except SkylarkError:  # the query is as deep as queries may be
        facts = []
    telling = tuple(fact for fact in facts if fact[2] != OBJECT)
    own_first = sorted(telling, key=lambda fact: fact[0] != name)
    return Justification(name, index, tuple(own_first), _in_words(own_first))


def _number(value: object) -> float:
    assert isinstance(value, int | float)
    return round(float(value), 1)


_VERBS = {"class": "is a {}", "supercategory": "is of the kind {}", "colour": "is {}", "position": "is in the {}"}


def _in_words(facts: list[tuple[str, str, str | float]]) -> str:
    return "; ".join(f"{head} {_fact_in_words(relation, tail)}" for head, relation, tail in facts)


def _fact_in_words(relation: str, tail: str | float) -> str:
    if relation in _VERBS:
        return _VERBS[relation].format(tail)
    if relation == "size":
        return f"is {tail}"
    if isinstance(tail, float):
        return "lies between them" if relation.startswith(BETWEEN) else f"has {relation.replace('_', ' ')} {tail:g}"
    verb = "" if relation in ("contains",) else "is "
    return f"{verb}{relation.replace('_', ' ')} {tail}"
