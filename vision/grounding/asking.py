"""A question asked of a graph of things (an image's objects or a video's tracks), relaxed where nothing matches.

Readings are tried in order, then their wider senses, and the first that anything fits is taken, since people speak of
what is there: a cup is "on" a table whose box it merely overlaps. What is denied is never widened, since even less
would fit. A count or a yes-or-no question takes the first reading whatever it gives.
"""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from reasoning import Answer, Query
from reasoning.answer import Evidence
from reasoning.query.records import with_parts
from reasoning.query.tree import Compare, Complement, Entity, Intersect, Project, Top
from reasoning.query.tree import Value as QueryValue
from skylark.errors import SkylarkError
from vision.detections.showing import in_other_colours, listed, narrower_note, there_is, with_article
from vision.parsing.expression_reader import ExpressionReading
from vision.parsing.prompt import Sentence, both, either
from vision.scene.graph import BETWEEN, KIND, OBJECT, SceneObject
from vision.video.events import BEGINS_BEFORE_END, SHARES_TIME
from vision.video.motions import BEFORE, CARRIES, CROSSES, DURING, MOVES

LOOSE: Mapping[str, tuple[str, ...]] = {
    "on": ("inside", "overlapping"),
    "on_top_of": ("on", "overlapping"),
    "inside": ("overlapping",),
    "contains": ("overlapping",),
    "overlapping": ("near",),
    "next_to": ("near",),
    "in_front_of": ("next_to", "overlapping"),
    "behind": ("next_to", "overlapping"),
    "under": ("below",),
    "colour": ("partly",),
    CARRIES: ("overlapping",),
    CROSSES: (MOVES,),
    "after": (BEGINS_BEFORE_END,),
    DURING: (SHARES_TIME,),
}
"""Relation, or kind of event, to those of its wider sense; "after" is `before` from its other end."""


def loosened(query: Query) -> Iterator[tuple[Query, tuple[str, ...]]]:
    """A query with one relation in its wider sense, each in turn, then with all; and which those are."""
    places = list(_places(query))
    choices: list[Collection[int]] = [{at} for at in range(len(places))] if len(places) > 1 else []
    if places:
        choices.append(range(len(places)))
    for chosen in choices:
        words = tuple(dict.fromkeys(places[at].replace("_", " ") for at in chosen))
        yield _widened(query, chosen, iter(range(len(places)))), words


def _places(query: Query) -> Iterator[str]:
    """The words with a wider sense, but those that are denied, in the order in which `_widened` meets them."""
    if isinstance(query, Complement):
        return
    if isinstance(query, Project) and (word := _word(query)) in LOOSE:
        yield word
    for part in query.children:
        yield from _places(part)


def _word(query: Project) -> str:
    """What a projection says: its relation, or of events the kind that they are of; `before(E)` is what comes after."""
    if query.relation == KIND and isinstance(query.source, Entity):
        return query.source.name
    return "after" if query.relation == BEFORE and not query.inverse else query.relation


def _widened(query: Query, chosen: Collection[int], numbers: Iterator[int]) -> Query:
    if isinstance(query, Complement | Entity):
        return query
    if not isinstance(query, Project):
        widened: Query = with_parts(query, lambda part: _widened(part, chosen, numbers))
        return widened
    word = _word(query)
    widen = word in LOOSE and next(numbers) in chosen
    source = _widened(query.source, chosen, numbers)
    if not widen:
        return dataclasses.replace(query, source=source)
    if query.relation == KIND:
        return either([dataclasses.replace(query, source=Entity(name)) for name in LOOSE[word]])
    return either([dataclasses.replace(query, relation=name, source=source) for name in LOOSE[word]])


OF_ALL = ("count", "exists")
"""Questions that are answered of everything that is there."""

Value = int | bool | str
"""A number, a truth value or a word."""

TAKEN_FOR = " was taken for "
"""In a note on a thing that others are told by, and that is of a narrower word than can be told."""

NOT_SEEN, NOT_SURE, NOTHING = "unknown", "unsure", "nothing"
UNTOLD = (NOT_SEEN, NOT_SURE)
"""Words for what can't be told of things: there are none, or what they look like leaves it open."""

Fact = tuple[str, str, str | float]
"""Head, relation, tail or value."""


class Things(Protocol):
    """A graph of things that can be asked."""

    @property
    def objects(self) -> tuple[SceneObject, ...]:
        """The things, in the order of their entities."""

    def answer(self, query: Query | str, words: Sequence[str] = ()) -> Answer:
        """Run a query, which may name some classes although nothing is of them."""

    def members(self, answer: Answer) -> list[int]:
        """Places of an answer's things among them."""


