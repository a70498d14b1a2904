"""What an expression says, before any scene is looked at: noun phrases, what is said of them, and what is asked.

These values lie between the grammar, which knows words, and the query, which knows relations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vision.classes.phrases import head_end, singular
from vision.reading.expressions.links import Link

Question = Literal["find", "count", "exists", "check", "colour", "what", "where"]
"""What is wanted of the things: themselves, how many, whether there are any, whether something holds of them, their
colour, what they are, where they are."""

Comparison = Literal[">", ">=", "<", "<=", "="]

Determiner = Literal["the", "a", "any", "all", "no", "what", ""]


@dataclass(frozen=True)
class Span:
    """A part of the expression.

    Attributes:
        start, end: characters.
        text: what stands there.
    """

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Colours:
    """Basic colours; `every` where all of them are meant and not any ("black and white")."""

    names: tuple[str, ...]
    every: bool = False


@dataclass(frozen=True)
class Rank:
    """An end of an order: the largest, the leftmost.

    Attributes:
        by: a relation with values.
        largest: whether the largest value comes first.
    """

    by: str
    largest: bool


@dataclass(frozen=True)
class Place:
    """A part of the image.

    Attributes:
        positions: words that `position` leads to, all of which must fit; () where boxes don't show it.
        rank: the order at whose end a single thing there stands.
        exact: whether the part is meant as such ("the left half"), whatever else is there.
    """

    positions: tuple[str, ...]
    rank: Rank
    exact: bool = False


@dataclass(frozen=True)
class Size:
    """A size as an adjective: among several one end of the order, alone one of COCO's sizes."""

    word: str
    rank: Rank


@dataclass(frozen=True)
class Ordinal:
    """The n-th, from 1; -1 for the last."""

    number: int


@dataclass(frozen=True)
class Amount:
    """A number of things; `bound` where it is said how it is meant ("at least")."""

    number: int
    bound: Comparison | None = None


@dataclass(frozen=True)
class Unseen:
    """A word that boxes and pixels cannot show ("wooden", "sitting")."""

    word: str


Adjective = Colours | Rank | Place | Size | Ordinal | Amount | Unseen


_MASSES = frozenset(
    name
    for names in (
        (
            "furniture",
            "food",
            "luggage",
            "baggage",
            "traffic",
            "fruit",
            "tableware",
            "cutlery",
            "silverware",
            "crockery",
        ),
        (
            "wildlife",
            "livestock",
            "cattle",
            "crowd",
            "audience",
            "family",
            "team",
            "everyone",
            "everybody",
            "everything",
        ),
    )
    for name in names
)
"""Nouns that name several things in the singular."""


@dataclass(frozen=True)
class Core:
    """The inner part of a noun phrase: "the two largest red cars".

    Attributes:
        span: where it stands.
        determiner: its kind.
        adjectives: what stands before the noun.
        noun: the noun and its own words, or None where there is none.
        generic: "thing" where anything is meant, "person" where anybody, "one" where an earlier noun is, else None.
    """

    span: Span
    determiner: Determiner = ""
    adjectives: tuple[Adjective, ...] = ()
    noun: str | None = None
    generic: Literal["thing", "person", "one"] | None = None

    @property
    def plural(self) -> bool:
        """Whether its noun means several things."""
        words = (self.noun or self.span.text).split()
        last = words[head_end(words) - 1] if self.noun else words[-1]
        if self.determiner == "a" or self.generic == "person":
            return self.determiner == "all"
        return last in _MASSES or singular(last) != last

    @property
    def named(self) -> bool:
        """Whether it stands for things by itself, and doesn't only describe others."""
        return self.noun is not None or self.generic is not None


# What is said of a thing ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Related:
    """It stands in a relation to another thing."""

    link: Link
    thing: Thing
    span: Span


@dataclass(frozen=True)
class Described:
    """It has what an adjective says."""

    adjective: Adjective
    span: Span


@dataclass(frozen=True)
class Nearest:
    """It is nearest to another thing, or farthest from it."""

    thing: Thing
    farthest: bool
    span: Span


@dataclass(frozen=True)
class Among:
    """It lies between two things."""

    first: Thing
    second: Thing | None
    span: Span


@dataclass(frozen=True)
class Same:
    """It is one of another thing; negated, it is none of them."""

    thing: Thing
    span: Span


@dataclass(frozen=True)
class Modifier:
    """Something said of a thing.

    Attributes:
        says: what.
        negated: whether it is denied.
        alternative: whether it is joined to the one before by "or".
    """

    says: Related | Described | Nearest | Among | Same
    negated: bool = False
    alternative: bool = False


@dataclass(frozen=True)
class Thing:
    """A noun phrase with all that is said of it.

    Attributes:
        core: its inner part.
        modifiers: in order.
        joined: further things named beside it ("dogs and cats"), which share the modifiers where `shared`.
        either: whether they are joined by "or".
        shared: whether what is said is said of the joined things too.
        of: the things that it is one of ("the largest of the dogs"), or None.
    """

    core: Core
    modifiers: tuple[Modifier, ...] = ()
    joined: tuple[Thing, ...] = ()
    either: bool = False
    shared: bool = False
    of: Thing | None = None


@dataclass(frozen=True)
class Expression:
    """An expression as it was read.

    Attributes:
        text: its text, tidied.
        question: what is wanted.
        thing: of what.
        predicates: what a yes-or-no question asks of the thing.
    """

    text: str
    question: Question
    thing: Thing
    predicates: tuple[Modifier, ...] = ()
