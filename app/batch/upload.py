"""Uploads of visitors, sorted by kind and bounded: query records, questions with answers, plain lines, or images.

Records and questions are the formats of `python -m reasoning evaluate`. A plain line is a question or a query without
an expected answer: exact execution gives one, so that agreement with it is measured. A zip states what it holds
before it is opened, and may lie: the list is held against the bounds first, and what is unpacked is counted again
while it comes. Folders inside it are dropped, not followed.
"""

from __future__ import annotations

import json
import re
import stat
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from app.server.views import shortened
from reasoning import Reasoner
from reasoning.evaluation.query_files import find_files
from reasoning.parsing import MAX_CHARACTERS, looks_formal
from reasoning.query.tree import json_value
from skylark.errors import SkylarkError
from skylark.files import whole_file

MOST_LISTED = 5_000
"""Entries of a zip, folders and skipped files included."""
HIGHEST_RATIO = 200
"""Times that a file may be larger than its packed form, beyond the first megabyte; photographs and text are far below,
zip bombs far above."""
PIECE = 1 << 16


@dataclass(frozen=True)
class Bounds:
    """What a zip may hold.

    Attributes:
        files: most files that are taken.
        bytes_each, bytes_all: most bytes of one and of all, unpacked.
    """

    files: int
    bytes_each: int
    bytes_all: int


def plain_name(name: str, otherwise: str = "file") -> str:
    """The last part of a path as a name that no file system and no shell takes for more than a name."""
    last = re.split(r"[/\\]", name)[-1]
    return re.sub(r"[^\w.\- ]", "_", last)[-80:].strip(". ") or otherwise


def unpack(archive: Path, folder: Path, bounds: Bounds, is_wanted: Callable[[str], bool]) -> list[Path]:
    """The wanted files of a zip, in its order, each in a numbered folder of its own; more than `bounds` is refused, not
    cut.

    Raises:
        SkylarkError: it is no zip, is damaged, holds what no honest one does, or too much; nothing is then left.
    """
    written: list[Path] = []
    try:
        with _opened(archive) as opened:
            chosen = _checked(opened, bounds, is_wanted)
            left = bounds.bytes_all
            for number, entry in enumerate(chosen, start=1):
                place = folder / str(number) / plain_name(entry.filename)
                place.parent.mkdir()
                written.append(place)
                left -= _write(opened, entry, place, min(left, bounds.bytes_each))
    except BaseException:
        for place in written:
            place.unlink(missing_ok=True)
            place.parent.rmdir()
        raise
    return written


def listed(archive: Path, bounds: Bounds, is_wanted: Callable[[str], bool]) -> list[int]:
    """The sizes in bytes that a zip states of its wanted files; nothing is unpacked. Arguments and errors are those of
    `unpack`."""
    with _opened(archive) as opened:
        return [entry.file_size for entry in _checked(opened, bounds, is_wanted)]


def pack(target: Path, list_name: str, list_text: str, files: Iterable[tuple[Path, str]]) -> None:
    """Pack files under their names, behind a list of its own, beside the target, so that nobody meets half of it."""
    with whole_file(target) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(list_name, list_text)
        for path, name in files:
            archive.write(path, name, zipfile.ZIP_STORED if path.suffix == ".jpg" else None)


