"""What an expression asks, as a value: a question and the query of the things that it is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from reasoning.query.rebuilding import rebuilt
from reasoning.query.tree import Complement, Count, Entity, Exists, Intersect, Project, Query, Top, Union
from vision.scene.building import KIND, OBJECT
from vision.scene.relations import CONVERSES

Question = Literal["find", "count", "exists", "colour", "what", "where", "when", "long", "way"]
"""What is wanted; "when", "long" (how long) and "way" (which way, by which side) are asked of videos alone."""

OF_EVENTS = ("when", "long", "way")
"""Questions about what happens, whose things are events."""

EVERYTHING = Project(KIND, Entity(OBJECT), inverse=True)
"""All objects of a scene, or tracks of a video, of whatever class."""


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


def same_things(query: Query) -> Query:
    """A query written in one way where there are two: what a thing overlaps is what overlaps with it."""

    def turned(part: Query) -> Query:
        if isinstance(part, Project) and not part.inverse and part.relation in CONVERSES:
            return Project(CONVERSES[part.relation], part.source, inverse=True)
        return part

    return rebuilt(query, turned)


def both(parts: Sequence[Query]) -> Query:
    """What belongs to all of some sets."""
    several = tuple(dict.fromkeys(parts))
    return several[0] if len(several) == 1 else Intersect(several)


def either(parts: Sequence[Query]) -> Query:
    """What belongs to any of some sets."""
    several = tuple(dict.fromkeys(parts))
    return several[0] if len(several) == 1 else Union(several)


def ordinal(query: Query) -> Top | None:
    """`top(k, ...) & !top(k - 1, ...)`, the k-th alone, as the first of the two; None where it is something else."""
    match query:
        case Intersect(parts=(Top() as first, Complement(part=Top() as before))) if before.k == first.k - 1 and (
            before.measure,
            before.source,
            before.largest,
        ) == (first.measure, first.source, first.largest):
            return first
    return None
