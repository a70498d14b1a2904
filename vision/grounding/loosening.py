"""Wider senses of what an expression says, for where nothing fits the strict one.

People say that a cup is on a table whose box it merely overlaps, and that a bus is red of which a part is. Of what is
denied the wider sense would deny more, so that even less would fit: that stays as it is.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping

from reasoning import Query
from reasoning.query.rebuilding import with_parts
from reasoning.query.tree import Complement, Entity, Project
from vision.reading.expressions.sentence import either
from vision.scene.building import KIND
from vision.video.happenings.kinds import BEFORE, CARRIES, CROSSES, DURING, MOVES
from vision.video.times import BEGINS_BEFORE_END, SHARES_TIME

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