@contextmanager
def _opened(archive: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(archive) as opened:
            yield opened
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        raise SkylarkError(f"this file is no zip that can be read ({error}): pack it again as a plain .zip") from None


def _checked(opened: zipfile.ZipFile, bounds: Bounds, is_wanted: Callable[[str], bool]) -> list[zipfile.ZipInfo]:
    entries = opened.infolist()
    if len(entries) > MOST_LISTED:
        raise SkylarkError(f"the zip lists {len(entries):,} entries; at most {MOST_LISTED:,} are read: make it smaller")
    chosen = []
    for entry in entries:
        parts = PurePosixPath(entry.filename.replace("\\", "/")).parts
        shown = shortened(entry.filename, 60)
        if ".." in parts or (parts and (parts[0].startswith("/") or parts[0].endswith(":"))):
            raise SkylarkError(f"the zip has a path that leads out of it, {shown!r}: pack the files themselves")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise SkylarkError(f"the zip has a link, {shown!r}: pack the files themselves")
        hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
        if entry.is_dir() or hidden or not is_wanted(plain_name(entry.filename)):
            continue
        if entry.flag_bits & 0x1:
            raise SkylarkError("the zip is locked with a password: pack it again without one")
        if entry.file_size > bounds.bytes_each:
            raise SkylarkError(
                f"{shown!r} has {entry.file_size:,} bytes unpacked; at most {bounds.bytes_each:,} are read"
            )
        if entry.file_size > 2**20 and entry.file_size > HIGHEST_RATIO * max(1, entry.compress_size):
            raise SkylarkError(
                f"{shown!r} unpacks to more than {HIGHEST_RATIO} times its size, which no real file does"
            )
        chosen.append(entry)
    if len(chosen) > bounds.files:
        raise SkylarkError(f"the zip has {len(chosen):,} files of use; at most {bounds.files:,} are taken")
    total = sum(entry.file_size for entry in chosen)
    if total > bounds.bytes_all:
        raise SkylarkError(f"the zip has {total:,} bytes unpacked; at most {bounds.bytes_all:,} are read")
    return chosen


def _write(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, place: Path, most: int) -> int:
    size = 0
    with opened.open(entry) as source, place.open("wb") as target:
        while piece := source.read(PIECE):
            size += len(piece)
            if size > most:
                raise SkylarkError("the zip holds more than it says; it was not unpacked")
            target.write(piece)
    return size


Kind = Literal["records", "questions", "lines"]

MOST_BYTES = 4 * 2**20
"""Of all that is sent for one job."""
MOST_LINES = 300
MOST_FILES = 20
MOST_ANSWERS = 5_000
"""Answers of one plain line: a query such as `!"France"` has as many as the graph has entities."""
PATHS = "_qtype"
WORDED, FORMAL = "in words", "in the grammar"


@dataclass(frozen=True)
class Upload:
    """What is to be run, in the job's folder."""

    kind: Kind
    place: Path
    name: str
    count: int


def receive(files: Sequence[Path], typed: str, folder: Path) -> Upload:
    """Take what was sent or, where nothing was, what was typed, into `folder` (raises SkylarkError: there is nothing,
    too much, or what is none of the formats; the message says what to do)."""
    if not files:
        if not typed.strip():
            raise SkylarkError("there is nothing to run yet: add a file, or type questions or queries, one a line")
        _check_size(len(typed.encode("utf-8", "replace")))
        texts = {"typed.txt": typed}
    else:
        texts = _read_all(files)
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return described(folder)


def described(folder: Path) -> Upload:
    """What is in a job's folder of inputs (raises SkylarkError: as `receive`)."""
    places = sorted(folder.iterdir())
    contents = {place: _lines(place.read_text(encoding="utf-8")) for place in places}
    main = [place for place in places if not _is_paths(place, contents)]
    kinds = {place: _kind(place.name, contents[place]) for place in main}
    total = sum(len(contents[place]) for place in main)
    if total > MOST_LINES:
        raise SkylarkError(
            f"{total:,} lines are more than one job here takes ({MOST_LINES}): send fewer, or use "
            "python -m reasoning evaluate on your own machine"
        )
    if set(kinds.values()) == {"records"}:
        if len(main) == 1:
            return Upload("records", main[0], main[0].name, total)
        return Upload("records", folder, f"{len(main)} files", total)
    if len(main) != 1:
        raise SkylarkError(
            f"{', '.join(place.name for place in main[:4])} are several files of questions: one job takes one, "
            "or several files of query records"
        )
    return Upload(kinds[main[0]], main[0], main[0].name, total)


def split_of(upload: Upload) -> str | None:
    """The split that the names of files of records say, None where they don't."""
    try:
        return find_files(upload.place, None)[1]
    except SkylarkError:
        return None


def write_expected(upload: Upload, target: Path, reasoner: Reasoner, step: Callable[[int], None]) -> None:
    """Write plain lines as questions whose expected answers are those of exact execution.

    A line that cannot be read has no expected answer, and counts as wrong.

    Raises:
        SkylarkError: a line has too many answers.
    """
    written = []
    for number, line in enumerate(_lines(upload.place.read_text(encoding="utf-8"))):
        step(number)
        item: dict[str, Any] = {"question": line, "kind": FORMAL if looks_formal(line) else WORDED}
        try:
            answer = reasoner.answer(line)
        except SkylarkError:
            item["answers"] = None
        else:
            if len(answer.ranked) > MOST_ANSWERS:
                raise SkylarkError(
                    f"{shortened(line, 80)!r} has {len(answer.ranked):,} answers; at most {MOST_ANSWERS:,} are "
                    "compared here: ask for fewer"
                )
            item["answers"] = answer.ids if answer.value is None else [json_value(answer.value)]
        written.append(json.dumps(item, ensure_ascii=False))
    target.write_text("\n".join(written) + "\n", encoding="utf-8")


def _read_all(files: Sequence[Path]) -> dict[str, str]:
    if len(files) > MOST_FILES:
        raise SkylarkError(f"{len(files)} files are more than one job here takes ({MOST_FILES})")
    _check_size(sum(path.stat().st_size for path in files))
    texts: dict[str, str] = {}
    for path in files:
        name = plain_name(path.name, "queries.txt")
        try:
            text = path.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError:
            what = (
                "a zip, which belongs under Images or under Go on" if path.suffix.lower() == ".zip" else "no UTF-8 text"
            )
            raise SkylarkError(f"{name} is {what}: queries and questions come as plain text or JSON lines") from None
        if name in texts:
            raise SkylarkError(f"two files are called {name}: rename one")
        texts[name] = text.replace("\r\n", "\n")
    return texts


def _check_size(size: int) -> None:
    if size > MOST_BYTES:
        raise SkylarkError(f"{size:,} bytes are more than one job here takes ({MOST_BYTES:,}): send fewer lines")


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]


def _is_paths(place: Path, contents: dict[Path, list[str]]) -> bool:
    """Whether a file holds the gold paths of another one."""
    stem = place.stem.removesuffix(PATHS)
    return place.stem.endswith(PATHS) and place.with_name(stem + place.suffix) in contents


def _kind(name: str, lines: list[str]) -> Kind:
    if not lines:
        raise SkylarkError(f"{name} has no line: send a file with queries or questions")
    first = lines[0]
    if first.startswith("{"):
        try:
            keys = set(json.loads(first))
        except (ValueError, RecursionError):
            raise SkylarkError(f"the first line of {name} is no JSON object: one query or question a line") from None
        if {"query", "easy", "hard"} <= keys:
            return "records"
        if "question" in keys:
            return "questions"
        raise SkylarkError(
            f'{name} has JSON of another form: query records have "query", "easy" and "hard", questions '
            '"question" and "answers"'
        )
    if any("\t" in line for line in lines):
        return "questions"
    long = next((line for line in lines if len(line) > MAX_CHARACTERS), None)
    if long is not None:
        raise SkylarkError(f"a line of {name} has {len(long):,} characters; at most {MAX_CHARACTERS:,} are read")
    return "lines"
