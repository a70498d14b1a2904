"""Class sets as VisionLLM writes them, {"person":<c0>, "black cat":<c1>}, quotes and tokens optional, or as a list.

The order of a set is kept, since indexes and tokens count in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from vision.errors import InstructionError
from vision.reading.instructions.phrases.rules import Reading
from vision.reading.instructions.source import Source

_TOKEN = re.compile(r"<? ?(?:c|cls|class|cat|label)[_ ]?(\d{1,6}) ?>|<(\d{1,6})>|(?<![\w.])(\d{1,6})(?![\w.])")
_PLACEHOLDER = re.compile(
    r"<? ?(?:expression|exp|class|classes|class ?set|category|object|phrase|class name)s? ?>|\.\.\.+"
)
_PIECE = re.compile(
    r"\"(?P<double>[^\"]*)\"|(?<!\w)'(?P<single>(?:[^']|'(?=\w))*)'(?!\w)|<(?P<angle>[^<>]*)>|(?P<comma>[,;|])"
    r"|(?P<is>->|=>|:=|[:=])"
    r"|(?P<bare>[^\"'<>,;|:={}\[\]]+|['>-])"
)
_OPEN = re.compile(
    r"[{\[]|(?:\b(?:class(?:es)?|categor(?:y|ies)|labels?|sets?|vocabulary)(?: (?:are|is|of))?:? ?)(?P<round>\()"
)
_EMPTY = re.compile(
    r"\b(?:class|category|label) (?:set|list)(?: is|:)? ?[{\[] ?(?:(?:\"\"|'')(?: ?: ?<[^<>]*>)? ?)?[}\]]"
)
_BRACKET = re.compile(r"[{}\[\]()\"]")
_CLOSING = {"{": "}", "[": "]", "(": ")"}
_MAX_PHRASE = 300


@dataclass(frozen=True)
class Entry:
    """One class of a set.

    Attributes:
        phrase: the user's words, lower case.
        token: the number of its token or index, or None.
        cls: whether the token is of the form `<cls0>`, which VisionLLM uses for one expression.
    """

    phrase: str
    token: int | None = None
    cls: bool = False


@dataclass(frozen=True)
class ClassSet:
    """A class set and its place in the canonical text."""

    start: int
    end: int
    entries: tuple[Entry, ...]
    tokens: bool
    """Whether it gives class tokens, in which the output is then to be written."""
    numbers: bool
    """Whether it gives bare numbers, which are then the classes' indexes."""


def read_class_sets(reading: Reading) -> list[ClassSet]:
    """Read every class set in braces, and every list in brackets that holds words.

    Raises:
        InstructionError: a set is not closed, or a placeholder such as `<expression>` was not filled in.
    """
    source = reading.source
    if empty := _EMPTY.search(source.open):
        raise InstructionError(
            f"{source.original_at(*empty.span())!r} is an empty class set: expected names in it, as in "
            '{"person":<c0>, "car":<c1>}'
        )
    found: list[ClassSet] = []
    position, ends = 0, _ends(source.open)
    while opening := _OPEN.search(source.open, position):
        start = opening.start("round") if opening["round"] else opening.start()
        end = ends.get(start)
        position = start + 1
        if end is None:
            if source.open[start] == "{" and re.search(r"[\"'<]|^\{ ?\w", source.open[start : start + 200]):
                raise InstructionError(
                    f"the class set that begins with "
                    f"{source.original_at(start, min(start + 40, len(source.text)))!r} is not closed: expected {'}'!r}"
                )
            continue
        class_set = _class_set(source, start, end)
        if class_set is not None:
            found.append(class_set)
            position = end
    source.claim([(one.start, one.end) for one in found], "class set")
    return found


def _ends(text: str) -> dict[int, int]:
    """Where each bracket that is closed begins, to one past its closing; those in double quotes don't count."""
    ends: dict[int, int] = {}
    open_at: list[int] = []
    quoted = False
    for match in _BRACKET.finditer(text):
        mark = match[0]
        if mark == '"':
            quoted = bool(open_at) and not quoted
        elif quoted:
            continue
        elif mark in _CLOSING:
            open_at.append(match.start())
        elif any(_CLOSING[text[start]] == mark for start in open_at[-3:]):
            while _CLOSING[text[open_at[-1]]] != mark:
                open_at.pop()
            ends[open_at.pop()] = match.end()
    if quoted and open_at and (end := text.find(_CLOSING[text[open_at[-1]]], open_at[-1])) >= 0:
        # A quotation mark too many must not swallow the rest of the text.
        ends[open_at[-1]] = end + 1
    return ends


def _class_set(source: Source, start: int, end: int) -> ClassSet | None:
    entries: list[Entry] = []
    words: list[str] = []
    token: int | None = None
    cls = quotes = tokens = numbers = False

    def close() -> None:
        nonlocal token, cls
        phrase = " ".join(" ".join(words).split()).strip(" .")
        if not phrase and token is not None and words:
            raise InstructionError(
                f"the class set {source.original_at(start, min(end, start + 40))!r} has an empty name: "
                'expected names in it, as in {"person":<c0>, "car":<c1>}'
            )
        if phrase:
            if len(phrase) > _MAX_PHRASE:
                raise InstructionError(
                    f"a class of {len(phrase)} characters, {phrase[:40]!r}...: expected at most {_MAX_PHRASE}"
                )
            entries.append(Entry(phrase, token, cls))
        words.clear()
        token, cls = None, False

    for piece in _PIECE.finditer(source.open, start + 1, end - 1):
        text = source.original_at(*piece.span()).lower() if piece.lastgroup != "comma" else ""
        if piece.lastgroup == "comma":
            close()
        elif piece.lastgroup in ("double", "single"):
            quotes = True
            inner = source.original_at(*piece.span(piece.lastgroup)).lower()
            if number := _TOKEN.fullmatch(inner.strip()):
                token, tokens = _number(number), True
                cls = "cls" in inner
            else:
                words.append(_unbracketed(source, inner))
        elif piece.lastgroup == "angle":
            if number := _TOKEN.fullmatch(f"<{piece['angle']}>"):
                token, tokens, cls = _number(number), True, "cls" in piece["angle"]
            else:
                words.append(_unbracketed(source, text))
        elif piece.lastgroup == "bare":
            bare = text.strip()
            if bare.isdigit() and (words or token is None):
                token, numbers = int(bare), True
            elif words and bare in ("and", "or"):
                close()
            elif bare:
                bare = re.sub(r"^(?:and|or) ", "", bare)
                words.append(bare)
    close()
    if not entries or (source.open[start] != "{" and not quotes and not _is_word_list(source.open[start:end], entries)):
        return None
    return ClassSet(start, end, tuple(entries), tokens, numbers and not tokens)


def _number(match: re.Match[str]) -> int:
    return int(match[1] or match[2] or match[3])


def _unbracketed(source: Source, text: str) -> str:
    """A phrase without the angle brackets of a template that was filled in."""
    text = text.strip()
    if _PLACEHOLDER.fullmatch(text):
        raise InstructionError(
            f"the placeholder {text} of the instruction was not filled in: expected a class or an expression in its "
            f"place"
        )
    return text[1:-1].strip() if text.startswith("<") and text.endswith(">") else text


def _is_word_list(text: str, entries: list[Entry]) -> bool:
    return "\ue000" not in text and len(entries) >= 2 and all(re.match(r"[^\W\d_]", entry.phrase) for entry in entries)
