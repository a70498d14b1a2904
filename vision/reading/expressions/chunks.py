"""The chunks that an expression is read as, and how they are built from the tree of `grammar`, bottom up."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Literal

from lark import ParseTree, Token, Transformer, v_args
from lark.tree import Meta

from vision.reading.expressions.adjectives import (
    BOUNDS,
    FAR_FROM_VIEWER,
    NEAR_VIEWER,
    NUMBERS,
    ORDINALS,
    PLACES,
    SIZES,
    SUPERLATIVES,
    look_up,
    read_colours,
    read_edge,
    read_region,
)
from vision.reading.expressions.links import LINKS, SEATED, Link
from vision.reading.expressions.phrases import (
    Adjective,
    Amount,
    Colours,
    Core,
    Determiner,
    Ordinal,
    Question,
    Span,
    Unseen,
)


@dataclass(frozen=True)
class Chunk:
    """What stands after the first noun phrase: one step of a chain.

    Attributes:
        connectives: the kinds of the words that lead to it, in order: "THAT", "NOT", "AND"; a verb as itself, "IS".
        kind: which.
        span: where it stands.
        core: its noun phrase, or None.
        says: its link, place, order or activity, or None.
    """

    connectives: tuple[str, ...]
    kind: Literal[
        "joined", "related", "stranded", "together", "state", "unseeable", "region", "order", "filler", "nearest",
        "farthest", "back", "counted", "between", "excepted", "of", "to", "away",
    ]  # fmt: skip
    span: Span
    core: Core | None = None
    says: Any = None


@dataclass(frozen=True)
class Chunks:
    """An expression in chunks.

    Attributes:
        text: what was read.
        question: what is wanted.
        first: the first noun phrase.
        rest: what follows it.
    """

    text: str
    question: Question
    first: Core
    rest: tuple[Chunk, ...]


def chunks_of(tree: ParseTree, text: str) -> Chunks:
    """The chunks of a tree of `grammar`.

    Args:
        tree: what lark made of the text.
        text: what was read.
    """
    chunks: Chunks = _Reader(text).transform(tree)
    return chunks


_UPRIGHT = ("sit", "seated", "stand", "perched", "standing")


class _Reader(Transformer[Token, Any]):
    """From lark's tree to chunks, bottom up."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def _span(self, meta: Meta) -> Span:
        return Span(meta.start_pos, meta.end_pos, self._text[meta.start_pos : meta.end_pos])

    # Noun phrases -------------------------------------------------------------------------------------------------

    def determiner(self, children: list[Token]) -> Determiner:
        token = children[0]
        if token.type == "ALL" and token.startswith("both"):
            return "the"
        words: dict[str, Determiner] = {"THE": "the", "A": "a", "ANY": "any", "ALL": "all", "NO": "no"}
        return words[token.type]

    def noun(self, children: list[Token]) -> tuple[str, str]:
        kind = children[0].type
        if kind in ("THING", "PERSON", "ONE", "OTHERS"):
            return "one" if kind == "OTHERS" else kind.lower(), str(children[0])
        return "noun", " ".join(children)

    @v_args(meta=True)
    def core(self, meta: Meta, children: list[Any]) -> Core:
        determiner: Determiner = ""
        adjectives: list[Adjective] = []
        noun: str | None = None
        generic: Literal["thing", "person", "one"] | None = None
        for child in children:
            if isinstance(child, Token):
                if child.type == "GROUP":
                    determiner = "all"
                else:
                    adjectives.append(_adjective(child))
            elif isinstance(child, tuple):
                kind, words = child
                noun = words if kind == "noun" else None
                generic = None if kind == "noun" else kind
                if words in ("nobody", "no one"):
                    determiner = "no"
                elif words in ("anyone", "anybody", "anything", "someone", "somebody", "something"):
                    determiner = "any"
                elif words in ("everyone", "everybody", "everything"):
                    determiner = "all"
            else:
                determiner = child
        text = self._text[meta.start_pos : meta.end_pos]
        if text.startswith("both"):
            adjectives.insert(0, Amount(2))
        return Core(self._span(meta), determiner, tuple(adjectives), noun, generic)

    @v_args(meta=True)
    def asked(self, meta: Meta, children: list[Any]) -> Core:
        core = next((child for child in children if isinstance(child, Core)), None)
        if core is not None:
            adjectives = core.adjectives
            if any(isinstance(child, Token) and child.type == "OF" for child in children):
                # "which of the two dogs": the number is theirs of whom some are asked for.
                adjectives = tuple(adjective for adjective in adjectives if not isinstance(adjective, Amount))
            return Core(self._span(meta), "what", adjectives, core.noun, core.generic or _nounless(core))
        return Core(self._span(meta), "what", (), None, "person" if children[0].type == "WHO" else "thing")

    # Chunks -------------------------------------------------------------------------------------------------------

    def connective(self, children: list[Token]) -> str:
        token = children[0]
        return str(token).upper() if token.type in ("BE", "DO") else str(token.type)

    @v_args(meta=True)
    def joined(self, meta: Meta, children: list[Any]) -> Chunk:
        core = children[-1]
        return Chunk(tuple(children[:-1]), "joined", core.span, core)

    def element(self, children: list[Any]) -> Chunk:
        chunk: Chunk = children[-1]
        return Chunk(tuple(children[:-1]), chunk.kind, chunk.span, chunk.core, chunk.says)

    @v_args(meta=True)
    def related(self, meta: Meta, children: list[Any]) -> Chunk:
        link = _link(children[-2])
        if len(children) == 3 and link.name == "on" and children[0].startswith(_UPRIGHT):
            link = SEATED
        return Chunk((), "related", self._span(meta), children[-1], link)

    @v_args(meta=True)
    def back(self, meta: Meta, children: list[Any]) -> Chunk:
        return Chunk((), "back", self._span(meta), None, _link(children[-2]))

    @v_args(meta=True)
    def reduced(self, meta: Meta, children: list[Any]) -> Chunk:
        link = children[-1].says
        return Chunk((), "related", self._span(meta), children[0], replace(link, inverse=not link.inverse))

    @v_args(meta=True)
    def stranded(self, meta: Meta, children: list[Any]) -> Chunk:
        return Chunk((), "stranded", self._span(meta), None, _link(children[-1]))

    @v_args(meta=True)
    def together(self, meta: Meta, children: list[Any]) -> Chunk:
        return Chunk((), "together", self._span(meta), children[-1])

    @v_args(meta=True)
    def state(self, meta: Meta, children: list[Any]) -> Chunk:
        return Chunk((), "state", self._span(meta), None, Unseen(str(children[0])))

    @v_args(meta=True)
    def unseeable(self, meta: Meta, children: list[Any]) -> Chunk:
        span = self._span(meta)
        return Chunk((), "state", span, None, Unseen(span.text))

    @v_args(meta=True)
    def region(self, meta: Meta, children: list[Token]) -> Chunk:
        return Chunk((), "region", self._span(meta), None, read_region(str(children[0])))

    @v_args(meta=True)
    def placed(self, meta: Meta, children: list[Token]) -> Chunk:
        return Chunk((), "region", self._span(meta), None, look_up(PLACES, str(children[0])))

    @v_args(meta=True)
    def counted(self, meta: Meta, children: list[Token]) -> Chunk:
        place = read_region(str(children[1]))
        return Chunk((), "counted", self._span(meta), None, (_adjective(children[0]), place))

    @v_args(meta=True)
    def viewer(self, meta: Meta, children: list[Token]) -> Chunk:
        near = children[0].startswith("close") or children[0].startswith("near")
        return Chunk((), "order", self._span(meta), None, NEAR_VIEWER if near else FAR_FROM_VIEWER)

    @v_args(meta=True)
    def edge(self, meta: Meta, children: list[Token]) -> Chunk:
        return Chunk((), "order", self._span(meta), None, read_edge(str(children[0])))

    @v_args(meta=True)
    def filler(self, meta: Meta, children: list[Token]) -> Chunk:
        return Chunk((), "filler", self._span(meta))

    def chain(self, children: list[Any]) -> list[Any]:
        return children

    def start(self, children: list[Any]) -> Chunks:
        chunks: Chunks = children[-1]
        return chunks

    @v_args(meta=True)
    def nearest(self, meta: Meta, children: list[Any]) -> Chunk:
        return Chunk((), "nearest", self._span(meta), children[-1])

    @v_args(meta=True)
    def farthest(self, meta: Meta, children: list[Any]) -> Chunk:
        return Chunk((), "farthest", self._span(meta), children[-1])

    @v_args(meta=True)
    def between(self, meta: Meta, children: list[Any]) -> Chunk:
        return Chunk((), "between", self._span(meta), children[-1])

    @v_args(meta=True)
    def excepted(self, meta: Meta, children: list[Any]) -> Chunk:
        return Chunk((), "excepted", self._span(meta), children[-1])

    @v_args(meta=True)
    def of(self, meta: Meta, children: list[Any]) -> Chunk:
        return Chunk((), "of", self._span(meta), children[-1])

    @v_args(meta=True)
    def to(self, meta: Meta, children: list[Any]) -> Chunk:
        return Chunk((), "to", self._span(meta), children[-1])

    @v_args(meta=True)
    def away(self, meta: Meta, children: list[Any]) -> Chunk:
        return Chunk((), "away", self._span(meta), children[-1])

    def find(self, children: list[Any]) -> Chunks:
        return self._question("find", children)

    def count(self, children: list[Any]) -> Chunks:
        return self._question("count", children)

    def exists(self, children: list[Any]) -> Chunks:
        return self._question("exists", children)

    def check(self, children: list[Any]) -> Chunks:
        return self._question("check", children)

    def colour(self, children: list[Any]) -> Chunks:
        return self._question("colour", children)

    def where(self, children: list[Any]) -> Chunks:
        return self._question("where", children)

    def what(self, children: list[Any]) -> Chunks:
        return self._question("what", children)

    def _question(self, question: Question, children: list[Any]) -> Chunks:
        parts = [
            part
            for child in children
            if not isinstance(child, Token)
            for part in (child if isinstance(child, list) else [child])
        ]
        return Chunks(self._text, question, parts[0], tuple(parts[1:]))


def _nounless(core: Core) -> Literal["thing"] | None:
    return "thing" if core.noun is None else None


def _adjective(token: Token) -> Adjective:
    words = str(token)
    match token.type:
        case "COLOURS":
            return read_colours(words)
        case "ORANGE":
            return Colours(("orange",))
        case "SUPERLATIVE":
            return look_up(SUPERLATIVES, words)
        case "NEAR":
            return FAR_FROM_VIEWER if words.startswith(("far", "fur", "most")) else NEAR_VIEWER
        case "SIZE":
            size = look_up(SIZES, words)
            return size.rank if words.endswith("er") else size
        case "PLACE":
            return look_up(PLACES, words)
        case "ORDINAL":
            return Ordinal(ORDINALS[words] if words in ORDINALS else int(words[:-2]))
        case "BOUNDED":
            bound, _, number = words.rpartition(" ")
            return Amount(NUMBERS[number] if number in NUMBERS else int(number), look_up(BOUNDS, bound))
        case "NUMBER" | "ONE":
            return Amount(NUMBERS[words] if words in NUMBERS else 1 if words.startswith("one") else int(words))
    return Unseen(words)


def _link(token: Token) -> Link:
    return next(link for link in LINKS if re.fullmatch(link.pattern, str(token)))
