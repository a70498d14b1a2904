"""Holding a model to a grammar, token by token.

Tokens are longer than signs: `"},` may be one, and a class may be one token or six. What a token spells is taken from
the tokenizer itself, in bytes, and the tokens that may come next are those along which the automaton can walk.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from vision.detectors.transformers_models.language.grammar import BYTES, Automaton, State, Symbol, control

ROOM = 16
"""Objects that may follow, from which it makes no difference how many: no token completes so many at once."""


@dataclass(frozen=True, eq=False)
class Spelling:
    """What the tokens of a tokenizer spell.

    Attributes:
        symbols: token id to bytes, or to the one symbol of a control token.
        controls: the control tokens by what they are written as.
        unknown: the id that stands for what the tokenizer cannot spell, or None.
    """

    symbols: dict[int, tuple[Symbol, ...]]
    controls: dict[str, int]
    unknown: int | None

    def written(self, ids: Sequence[int]) -> str:
        """The text of tokens, control tokens as they are written."""
        names = {number: name for name, number in self.controls.items()}
        spelled = b"".join(
            names[number].encode() if number in names else bytes(self.symbols.get(number, ())) for number in ids
        )
        return spelled.decode(errors="replace")


def read_spelling(tokenizer: Any) -> Spelling:
    """What each token of a (fast) tokenizer spells, as its own decoder would have it."""
    backend = json.loads(tokenizer.backend_tokenizer.to_str())
    byte_level = "ByteLevel" in json.dumps(backend.get("decoder"))
    added = {int(number): str(token) for number, token in tokenizer.added_tokens_decoder.items()}
    letters = _byte_letters() if byte_level else {}
    symbols: dict[int, tuple[Symbol, ...]] = {}
    for token, number in tokenizer.get_vocab().items():
        if number in added:
            symbols[number] = (control(number),)
        elif byte_level:
            if all(letter in letters for letter in token):
                symbols[number] = tuple(letters[letter] for letter in token)
        elif len(token) == 6 and token.startswith("<0x") and token.endswith(">"):
            symbols[number] = (int(token[3:5], 16),)
        else:
            symbols[number] = tuple(token.replace("▁", " ").encode())
    return Spelling(symbols, {token: number for number, token in added.items()}, tokenizer.unk_token_id)


@dataclass
class _Node:
    """A node of a tree of tokens.

    Attributes:
        ids: tokens that are spelled by the way here.
        after: symbol to node.
    """

    ids: list[int] = field(default_factory=list)
    after: dict[Symbol, _Node] = field(default_factory=dict)


class Constraint:
    """The tokens that may come next in texts of a grammar.

    Args:
        automaton: the grammar.
        spelling: of the model's tokenizer.
        ends: tokens that end a text.
    """

    def __init__(self, automaton: Automaton, spelling: Spelling, ends: Sequence[int]) -> None:
        self.automaton = automaton
        self.ends = list(ends)
        self._root = _Node()
        self._known: dict[frozenset[tuple[int, int]], list[int]] = {}
        self._spelling = spelling
        alphabet = automaton.alphabet()
        for number, row in spelling.symbols.items():
            if row and alphabet.issuperset(row):
                node = self._root
                for symbol in row:
                    node = node.after.setdefault(symbol, _Node())
                node.ids.append(number)

    def next_ids(self, state: State) -> list[int]:
        """Tokens along which the automaton can walk from a state; the ending ones where the text may end."""
        key = frozenset((place, min(room, ROOM)) for place, room in state.places)
        if key not in self._known:
            ids = list(self.ends) if self.automaton.may_end(state) else []
            waiting = [(self._root, state)]
            while waiting:
                node, here = waiting.pop()
                ids += node.ids
                for symbol, following in node.after.items():
                    if (there := self.automaton.step(here, symbol)) is not None:
                        waiting.append((following, there))
            self._known[key] = sorted(ids)
        return self._known[key]

    def step(self, state: State, token: int) -> State | None:
        """Behind a token, or None behind the end of the text."""
        here: State | None = state
        for symbol in self._spelling.symbols.get(token, ()) if token not in self.ends else ():
            here = None if here is None else self.automaton.step(here, symbol)
        return None if token in self.ends else here

    def accepts(self, ids: Sequence[int]) -> bool:
        """Whether tokens are a whole text of the grammar."""
        state: State | None = self.automaton.start()
        for token in ids:
            state = None if state is None else self.step(state, token)
        return state is not None and self.automaton.may_end(state)

    def processor(self, prompt_length: int) -> Any:
        """What transformers' `generate` takes as a logits processor; serves one call.

        Args:
            prompt_length: tokens that stand before the written ones.
        """
        import torch

        states: list[State | None] = []

        def hold(ids: Any, scores: Any) -> Any:
            """See transformers' `LogitsProcessor`."""
            if not states:
                states.extend([self.automaton.start()] * len(ids))
            held = torch.full_like(scores, -torch.inf)
            for row, tokens in enumerate(ids[:, prompt_length:].tolist()):
                state = states[row]
                if tokens and state is not None:
                    state = states[row] = self.step(state, tokens[-1])
                # Behind the end anything may come, it is not read; so it is where no token leads on.
                allowed = self.ends if state is None else self.next_ids(state) or self.ends
                held[row, allowed] = scores[row, allowed]
            return held

        return hold


def _byte_letters() -> dict[str, int]:
    """The letters by which byte-level tokenizers write bytes, as GPT-2 has them: printable ones stand for themselves,
    the others for letters from 256 on."""
    plain = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    letters = {chr(byte): byte for byte in plain}
    for byte in range(BYTES):
        if byte not in plain:
            letters[chr(BYTES + len(letters) - len(plain))] = byte
    return letters
