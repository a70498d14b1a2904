"""Chains of steps put together from what a question names, for sentences of a shape that the grammar does not know.

"Antalya is in a country. What is that country's capital?" names one entity, a type and a relation, and the types of the
graph leave one way to join them. What is composed so has to use every word that means something, costs more than what
the grammar reads, and is kept to questions of one chain: where "not", "or" or a number stands, the order of the words
says what the graph cannot.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from reasoning.query.tree import Count, Exists
from reasoning.reading.english.word_forms import only_noun
from reasoning.reading.linking import Item, Linked
from reasoning.reading.rules.constructions import inverse_of
from reasoning.reading.rules.grounding import GroundedReading, Grounding, NoReading, goes_back

BASE = 0.2
"""What it costs to leave the order of the words aside."""

MISPLACED = 0.12
"""What it costs to take a step before one that stands nearer to the name."""

NOT_ASKED = 0.7
"""What it costs to end with another step than the one that the question word stands before."""

MOST_STEPS, MOST_NAMES = 4, 3

MOST_OUTLINES = 60
"""Ways to take a question's words that are tried."""

_GLUE = frozenset(
    {"of", "in", "by", "with", "as", "possessive", "preposition", "about", "light", "their", "and", "where"}
)
_PLACING = frozenset({"in", "of", "possessive", "where"})
_ASKING = frozenset({"which", "what", "whose", "who", "name", "list", "give", "tell", "show", "find"})


@dataclass(frozen=True)
class _Step:
    """A relation or a type, and whether a word beside it says that something lies somewhere."""

    item: Item
    placed: bool = False


@dataclass(frozen=True)
class _Outline:
    """One way to take a question's words: its names, its steps in the question's order.

    Whether the answers are counted, and whether all names share them, is said by `counted` and `shared`.
    """

    names: tuple[Item, ...]
    steps: tuple[_Step, ...]
    counted: bool = False
    shared: bool = False


def composed(ground: Grounding, linked: Linked, asks: bool) -> Iterator[GroundedReading]:
    """The chains that use all that a question names; `asks` says whether it wants yes or no."""
    for outline in _outlines(linked):
        if (
            not 0 < len(outline.names) <= MOST_NAMES
            or not 0 < len(outline.steps) <= MOST_STEPS
            or any(map(_corrected, outline.names))
        ):
            continue
        verbal = not any(only_noun(step.item.text) for step in outline.steps)
        if asks and verbal and len(outline.names) == 2 and len(outline.steps) == 1 and not outline.counted:
            for name, other in (outline.names, outline.names[::-1]):
                yield from _yes_or_no(ground, linked, outline, name, other)
        elif not asks and (len(outline.steps) > 1 if len(outline.names) == 1 else outline.shared):
            found = [list(_chains(ground, linked, outline, name))[:3] for name in outline.names]
            for readings in product(*found):
                reading = ground.both(*readings) if len(readings) > 1 else readings[0]
                if not outline.counted:
                    yield reading
                elif not reading.values:
                    yield replace(reading, query=Count(reading.query))
                elif len(reading.members) == 1:  # "how many" asks for one number
                    yield reading


def _yes_or_no(
    ground: Grounding, linked: Linked, outline: _Outline, name: Item, other: Item
) -> Iterator[GroundedReading]:
    assert other.mention is not None
    target = ground.entities(other.mention, other.cost)[0]
    for reading in _chains(ground, linked, outline, name, asked=False):
        if not reading.values and ground.may_meet((reading, target)):
            whole = ground.both(reading, target)
            yield replace(whole, query=Exists(whole.query))


def _outlines(linked: Linked) -> list[_Outline]:
    """The ways to take all words, each once; none where a word has a role that no chain has."""
    size = len(linked.tokens)
    behind: list[list[_Outline]] = [[] for _ in range(size)] + [[_Outline((), ())]]
    for at in reversed(range(size)):
        here = sorted((item for item in linked.items if item.start == at), key=lambda item: (-item.end, item.cost))
        longest = max((item.end for item in here), default=at)
        for item in here:
            if item.end == longest or item.kind in ("relation", "type"):
                behind[at] += [taken for rest in behind[item.end] if (taken := _with(linked, item, rest)) is not None]
        if linked.filler[at] and not any(item.kind in ("entity", "relation") for item in here):
            behind[at] += behind[at + 1]
        del behind[at][MOST_OUTLINES:]
    return behind[0]


