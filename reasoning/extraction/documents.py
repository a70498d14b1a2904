"""Documents by name, and the passages that they are divided into, one for each request.

A passage ends where a sentence does if it fits. The library semantic-text-splitter finds sentences by Unicode's
boundaries (UAX #29), in whatever language; it takes 7 ms for a million characters, where rule-based splitters in
Python take seconds and know a score of languages. A line that is only wrapped is joined to the next, since an end of
line is a boundary to it, and it is given blocks of a bounded size, since text without any boundary takes it quadratic
time.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from reasoning.lm.errors import need_packages
from reasoning.lm.replies import CHARACTERS_PER_TOKEN
from skylark.errors import UsageError
from skylark.files import files_like

LARGEST = 20 * 2**20
"""Bytes of one document."""

LARGEST_TOGETHER = 200 * 2**20
"""Bytes of all documents of a run, which are held in memory."""

LONGEST_NAME = 1000
"""Characters of a document's name."""


@dataclass(frozen=True)
class Document:
    """A text that is read.

    Attributes:
        name: what its facts are kept under: a file's path as it was given, or a name of one's own.
        text: with lines that end in "\\n".
    """

    name: str
    text: str


Texts = str | Path | Document | Mapping[str, str] | Iterable[str | Path | Document]
"""What documents may be given as: a text, a file by its `Path`, a `Document`, several of these, or names with texts."""


def documents_of(given: Texts) -> list[Document]:
    """The documents that are meant; a `UsageError` names one that is no text, empty, too large, or there twice.

    A text without a name is called by a digest of it, so that the same text is the same document.
    """
    found: list[Document] = []
    together = 0
    for document in _each(given):
        size = len(document.text.encode(errors="replace"))
        _check(document, size)
        together += size
        if together > LARGEST_TOGETHER:
            raise UsageError(
                f"the documents have more than {LARGEST_TOGETHER >> 20} MB together: give them in several runs, each "
                "adding to the graph of the one before"
            )
        found.append(document)
    if not found:
        raise UsageError("there are no documents: give at least one text")
    names: set[str] = set()
    for document in found:
        if document.name in names:
            raise UsageError(
                f'two documents are called "{document.name}": a name tells which document says a fact, so each needs '
                "one of its own"
            )
        names.add(document.name)
    return found


def read_document(path: Path) -> Document:
    """The text of a file in UTF-8; every end of a line is one line feed, as Python reads it.

    Raises:
        UsageError: there is no such file, it is no text, or it is too large.
    """
    if path.is_dir():
        raise UsageError(f"{path} is a folder: name the files in it")
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except FileNotFoundError:
        near = files_like(path)
        hint = f"; did you mean {', '.join(map(str, near))}?" if near else ""
        raise UsageError(f"there is no file {path}{hint}") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from None
    if len(content) > LARGEST:
        raise UsageError(_too_large(str(path)))
    if b"\0" in content:
        raise UsageError(f"{path} is not text: convert it to a .txt file in UTF-8 first")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path} is not text in UTF-8 (byte {error.start:,} is 0x{content[error.start]:02x}): convert it first"
        ) from None
    return Document(str(path), text.replace("\r\n", "\n").replace("\r", "\n"))


def _each(given: Texts) -> Iterable[Document]:
    if isinstance(given, str | Path | Document):
        yield _document(given)
    elif isinstance(given, Mapping):
        for name, text in given.items():
            if not isinstance(name, str) or not isinstance(text, str):
                raise UsageError(f"expected names with texts, found {type(name).__name__} with {type(text).__name__}")
            yield Document(name, text)
    elif isinstance(given, Iterable) and not isinstance(given, bytes | bytearray):
        yield from map(_document, given)
    else:
        raise UsageError(f"expected documents as texts, paths or a mapping of names to texts, not {_kind(given)}")


def _document(given: object) -> Document:
    match given:
        case Document():
            return given
        case Path():
            return read_document(given)
        case str():
            digest = hashlib.sha256(given.encode(errors="replace")).hexdigest()[:8]
            return Document(f"text-{digest}", given)
    raise UsageError(f"expected a document as a text, a pathlib.Path or a Document, not {_kind(given)}")


def _check(document: Document, size: int) -> None:
    if not isinstance(document.name, str) or not document.name.strip() or len(document.name) > LONGEST_NAME:
        raise UsageError(f"a document needs a name of at most {LONGEST_NAME:,} characters, not {document.name!r:.60}")
    if not isinstance(document.text, str):
        raise UsageError(f'expected the text of "{document.name}", not {_kind(document.text)}')
    if size > LARGEST:
        raise UsageError(_too_large(document.name))
    if "\0" in document.text:
        raise UsageError(f"{document.name} is not text: it has a character of code 0")
    if not document.text.strip():
        raise UsageError(f"{document.name} is empty")


def _too_large(name: str) -> str:
    return f"{name} has more than {LARGEST >> 20} MB: divide it into several documents"


def _kind(item: object) -> str:
    return "a number of bytes" if isinstance(item, bytes | bytearray) else type(item).__name__


BLOCK = 1 << 15
"""Characters that are divided at once."""

LEAST_WRAPPED = 50
"""Characters of a line that may go on in the next; a shorter one is a heading or a list's."""

_WRAPPED = re.compile(rf"(?<=[^\n]{{{LEAST_WRAPPED}}})(?<![.!?:;…。！？])(?<!\n)\n(?=[^\n])")


_HALF = re.compile("[\ud800-\udfff]")
"""Half a surrogate pair, which no library of another language takes."""


@dataclass(frozen=True)
class Passage:
    """A part of a document exactly as it stands there; `start` and `line` (from 1) say where it begins."""

    document: str
    start: int
    line: int
    text: str

    def line_at(self, place: int) -> int:
        """The document's line of a place in the passage."""
        return self.line + self.text.count("\n", 0, place)


def passages(document: Document, chunk_tokens: int) -> Iterator[Passage]:
    """A document's passages of so many tokens, in order; between them is nothing but blanks.

    Raises:
        LLMError: the package that divides texts is not installed.
    """
    need_packages("Dividing a text into passages", "semantic_text_splitter")
    from semantic_text_splitter import TextSplitter

    splitter = TextSplitter(int(chunk_tokens * CHARACTERS_PER_TOKEN))
    text, line, counted = document.text, 1, 0
    for start, block in _blocks(text):
        joined = _HALF.sub("?", _WRAPPED.sub(" ", block))  # as long as before, so places stay
        for at, part in splitter.chunk_indices(joined):
            begin = start + at
            line += text.count("\n", counted, begin)
            counted = begin
            yield Passage(document.name, begin, line, text[begin : begin + len(part)])


def _blocks(text: str) -> Iterator[tuple[int, str]]:
    """The text in pieces, parted at an empty line, else an end of line, else a blank."""
    start = 0
    while start < len(text):
        end = min(start + BLOCK, len(text))
        if end < len(text):
            middle = start + BLOCK // 2
            for boundary in ("\n\n", "\n", ". ", " "):
                if (at := text.rfind(boundary, middle, end)) >= 0:
                    end = at + len(boundary)
                    break
        if not (block := text[start:end]).isspace():
            yield start, block
        start = end
