"""Zips of strangers, unpacked within bounds: everything is checked before the first byte of a file is written.

A zip states what it holds before it is opened, and may lie. So the list is held against the bounds first, and what is
unpacked is counted again while it comes. Folders inside it are dropped, not followed.
"""

from __future__ import annotations

import re
import stat
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from app.server.words import shortened
from kg_data.errors import SkylarkError

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
    """The wanted files of a zip, in the zip's order, each in a numbered folder of its own below `folder`.

    Args:
        archive: the zip.
        folder: an empty folder.
        bounds: what is more is refused, not cut.
        is_wanted: whether a file is taken, by its plain name; the others are skipped.

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
        _remove(written)
        raise
    return written


def listed(archive: Path, bounds: Bounds, is_wanted: Callable[[str], bool]) -> list[int]:
    """The sizes in bytes that a zip states of its wanted files; nothing is unpacked. Arguments and errors are those of
    `unpack`."""
    with _opened(archive) as opened:
        return [entry.file_size for entry in _checked(opened, bounds, is_wanted)]


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


def _remove(written: list[Path]) -> None:
    for place in written:
        place.unlink(missing_ok=True)
        place.parent.rmdir()
