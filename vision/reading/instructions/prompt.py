"""What a language model reads of an instruction: its words, with an id in place of each written class set.

A class set in braces or brackets is notation and not language: code parses it, however long it is, and the model only
says what it is there for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from vision.classes.emoji import emoji_name
from vision.errors import InstructionError

SET_IDS = "αβγδεζ"
"""Ids of class sets, one token each."""

BEGINNING = "Instructions for an object detector, and the tasks that they are.\n"
"""What all prompts begin with."""

ANSWER = "Task:"
"""The prompt's last line, which the reply follows."""

MOST_CHARACTERS = 4000
"""Of an instruction without its class sets."""

SHOWN = 4
"""Members of a class set that the prompt shows."""

_SET = re.compile(r"\{[^{}\[\]]*\}|\[[^{}\[\]]*\]")
_MEMBER = re.compile(
    r"""\s*(?:"(?P<double>[^"]*)"|'(?P<single>(?:[^']|'(?=\w))*)'|(?P<bare>[^,;"':=]+?))"""
    r"""\s*(?:[:=]+\s*["']?<?\s*(?:(?P<cls>cls)|c|class|cat)?_?(?P<token>\d{1,6})\s*>?["']?)?\s*(?:[,;]|$)"""
)
_PLACEHOLDER = re.compile(r"<(?:expression|exp|phrase|object|class(?:es| ?set| ?name)?|category)>|\.\.\.+")
_ESCAPES = re.compile(r"""\\+(?=["'])""")
_WORD = re.compile(r"[^\W_](?:(?:(?!['’]s\b)[\w'’.\-&+])*\w)?|_\w+|[^\x00-\x7f\w\s“”‘’„«»–—…]")


def check(text: str) -> None:
    """Refuse what is no instruction.

    Raises:
        InstructionError: it is empty or too long, or a placeholder in it was not filled in.
    """
    if not any(character.isalnum() or emoji_name(character) for character in text):
        raise InstructionError('the instruction is empty: expected a text such as "find the red cars" or a class set')
    _ = InstructionPrompt(text).text


@dataclass(frozen=True)
class ClassSet:
    """A written class set.

    Attributes:
        start, end: where it stands in the instruction, in characters.
        names: its members, in the order of their tokens.
        tokens: whether it gives tokens, `<c0>`.
    """

    start: int
    end: int
    names: tuple[str, ...]
    tokens: bool


@dataclass(frozen=True)
class Word:
    """A word of an instruction that may be copied: its text and place in characters."""

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class InstructionPrompt:
    """An instruction as the model reads it.

    Attributes:
        instruction: as it was given.
    """

    instruction: str

    @cached_property
    def sets(self) -> Sequence[ClassSet]:
        """The class sets, as many as there are ids.

        Raises:
            InstructionError: a placeholder such as `<expression>` was not filled in.
        """
        found = [one for match in _SET.finditer(self.instruction) if (one := _class_set(match)) is not None]
        return found[: len(SET_IDS)]

    @cached_property
    def text(self) -> str:
        """What the model reads; the reply follows directly.

        Raises:
            InstructionError: it is too long.
        """
        parts, last = [], 0
        for letter, one in zip(SET_IDS, self.sets, strict=False):
            names = ", ".join(" ".join(name.split())[:60] for name in one.names[:SHOWN])
            more = ", ..." if len(one.names) > SHOWN else ""
            parts += [self.instruction[last : one.start], f"{{{letter}{' <c>' if one.tokens else ''}: {names}{more}}}"]
            last = one.end
        shown = " ".join("".join([*parts, self.instruction[last:]]).split())
        if len(shown) > MOST_CHARACTERS:
            raise InstructionError(
                f"the instruction has {len(shown)} characters beside its class sets: expected at most {MOST_CHARACTERS}"
            )
        return f"I: {shown}\n{ANSWER}"

    @cached_property
    def words(self) -> Sequence[Word]:
        """The words that a reply may copy: none of a class set but an expression's."""
        hidden = [(one.start, one.end) for one in self.sets if len(one.names) > 1]
        return [
            Word(match.group(), *match.span())
            for match in _WORD.finditer(self.instruction)
            if not any(start <= match.start() < end for start, end in hidden)
        ]

    def find(self, phrase: str) -> tuple[int, int] | None:
        """The first and last place among the words of a phrase that stands there, whatever its case."""
        wanted = [match.group().lower() for match in _WORD.finditer(phrase)]
        words = [word.text.lower() for word in self.words]
        for at in range(len(words) - len(wanted) + 1):
            if wanted and words[at : at + len(wanted)] == wanted:
                return at, at + len(wanted) - 1
        return None

    def between(self, first: int, last: int) -> str:
        """The instruction from one word to another."""
        return self.instruction[self.words[first].start : self.words[last].end]


def _class_set(match: re.Match[str]) -> ClassSet | None:
    """What stands in brackets as a class set, if it is one."""
    names = list(_members(_ESCAPES.sub("", match.group()[1:-1])))
    if not names or (match.group()[0] == "[" and len(names) < 2):
        return None
    for name, _ in names:
        if _PLACEHOLDER.fullmatch(name):
            raise InstructionError(
                f"the placeholder {name} of the instruction was not filled in: expected a class or an expression in "
                f"its place"
            )
    numbers = [token for _, token in names if token is not None]
    if sorted(numbers) == list(range(len(names))):
        names.sort(key=lambda member: member[1] or 0)
    return ClassSet(*match.span(), tuple(dict.fromkeys(name for name, _ in names)), bool(numbers))


def _members(text: str) -> Iterator[tuple[str, int | None]]:
    """Names with their tokens; none where the text is no list of them."""
    at, found = 0, []
    while at < len(text.rstrip()):
        member = _MEMBER.match(text, at)
        if member is None:
            return
        name = " ".join((member["double"] or member["single"] or member["bare"] or "").split())
        name = name[1:-1] if name.startswith("<") and name.endswith(">") and not _PLACEHOLDER.fullmatch(name) else name
        if not any(letter.isalpha() for letter in name):
            return
        found.append((name, None if member["token"] is None else int(member["token"])))
        at = member.end()
    yield from found
