"""What a language model reads of an instruction or expression: its words, with an id in place of each class set.

A class set in braces or brackets is notation and not language: code parses it, however long it is, and the model only
says what it is there for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from reasoning.language.writing.copied_words import CopiedWords, words_in
from vision.classes.emoji import emoji_name
from vision.errors import InstructionError

SET_IDS = "αβγδεζ"
"""Ids of class sets, one token each."""

ANSWER = "Task:"
"""The prompt's last line, which the reply follows."""

MOST_CHARACTERS = 4000
"""Of an instruction without its class sets."""

LONGEST_WORD = 50
"""Letters of a word that are shown, and of one that a reply may copy: a flood of letters is no word, and is long to
read and to write."""

SHOWN = 4
"""Members of a class set that the prompt shows."""

_FLOOD = re.compile(rf"(\w{{{LONGEST_WORD}}})\w+")
_SET = re.compile(r"\{[^{}\[\]]*\}|\[[^{}\[\]]*\]")
_MEMBER = re.compile(
    r"""\s*(?:"(?P<double>[^"]*)"|'(?P<single>(?:[^']|'(?=\w))*)'|(?P<bare>[^,;"':=]+?))"""
    r"""\s*(?:[:=]+\s*["']?<?\s*(?:(?P<cls>cls)|c|class|cat)?_?(?P<token>\d{1,6})\s*>?["']?)?\s*(?:[,;]|$)"""
)
_PLACEHOLDER = re.compile(r"<(?:expression|exp|phrase|object|class(?:es| ?set| ?name)?|category)>|\.\.\.+")
_ESCAPES = re.compile(r"""\\+(?=["'])""")


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
class TextPrompt:
    """An instruction or an expression as the model reads it.

    Attributes:
        original: as it was given.
    """

    original: str

    def check(self, what: str) -> None:
        """Refuse what nobody could read.

        Args:
            what: it is, "instruction" or "expression".

        Raises:
            InstructionError: it is empty or too long, or a placeholder in it was not filled in.
        """
        if not any(letter.isalnum() or emoji_name(letter) for letter in self.original):
            raise InstructionError(
                f'the {what} is empty: expected a text such as "find the red cars" or "the person left of the bus"'
            )
        _ = self.text

    @cached_property
    def sets(self) -> Sequence[ClassSet]:
        """The class sets, as many as there are ids.

        Raises:
            InstructionError: a placeholder such as `<expression>` was not filled in.
        """
        found = [one for match in _SET.finditer(self.original) if (one := _class_set(match)) is not None]
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
            parts += [self.original[last : one.start], f"{{{letter}{' <c>' if one.tokens else ''}: {names}{more}}}"]
            last = one.end
        shown = " ".join("".join([*parts, self.original[last:]]).split())
        if len(shown) > MOST_CHARACTERS:
            raise InstructionError(
                f"the instruction has {len(shown)} characters beside its class sets: expected at most {MOST_CHARACTERS}"
            )
        shown = _FLOOD.sub(r"\1...", shown)
        return f"I: {shown}\n{ANSWER}"

    @cached_property
    def copied_words(self) -> CopiedWords:
        """The words that a reply may copy: none of a class set but an expression's, and none that nobody says."""
        hidden = [(one.start, one.end) for one in self.sets if len(one.names) > 1]
        shown = [
            word
            for word in words_in(self.original)
            if len(word.text) <= LONGEST_WORD and not any(start <= word.start < end for start, end in hidden)
        ]
        return CopiedWords(self.original, shown)

    def find(self, phrase: str) -> range | None:
        """The places among the words of a phrase that stands there, whatever its case."""
        return self.copied_words.find(phrase)

    def copied(self, phrase: str) -> list[str]:
        """The pieces in which a reply copies a phrase.

        Raises:
            InstructionError: it does not stand there.
        """
        return self.copied_words.pieces(self._places(phrase))

    def quoted(self, phrase: str) -> str:
        """A copied phrase as it stands there, with what is between its words.

        Raises:
            InstructionError: it does not stand there.
        """
        return self.copied_words.as_written(self._places(phrase))

    def _places(self, phrase: str) -> range:
        if (places := self.find(phrase)) is None:
            raise InstructionError(f"{phrase!r} does not stand in the text")
        return places

    def set_by_id(self, letter: str) -> tuple[str, ...] | None:
        """The members of the class set that an id stands for; None where the text is no id.

        Raises:
            InstructionError: the id stands for no class set of the text.
        """
        if len(letter) != 1 or letter not in SET_IDS:
            return None
        if (place := SET_IDS.index(letter)) >= len(self.sets):
            raise InstructionError(f"{letter} stands for no class set of the text")
        return self.sets[place].names

    def id_of_set(self, names: Sequence[str]) -> str | None:
        """The piece of the id by which the class set with these members is written; None where there is none."""
        wanted = [name.lower() for name in names]
        found = (
            letter
            for letter, one in zip(SET_IDS, self.sets, strict=False)
            if [name.lower() for name in one.names] == wanted
        )
        return next((f" {letter}" for letter in found), None)


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
