"""Constrained generation: a model held to a grammar token by token (llguidance), or to a list of names.

A grammar is a text in the library's form of Lark. A name in capitals is read as one regular expression, and where one
ends the longest match wins. So where one word may begin another ("cat", "cat food"), what follows them stands in the
same name, or is a control token: else nothing could follow the shorter word.

A list of names is the effect of a grammar (Willard & Louf 2023, arXiv 2307.09702) with a state that forgets the names
that were written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from llguidance import LLMatcher, LLTokenizer


Encode = Callable[[str], list[int]]


@dataclass(frozen=True)
class Choices:
    """What a reply may list: `names` as written, `none` where it lists nothing, and what stands `apart` between two
    names."""

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
        """The tokens that may follow the reply's tokens so far, sorted."""
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


FREE = '%llguidance {"no_forcing": true}'
"""Line of a grammar by which the model chooses the tokens even of what is sure to come, as it does in its own texts."""


def literal(text: str) -> str:
    """Exactly this text, as a grammar writes it."""
    return json.dumps(text, ensure_ascii=False)


def any_of(texts: Sequence[str]) -> str:
    """One of some texts."""
    return f"({' | '.join(map(literal, texts))})"


def any_token(ids: Sequence[int]) -> str:
    """One of some tokens by their ids, whatever they are written as."""
    return f"<[{','.join(map(str, ids))}]>"


NEVER = '"\\u0000"'
"""What no tokens of a reply spell."""


def in_turn(ids: Sequence[int]) -> str:
    """Tokens one after the other."""
    return " ".join(any_token([number]) for number in ids)


def any_piece(pieces: Iterable[str], piece: Callable[[str], Sequence[int]]) -> str:
    """One of some pieces by their tokens; where there is none, what no tokens spell.

    Every token is named by itself: of two sets of tokens that have one in common the library takes one set for it, also
    where only the other leads on.
    """
    return " | ".join(in_turn(piece(text)) for text in pieces) or NEVER


def up_to(most: int, part: str) -> str:
    """A part of a grammar so many times or less often."""
    return f"({part}){{0,{most}}}" if most else ""


def integer(most: int) -> str:
    """A whole number from 0 to `most` in decimals, without leading zeros; may not stand in a name in capitals."""
    return f'%json {{"type": "integer", "minimum": 0, "maximum": {most}}}'


@dataclass(frozen=True, eq=False)
class Spelling:
    """What the tokens of a tokenizer spell.

    Attributes:
        texts: token id to bytes; without control tokens, and those that spell nothing.
        controls: the control tokens by what they are written as.
        unknown: the id that stands for what the tokenizer cannot spell, or None.
        ends: the tokens that end a text.
    """

    texts: dict[int, bytes]
    controls: dict[str, int]
    unknown: int | None
    ends: tuple[int, ...]

    def written(self, ids: Sequence[int]) -> str:
        """The text of tokens, control tokens as they are written."""
        names = {number: name.encode() for name, number in self.controls.items()}
        return b"".join(names.get(number, self.texts.get(number, b"")) for number in ids).decode(errors="replace")

    @cached_property
    def vocabulary(self) -> LLTokenizer:
        """The same for llguidance; made once, in about a second for 150,000 tokens."""
        from llguidance import LLTokenizer, TokenizerWrapper

        return LLTokenizer(TokenizerWrapper(_Tokens(self)), eos_token=list(self.ends), slices=[])


class _Tokens:
    """What llguidance asks of a tokenizer. It encodes nothing, since nothing is forced: see `FREE`."""

    bos_token_id = None

    def __init__(self, spelling: Spelling) -> None:
        self.eos_token_id = spelling.ends[0]
        self.special_token_ids = sorted({*spelling.controls.values(), *spelling.ends})
        names = {number: name.encode() for name, number in spelling.controls.items()}
        known = {**spelling.texts, **names}
        # A token that spells nothing gets a name that no text holds.
        self.tokens = [known.get(number) or b"\xff%d" % number for number in range(max(known) + 1)]

    def __call__(self, text: bytes) -> list[int]:
        return []


