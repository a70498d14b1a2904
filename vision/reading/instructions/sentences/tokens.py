"""What is open of an instruction's text as a sequence of words and phrases, each with the part that it can play."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from vision.classes import COCO_CLASSES
from vision.classes.lexicon import lexicon
from vision.reading.instructions.source import MARKS, Source
from vision.reading.instructions.words import verbs, wording
from vision.reading.instructions.words.english import is_adverb, verb_field
from vision.reading.instructions.words.numbers import NUMBER, number
from vision.reading.instructions.words.passed_over import PASSED_OVER

Part = Literal[
    "stop", "comma", "and", "determiner", "pronoun", "object", "output noun", "be", "that",
    "filler", "finding", "telling", "foreign", "except", "relation", "preposition", "number",
    "word", "verb", "quoted", "output", "selection", "class set", "wording",
]  # fmt: skip

_TABLES: tuple[tuple[Part, tuple[str, ...]], ...] = (
    ("filler", PASSED_OVER),
    ("determiner", wording.DETERMINERS),
    ("pronoun", wording.PRONOUNS),
    ("object", wording.OBJECTS),
    ("output noun", wording.OUTPUT_NOUNS),
    ("be", wording.BE),
    ("that", wording.THAT),
    ("and", wording.AND),
    ("preposition", wording.OTHER_PREPOSITIONS),
    ("preposition", wording.OF),
    ("relation", wording.RELATIONS),
    ("except", wording.EXCEPT),
    ("foreign", verbs.FOREIGN),
    ("telling", verbs.TELLING),
    ("finding", verbs.FINDING),
)


def _lexicon() -> dict[str, dict[tuple[str, ...], set[Part]]]:
    """First word to phrases to the parts that they can play."""
    lexicon: dict[str, dict[tuple[str, ...], set[Part]]] = {}
    for part, phrases in _TABLES:
        for phrase in phrases:
            words = tuple(_WORD.findall(phrase))
            lexicon.setdefault(words[0], {}).setdefault(words, set()).add(part)
    return lexicon


_WORD = re.compile(r"[^\W_]+(?:['./-][^\W_]+)*'?|[^\w\s]")
_TOKEN = re.compile(
    rf"(?P<mark>{'|'.join(f'{mark}+' for mark in MARKS.values())})|(?P<quoted>\"[^\"]{{1,300}}\""
    rf"|(?<!\w)'[^']{{1,300}}'(?!\w))|(?P<number>{NUMBER}(?![\w]|-[a-z]))"
    r"|(?P<word>[^\W_]+(?:['’./-][^\W_]+)*'?)|(?P<other>[^\s])"
)
_VERBS = frozenset[Part](("finding", "telling", "foreign"))
_LONGEST_NAME = 3
"""Words of a class's name; longer ones are rare and put together from these."""
_PARTS_OF_MARKS: dict[str, Part] = {mark: kind for kind, mark in MARKS.items()}
_LEXICON = _lexicon()


@dataclass(frozen=True)
class Token:
    """A word, a phrase of the lexicon, a number, a mark of punctuation, or a part that has been read.

    Attributes:
        text: in the canonical spelling.
        start: where it begins in the canonical text.
        end: one past its last character.
        parts: what it can be; one alone for most.
        index: its place among the tokens.
    """

    text: str
    start: int
    end: int
    parts: frozenset[Part]
    index: int

    def can_be(self, *parts: Part) -> bool:
        """Whether it can play one of these parts."""
        return not self.parts.isdisjoint(parts)

    @property
    def is_stray_verb(self) -> bool:
        """Whether it is only known as a verb; out of a verb's place it names a thing: the "phone" of "cell phone"."""
        return self.parts <= _VERBS and " " not in self.text

    @property
    def value(self) -> float:
        """The number that it is."""
        return 1 if self.text == "single" else number(self.text)


def tokens(source: Source) -> list[Token]:
    """The tokens of a text, the longest phrase of the lexicon at each place."""
    return list(_tokens(source.open))


def _tokens(text: str) -> Iterator[Token]:
    pieces = list(_TOKEN.finditer(text))
    position = index = 0
    while position < len(pieces):
        piece = pieces[position]
        length = 1
        if piece["mark"]:
            parts: frozenset[Part] = frozenset({_PARTS_OF_MARKS[piece[0][0]]})
        elif piece["quoted"]:
            parts = frozenset({"quoted"})
        else:
            length, parts = _longest(pieces, position)
        start, end = piece.start(), pieces[position + length - 1].end()
        yield Token(text[start:end], start, end, parts, index)
        position += length
        index += 1


@cache
def _class_names() -> frozenset[tuple[str, ...]]:
    """COCO's classes and what people call them, in singular and plural, as their words."""
    names = {tuple(_WORD.findall(name)) for name in (*COCO_CLASSES, *lexicon().synonyms)}
    plurals = {
        (*words[:-1], plural)
        for words in names
        for plural in (
            f"{words[-1]}s",
            f"{words[-1]}es",
            re.sub(r"y$", "ies", words[-1]),
            re.sub(r"fe?$", "ves", words[-1]),
        )
    }
    return frozenset(names | plurals)


def is_class_name(text: str) -> bool:
    """Whether a word is what people call a class of COCO's, in the singular or plural."""
    return (text,) in _class_names()


_LONGEST = max(len(words) for phrases in _LEXICON.values() for words in phrases)


def _longest(pieces: list[re.Match[str]], position: int) -> tuple[int, frozenset[Part]]:
    first = pieces[position][0]
    names = _class_names()
    for length in range(_LONGEST_NAME, 1, -1):
        # "a stop sign" and "push bikes" hold no verbs.
        if pieces[position][0].endswith("ing"):
            break
        if (words := tuple(piece[0] for piece in pieces[position : position + length])) in names and len(
            words
        ) == length:
            return length, frozenset({"word"})
    if phrases := _LEXICON.get(first):
        words = tuple(piece[0] for piece in pieces[position : position + _LONGEST])
        for length in range(len(words), 0, -1):
            if parts := phrases.get(words[:length]):
                if length == 1 and pieces[position]["number"]:
                    parts = parts | {"number"}
                if length == 1 and parts <= _VERBS and words[:1] in names:
                    parts = parts | {"word"}
                return length, frozenset(parts)
    piece = pieces[position]
    if piece["number"]:
        return 1, frozenset({"number"})
    if piece["word"]:
        if (first,) in names:
            return 1, frozenset({"word"})
        if is_adverb(first):
            return 1, frozenset({"filler"})
        return 1, frozenset({"word", "verb"} if verb_field(first) else {"word"})
    if first in ",()":
        return 1, frozenset({"comma"})
    return 1, frozenset({"stop"} if first in ".;!?:" else {"filler"})
