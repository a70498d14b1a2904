"""A query over a scene as the model writes it: what is asked, then sets of things in copied words, signs and relations.

    one man & left(bus & red)             the man left of the red bus
    all cars & !near(person)              cars that are not near any person
    one largest 1(bottles & on(counter))  the largest of the bottles on the counter
    count * & on(table)                   how many things are on the table
    denied cars & !red                    are all cars red

`left(S)` is what is left of a thing of S, `~on(S)` what a thing of S is on, `*` everything, `largest #2(S)` the second
largest. Words are copied from the expression; what they mean the matcher says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from reasoning.errors import QueryError
from reasoning.query.tree import (
    Compare,
    Complement,
    Count,
    Entity,
    Exists,
    Intersect,
    Project,
    Query,
    Top,
    Union,
)
from vision.errors import InstructionError
from vision.reading.prompt import TextPrompt
from vision.scene.graph import KIND, OBJECT
from vision.scene.measures import BETWEEN, DISTANCE, between_relation, distance_relation, measured_relation

Question = Literal["find", "count", "exists", "colour", "what", "where"]

EVERYTHING = Project(KIND, Entity(OBJECT), inverse=True)
"""All objects of a scene, of whatever class."""

RELATIONS: Mapping[str, str] = {
    " left": "left_of", " right": "right_of", " above": "above", " below": "below", " inside": "inside",
    " contains": "contains", " touching": "overlapping", " near": "near", " beside": "next_to", " on": "on",
    " top": "on_top_of", " under": "under", " front": "in_front_of", " behind": "behind", " larger": "larger_than",
    " smaller": "smaller_than", " taller": "taller_than", " shorter": "shorter_than",
}  # fmt: skip
RANKS: Mapping[str, tuple[str, bool]] = {
    " largest": ("area", True), " smallest": ("area", False), " first": ("x", False), " last": ("x", True),
    " highest": ("y", False), " lowest": ("y", True), " tallest": ("height", True), " shortest": ("height", False),
    " widest": ("width", True), " thin": ("width", False), " central": ("from_centre", False),
    " outer": ("from_centre", True), " best": ("score", True), " northwest": ("from_top_left", False),
    " northeast": ("from_top_right", False), " southwest": ("from_bottom_left", False),
    " southeast": ("from_bottom_right", False),
}  # fmt: skip
DISTANCES: Mapping[str, bool] = {" nearest": False, " farthest": True}
BETWEEN_PIECE, PLACE, SIZE = " between", " place", " size"
PLACES = (
    "left half", "right half", "top half", "bottom half", "left third", "middle third", "right third", "top third",
    "bottom third", "centre",
)  # fmt: skip
SIZES = ("small", "medium", "large")

HEADS: Mapping[str, tuple[Question, bool]] = {
    **{f" {question}": (question, False) for question in get_args(Question) if question != "find"},
    " denied": ("exists", True),
}
"""What is asked, and whether the answer is the opposite of what the query gives. Finding begins with the number."""

NUMBERED = ("find", "what", "where", "colour")
"""Questions that say how many things are meant."""

LEAST: Mapping[str, str] = {" least": ">=", " most": "<=", " exactly": "="}
"""Yes-or-no questions about a number: "are there at least two dogs?"."""

DEEPEST = 12
"""Brackets in brackets."""


@dataclass(frozen=True)
class Sentence:
    """What an expression asks.

    Attributes:
        question: what is wanted; yes-or-no questions are "exists".
        wanted: how many things are meant; None for all.
        things: the query of what is meant, counted or asked about.
        denied: whether the answer is yes where there is no such thing.
        bound: operator and number that a count is compared with.
    """

    question: Question
    wanted: int | None
    things: Query
    denied: bool = False
    bound: tuple[str, int] | None = None

    @property
    def query(self) -> Query:
        """What is run."""
        if self.question == "count" or self.bound is not None:
            return Count(self.things)
        if self.question == "exists":
            return Exists(self.things)
        return Project("colour", self.things) if self.question == "colour" else self.things


# Writing ------------------------------------------------------------------------------------------------------


def written(sentence: Sentence, words: Mapping[str, Sequence[str]], prompt: TextPrompt) -> list[str]:
    """The pieces in which a sentence is written.

    Args:
        sentence: what is asked.
        words: by class, supercategory or colour the phrases of the expression that say it, used in turn.
        prompt: the expression.

    Raises:
        InstructionError: it names what does not stand in the expression, or what no piece says.
    """
    return [*_head(sentence), *_Pieces(words, prompt).of(sentence.things)]


def _head(sentence: Sentence) -> list[str]:
    wanted = " all" if sentence.wanted is None else " one" if sentence.wanted == 1 else f" {sentence.wanted}"
    many = [" ", *wanted.strip()] if wanted.strip().isdigit() else [wanted]
    if sentence.bound is not None:
        operator, number = sentence.bound
        return [next(word for word, sign in LEAST.items() if sign == operator), " ", *str(number)]
    if sentence.question == "find":
        return many
    head = next(word for word, meant in HEADS.items() if meant == (sentence.question, sentence.denied))
    return [head, *many] if sentence.question in NUMBERED else [head]


class _Pieces:
    def __init__(self, words: Mapping[str, Sequence[str]], prompt: TextPrompt) -> None:
        self._words = {value: list(phrases) for value, phrases in words.items()}
        self._prompt = prompt

    def of(self, query: Query) -> list[str]:
        if query == EVERYTHING:
            return [" *"]
        if (second := _ordinal(query)) is not None:
            return self._ranked(second, " #")
        match query:
            case Intersect():
                return self._joined(query.parts, " &", Union)
            case Union():
                return self._joined(query.parts, " |", Intersect)
            case Complement():
                return [" !", *self._bracketed(query.part, Intersect | Union)]
            case Top():
                return self._ranked(query, " ")
            case Compare() if isinstance(query.measure, str) and query.measure.startswith(BETWEEN):
                sets = _sets(query.measure)
                among = [] if query.source == EVERYTHING else [*self._bracketed(query.source, Union), " &"]
                return [*among, BETWEEN_PIECE, "(", *self._listed(sets[:1] if sets[0] == sets[-1] else sets), ")"]
            case Project(source=Entity(name=name)) if query.inverse:
                return self._attribute(query.relation, name)
            case Project():
                word = next((word for word, relation in RELATIONS.items() if relation == query.relation), None)
                if word is not None:
                    return [*([] if query.inverse else [" ~"]), word, "(", *self.of(query.source), ")"]
        raise InstructionError(f"no piece says {query}")

    def _attribute(self, relation: str, value: str) -> list[str]:
        if relation == "position":
            return [PLACE, "(", *(f" {word}" for word in value.split()), ")"]
        if relation == "size":
            return [SIZE, "(", f" {value}", ")"]
        phrases = self._words.get(value)
        if not phrases:
            raise InstructionError(f"nothing in the expression says {value!r}")
        phrase = phrases.pop(0) if len(phrases) > 1 else phrases[0]
        return self._prompt.copied(phrase)

    def _ranked(self, top: Top, sign: str) -> list[str]:
        assert isinstance(top.measure, str)
        number = [sign, *str(top.k), "("]
        if top.measure.startswith(DISTANCE):
            word = next(word for word, largest in DISTANCES.items() if largest == top.largest)
            return [word, *number, *self._listed([top.source, *_sets(top.measure)]), ")"]
        word = next((word for word, rank in RANKS.items() if rank == (top.measure, top.largest)), "")
        if not word:
            raise InstructionError(f"no piece says {top}")
        return [word, *number, *self.of(top.source), ")"]

    def _joined(self, parts: Sequence[Query], sign: str, other: type[Query]) -> list[str]:
        said: list[list[str]] = []
        for part in parts:
            if (pieces := self._bracketed(part, other)) not in said:  # fruits are bananas or apples or oranges
                said.append(pieces)
        return said[0] + [piece for pieces in said[1:] for piece in (sign, *pieces)]

    def _bracketed(self, query: Query, kinds: type[Query] | object) -> list[str]:
        bracketed = isinstance(query, kinds) and _ordinal(query) is None  # type: ignore[arg-type]
        return [" (", *self.of(query), ")"] if bracketed else self.of(query)

    def _listed(self, sets: Sequence[Query]) -> list[str]:
        pieces = self.of(sets[0])
        for one in sets[1:]:
            pieces += [",", *self.of(one)]
        return pieces


def _sets(relation: str) -> tuple[Query, ...]:
    measured = measured_relation(relation)
    assert measured is not None
    return measured.sets


def _ordinal(query: Query) -> Top | None:
    """`top(k, ...) & !top(k - 1, ...)` as the first of the two."""
    match query:
        case Intersect(parts=(Top() as first, Complement(part=Top() as before))) if before.k == first.k - 1 and (
            before.measure,
            before.source,
            before.largest,
        ) == (first.measure, first.source, first.largest):
            return first
    return None


# Reading ------------------------------------------------------------------------------------------------------

_TOKEN = re.compile(r"[()~,#&|!*]|[^\s()~,#&|!*]+")


def read_back(text: str, meaning: Callable[[str], Query]) -> Sentence:
    """What pieces, joined, ask.

    Args:
        text: the pieces.
        meaning: the query of what a phrase names.

    Raises:
        InstructionError: it is no sentence, or a phrase names nothing.
    """
    parser = _Parser(_TOKEN.findall(text), meaning)
    try:
        return parser.sentence()
    except (IndexError, ValueError, KeyError, QueryError) as error:
        raise InstructionError(f"{text.strip()!r} is no sentence about a scene ({error})") from error


class _Parser:
    def __init__(self, tokens: Sequence[str], meaning: Callable[[str], Query]) -> None:
        self._tokens, self._at, self._meaning = list(tokens), 0, meaning
        self._depth = 0

    def sentence(self) -> Sentence:
        first = f" {self._next()}"
        question: Question = "find"
        denied, wanted, bound = False, None, None
        if first in LEAST:
            question, bound = "exists", (LEAST[first], int(self._next()))
        elif first in HEADS:
            question, denied = HEADS[first]
            first = f" {self._next()}" if question in NUMBERED else ""
        if question in NUMBERED:
            wanted = {" one": 1, " all": None}[first] if not first.strip().isdigit() else int(first)
        things = self._either()
        if self._at < len(self._tokens):
            raise ValueError(f"{self._tokens[self._at]!r} stands behind its end")
        return Sentence(question, wanted, things, denied, bound)

    def _next(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1]

    def _sees(self, *signs: str) -> bool:
        return self._at < len(self._tokens) and self._tokens[self._at] in signs

    def _expect(self, sign: str) -> None:
        if (found := self._next()) != sign:
            raise ValueError(f"{sign!r} was expected, not {found!r}")

    def _either(self) -> Query:
        parts = [self._both()]
        while self._sees("|"):
            self._next()
            parts.append(self._both())
        return either(parts)

    def _both(self) -> Query:
        parts = [self._one()]
        while self._sees("&"):
            self._next()
            parts.append(self._one())
        return both(parts)

    def _one(self) -> Query:
        self._depth += 1
        if self._depth > DEEPEST:
            raise ValueError("it is nested too deeply")
        found = self._plain()
        self._depth -= 1
        return found

    def _plain(self) -> Query:
        if self._sees("!"):
            self._next()
            return Complement(self._one())
        if self._sees("*"):
            self._next()
            return EVERYTHING
        if self._sees("("):
            return self._argument()
        forward = self._sees("~")
        if forward:
            self._next()
        words = [self._next()]
        while self._at < len(self._tokens) and not self._sees("(", ")", ",", "&", "|", "#", "!", "*", "~"):
            words.append(self._next())
        if self._sees("#"):
            self._next()
            return self._rank(words[0], int(self._next()), ordinal=True)
        if not self._sees("(") or (len(words) > 1 and not words[-1].isdigit()):
            return self._meaning(" ".join(words))
        if len(words) == 2:
            return self._rank(words[0], int(words[1]), ordinal=False)
        return self._applied(f" {words[0]}", forward)

    def _argument(self) -> Query:
        self._expect("(")
        found = self._either()
        self._expect(")")
        return found

    def _applied(self, word: str, forward: bool) -> Query:
        if word in (PLACE, SIZE):
            self._expect("(")
            words = [self._next()]
            while not self._sees(")"):
                words.append(self._next())
            self._next()
            value = " ".join(words)
            if value not in (PLACES if word == PLACE else SIZES):
                raise ValueError(f"{value!r} is none")
            return Project("position" if word == PLACE else "size", Entity(value), inverse=True)
        if word == BETWEEN_PIECE:
            return Compare(between_relation(*self._arguments()), EVERYTHING, "=", 1)
        return Project(RELATIONS[word], self._argument(), inverse=not forward)

    def _arguments(self) -> list[Query]:
        self._expect("(")
        sets = [self._either()]
        if self._sees(","):
            self._next()
            sets.append(self._either())
        self._expect(")")
        return sets

    def _rank(self, word: str, k: int, ordinal: bool) -> Query:
        if f" {word}" in DISTANCES:
            among, other = self._arguments()
            largest = DISTANCES[f" {word}"]
            top = Top(k, distance_relation(other), among, largest)
        else:
            measure, largest = RANKS[f" {word}"]
            top = Top(k, measure, self._argument(), largest)
        if not ordinal or k == 1:
            return top
        return Intersect((top, Complement(Top(k - 1, top.measure, top.source, largest))))


def both(parts: Sequence[Query]) -> Query:
    """What belongs to all of some sets."""
    several = tuple(dict.fromkeys(parts))
    return several[0] if len(several) == 1 else Intersect(several)


def either(parts: Sequence[Query]) -> Query:
    """What belongs to any of some sets."""
    several = tuple(dict.fromkeys(parts))
    return several[0] if len(several) == 1 else Union(several)
