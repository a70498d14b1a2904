"""The lines of a run on disk, so that a run that is stopped or killed goes on where it was.

The first line holds the settings, so that lines of two different runs never meet in one file. A line goes to the
operating system in one piece; where that fails, what was written of it is taken back, and where a kill left a part of
it, opening the file again drops that part and the image is done again.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import filelock

from kg_data.errors import DataError
from vision.evaluation.errors import EvaluationError, ResultsError

SYNC_SECONDS = 10.0
"""How often what was written is forced to the disk."""

Line = dict[str, Any]

_BINARY = getattr(os, "O_BINARY", 0)  # Windows would write two bytes for the end of a line


class RunLines:
    """The lines of one run, locked against other processes while it is open (a context manager).

    Args:
        path: the file of lines.
        settings: everything that decides what the lines will be, JSON-serialisable.
        resume: go on with lines that are there already; else a file that holds lines is refused.
        anew: drop lines that are there already, whatever made them.
        otherwise: what can be done where lines of other settings are there.

    Attributes:
        done: the lines that were there already, set on entry.

    Raises:
        EvaluationError: the file has lines that may not be added to.
        ResultsError: the file is in use or cannot be written; also while it is being written.
        DataError: one of its lines is damaged.
    """

    def __init__(
        self,
        path: Path,
        settings: Mapping[str, Any],
        resume: bool = False,
        anew: bool = False,
        otherwise: str = "choose another place for these",
    ) -> None:
        self.path, self.settings = path, json.loads(json.dumps(dict(settings)))
        self._resume, self._anew, self._otherwise = resume, anew, otherwise
        self.done: list[Line] = []
        # A lock of the operating system: it ends with the process, however that ends.
        self._lock = filelock.FileLock(f"{path}.lock", timeout=0, fallback_to_soft=False)
        self._descriptor: int | None = None
        self._size = 0
        self._synced = time.monotonic()

    def __enter__(self) -> Self:
        if not self.path.absolute().parent.is_dir():
            raise ResultsError(f"cannot write {self.path}: there is no folder {self.path.absolute().parent}")
        if self.path.exists() and not self.path.is_file():
            raise ResultsError(f"cannot write {self.path}: results need a regular file, to be resumed from")
        try:
            self._lock.acquire()
        except filelock.Timeout:
            raise ResultsError(
                f"{self.path} is being written by another run; wait for it or choose another place"
            ) from None
        except OSError as error:
            raise self._unwritable(error) from None
        try:
            self._open()
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._descriptor is not None:
                os.close(self._descriptor)
        except OSError as failure:
            # After a failed write the same may come up again here; the first error says it already.
            if error is None:
                raise self._unwritable(failure) from None
        finally:
            self._lock.release()

    def append(self, line: Mapping[str, Any]) -> None:
        """Write one line; it is with the operating system when this returns, so a killed process keeps it."""
        assert self._descriptor is not None
        content = encoded(json.dumps(line, ensure_ascii=False, separators=(",", ":")))
        with self._writing():
            try:
                _write(self._descriptor, content)
            except BaseException:
                # A full disk, or Ctrl-C between two pieces: only whole lines stay.
                with suppress(OSError):
                    os.ftruncate(self._descriptor, self._size)
                raise
            self._size += len(content)
            if time.monotonic() - self._synced >= SYNC_SECONDS:
                os.fsync(self._descriptor)
                self._synced = time.monotonic()

    def _open(self) -> None:
        with self._writing():
            content = b"" if self._anew or not self.path.exists() else self.path.read_bytes()
            # Without its first line the file holds nothing: no line stands before the settings.
            whole = content[: content.rfind(b"\n") + 1]
        if whole:
            if not self._resume:
                raise EvaluationError(
                    f"{self.path} already holds the lines of a run; add --resume to go on with it, "
                    "or choose another place, or delete it"
                )
            self.done = self._read(whole)
        with self._writing():
            self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | _BINARY, 0o666)
            os.ftruncate(self._descriptor, len(whole))
        self._size = len(whole)
        if not whole:
            self.append({"settings": self.settings})

    def _read(self, content: bytes) -> list[Line]:
        lines: list[Line] = []
        for number, text in enumerate(content.split(b"\n")[:-1], start=1):
            try:
                line = json.loads(text)
            except (ValueError, RecursionError):
                line = None
            if not isinstance(line, dict):
                raise DataError(self.path, "a line as it was written", number, text.decode(errors="replace"))
            lines.append(line)
        before = lines[0].get("settings")
        if not isinstance(before, dict):
            raise DataError(self.path, "the settings of a run", 1, content[:80].decode(errors="replace"))
        keys = [key for key in {**before, **self.settings} if before.get(key) != self.settings.get(key)]
        if keys:
            changes = "; ".join(
                f"{key} was {_shown(before.get(key))}, now {_shown(self.settings.get(key))}" for key in keys
            )
            raise EvaluationError(f"{self.path} was begun with other settings: {changes}; {self._otherwise}")
        return lines[1:]

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._unwritable(error) from None

    def _unwritable(self, error: OSError) -> ResultsError:
        return ResultsError(f"cannot write {self.path}: {error.strerror or error}")


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that at every moment its old content or its new one is there whole.

    Raises:
        ResultsError: it cannot be written.
    """
    work = path.with_name(f"{path.name}.part")
    try:
        descriptor = os.open(work, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _BINARY, 0o666)
        try:
            _write(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        work.replace(path)
    except OSError as error:
        with suppress(OSError):
            work.unlink()
        raise ResultsError(f"cannot write {path}: {error.strerror or error}") from None


def encoded(text: str) -> bytes:
    """A line of text; a lone surrogate in a file's name has no UTF-8, and is replaced by its escape."""
    return text.encode("utf-8", "backslashreplace") + b"\n"


def _write(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:77] + "..."