def _with(linked: Linked, item: Item, rest: _Outline) -> _Outline | None:
    """The outline with one more word before it, None where the word has no role in a chain."""
    if item.kind == "entity":
        again = item.cost > 0 and rest.names == () and item.mention is not None and _said_before(linked, item)
        return rest if again else replace(rest, names=(item, *rest.names))
    if item.kind == "relation" or (item.kind == "type" and item.type is not None and item.type.entity):
        return replace(rest, steps=(_Step(item, _is_placed(linked, item)), *rest.steps))
    if item.kind == "many":
        return replace(rest, counted=True)
    if item.kind == "and" and _joins_relations(linked, item):
        return None
    if item.kind == "share":
        return replace(rest, shared=True)
    stranded = item.kind == "of" and item.end == len(linked.tokens)
    return rest if (item.kind in _GLUE and not stranded) or item.kind == "type" else None


def _joins_relations(linked: Linked, item: Item) -> bool:
    """Whether what an "and" joins is asked of one thing: "the capital and the currency of Chad"."""
    end = item.end
    while end < len(linked.tokens) and linked.filler[end]:
        end += 1
    return any(one.end == item.start for one in linked.of_kind("relation")) and any(
        one.start == end for one in linked.of_kind("relation")
    )


def _is_placed(linked: Linked, step: Item) -> bool:
    """Whether a word beside it says that it lies somewhere, or that something lies in it."""
    before, behind = step.start, step.end
    while before > 0 and linked.filler[before - 1]:
        before -= 1
    while behind < len(linked.tokens) and linked.filler[behind]:
        behind += 1
    return any(
        item.kind in _PLACING and (item.end == before or item.start == behind or step.start == 0 < item.start == behind)
        for item in linked.items
    )


def _said_before(linked: Linked, item: Item) -> bool:
    """Whether a pronoun stands for a name that the question has already."""
    return any(
        other.kind == "entity" and other.end <= item.start and other.mention == item.mention for other in linked.items
    )


def _corrected(name: Item) -> bool:
    return name.mention is not None and name.mention.corrected_to is not None


def _chains(
    ground: Grounding, linked: Linked, outline: _Outline, name: Item, asked: bool = True
) -> Iterator[GroundedReading]:
    assert name.mention is not None
    last = _asked_step(linked, outline) if asked else None
    for source in ground.entities(name.mention, name.cost)[:4]:
        start = source.at(BASE + 0.1 * source.rank)
        for reading, order in _walks(ground, start, outline.steps):
            cost = MISPLACED * _misplaced(order, name)
            if last is not None and order[-1] is not last:
                cost += NOT_ASKED
            yield reading.at(cost)


def _walks(
    ground: Grounding,
    reading: GroundedReading,
    steps: Sequence[_Step],
    taken: tuple[_Step, ...] = (),
    passed: tuple[GroundedReading, ...] = (),
) -> Iterator[tuple[GroundedReading, tuple[_Step, ...]]]:
    if not steps:
        yield reading, taken
        return
    for number, step in enumerate(steps):
        rest = (*steps[:number], *steps[number + 1 :])
        for further in _taken(ground, reading, step):
            if (
                len(further.members)
                and not goes_back(further)
                and not any(np.array_equal(further.members, one.members) for one in passed)
            ):
                yield from _walks(ground, further, rest, (*taken, step), (*passed, reading))


def _taken(ground: Grounding, reading: GroundedReading, step: _Step) -> list[GroundedReading]:
    """What one step leads to from a set: by a relation, to what is of a type there, or to the part that is."""
    if reading.values:
        return []
    use, kind = step.item.use, step.item.type
    if use is not None:
        try:
            said = "of" if only_noun(step.item.text) else "to" if inverse_of(use, "of") else "from"
            return ground.apply(use, [reading], said)[:3]
        except NoReading:
            return []
    assert kind is not None and kind.entity is not None
    typed = ground.of_type(kind.entity)
    inside = np.intersect1d(reading.members, typed.members, assume_unique=True)
    if len(inside):
        return [reading if len(inside) == len(reading.members) else ground.both(reading, typed)]
    found: list[GroundedReading] = []
    for look in (ground.around, ground.located) if step.placed else ():
        try:
            found += look([reading], kind)[:1]
        except NoReading:
            continue
    return [one.at(0.1 + step.item.cost) for one in found]


def _asked_step(linked: Linked, outline: _Outline) -> _Step | None:
    """The step that a question word stands before, the first one where none has any."""
    for step in outline.steps:
        if linked.before(step.item.start) & _ASKING:
            return step
    return None


def _misplaced(order: Sequence[_Step], name: Item) -> int:
    """How many pairs of steps before the name are not taken from the nearest to the farthest."""
    before = [step.item.start for step in order if step.item.start < name.start]
    return sum(one < two for at, one in enumerate(before) for two in before[at + 1 :])
