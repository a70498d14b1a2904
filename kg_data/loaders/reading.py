"""Opening a file that is read in blocks, with a progress bar where it is large and someone watches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from tqdm import tqdm  # type: ignore[import-untyped]

from kg_data.errors import DataError

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
