"""Reading text so that a broken file is named by its line.

Data sets come with CRLF (FB15k-237), with byte order marks (spreadsheets) and, when something went wrong on the way,
in other encodings. Everything past this module sees plain rows of non-empty fields and their line numbers.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from kg_data.errors import DataError


class Row(NamedTuple):
    """One line of a file: its 1-based number and its fields, stripped of surrounding blanks and none of them empty."""

    line: int
    fields: list[str]


def read_text(path: Path) -> str:
    """The whole file as text, every line ending as a newline, a byte order mark dropped.

    Raises:
        DataError: the file cannot be read or is not UTF-8; the line of the first undecodable byte is named.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(path, "a file that can be read", found=error.strerror or str(error)) from error
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The offsets of this codec count from behind a byte order mark; error.object is what they index.
        before = bytes(error.object[: error.start])
        bad = error.object[error.start : error.end].hex(" ")
        line = before.count(b"\n") + 1
        raise DataError(path, "UTF-8 text (save the file as UTF-8)", line=line, found=f"byte {bad}") from error
    # Not str.splitlines anywhere: it also breaks at U+2028, U+0085 and form feeds, which occur within names.
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def separated_rows(path: Path, separator: str, width: int, expected: str) -> Iterator[Row]:
    """The rows of a file whose fields stand between one separator character; blank lines are skipped.

    Args:
        path: the file.
        separator: the character between two fields.
        width: the number of fields of every row.
        expected: what a row should be, in words, for the error.

    Raises:
        DataError: a row with more, fewer or empty fields.
    """
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line or line == " " * len(line):
            continue
        fields = [field.strip() for field in line.split(separator)]
        if len(fields) != width or "" in fields:
            raise _wrong_fields(path, number, line, fields, width, expected)
        yield Row(number, fields)


def comma_rows(path: Path, width: int, expected: str) -> Iterator[Row]:
    """The rows of a comma-separated file (RFC 4180: quoted fields may hold commas, quotes and newlines).

    Raises:
        DataError: a row with more, fewer or empty fields, or quotes that the csv module refuses.
    """
    reader = csv.reader(io.StringIO(read_text(path), newline=""), skipinitialspace=True, strict=True)
    start = 1
    try:
        for raw in reader:
            fields = [field.strip() for field in raw]
            if fields and fields != [""]:
                if len(fields) != width or "" in fields:
                    raise _wrong_fields(path, start, ",".join(raw), fields, width, expected)
                yield Row(start, fields)
            start = reader.line_num + 1
    except csv.Error as error:
        raise DataError(path, expected, line=start, found=f"csv error: {error}") from error


def _wrong_fields(path: Path, number: int, line: str, fields: list[str], width: int, expected: str) -> DataError:
    if len(fields) == width:
        return DataError(path, f"{expected}, none of them empty", line=number, found=line)
    noun = "field" if len(fields) == 1 else "fields"
    return DataError(path, f"{expected} ({len(fields)} {noun} here)", line=number, found=line)


def read_names(path: Path) -> dict[str, str]:
    """An `id<TAB>name` file as a mapping; where an id is named twice the first name stays.

    A line that has an id and no name counts as unnamed, since the caller shows the id where a name is missing.

    Raises:
        DataError: a line without a tab, with more than one, or without an id.
    """
    names: dict[str, str] = {}
    for number, line in enumerate(read_text(path).split("\n"), start=1):
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
