"""Reading a referring expression or question, its words looked up among the detector's classes.

What the detector must look for is known before it looks: an open vocabulary is asked only for the expression's words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from vision.classes.matching import Match, Matcher, OpenMatcher
from vision.classes.phrases import singular
from vision.errors import InstructionError
from vision.reading.expressions.adjectives import SCENERY
from vision.reading.expressions.attachment import WEARING
from vision.reading.expressions.chunks import Chunk, Chunks
from vision.reading.expressions.grammar import read_chunks
from vision.reading.expressions.links import Link
from vision.reading.expressions.phrases import Colours, Core, Question, Unseen

MAX_NOUN_WORDS = 4
"""Longest name of a kind of thing that is looked up among a detector's classes; longer ones are sentences not read."""


@dataclass(frozen=True)
class ReadExpression:
    """An expression whose words are known.

    Attributes:
        text: as it was read.
        question: what is wanted.
        matches: what each noun means.
        notes: what was assumed in reading it, one sentence each.
        chunks: its parts.
    """

    text: str
    question: Question
    matches: dict[str, Match]
    notes: tuple[str, ...]
    chunks: Chunks

    @property
    def subject(self) -> Core:
        """The first noun phrase."""
        return self.chunks.first

    @property
    def classes(self) -> tuple[str, ...]:
        """All classes that its words mean, each once."""
        return tuple(dict.fromkeys(name for match in self.matches.values() for name in match.classes))


def read_expression(text: str, matcher: Matcher) -> ReadExpression:
    """Read an expression and look its words up.

    Args:
        text: such as "the person left of the bus" or "how many bottles are on the table?".
        matcher: knows what words mean among the detector's classes.

    Raises:
        InstructionError: it is empty, a part of it cannot be read, or a word names nothing that the model can detect.
    """
    chunks = read_chunks(text)
    cores = _cores(chunks)
    if isinstance(matcher, OpenMatcher):
        chunks = _with_descriptions(chunks)
        cores = _cores(chunks)
    else:
        for core in cores:
            if core.noun is not None and len(core.noun.split()) > MAX_NOUN_WORDS and not core.noun.startswith("things"):
                raise InstructionError(f'"{core.noun}" cannot be read as one kind of thing; say it in fewer words')
    asked = [core.noun for core in cores if core.noun is not None]
    asked += ["person" for core in cores if core.generic == "person"]
    asked = list(dict.fromkeys(asked))
    matches = dict(zip(asked, matcher.match_all(asked), strict=True))
    chunks, notes = _seen_only(chunks, matches)
    for core in _cores(chunks):
        if core.noun is not None and not matches[core.noun].classes:
            raise InstructionError(_undetectable(matches[core.noun], core.noun))
    return ReadExpression(chunks.text, chunks.question, matches, notes, chunks)


def _cores(chunks: Chunks) -> list[Core]:
    return [chunks.first, *(chunk.core for chunk in chunks.rest if chunk.core is not None)]


def _seen_only(chunks: Chunks, matches: Mapping[str, Match]) -> tuple[Chunks, tuple[str, ...]]:
    """The same with what the model doesn't detect put as far as it can be in what it does, and notes that say so.

    Where it knows no shirts "in a red shirt" becomes "in red", and what lies "on the floor" is marked as not seen.
    """
    rest: list[Chunk] = []
    notes: list[str] = []
    worn: Link | None = None
    for chunk in chunks.rest:
        core = chunk.core
        link = chunk.says if chunk.kind == "related" else None
        if worn is not None and chunk.kind == "joined" and set(chunk.connectives) <= {"AND", "COMMA"}:
            link = worn  # "in a white shirt and black tie"
            chunk = replace(chunk, kind="related", says=link)
        worn = None
        if core is not None and core.noun is not None and not matches[core.noun].classes:
            coloured = any(isinstance(adjective, Colours) for adjective in core.adjectives)
            if link is not None and link.name in WEARING and coloured:
                notes.append(f'"{core.noun}" cannot be detected: "{core.span.text}" was read as a colour alone.')
                chunk, worn = replace(chunk, core=replace(core, noun=None)), link
            elif singular(core.noun.split()[-1]) in SCENERY and chunk.kind in ("related", "nearest", "of"):
                chunk = replace(chunk, kind="state", core=None, says=Unseen(chunk.span.text))
        elif link is not None and link.name in WEARING and core is not None and not core.named:
            worn = link
        rest.append(chunk)
    return replace(chunks, rest=tuple(rest)), tuple(notes)


def _undetectable(match: Match, noun: str) -> str:
    nearest = ", ".join(f'"{name}"' for name in match.nearest[:3])
    hint = f"; the nearest that it can are {nearest}" if nearest else ""
    return f'"{noun}" is nothing that this model can detect{hint}'


def _with_descriptions(chunks: Chunks) -> Chunks:
    """The same with adjectives that the scene can't show as part of the noun: a model may know "wooden chair"."""

    def described(core: Core) -> Core:
        words = [adjective.word for adjective in core.adjectives if isinstance(adjective, Unseen)]
        if core.noun is None or not words:
            return core
        kept = tuple(adjective for adjective in core.adjectives if not isinstance(adjective, Unseen))
        return replace(core, noun=" ".join([*words, core.noun]), adjectives=kept)

    rest = tuple(chunk if chunk.core is None else replace(chunk, core=described(chunk.core)) for chunk in chunks.rest)
    return replace(chunks, first=described(chunks.first), rest=rest)
