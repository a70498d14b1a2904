"""Text files read so that a broken line is named, and a large file never stands in memory.

Data sets come with CRLF (FB15k-237), with byte order marks (spreadsheets) and, when something went wrong on the way,
in other encodings. Everything past this module sees plain rows of fields and their line numbers. The first broken
line ends the reading with a `DataError` that names it, as does a file that cannot be read or is not UTF-8, or all of
them are left out and told afterwards.
"""

import codecs
import csv
import io
import json
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import IO, Any

from tqdm import tqdm  # type: ignore[import-untyped]

from kg_data.columns import LeftOut
from skylark.errors import DataError, UsageError

MOST_TOLD = 5
"""Broken lines that are told one by one; the others are counted."""


@dataclass
class BrokenLines:
    """What becomes of broken lines.

    Attributes:
        skipped: they are left out, instead of raising the first one's error.
    """

    skipped: bool = False
    _lines: int = 0
    _first: list[str] = field(default_factory=list)

    def meet(self, error: DataError, lines: int = 1) -> None:
        """Take note of one that is left out; `lines` is how many lines of the file it takes.

        Raises:
            DataError: the error itself, where broken lines are not left out.
        """
        if not self.skipped:
            raise error
        self._lines += lines
        if len(self._first) < MOST_TOLD:
            self._first.append(str(error).removeprefix(f"{error.path}, "))

    @property
    def left_out(self) -> LeftOut | None:
        """What was left out so far; None where it is nothing."""
        return LeftOut(self._lines, tuple(self._first)) if self._lines else None


REFUSED = BrokenLines()
"""A broken line is an error."""


@dataclass(frozen=True)
class LoadingOptions:
    """How a file is read.

    Attributes:
        table: whether the file is a table: a header, then a row for each thing, the first column naming it and each
            other column being a relation. None reads triples and refuses what looks like a table, False reads them
            even so.
        cell_separator: what stands between the values of one cell of a table; None: a cell holds one.
        infer_values: whether relations all of whose tails are spelled as numbers or dates have values.
        skip_broken: whether broken lines are left out, where otherwise the first of them is an error.
        mapping: a file of `kg_data.loaders.mapping` that is applied to what was read.

    Raises:
        UsageError: a separator of cells without a table, or an empty one.
    """

    table: bool | None = None
    cell_separator: str | None = None
    infer_values: bool = False
    skip_broken: bool = False
    mapping: Path | None = None

    def __post_init__(self) -> None:
        if self.cell_separator is not None and not self.table:
            raise UsageError("a separator of cells is for tables: say table=True (--table) as well")
        if self.cell_separator == "":
            raise UsageError("the separator of cells is empty; expected at least one character, such as ;")

    def flags(self) -> list[str]:
        """The arguments that say the same on the command line."""
        flags = [] if self.table is None else ["--table" if self.table else "--no-table"]
        flags += [] if self.cell_separator is None else ["--cell-separator", self.cell_separator]
        flags += [] if self.mapping is None else ["--mapping", str(self.mapping)]
        return flags + ["--infer-values"] * self.infer_values + ["--skip-broken"] * self.skip_broken

    def refuse_all_but(self, what: str, *taken: str) -> None:
        """Check that nothing was asked for that a source does not take.

        Args:
            what: the source, as the subject of a sentence: "the graph world".
            taken: the options that it takes.

        Raises:
            UsageError: something else was asked for.
        """
        for name in (option.name for option in fields(self) if option.name not in taken):
            if getattr(self, name) != getattr(USUAL, name):
                others = " and .jsonl" if name == "skip_broken" else ""
                raise UsageError(
                    f"{what} is not read with {name} (--{name.replace('_', '-')}), which is for files of separated "
                    f"fields (.tsv, .csv, .txt){others}: leave it out"
                )


USUAL = LoadingOptions()
"""What is done where nothing is said."""

Row = tuple[int, list[str]]
"""One line of a file: its 1-based number and its fields as they stand there, with blanks around them."""

LONGEST_LINE = 1 << 20
"""Characters; a longer line is no triple but a file of another kind, and is refused before it fills the memory."""

_BLOCK = 1 << 20

LARGE = 64 << 20
"""Bytes; a smaller file is read before a progress bar says anything."""


class WatchedFile:
    """A binary file whose reads move a progress bar.

    Attributes:
        size: bytes of the file.
    """

    def __init__(self, file: IO[bytes], size: int, bar: Any) -> None:
        self._file, self.size, self._bar = file, size, bar

    def read(self, size: int = -1) -> bytes:
        """The next `size` bytes, fewer at the end; no more is set aside than the file has."""
        block = self._file.read(min(size, self.size))
        self._bar.update(len(block))
        return block

    def readline(self) -> bytes:
        """The rest of the line, with its end."""
        line = self._file.readline()
        self._bar.update(len(line))
        return line


