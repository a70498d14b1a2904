"""What is said of what: from chunks in a row to a tree, the likeliest reading first.

In "the dog on the couch with the red pillow" the pillow may be the dog's or the couch's. Grammar can't tell, the
picture often can: so readings come in order of likelihood (what is said belongs to the nearest thing before it, a main
verb to the first), and whoever looks at the picture takes the first that fits anything.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import count, islice

from vision.errors import InstructionError
from vision.reading.expressions.adjectives import FAR_FROM_VIEWER, NEAR_VIEWER
from vision.reading.expressions.chunks import Chunk, Chunks
from vision.reading.expressions.links import CONTACT, OF, Link
from vision.reading.expressions.phrases import (
    Among,
    Colours,
    Core,
    Described,
    Expression,
    Modifier,
    Nearest,
    Ordinal,
    Place,
    Rank,
    Related,
    Same,
    Span,
    Thing,
    Unseen,
)

MAX_READINGS = 16

WEARING = ("inside", "wearing", "with")
"""Links after which a colour alone is what somebody wears."""
_RELATIVE = {"THAT", "WHICH", "WHO"}
_SINGLE, _MANY = {"IS", "WAS", "DOES"}, {"ARE", "WERE", "DO"}
_VERBS = _SINGLE | _MANY | {"BE", "BEING", "AM", "DID"}


def readings(chunks: Chunks) -> Iterator[Expression]:
    """The readings of an expression, at most `MAX_READINGS`, each differing from the first in as little as possible.

    Raises:
        InstructionError: a part cannot stand where it does.
    """
    return islice(_distinct(chunks), MAX_READINGS)


def _distinct(chunks: Chunks) -> Iterator[Expression]:
    seen: list[Expression] = []
    tickets = count()
    waiting: list[tuple[int, int, tuple[int, ...]]] = [(0, next(tickets), ())]
    while waiting:
        cost, _, choices = heapq.heappop(waiting)
        builder = _Builder(chunks, choices)
        try:
            expression = builder.expression()
        except InstructionError:
            if not seen:
                raise
            continue
        if expression not in seen:
            seen.append(expression)
            yield expression
        for place in range(len(choices), len(builder.options)):
            for other in range(1, builder.options[place]):
                changed = (*choices, *(0 for _ in range(place - len(choices))), other)
                heapq.heappush(waiting, (cost + other, next(tickets), changed))


@dataclass
class _Node:
    """A noun phrase while it is put together."""

    core: Core
    modifiers: list[_Said] = field(default_factory=list)
    joined: list[_Node] = field(default_factory=list)
    either: bool = False
    shared: bool = False
    of: _Node | None = None

    def thing(self) -> Thing:
        return Thing(
            self.core,
            tuple(said.modifier() for said in self.modifiers),
            tuple(node.thing() for node in self.joined),
            self.either,
            self.shared,
            None if self.of is None else self.of.thing(),
        )


@dataclass
class _Said:
    """A modifier while the things in it are put together."""

    kind: str
    span: Span
    node: _Node | None = None
    second: _Node | None = None
    link: Link | None = None
    adjective: Rank | Place | Colours | Unseen | None = None
    negated: bool = False
    alternative: bool = False

    def modifier(self) -> Modifier:
        says: Related | Described | Nearest | Among | Same
        if self.adjective is not None:
            says = Described(self.adjective, self.span)
        else:
            assert self.node is not None
            thing = self.node.thing()
            if self.link is not None:
                says = Related(self.link, thing, self.span)
            elif self.kind in ("nearest", "farthest"):
                says = Nearest(thing, self.kind == "farthest", self.span)
            elif self.kind == "between":
                says = Among(thing, None if self.second is None else self.second.thing(), self.span)
            else:
                says = Same(thing, self.span)
        return Modifier(says, self.negated, self.alternative)


class _Builder:
    """Puts one reading together; `options` says how many ways there were at each choice."""

    def __init__(self, chunks: Chunks, choices: tuple[int, ...]) -> None:
        self.options: list[int] = []
        self._chunks, self._choices = chunks, choices
        self._root = _Node(chunks.first)
        self._spine = [self._root]
        """From the root to the thing named last: what the next chunk may belong to."""
        self._last = self._root
        """What the last modifier belongs to."""
        self._relative = False
        """Whether a relative clause has begun, which a later "and is" goes on with."""

    def expression(self) -> Expression:
        for chunk in self._chunks.rest:
            self._add(chunk)
        thing = self._root.thing()
        predicates: tuple[Modifier, ...] = ()
        if self._chunks.question == "check":
            thing, predicates = _subject(thing)
        return Expression(self._chunks.text, self._chunks.question, thing, predicates)

    def _choose(self, ways: list[_Node]) -> _Node:
        ways = list({id(node): node for node in ways}.values())
        place = len(self.options)
        self.options.append(len(ways))
        return ways[self._choices[place] if place < len(self._choices) else 0]

    def _add(self, chunk: Chunk) -> None:
        match chunk.kind:
            case "filler":
                return
            case "joined":
                self._join(chunk)
            case "counted":
                ordinal, place = chunk.says
                node = self._target(chunk)
                node.core = replace(node.core, adjectives=(*node.core.adjectives, ordinal))
                self._attach(node, _Said("region", chunk.span, adjective=place))
            case "of":
                self._partitive(chunk)
            case "to" | "away":
                self._reference(chunk)
            case "back":
                self._back(chunk)
            case "stranded":
                self._strand(chunk)
            case _:
                self._modify(chunk)

    # Whom a chunk belongs to ----------------------------------------------------------------------------------------

    def _target(self, chunk: Chunk) -> _Node:
        words = set(chunk.connectives)
        upwards = self._spine[::-1]
        if words & _RELATIVE:
            self._relative = True
            # "the cups on the table that are red": the verb's number tells who is meant.
            number = True if words & _MANY else False if words & _SINGLE else None
            return self._choose(sorted(upwards, key=lambda node: number is not None and node.core.plural != number))
        if words & _VERBS:
            # "the dog that is big and is on the couch" goes on with the clause; else it is the main verb.
            return self._choose([self._last, self._root] if self._relative and "AND" in words else [self._root])
        if words & {"AND", "OR", "COMMA", "BUT"}:
            return self._choose([self._last, *upwards])
        return self._choose(upwards)

    def _attach(self, target: _Node, said: _Said) -> None:
        target.modifiers.append(said)
        self._last = target
        if target in self._spine:
            del self._spine[self._spine.index(target) + 1 :]
        if said.node is not None:
            self._spine.append(said.node)

    def _modify(self, chunk: Chunk) -> None:
        said = _said(chunk)
        if isinstance(said.adjective, Place) and chunk.span.text.startswith("from "):
            counted = [node for node in self._spine[::-1] if _ordinal(node)]
            if not counted:
                raise InstructionError(
                    f'"{chunk.span.text}" needs a number before it, as in "the second car from the left"'
                )
            self._attach(counted[0], said)
            return
        if chunk.kind == "excepted":
            said.negated = True
            self._attach(self._choose([self._root, *self._spine[::-1]]), said)
            return
        self._attach(self._target(chunk), said)

    def _join(self, chunk: Chunk) -> None:
        core, words = chunk.core, set(chunk.connectives)
        assert core is not None
        verb = bool(words & (_RELATIVE | _VERBS)) or not words
        if core.noun == "orange" and not core.determiner and not core.adjectives and verb:
            core = replace(core, noun=None, adjectives=(Colours(("orange",)),))
        if not core.named:
            self._describe(chunk, core)
            return
        node = _Node(core)
        if verb or words & {"NOT", "BUT"}:
            target = self._target(chunk) if verb else self._choose([self._root])
            negated = "NOT" in words or (not verb and "BUT" in words)
            self._attach(target, _Said("same", core.span, node, negated=negated, alternative="OR" in words))
            return
        open_between = next((s for n in self._spine for s in n.modifiers if s.kind == "between"), None)
        if open_between is not None and open_between.second is None and open_between.node is self._spine[-1]:
            open_between.second = node
            self._spine.append(node)
            return
        target = self._choose(self._spine[::-1])
        target.joined.append(node)
        target.either |= "OR" in words
        self._last = target
        del self._spine[self._spine.index(target) + 1 :]
        # "dogs and cats on the sofa" says it of both, "the dog and the cat on the sofa" of the cat.
        target.shared = not target.modifiers and core.determiner == ""
        if not target.shared:
            self._spine.append(node)

    def _describe(self, chunk: Chunk, core: Core) -> None:
        words = set(chunk.connectives)
        # Without words before it, it is the predicate of a yes-or-no question.
        target = self._target(chunk) if words else self._choose([self._root])
        for number, adjective in enumerate(core.adjectives):
            said = _Said("described", core.span, adjective=adjective)  # type: ignore[arg-type]
            said.negated = "NOT" in words
            said.alternative = number == 0 and "OR" in words
            self._attach(target, said)

    def _partitive(self, chunk: Chunk) -> None:
        assert chunk.core is not None
        whole = self._spine[-1]
        if whole.core.noun is not None:
            self._attach(whole, _Said("related", chunk.span, _Node(chunk.core), link=OF))
            return
        whole.of = _Node(chunk.core)
        self._spine.append(whole.of)

    def _reference(self, chunk: Chunk) -> None:
        """ "the nearest person to the bus": what the order before the noun is measured from."""
        assert chunk.core is not None
        wanted = NEAR_VIEWER if chunk.kind == "to" else FAR_FROM_VIEWER
        for node in self._spine[::-1]:
            if wanted in node.core.adjectives:
                kept = tuple(adjective for adjective in node.core.adjectives if adjective != wanted)
                node.core = replace(node.core, adjectives=kept)
                kind = "nearest" if chunk.kind == "to" else "farthest"
                self._attach(node, _Said(kind, chunk.span, _Node(chunk.core)))
                return
        raise InstructionError(
            f'"{chunk.span.text}" cannot be read: boxes don\'t show where something goes or comes from'
        )

    def _back(self, chunk: Chunk) -> None:
        """ "the elephant with a person on it": how the last thing stands to the one before it."""
        for node in self._spine[-2::-1]:
            last = node.modifiers[-1] if node.modifiers else None
            if last is not None and last.link is not None and last.link.name in ("with", "without"):
                link: Link = chunk.says
                denied = last.link.negated != link.negated
                last.link = replace(link, inverse=not link.inverse, negated=denied)
                return
        raise InstructionError(f'what "{chunk.span.text}" speaks of is not clear; name the thing')

    def _strand(self, chunk: Chunk) -> None:
        """ "what is the man holding": the link's other side is asked for."""
        named = [said for said in self._root.modifiers if said.kind == "same" and not said.negated]
        if self._chunks.question != "what" or not named:
            raise InstructionError(f'after "{chunk.span.text}" a thing is missing, as in "{chunk.span.text} the table"')
        link: Link = chunk.says
        named[-1].kind, named[-1].link = "related", replace(link, inverse=not link.inverse)
        named[-1].span = chunk.span


