"""The lines of a run on disk, so that a run that is stopped, or killed, goes on where it was.

Beside the lines a summary holds the settings, so that lines of two different runs never meet in one file. It is there
before the first line, and is replaced as a whole. Each line goes to the operating system in one piece; where that
fails, what was written of it is taken back, and where a kill left a part of it, resuming drops that part and does the
query again. Queries have one fixed order: what a file holds is always the beginning of the whole.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import filelock

from kg_data.errors import DataError
from reasoning.errors import EvaluationError, ResultsError

CHECKPOINT_SECONDS = 10.0
"""How often what was written is forced to the disk, and the summary brought up to date."""

Line = dict[str, Any]

_BINARY = getattr(os, "O_BINARY", 0)  # Windows would write two bytes for the end of a line


def summary_path(path: Path) -> Path:
    """Where the summary of a results file stands: `FILE.summary.json`."""
    return path.with_name(f"{path.name}.summary.json")


def parse_line(text: bytes, metrics: Collection[str]) -> Line | None:
    """A line as it was written, or None where it is damaged: without a metric, say, or with a value that is none."""
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(line, dict) or not all(isinstance(line.get(key), str) for key in ("id", "type")):
        return None
    return line if all(_is_value(metric, line.get(metric)) for metric in metrics) else None


def _is_value(metric: str, value: object) -> bool:
    # A question without a gold path has no path_match.
    return (isinstance(value, int | float) and math.isfinite(value)) or (metric == "path_match" and value is None)


class ResultsFile:
    """The results file of one run, locked against other processes while it is open (a context manager).

    Args:
        path: the file of lines.
        settings: everything that decides what the lines will be, JSON-serialisable.
        identifiers: the ids of the run's queries, in order.
        metrics: what each line measures.
        resume: go on with lines that are there already.

    Attributes:
        done: the lines that were there already, set on entry.
        seconds: what earlier parts of the run took.

    Raises:
        EvaluationError: the file has lines that may not be added to.
        ResultsError: the file is in use or cannot be written; also while it is being written.
        DataError: one of its lines is damaged.
    """

    def __init__(
        self,
        path: Path,
        settings: Mapping[str, Any],
        identifiers: Sequence[str],
        metrics: Collection[str],
        resume: bool,
    ) -> None:
        self.path, self.settings = path, dict(settings)
        self._identifiers, self._metrics, self._resume = identifiers, metrics, resume
        self.done: list[Line] = []
        self.seconds = 0.0
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
                f"{self.path} is being written by another run; wait for it or choose another file"
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

    def append(self, line: Line) -> None:
        """Write one query's line; it is with the operating system when this returns, so a killed process keeps it."""
        assert self._descriptor is not None
        content = _encoded(json.dumps(line, ensure_ascii=False, separators=(",", ":")))
        with self._writing():
            try:
                _write(self._descriptor, content)
            except BaseException:
                # A full disk, or Ctrl-C between two pieces: only whole lines stay.
                with suppress(OSError):
                    os.ftruncate(self._descriptor, self._size)
                raise
        self._size += len(content)

    @property
    def checkpoint_due(self) -> bool:
        """Whether it is time for the next `checkpoint`."""
        return time.monotonic() - self._synced >= CHECKPOINT_SECONDS

    def checkpoint(self, summary: Mapping[str, Any]) -> None:
        """Force the lines to the disk and replace the summary."""
        target = summary_path(self.path)
        with self._writing():
            if self._descriptor is not None:
                os.fsync(self._descriptor)
            _replace(target, _encoded(json.dumps(summary, ensure_ascii=False, indent=2)))
        self._synced = time.monotonic()

    def _open(self) -> None:
        with self._writing():
            content = self.path.read_bytes() if self.path.exists() else b""
        if content:
            if not self._resume:
                raise EvaluationError(
                    f"{self.path} already holds results; add --resume to go on with that run, "
                    "or choose another file, or delete it"
                )
            self._compare_settings()
            whole = content[: content.rfind(b"\n") + 1]
            self.done = self._read(whole)
            self._size = len(whole)
        else:
            # Before the first line: lines whose settings are not known could never be resumed.
            self.checkpoint({"settings": self.settings, "count": 0, "seconds": 0.0, "complete": False})
        with self._writing():
            self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | _BINARY, 0o666)
            if self._size < len(content):
                os.ftruncate(self._descriptor, self._size)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._unwritable(error) from None

    def _unwritable(self, error: OSError) -> ResultsError:
        return ResultsError(f"cannot write {self.path}: {error.strerror or error}")

    def _compare_settings(self) -> None:
        beside = summary_path(self.path)
        try:
            summary = json.loads(beside.read_text(encoding="utf-8"))
            before, self.seconds = dict(summary["settings"]), float(summary["seconds"])
        except (OSError, ValueError, KeyError, TypeError):
            raise EvaluationError(
                f"{self.path} cannot be resumed: {beside} does not say with which settings it was begun; "
                "choose another file, or delete it"
            ) from None
        keys = [key for key in {**before, **self.settings} if before.get(key) != self.settings.get(key)]
        if keys:
            changes = "; ".join(
                f"{key} was {json.dumps(before.get(key))}, now {json.dumps(self.settings.get(key))}" for key in keys
            )
            raise EvaluationError(
                f"{self.path} was begun with other settings: {changes}; choose another file for these"
            )

    def _read(self, content: bytes) -> list[Line]:
        lines: list[Line] = []
        for number, text in enumerate(content.split(b"\n")[:-1]):
            expected = self._identifiers[number] if number < len(self._identifiers) else None
            line = parse_line(text, self._metrics)
            if line is None or expected is None or line["id"] != expected:
                what = "no further line" if expected is None else f"the line of query {expected} as it was written"
                raise DataError(self.path, what, line=number + 1, found=text.decode(errors="replace"))
            lines.append(line)
        return lines


def _encoded(text: str) -> bytes:
    # A lone surrogate in an id has no UTF-8; replaced by its escape it is JSON all the same.
    return text.encode("utf-8", "backslashreplace") + b"\n"


def _write(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _replace(target: Path, content: bytes) -> None:
    """Put a file's new content in the place of the old, so that at every moment one of the two is there whole."""
    work = target.with_name(f"{target.name}.part")
    try:
        descriptor = os.open(work, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _BINARY, 0o666)
        try:
            _write(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        work.replace(target)
    except OSError:
        with suppress(OSError):
            work.unlink()
        raise
    if hasattr(os, "O_DIRECTORY"):
        # After a power cut the folder must list the settings of whatever lines it lists.
        folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
