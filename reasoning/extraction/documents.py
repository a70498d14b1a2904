"""Documents: texts with the names by which they are told apart and removed; what is no text is refused at once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kg_data.errors import UsageError
from kg_data.nearest_files import files_like

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
    """The documents that are meant, checked.

    A text without a name is called by a digest of it, so that the same text is the same document.

    Raises:
        UsageError: one is no text, is empty, is too large, or two have one name.
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
    """The text of a file in UTF-8; every end of a line is "\\n", as Python reads it.

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