def _said(chunk: Chunk) -> _Said:
    words = chunk.connectives
    said = _Said(chunk.kind, chunk.span, negated="NOT" in words, alternative="OR" in words)
    if chunk.kind in ("region", "order", "state"):
        said.adjective = chunk.says
        return said
    core = chunk.core
    assert core is not None
    if chunk.kind in ("related", "together"):
        said.link = chunk.says or CONTACT
        said.negated ^= core.determiner == "no"
        colours = [adjective for adjective in core.adjectives if isinstance(adjective, Colours)]
        if not core.named:
            if not colours or said.link.name not in WEARING:
                raise InstructionError(f'after "{chunk.span.text}" a thing is missing')
            said.link, said.adjective = None, colours[0]  # "the man in red"
            return said
    said.node = _Node(core)
    return said


def _ordinal(node: _Node) -> bool:
    return any(isinstance(adjective, Ordinal) for adjective in node.core.adjectives)


def _subject(thing: Thing) -> tuple[Thing, tuple[Modifier, ...]]:
    """A yes-or-no question's subject, and what is asked of it: what was said last, with what "or" joins to it."""
    start = len(thing.modifiers) - 1
    while start > 0 and thing.modifiers[start].alternative:
        start -= 1
    if start < 0:
        raise InstructionError('it is not said what should hold; expected something like "is the dog on the bed?"')
    return replace(thing, modifiers=thing.modifiers[:start]), thing.modifiers[start:]
