"""Which of its alternatives holds, where a yes-or-no question names some: "is the dog left or right of the bus?"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reasoning import Query
from reasoning.query.tree import Entity, Intersect, Project, Union
from vision.detections.description import listed, with_article
from vision.grounding.asking import OF_COLOUR, Asked, Things
from vision.reading.expressions.meaning import kind_meant
from vision.reading.expressions.sentence import both, same_things
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
    by_colour = all(_is_colour(choice) for choice, _ in choices)
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


def _is_colour(choice: Query) -> bool:
    return isinstance(choice, Project) and choice.relation in OF_COLOUR


def _are_opposites(choices: list[Query]) -> bool:
    """Whether some sets are two, and nothing is in both: what is left and what is right of one thing."""
    match choices:
        case [Project(relation=one, source=first), Project(relation=other, source=second)]:
            return first == second and one != other and CONVERSES.get(one) == other
    return False