def read_spelling(tokenizer: Any, ends: Sequence[int]) -> Spelling:
    """What each token of a (fast) tokenizer spells, as its own decoder would have it."""
    backend = json.loads(tokenizer.backend_tokenizer.to_str())
    byte_level = "ByteLevel" in json.dumps(backend.get("decoder"))
    controls = {str(token): int(number) for number, token in tokenizer.added_tokens_decoder.items()}
    letters = _byte_letters() if byte_level else {}
    texts: dict[int, bytes] = {}
    for token, number in tokenizer.get_vocab().items():
        if token in controls:
            continue
        if byte_level:
            if all(letter in letters for letter in token):
                texts[number] = bytes(letters[letter] for letter in token)
        elif len(token) == 6 and token.startswith("<0x") and token.endswith(">"):
            texts[number] = bytes([int(token[3:5], 16)])
        else:
            texts[number] = token.replace("▁", " ").encode()
    return Spelling(texts, controls, tokenizer.unk_token_id, tuple(ends))


class Constraint:
    """The texts of a grammar, with the rule `start`, over the tokens of a tokenizer; a ValueError where it is no
    grammar."""

    def __init__(self, grammar: str, spelling: Spelling) -> None:
        from llguidance import LLMatcher

        self._spelling = spelling
        self._start = LLMatcher(spelling.vocabulary, LLMatcher.grammar_from_lark(f"{FREE}\n{grammar}"), log_level=0)
        if self._start.is_error():
            raise ValueError(self._start.get_error())

    def allowed(self, ids: Sequence[int]) -> list[int]:
        """The tokens that may come after some of a text; none where these do not begin one."""
        matcher = self._start.deep_copy()
        return np.flatnonzero(_mask(matcher)).tolist() if matcher.consume_tokens(list(ids)) else []

    def accepts(self, ids: Sequence[int]) -> bool:
        """Whether tokens are a whole text of the grammar."""
        matcher = self._start.deep_copy()
        return matcher.consume_tokens(list(ids)) and matcher.is_accepting()

    def walk(self) -> ConstraintWalk:
        """What tells token by token what may come next; serves one text."""
        return ConstraintWalk(self._start.deep_copy(), self._spelling.ends)

    def processor(self, prompt_length: int) -> Any:
        """What transformers' `generate` takes as a logits processor, behind a prompt of so many tokens; serves one
        call."""
        import torch

        matchers: list[LLMatcher] = []

        def hold(ids: Any, scores: Any) -> Any:
            """See transformers' `LogitsProcessor`."""
            if not matchers:
                matchers.extend(self._start.deep_copy() for _ in range(len(ids)))
            held = torch.full_like(scores, -torch.inf)
            for row, tokens in enumerate(ids[:, prompt_length:].tolist()):
                matcher = matchers[row]
                going_on = not matcher.is_stopped() and (not tokens or matcher.consume_token(tokens[-1]))
                mask = _mask(matcher) if going_on and not matcher.is_stopped() else np.zeros(0, bool)
                # Behind the end anything may come, it is not read; so it is where no token leads on.
                allowed = np.flatnonzero(mask) if mask.any() else np.array(self._spelling.ends)
                places = torch.from_numpy(allowed).to(scores.device)
                held[row, places] = scores[row, places]
            return held

        return hold


class ConstraintWalk:
    """One text of a grammar, as it grows."""

    def __init__(self, matcher: LLMatcher, ends: Sequence[int]) -> None:
        self._matcher, self._ends, self._read = matcher, list(ends), 0

    def allowed(self, written: Sequence[int]) -> list[int]:
        """The tokens that may follow those written, which begin with what was written before."""
        new, self._read = written[self._read :], len(written)
        if self._matcher.is_stopped() or not self._matcher.consume_tokens(list(new)) or self._matcher.is_stopped():
            return self._ends
        return np.flatnonzero(_mask(self._matcher)).tolist() or self._ends


def by_json_schema(schema: Mapping[str, Any]) -> str:
    """The grammar of JSON by a schema, written on one line: blanks without end are what a small model likes best."""
    written = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
    return f"start: %json {json.dumps({**schema, 'x-guidance': written})}"


def _mask(matcher: LLMatcher) -> NDArray[np.bool_]:
    """Which tokens may come next, by their ids."""
    bits = np.frombuffer(matcher.compute_bitmask(), np.uint8)
    return np.unpackbits(bits, bitorder="little").astype(bool)


def _byte_letters() -> dict[str, int]:
    """The letters by which byte-level tokenizers write bytes, as GPT-2 has them: printable ones stand for themselves,
    the others for letters from 256 on."""
    plain = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    letters = {chr(byte): byte for byte in plain}
    for byte in range(256):
        if byte not in plain:
            letters[chr(256 + len(letters) - len(plain))] = byte
    return letters
