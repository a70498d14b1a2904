"""The grammar of referring expressions and questions, read with the `lark` parsing library.

It finds the chunks (noun phrases, links, places) and their order, and leaves open what is said of what: that is a
matter of sense more than of grammar, so `attachment.py` decides it, with alternatives.
"""

from __future__ import annotations

from functools import cache

from lark import Lark, UnexpectedInput
from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedToken

from vision.errors import InstructionError
from vision.reading.expressions.chunks import Chunks, chunks_of
from vision.reading.expressions.terminals import TERMINALS
from vision.reading.expressions.tidying import tidy

MAX_WORDS = 80
"""Longest expression: reading takes time by the square of its length, and nobody says more of one thing."""

GRAMMAR = """
start: WHOLE? COMMA? question
?question: FIND? chain -> find
    | FIND? (HOW_MANY | COUNT) chain -> count
    | FIND? EXISTS chain -> exists
    | BE chain predicate? -> check
    | DO chain -> check
    | FIND? WHAT_COLOUR BE? chain -> colour
    | FIND? WHERE BE? chain -> where
    | FIND? asked element* stranded? -> what

chain: core element*
element: connective* said
    | connective+ core -> joined
predicate: core -> joined
stranded.2: POSTURE? LINK
state.-2: POSTURE
reduced.-2: subject BE? stranded
connective: THAT | WHICH | WHO | BE | NOT | AND | OR | COMMA | BUT | DO
?said: POSTURE? LINK core -> related
    | POSTURE core -> together
    | state
    | PLACE -> placed
    | POSTURE? LINK IT -> back
    | reduced
    | ORDINAL REGION -> counted
    | REGION -> region
    | VIEWER -> viewer
    | EDGE -> edge
    | UNSEEABLE core? -> unseeable
    | (WHOLE | EXISTS) -> filler
    | NEAREST core -> nearest
    | FARTHEST core -> farthest
    | BETWEEN core -> between
    | EXCEPT core -> excepted
    | OF core -> of
    | TO core -> to
    | FROM core -> away

core: determiner? (adjective | POSTURE)* noun
    | determiner? adjective+
subject: determiner (adjective | POSTURE)* noun -> core
asked: (WHAT | WHICH) OF? core -> asked
    | (WHAT | WHICH | WHO)
determiner: THE | A | ANY | ALL | NO
?adjective: COLOURS | ORANGE | SUPERLATIVE | NEAR | SIZE | PLACE | ORDINAL | NUMBER | BOUNDED | ONE | UNSEEN | OTHER
    | GROUP
noun: WORD+ (OF_WHAT WORD+)? | ORANGE | THING | PERSON | ONE | OTHERS | CLAUSE

%ignore /[ ]+/
%ignore ADVERB
"""


def read_chunks(text: str) -> Chunks:
    """Read an expression as chunks.

    Raises:
        InstructionError: it is empty, too long, or a part of it cannot be read.
    """
    if len(text) > 20 * MAX_WORDS or len(text.split()) > MAX_WORDS:
        raise InstructionError(f"the expression has more than {MAX_WORDS} words; say it in fewer")
    tidied = tidy(text)
    if not tidied:
        raise InstructionError('the expression is empty; expected something like "the person left of the bus"')
    try:
        tree = _parser().parse(tidied)
    except UnexpectedInput as error:
        raise InstructionError(_explained(error, tidied)) from None
    return chunks_of(tree, tidied)


@cache
def _parser() -> Lark:
    terminals = "\n".join(
        f"{name}.{priority}: /(?:{pattern.replace('/', chr(92) + '/')})(?![\\w'])/"
        for name, (priority, pattern) in TERMINALS.items()
    )
    return Lark(GRAMMAR + terminals, parser="earley", lexer="basic", propagate_positions=True, maybe_placeholders=False)


_SUCH_AS = 'as in "the person left of the bus", "the largest dog on the sofa", "how many bottles are on the table"'


def _explained(error: UnexpectedInput, text: str) -> str:
    """What could not be read, with the part to blame."""
    if isinstance(error, UnexpectedCharacters):
        at = error.pos_in_stream or 0
        part = " ".join(text[at:].split()[:3])
        return f'"{part}" in "{text}" cannot be read; expected things and what is said of them, {_SUCH_AS}'
    token = error.token if isinstance(error, UnexpectedToken) else None
    if token is None or isinstance(error, UnexpectedEOF) or token.type == "$END":
        last = " ".join(text.split()[-2:])
        return f'the expression ends too early, after "{last}"; expected a thing, as in "the person left of the bus"'
    start = token.start_pos or 0
    before = text[:start].split()
    shown = " ".join([*before[-2:], *text[start:].split()[:3]])
    return f'"{token}" does not fit where it stands in "{shown}"; expected a thing with what is said of it, {_SUCH_AS}'
