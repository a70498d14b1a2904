"""The reader of referring expressions and questions, by the taught model.

A sentence about scene or video is written in the expression's words and read back. The words name classes, kinds of
classes, colours, everything, or an action: labels of actions are terse ("peel_cucumber"), and people say "peeling the
cucumber".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from reasoning import Query
from reasoning.lm.generation import BeamWriter, meanings
from reasoning.query.tree import Entity, Project
from vision.classes import COCO_SUPERCATEGORIES
from vision.classes.matching import Match, Matcher
from vision.classes.vocabulary import COLOURS
from vision.errors import InstructionError
from vision.parsing.expression_codec import expression_grammar, read_back
from vision.parsing.prompt import EVERYTHING, PICTURE, Pieces, Sentence, TextPrompt, both, either, same_things

LEAST_LIKE = 0.5
"""How like a label, 0 to 1, a phrase must be to name it: of two words each has one in common at least."""

SHOWN = 20
"""Labels that an error names."""

_WORD = re.compile(r"[^\W_]+")
_LITTLE = frozenset({"the", "a", "an", "some", "his", "her", "their", "its", "it"})


def action_named(phrase: str, labels: Sequence[str]) -> str:
    """The label of the action, of those that the video was divided into, that a phrase ("peels the cucumber") names.

    Raises:
        InstructionError: there are none, or none is like it.
    """
    if not labels:
        raise InstructionError(f'"{phrase}" is an action, and this video was not divided into actions')
    best = max(labels, key=lambda label: _likeness(phrase, label))
    if _likeness(phrase, best) < LEAST_LIKE:
        raise InstructionError(f'no action is like "{phrase}"; there are: {", ".join(labels[:SHOWN])}')
    return best


def _likeness(phrase: str, label: str) -> float:
    """The harmonic mean of how much of the phrase's words the label has, and of the label's the phrase, 0 to 1."""
    said, named = ([word for word in _WORD.findall(text.lower()) if word not in _LITTLE] for text in (phrase, label))
    if not said or not named:
        return 0.0
    of_said = sum(max(_shared(word, other) for other in named) for word in said) / len(said)
    of_named = sum(max(_shared(word, other) for other in said) for word in named) / len(named)
    return 2 * of_said * of_named / (of_said + of_named) if of_said + of_named else 0.0


def _shared(word: str, other: str) -> float:
    """Share of the shorter word that both begin with, if it is most of it: "placing" and "place", "cuts" and "cut"."""
    short, long = sorted((word, other), key=len)
    same = next((place for place, letter in enumerate(short) if letter != long[place]), len(short))
    return same / len(short) if same >= 0.75 * len(short) else 0.0


PEOPLE = frozenset({
    "who", "whoever", "someone", "somebody", "anyone", "anybody", "nobody", "no one", "everyone", "everybody", "he",
    "she", "they", "him", "her", "them",
})  # fmt: skip
THINGS = frozenset({
    "thing", "things", "object", "objects", "anything", "something", "everything", "nothing", "what", "it",
    "one", "ones",
})  # fmt: skip


class Meanings:
    """Phrases as queries, by a matcher and the labels of the actions that a video was divided into.

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
        """The label of the action that a phrase names, or the error of `action_named`.

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


def beginning(pieces: Pieces) -> str:
    """What all prompts of expressions about one sort of thing begin with."""
    return f"Expressions about a {pieces.about}, and the things that they mean.\n"


@dataclass(frozen=True)
class ExpressionReading:
    """A sentence that an expression may mean.

    Attributes:
        sentence: the sentence.
        matches: what each phrase that names things means among the detector's classes.
        probability: that the model gives it, 0 to 1.
        written: what the model wrote.
    """

    sentence: Sentence
    matches: Mapping[str, Match]
    probability: float
    written: str


class ExpressionReader:
    """Reads expressions about what the pieces speak of."""

    def __init__(self, beams: BeamWriter, pieces: Pieces = PICTURE) -> None:
        self._beams, self._pieces = beams, pieces

    def read(self, prompt: TextPrompt, matcher: Matcher, actions: Sequence[str] = ()) -> list[ExpressionReading]:
        """What an expression may mean, the likeliest first; `actions` are the labels of those that a video has.

        Raises:
            InstructionError: it is too long, or all that it may mean names things that the model has no class for.
        """
        problems: list[InstructionError] = []

        def sentence(written: str) -> tuple[Sentence, Mapping[str, Match]] | None:
            phrases = Meanings(matcher, actions)
            try:
                return read_back(written, phrases.of, self._pieces, phrases.action), phrases.matches
            except InstructionError as error:
                problems.append(error)
                return None

        def key(read: tuple[Sentence, Mapping[str, Match]]) -> str:
            """Equal for sentences that are the same but for converses."""
            return repr(replace(read[0], things=same_things(read[0].things)))

        grammar = expression_grammar(prompt, self._beams.tokens.piece, self._pieces)
        found = meanings(self._beams, beginning(self._pieces), prompt.text, grammar, sentence, key=key)
        if not found and problems:
            raise problems[0]
        return [ExpressionReading(*meant.value, meant.probability, meant.written) for meant in found]
