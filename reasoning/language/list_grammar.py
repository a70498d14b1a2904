"""Replies held to a list of given names: what cannot become one of them is not possible at any position.

A small model asked for ids writes prose, ids that are not there, or the same one again and again. Here its next token
is the likeliest of those that go on with a name not yet written, part two names, or end the list. It is the effect of
a grammar (Willard & Louf 2023, arXiv 2307.09702) with a state that forgets the names that were written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

Encode = Callable[[str], list[int]]


@dataclass(frozen=True)
class Choices:
    """What a reply may list.

    Attributes:
        names: as written.
        none: the reply that lists nothing.
        apart: stands between two names.
    """

    names: tuple[str, ...]
    none: str
    apart: str = ", "


class ListGrammar:
    """A list of names, each at most once, or the word for none.

    Args:
        choices: what may be listed; no name may be the beginning of another.
        encode: the model's tokenizer, without control tokens.
        end: token ids that end a reply.

    Example:
        >>> grammar = ListGrammar(Choices(("a1", "b2"), "none"), lambda text: [ord(letter) for letter in text], [0])
        >>> "".join(map(chr, grammar.allowed([])))
        'abn'
        >>> "".join(map(chr, grammar.allowed([ord("a"), ord("1")])))
        '\\x00,'
    """

    def __init__(self, choices: Choices, encode: Encode, end: Iterable[int]) -> None:
        self._choices, self._encode, self._end = choices, encode, sorted(end)

    @cached_property
    def _first(self) -> dict[tuple[int, ...], str | None]:
        """The tokens of each way in which a reply can begin, with the name that is then written."""
        begun = {tuple(self._encode(name)): name for name in self._choices.names}
        return {**begun, tuple(self._encode(self._choices.none)): None}

    @cached_property
    def _later(self) -> dict[tuple[int, ...], str]:
        """The tokens of each name behind another."""
        # A tokenizer may join the separator's space with the name, so both are encoded together.
        return {tuple(self._encode(f"{self._choices.apart}{name}")): name for name in self._choices.names}

    def allowed(self, written: Sequence[int]) -> list[int]:
        """The tokens that may follow, sorted.

        Args:
            written: the reply's tokens so far, each of them one that was allowed.
        """
        options: dict[tuple[int, ...], str | None] = dict(self._first)
        used: set[str] = set()
        rest, may_end = tuple(written), False
        while rest:
            whole = next((length for length in range(len(rest), 0, -1) if rest[:length] in options), None)
            if whole is None:
                may_end = False
                break
            name = options[rest[:whole]]
            if name is None:
                return self._end
            used.add(name)
            options = {tokens: other for tokens, other in self._later.items() if other not in used}
            rest, may_end = rest[whole:], True
        following = {tokens[len(rest)] for tokens in options if len(tokens) > len(rest) and tokens[: len(rest)] == rest}
        return sorted(following | (set(self._end) if may_end and not rest else set()))
