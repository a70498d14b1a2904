"""Which of its alternatives holds, where a yes-or-no question names some: "is the dog left or right of the bus?"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reasoning import Query
from reasoning.query.tree import Entity, Intersect, Project, Union
from vision.detections.description import listed, with_article
from vision.grounding.asking import OF_CLASS, OF_COLOUR, Asked, Things
from vision.reading.expressions.sentence import both
from vision.scene.relations import CONVERSES


@dataclass(frozen=True)
class Alternatives:
    """What a yes-or-no question names to choose from.

    Attributes:
        held: those that hold, in words: "left of the bus".
        exclusive: whether one of them alone can hold, so that which one does is what is asked.
    """

    held: str
    exclusive: bool

    def answer(self, doubt: str = "") -> str:
        """As the answer to the question; `doubt` is how surely it is told, such as ", I think"."""
        return f"{self.held[:1].upper()}{self.held[1:]}{doubt}" if self.exclusive else f"Yes{doubt}: {self.held}"


def alternatives_held(asked: Asked, scene: Things) -> Alternatives | None:
    """Which alternatives of a question hold; None where it names none, none holds, or they have no words.

    Args:
        asked: the question.
        scene: of what.
    """
    sentence = asked.sentence
    if sentence.question != "exists" or sentence.denied or sentence.bound is not None:
        return None
    parts = sentence.things.parts if isinstance(sentence.things, Intersect) else (sentence.things,)
    for place, part in enumerate(parts):
        if not (choices := _choices(part)):
            continue
        rest = [*parts[:place], *parts[place + 1 :]]
        holding = [words for choice, words in choices if len(scene.answer(both([*rest, choice]), asked.classes).ranked)]
        if not holding or not all(words for _, words in choices):
            return None
        return Alternatives(listed(holding), _excludes([choice for choice, _ in choices]))
    return None


def _choices(part: Query) -> list[tuple[Query, str]]:
    """The alternatives of a part of a query, each with its words; none where it has none."""
    if isinstance(part, Union):
        return [(choice, _words(choice)) for choice in part.parts]
    if isinstance(part, Project) and isinstance(part.source, Union):
        return [(Project(part.relation, one, inverse=part.inverse), _thing(one)) for one in part.source.parts]
    return []


def _words(choice: Query) -> str:
    """A set in words: "red", "a dog", "left of the bus"; "" where it has none."""
    if not isinstance(choice, Project) or not choice.inverse:
        return ""
    if isinstance(choice.source, Entity):
        return choice.source.name if choice.relation in OF_COLOUR else _thing(choice)
    thing = _thing(choice.source)
    return f"{choice.relation.replace('_', ' ')} the {thing.partition(' ')[2] or thing}" if thing else ""


def _thing(query: Query) -> str:
    match query:
        case Project(relation=relation, source=Entity(name=name), inverse=True) if relation in OF_CLASS:
            return with_article(name)
    return ""


def _excludes(choices: Sequence[Query]) -> bool:
    """Whether no two of some sets have a thing in common: left and right of one thing, or several colours."""
    projected = [choice for choice in choices if isinstance(choice, Project)]
    if len(projected) < len(choices):
        return False
    if all(one.relation in OF_COLOUR for one in projected):
        return True
    relations = [one.relation for one in projected]
    return len(relations) == 2 and relations[0] != relations[1] == CONVERSES.get(relations[0])
