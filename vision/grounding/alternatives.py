"""Which of its alternatives holds, where a yes-or-no question names some: "is the dog left or right of the bus?"."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from reasoning import Query
from reasoning.query.tree import Entity, Intersect, Project, Union
from vision.classes.matching import Match
from vision.detections.description import listed, with_article
from vision.grounding.asking import OF_COLOUR, Asked, Things
from vision.reading.expressions.sentence import both, either, same_things
from vision.scene.relations import CONVERSES, RELATIONS

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

    Args:
        asked: the question.
        scene: of what.
    """
    sentence = asked.sentence
    if sentence.question != "exists" or sentence.denied or sentence.bound is not None:
        return None
    things = same_things(sentence.things)
    parts = things.parts if isinstance(things, Intersect) else (things,)
    matches = asked.reading.matches.values()
    named = [(part, choices) for part in parts if (choices := _choices(part, matches))]
    if len(named) != 1 or not all(words for _, words in named[0][1]):
        return None
    [(union, choices)] = named
    rest = [part for part in parts if part is not union]
    fitting = [(words, scene.members(scene.answer(both([*rest, choice]), asked.classes))) for choice, words in choices]
    held = [words for words, members in fitting if members]
    by_colour = all(_is_colour(choice) for choice, _ in choices)
    if not held or (by_colour and any(scene.objects[place].doubt for _, members in fitting for place in members)):
        return None
    is_choice = len(held) == 1 and (by_colour or _are_opposites([choice for choice, _ in choices]))
    return Alternatives(f"{'both ' * (len(held) == 2)}{listed(held)}", is_choice)


def _choices(part: Query, matches: Iterable[Match]) -> list[tuple[Query, str]]:
    """The alternatives that a part of a query was said to have, each with its words; none where it has none."""
    if not isinstance(part, Union):
        return []
    classes = _classes(part)
    if classes is None:
        return [(choice, _words(choice, matches)) for choice in part.parts]
    # A word such as "pet" means several classes; alternatives are what several words mean.
    said = [match for match in matches if set(match.classes) <= classes]
    if len(said) < 2 or set().union(*(match.classes for match in said)) != classes:
        return []
    return [(either([_of_class(name) for name in match.classes]), with_article(match.thing)) for match in said]


def _words(choice: Query, matches: Iterable[Match]) -> str:
    """A set in words: "red", "left of the bus"; "" where it has none."""
    if not isinstance(choice, Project) or not choice.inverse:
        return ""
    if _is_colour(choice):
        return str(choice.source.name) if isinstance(choice.source, Entity) else ""
    classes = _classes(choice.source)
    thing = next((match.thing for match in matches if set(match.classes) == classes), "")
    return f"{choice.relation.replace('_', ' ')} the {thing}" if thing and choice.relation in _SAID else ""


def _of_class(name: str) -> Query:
    return Project("class", Entity(name), inverse=True)


def _classes(query: Query) -> set[str] | None:
    """The classes of a set that is told by classes alone; None of another."""
    names = list(_class_names(query))
    return None if None in names else {name for name in names if name is not None}


def _class_names(query: Query) -> Iterator[str | None]:
    match query:
        case Union(parts=parts):
            for part in parts:
                yield from _class_names(part)
        case Project(relation="class", source=Entity(name=name), inverse=True):
            yield name
        case _:
            yield None


def _is_colour(choice: Query) -> bool:
    return isinstance(choice, Project) and choice.relation in OF_COLOUR


def _are_opposites(choices: list[Query]) -> bool:
    """Whether some sets are two, and nothing is in both: what is left and what is right of a thing."""
    relations = [choice.relation for choice in choices if isinstance(choice, Project)]
    return len(relations) == len(choices) == 2 and relations[0] != relations[1] == CONVERSES.get(relations[0])