@dataclass(frozen=True)
class Asked:
    """A sentence that was asked of a scene, and which relations were taken in their wider sense for it.

    Attributes:
        reading: as it was read.
        sentence: as it was asked.
        loosened: the relations.
    """

    reading: ExpressionReading
    sentence: Sentence
    loosened: tuple[str, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """All classes that its words mean, each once."""
        return tuple(dict.fromkeys(name for match in self.reading.matches.values() for name in match.classes))

    @property
    def notes(self) -> list[str]:
        """What is to be said of its wider senses."""
        return [f'Nothing fits "{name}" strictly, so it was taken loosely.' for name in self.loosened]


def first_fitting(readings: Sequence[ExpressionReading], scene: Things) -> tuple[Asked, Answer]:
    """The first sentence that anything fits: as it was read, then what else may be meant, then in wider senses."""
    strict = [Asked(reading, reading.sentence) for reading in readings]
    first = scene.answer(strict[0].sentence.query, strict[0].classes)
    if strict[0].sentence.question in OF_ALL or len(first.ranked):
        return strict[0], first
    wider = (
        Asked(asked.reading, replace(asked.sentence, things=things), words)
        for asked in strict
        for things, words in loosened(asked.sentence.things)
    )
    for asked in (*strict[1:], *wider):
        if asked.sentence.question not in OF_ALL:
            answer = scene.answer(asked.sentence.query, asked.classes)
            if len(answer.ranked):
                return asked, answer
    return strict[0], first


def things_of(asked: Asked, scene: Things) -> Answer:
    """What a sentence asks about, whatever it asks of it."""
    return scene.answer(asked.sentence.things, asked.classes)


def not_found(asked: Asked, scene: Things) -> list[str]:
    """Things that an expression names of which the scene has none; of one thing alone its value says it."""
    there = {item.class_name for item in scene.objects}
    named = {match.thing: match.classes for match in asked.reading.matches.values()}
    if asked.sentence.question in OF_ALL and len(named) < 2 and isinstance(asked.sentence.things, Project):
        return []
    return [f"No {thing} was found." for thing, classes in named.items() if there.isdisjoint(classes)]


def narrower_words(asked: Asked, scene: Things, objects: Sequence[SceneObject]) -> tuple[list[str], list[str]]:
    """The words of a question or expression that are narrower than the classes of the objects that it is about, which
    can't be told of these; with notes.
    """
    narrower = [match for match in asked.reading.matches.values() if match.narrower]
    if asked.sentence.denied:  # of all that is there: what is found is what speaks against it
        objects = [item for item in scene.objects if any(item.class_name in match.classes for match in narrower)]
    names = [item.class_name for item in objects]
    words = list(dict.fromkeys(match.thing for match in narrower if not set(names).isdisjoint(match.classes)))
    notes = [narrower_note(names, words, asked.sentence.question in OF_ALL)] if words else []
    for match in narrower:
        there = dict.fromkeys(item.class_name for item in scene.objects if item.class_name in match.classes)
        if there and match.thing not in words:
            taken = f"Any {listed([*there], 'or')}{TAKEN_FOR}{with_article(match.thing)}"
            notes.append(f"{taken}, since I can't tell which is one.")
    return words, notes


def as_many(
    sentence: Sentence, members: list[int], key: Callable[[int], Any], which: tuple[str, str]
) -> tuple[list[int], list[str]]:
    """As many things as a sentence asks for, with notes; all where it asks for all or of all.

    Args:
        members: places of the things that fit.
        key: of a place; of more than are asked for those with the least are taken.
        which: what marks these, said of one and of several: "with the highest score".
    """
    amount = sentence.wanted
    if sentence.question in OF_ALL or amount is None or len(members) == amount:
        return members, []
    if len(members) < amount:
        few = f"Only {len(members)} of the {amount} things asked for were found."
        return members, [few] if members and amount > 1 else []
    one, several = which
    taken = f"the one {one} was" if amount == 1 else f"the {amount} {several} were"
    return sorted(members, key=key)[:amount], [f"{len(members)} things fit; {taken} taken."]


def value_of(
    asked: Asked, scene: Things, answer: Answer, objects: Sequence[SceneObject]
) -> tuple[Value | None, list[str]]:
    """The value that answers a question, with notes; None where things themselves are asked for."""
    match asked.sentence.question:
        case "count":
            assert isinstance(answer.value, int)
            return answer.value, []
        case "exists":
            return _truth(asked, scene, answer)
        case "find":
            return None, []
    return _said_of(asked.sentence.question, objects)


_COMPARISONS = {">=": operator.ge, "<=": operator.le, "=": operator.eq}


def _truth(asked: Asked, scene: Things, answer: Answer) -> tuple[bool | None, list[str]]:
    """Whether what a yes-or-no question says holds, with notes; None where that can't be told."""
    sentence = asked.sentence
    if sentence.bound is not None:
        assert isinstance(answer.value, int)
        comparison, number = sentence.bound
        return _COMPARISONS[comparison](answer.value, number), [f"There are {answer.value}."]
    subject = _subject(sentence)
    if subject is not None and not len(scene.answer(subject, asked.classes).ranked):
        return False, ["There are none of the things that are asked about."]
    if not answer.value and not sentence.denied and _is_told_by_what_is_missing(asked, scene):
        return None, ["What it is told by may be there all the same, so that it can't be told."]
    return bool(answer.value) != sentence.denied, []


def _is_told_by_what_is_missing(asked: Asked, scene: Things) -> bool:
    """Whether something is there of which is asked how it lies to a thing that was not found.

    "Is the dog left of the skateboard?" speaks of a skateboard that is there, and was missed if none was found.
    """
    things = asked.sentence.things
    if not isinstance(things, Intersect):
        return False
    of_class = [part for part in things.parts if _only_by(part, OF_CLASS)]
    if not of_class or not len(scene.answer(both(of_class), asked.classes).ranked):
        return False
    there = {item.class_name for item in scene.objects}
    return any(there.isdisjoint(match.classes) for match in asked.reading.matches.values())


def _subject(sentence: Sentence) -> Query | None:
    """What must be there for all of it to be something: the cars, of "are all cars red?"."""
    things = sentence.things
    if not sentence.denied or not isinstance(things, Intersect):
        return None
    rest = tuple(part for part in things.parts if not isinstance(part, Complement))
    return both(rest) if rest and len(rest) < len(things.parts) else None


def _said_of(question: str, objects: Sequence[SceneObject]) -> tuple[str, list[str]]:
    """The word that answers what colour things are, where or what they are, with notes."""
    if not objects:
        return NOTHING if question == "what" else NOT_SEEN, ["Nothing in the scene fits."]
    if question == "colour":
        sure = dict.fromkeys(item.colours[0] for item in objects if not item.doubt)
        doubts = [f"The colour of {item.name} is unsure: {item.doubt}." for item in objects if item.doubt]
        return ", ".join(sure) or NOT_SURE, doubts
    if question == "where":
        return "; ".join(dict.fromkeys(whereabouts(item.positions) for item in objects)), []
    return ", ".join(dict.fromkeys(item.class_name for item in objects)), []


def whereabouts(positions: tuple[str, ...]) -> str:
    """ "top left", "right", "centre": by thirds."""
    thirds = [name.removesuffix(" third") for name in positions if name.endswith(" third") and name != "middle third"]
    return " ".join(sorted(thirds, key=("top", "bottom", "left", "right").index)) or "centre"


OF_CLASS, OF_COLOUR = ("class", "supercategory"), ("main_colour", "colour", "partly")
"""Relations of a scene's graph to words for what things are, and for their colours."""


def passed_over(things: Query, classes: Sequence[str], scene: Things) -> str:
    """What there is of the class that is asked for, and as which colours it is seen where these rule it out."""
    while isinstance(things, Top | Compare):
        things = things.source
    if not isinstance(things, Intersect):
        return ""

    def there(parts: list[Query]) -> list[SceneObject]:
        fitting = scene.members(scene.answer(both(parts), classes)) if parts else []
        return [scene.objects[i] for i in fitting]

    of_class = [part for part in things.parts if _only_by(part, OF_CLASS)]
    of_any_colour = [part for part in things.parts if not _only_by(part, OF_COLOUR)]
    if of_class and len(of_any_colour) < len(things.parts) and (seen := there(of_any_colour)):
        return in_other_colours([item.class_name for item in seen], [item.colours for item in seen])
    if seen := there(of_class):
        what = there_is([item.class_name for item in seen])
        return f"{what}, but what else is asked of {'it' if len(seen) == 1 else 'them'} does not fit."
    return ""


def _only_by(query: Query, relations: Sequence[str]) -> bool:
    """Whether a set is told by these relations to words alone: "red", "not red", "a cat or a dog"."""
    if isinstance(query, Project):
        return query.relation in relations and isinstance(query.source, Entity)
    return bool(query.children) and all(_only_by(part, relations) for part in query.children)


def reasons(narrowed: Query, asked: Asked, scene: Things) -> list[Evidence]:
    """The evidence of a query that is narrowed to one thing; none where it becomes deeper than queries may be."""
    try:
        return list(scene.answer(narrowed, asked.classes).evidence)
    except SkylarkError:
        return []


def telling(facts: Iterable[tuple[str, str, str | QueryValue]], name: str) -> tuple[Fact, ...]:
    """The facts that tell something of a thing, its own first; that it is a thing tells nothing."""
    rounded: list[Fact] = []
    for head, relation, tail in facts:
        assert isinstance(tail, str | int | float)
        if tail != OBJECT:
            rounded.append((head, relation, tail if isinstance(tail, str) else round(float(tail), 1)))
    return tuple(sorted(rounded, key=lambda fact: fact[0] != name))


_VERBS = {"class": "is {}", "supercategory": "is of the kind {}", "colour": "is {}", "position": "is in the {}"}


def in_words(fact: Fact) -> str:
    """A fact in English."""
    head, relation, tail = fact
    if relation in _VERBS:
        said = _VERBS[relation].format(with_article(str(tail)) if relation == "class" else tail)
    elif relation == "size":
        said = f"is {tail}"
    elif isinstance(tail, float):
        said = "lies between them" if relation.startswith(BETWEEN) else f"has {relation.replace('_', ' ')} {tail:g}"
    else:
        said = f"{'' if relation == 'contains' else 'is '}{relation.replace('_', ' ')} {tail}"
    return f"{head} {said}"
