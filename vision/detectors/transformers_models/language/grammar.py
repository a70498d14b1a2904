"""What a model may write, as a small automaton over bytes and control tokens.

Each model family has its own way to write boxes, and all of these are regular: so many objects, each a class of the
set and four numbers between fixed signs. The automaton follows the text as it grows and says what may come next, so
that a model, whatever its weights, writes nothing but well-formed objects of classes that were asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

Symbol = int
"""A byte (0 to 255), or 256 + the id of a control token."""

Part = Callable[["Automaton", int], int]
"""Adds itself to an automaton behind a state, and gives the state in which it ends."""

BYTES = 256


def control(token: int) -> Symbol:
    """The symbol of a control token."""
    return BYTES + token


@dataclass(frozen=True)
class State:
    """Where an automaton stands.

    Attributes:
        places: its nodes that the text so far can be in, each with how many objects may still follow there. The two
            belong together: behind "cat" the object may be complete, or go on to be a "cat food".
    """

    places: frozenset[tuple[int, int]]


@dataclass
class Automaton:
    """A nondeterministic automaton whose objects are counted.

    Attributes:
        most: objects of one text.
        edges: of each node, symbol to nodes.
        jumps: of each node, nodes that are reached without a symbol; and whether only while another object may follow.
        complete: nodes whose reaching completes an object.
        ends: nodes in which the text may end.
    """

    most: int
    edges: list[dict[Symbol, list[int]]] = field(default_factory=lambda: [{}])
    jumps: list[list[tuple[int, bool]]] = field(default_factory=lambda: [[]])
    complete: set[int] = field(default_factory=set)
    ends: set[int] = field(default_factory=set)
    _states: dict[frozenset[tuple[int, int]], State] = field(default_factory=dict, repr=False)

    def node(self) -> int:
        """A new node."""
        self.edges.append({})
        self.jumps.append([])
        return len(self.edges) - 1

    def start(self) -> State:
        """Before the first symbol."""
        return self._reached(frozenset({(0, self.most)}))

    def step(self, state: State, symbol: Symbol) -> State | None:
        """Behind one more symbol, or None where it may not come."""
        after = frozenset(
            (target, room) for place, room in state.places for target in self.edges[place].get(symbol, ())
        )
        return self._reached(after) if after else None

    def may_end(self, state: State) -> bool:
        """Whether the text may end here."""
        return any(place in self.ends for place, _ in state.places)

    def alphabet(self) -> set[Symbol]:
        """All symbols that can ever come."""
        return {symbol for edges in self.edges for symbol in edges}

    def _reached(self, places: frozenset[tuple[int, int]]) -> State:
        if places not in self._states:
            self._states[places] = State(self._closed(places))
        return self._states[places]

    def _closed(self, places: frozenset[tuple[int, int]]) -> frozenset[tuple[int, int]]:
        """Some nodes and all that are reached from them without a symbol."""
        seen, waiting = set(places), list(places)
        while waiting:
            place, room = waiting.pop()
            for target, only_with_room in self.jumps[place]:
                there = (target, room - (target in self.complete))
                if there not in seen and (room > 0 or not only_with_room):
                    seen.add(there)
                    waiting.append(there)
        return frozenset(seen)


def automaton(part: Part, most: int) -> Automaton:
    """The automaton of a whole text with at most so many objects."""
    made = Automaton(most)
    made.ends.add(part(made, 0))
    return made


def text(written: str) -> Part:
    """Exactly these characters."""
    return symbols(list(written.encode()))


def symbols(row: Sequence[Symbol]) -> Part:
    """Exactly these symbols."""

    def add(made: Automaton, state: int) -> int:
        for symbol in row:
            after = made.node()
            made.edges[state].setdefault(symbol, []).append(after)
            state = after
        return state

    return add


def one_of(choices: Iterable[Symbol]) -> Part:
    """One of these symbols."""
    row = tuple(choices)

    def add(made: Automaton, state: int) -> int:
        after = made.node()
        for symbol in row:
            made.edges[state].setdefault(symbol, []).append(after)
        return after

    return add


def sequence(*parts: Part) -> Part:
    """One after the other."""

    def add(made: Automaton, state: int) -> int:
        for part in parts:
            state = part(made, state)
        return state

    return add


def either(parts: Iterable[Part]) -> Part:
    """One of several."""
    choices = tuple(parts)

    def add(made: Automaton, state: int) -> int:
        after = made.node()
        for part in choices:
            made.jumps[part(made, _fork(made, state))].append((after, False))
        return after

    return add


def counted(part: Part) -> Part:
    """An object: whoever writes its last symbol has completed one more."""

    def add(made: Automaton, state: int) -> int:
        last = _fork(made, part(made, state))
        made.complete.add(last)
        return last

    return add


def some(part: Part, separator: Part | None = None) -> Part:
    """What holds objects, once or more often, as often as there is room for another object."""

    def add(made: Automaton, state: int) -> int:
        first = _fork(made, state)
        last = part(made, first)
        again = _fork(made, last, only_with_room=True)
        made.jumps[again if separator is None else separator(made, again)].append((first, False))
        return _fork(made, last)

    return add


def perhaps(part: Part) -> Part:
    """What holds objects, or nothing; nothing where no object is allowed."""

    def add(made: Automaton, state: int) -> int:
        after = _fork(made, state)
        made.jumps[part(made, _fork(made, state, only_with_room=True))].append((after, False))
        return after

    return add


def integer(most: int) -> Part:
    """A whole number from 0 to `most` in decimals, without leading zeros."""
    digits = str(most)
    shorter = [
        sequence(_digit(1, 9), *[_digit(0, 9)] * (length - 1)) if length > 1 else _digit(0, 9)
        for length in range(1, len(digits))
    ]
    # As many digits as `most`: the same up to some place, there a smaller one, then any.
    equal = []
    for place, sign in enumerate(digits):
        least = 1 if place == 0 and len(digits) > 1 else 0
        if int(sign) > least:
            rest = [_digit(0, 9)] * (len(digits) - place - 1)
            equal.append(sequence(text(digits[:place]), _digit(least, int(sign) - 1), *rest))
    return either([*shorter, *equal, text(digits)])


def _digit(least: int, most: int) -> Part:
    return one_of(range(ord("0") + least, ord("0") + most + 1))


def _fork(made: Automaton, state: int, only_with_room: bool = False) -> int:
    after = made.node()
    made.jumps[state].append((after, only_with_room))
    return after