@contextmanager
def open_watched(path: Path) -> Iterator[WatchedFile]:
    """Open a file for reading; the bar shows on stderr for more than `LARGE` bytes, on a terminal only.

    Raises:
        DataError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            quiet = None if size > LARGE else True  # None: tqdm asks whether stderr is a terminal
            with tqdm(desc=f"reading {path.name}", total=size, unit="B", unit_scale=True, disable=quiet) as bar:
                yield WatchedFile(file, size, bar)
    except OSError as error:
        raise DataError(path, "a file that can be read", found=error.strerror or str(error)) from error


def read_text(path: Path) -> str:
    """The whole of a small file as text, every line ending as a newline, a byte order mark dropped.

    Raises:
        DataError: the file cannot be read or is not UTF-8; the line of the first undecodable byte is named.
    """
    return "".join(_decoded_blocks(path))


def read_lines(path: Path) -> Iterator[str]:
    """The lines of a file of any size, without their ends, decoded as in `read_text`.

    Raises:
        DataError: as in `read_text`, or a line is longer than `LONGEST_LINE`.
    """
    rest, number = "", 0
    for block in _decoded_blocks(path):
        # Not str.splitlines anywhere: it also breaks at U+2028, U+0085 and form feeds, which occur within names.
        *lines, rest = (rest + block).split("\n")
        yield from lines
        number += len(lines)
        if len(rest) > LONGEST_LINE:
            raise DataError(path, f"lines of at most {LONGEST_LINE:,} characters", line=number + 1, found=rest[:80])
    if rest:
        yield rest


def _decoded_blocks(path: Path) -> Iterator[str]:
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder("utf-8-sig")(), translate=True)
    try:
        with open_watched(path) as file:
            while block := file.read(_BLOCK):
                yield decoder.decode(block)
            yield decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise _undecodable(path) from None


def _undecodable(path: Path) -> DataError:
    """The error for a file that is not UTF-8, with the line of its first undecodable byte."""
    number = 1
    with path.open("rb") as file:
        for line in file:
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                number += line[: error.start].replace(b"\r\n", b"\n").count(b"\r")
                bad = line[error.start : error.end].hex(" ")
                return DataError(path, "UTF-8 text (save the file as UTF-8)", line=number, found=f"byte {bad}")
            number += 1 + line.removesuffix(b"\r\n").count(b"\r")
    return DataError(path, "UTF-8 text (save the file as UTF-8)")


def separated_rows(
    path: Path, separator: str, width: int, expected: str, optional: int = 0, broken: BrokenLines = REFUSED
) -> Iterator[Row]:
    """The rows of a file whose fields stand between one separator character; blank lines are skipped.

    Args:
        path: the file.
        separator: the character between two fields.
        width: the number of fields of every row.
        expected: what a row should be, in words, for the error.
        optional: the number of further fields that a row may have.
        broken: what becomes of a row with more or fewer fields.

    Raises:
        DataError: a row with more or fewer fields, unless such are left out.
    """
    for number, line in enumerate(read_lines(path), start=1):
        fields = line.split(separator)
        if not width <= len(fields) <= width + optional:
            if line == " " * len(line):
                continue
            broken.meet(_wrong_count(path, number, fields, separator, expected))
            continue
        yield number, fields


def quoted_rows(
    path: Path, separator: str, width: int, expected: str, optional: int = 0, broken: BrokenLines = REFUSED
) -> Iterator[Row]:
    """The rows of a file separated by commas or the like (RFC 4180: quoted fields may hold them, quotes and newlines).

    Of a row that is left out for its quotes one line goes, and reading goes on with the next: a quote that is never
    closed would take the rest of the file along.

    Raises:
        DataError: a row with more or fewer fields, or quotes that the csv module refuses, unless such are left out.
    """
    lines = _LinesOfARow(read_lines(path))
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=True, strict=True)
    start = 1
    while True:
        try:
            fields = next(reader, None)
        except csv.Error as error:
            broken.meet(DataError(path, expected, line=start, found=f"csv error: {error}"))
            lines.go_back()
            reader = csv.reader(lines, delimiter=separator, skipinitialspace=True, strict=True)
            start += 1
            continue
        if fields is None:
            return
        number, start = start, start + lines.end_row()
        if width <= len(fields) <= width + optional:
            yield number, fields
        elif any(field.strip() for field in fields) or len(fields) > 1:
            broken.meet(_wrong_count(path, number, fields, separator, expected), start - number)


class _LinesOfARow:
    """Lines with their ends, of which those of the row under way can be read again."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._taken: list[str] = []
        self._again: deque[str] = deque()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines)
        self._taken.append(line)
        return f"{line}\n"

    def end_row(self) -> int:
        """The row is whole; how many lines it took."""
        count = len(self._taken)
        self._taken.clear()
        return count

    def go_back(self) -> None:
        """Give the row's lines once more, without the first."""
        self._again.extendleft(reversed(self._taken[1:]))
        self._taken.clear()


def empty_field(path: Path, number: int, fields: list[str], expected: str) -> DataError:
    """The error for a row with an empty field."""
    return DataError(path, f"{expected}, none of them empty", line=number, found=" | ".join(fields))


def _wrong_count(path: Path, number: int, fields: list[str], separator: str, expected: str) -> DataError:
    noun = "field" if len(fields) == 1 else "fields"
    return DataError(path, f"{expected} ({len(fields)} {noun} here)", line=number, found=separator.join(fields))


def read_names(path: Path) -> dict[str, str]:
    """An `id<TAB>name` file as a mapping; where an id is named twice the first name stays.

    A line that has an id and no name counts as unnamed, since the caller shows the id where a name is missing.

    Raises:
        DataError: a line without a tab, with more than one, or without an id.
    """
    names: dict[str, str] = {}
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            continue
        key, tab, name = line.partition("\t")
        key, name = key.strip(), name.strip()
        if not key or not tab or "\t" in name:
            raise DataError(path, "an id and a name separated by one tab", line=number, found=line)
        if name:
            names.setdefault(key, name)
    return names


def read_json_object(path: Path) -> dict[str, object]:
    """A JSON file whose top level is an object.

    Raises:
        DataError: not JSON (the line is named), or another value at the top.
    """
    try:
        content = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise DataError(path, "JSON", line=error.lineno, found=error.msg) from error
    if not isinstance(content, dict):
        raise DataError(path, "a JSON object of ids", found=type(content).__name__)
    return content
