"""What the words that an expression names things by mean in a scene: classes, kinds of classes, colours, everything."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from reasoning import Query
from reasoning.query.tree import Entity, Project
from vision.classes import COCO_SUPERCATEGORIES
from vision.classes.matching import Match, Matcher
from vision.classes.phrases import COLOURS
from vision.errors import InstructionError
from vision.reading.expressions.actions import action_named
from vision.reading.expressions.sentence import EVERYTHING, both, either

PEOPLE = frozenset({
    "who", "whoever", "someone", "somebody", "anyone", "anybody", "nobody", "no one", "everyone", "everybody", "he",
    "she", "they", "him", "her", "them",
})  # fmt: skip
THINGS = frozenset({
    "thing", "things", "object", "objects", "anything", "something", "everything", "nothing", "what", "it",
    "one", "ones",
})  # fmt: skip


class Meanings:
    """Phrases as queries.

    Args:
        matcher: what words mean among the classes of the detector.
        actions: the labels of the actions that a video was divided into.

    Attributes:
        matches: what each phrase that was asked for means.
    """

    def __init__(self, matcher: Matcher, actions: Sequence[str] = ()) -> None:
        self._matcher, self._actions = matcher, actions
        self.matches: dict[str, Match] = {}

    def of(self, phrase: str) -> Query:
        """What a phrase names.

        Raises:
            InstructionError: the detector has no class for it.
        """
        word = phrase.lower()
        if word in THINGS:
            return EVERYTHING
        if (colour := COLOURS.get(word)) is not None:
            return _has("colour", colour)
        match = self._matcher.match("person" if word in PEOPLE else phrase)
        if not match.classes:
            nearest = f"; nearest: {', '.join(match.nearest)}" if match.nearest else ""
            raise InstructionError(f'this model has no class for "{phrase}"{nearest}')
        self.matches[phrase] = match
        kind = kind_meant(match)
        return both([kind, _has("colour", match.colour)]) if match.colour else kind

    def action(self, phrase: str) -> str:
        """The label of the action that a phrase names.

        Raises:
            InstructionError: the video was not divided into actions, or none is like it.
        """
        return action_named(phrase, self._actions)


def kind_meant(match: Match) -> Query:
    """The things of the classes that a phrase means, whatever their colour."""
    supercategory = _supercategories().get(match.classes)
    if supercategory is not None:
        return _has("supercategory", supercategory)
    return either([_has("class", name) for name in match.classes])


def _has(relation: str, word: str) -> Query:
    return Project(relation, Entity(word), inverse=True)


@cache
def _supercategories() -> dict[tuple[str, ...], str]:
    """All classes of a COCO supercategory to its name, where there are several."""
    members: dict[str, list[str]] = {}
    for name, supercategory in COCO_SUPERCATEGORIES.items():
        members.setdefault(supercategory, []).append(name)
    return {tuple(names): supercategory for supercategory, names in members.items() if len(names) > 1}
