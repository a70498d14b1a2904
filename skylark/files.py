"""Files that lose nothing: appended JSON lines, whole files and folders, the cache folder, near misses of names.

A line goes to the operating system in one piece; where that fails, what was written of it is taken back, and where a
kill left a part of it, opening the file again drops that part. What Skylark can make again lies in one cache folder,
so that a user can find it, move it or delete it whole.
"""

import difflib
import glob
import json
import os
import shutil
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import filelock
import platformdirs

from skylark.errors import ResultsError

CACHE_VARIABLE = "SKYLARK_CACHE"


def cache_dir() -> Path:
    """The cache folder: `$SKYLARK_CACHE` if that is set, else the platform's user cache folder for "skylark".

    The folder is not created here: only the one who writes into it does that, so that reading leaves no trace.
    """
    chosen = os.environ.get(CACHE_VARIABLE, "").strip()
    if chosen:
        return Path(chosen).expanduser().absolute()
    return Path(platformdirs.user_cache_dir("skylark", appauthor=False))


MOST_LOOKED_AT = 10_000
"""Names of a folder; of a larger one the rest is not compared."""

ALIKE = 0.6
"""From which ratio on (`difflib`) two names are alike; their endings, which many files share, make no two so."""


def files_like(path: Path, wanted: Callable[[Path], bool] = Path.exists) -> list[Path]:
    """The files of the same folder whose names are most like a path's, the likest first; three at most.

    Args:
        path: what is not there.
        wanted: whether a file or folder may be meant.
    """
    try:
        beside = {item.name.casefold(): item for item in islice(path.parent.iterdir(), MOST_LOOKED_AT)}
        stem = _without_ending(path.name)
        alike = {name: difflib.SequenceMatcher(None, _without_ending(name), stem).ratio() for name in beside}
        likely = [name for name, ratio in alike.items() if ratio >= ALIKE]
        near = [beside[name] for name in difflib.get_close_matches(path.name.casefold(), likely, 5, ALIKE)]
        return [item for item in near if wanted(item)][:3]
    except (OSError, ValueError):  # no such folder, or a name that no path may have
        return []


def did_you_mean(path: Path, wanted: Callable[[Path], bool] = Path.exists) -> str:
    """A question that names the files of `files_like`; "" where there is none."""
    fitting = [str(item) for item in files_like(path, wanted)]
    return f"did you mean {' or '.join(fitting)}?" if fitting else ""


def nothing_at(what: str, path: Path) -> str:
    """The message for a path that leads to nothing: there is no `what` there, and what may be meant."""
    meant = did_you_mean(path)
    return f"there is no {what} {path}{'; ' * bool(meant)}{meant}"


def _without_ending(name: str) -> str:
    return name.casefold().lstrip(".").partition(".")[0]


Line = dict[str, Any]

_BINARY = getattr(os, "O_BINARY", 0)  # Windows would write two bytes for the end of a line


class AppendedLines(ABC):
    """A file of lines, locked against other processes while it is open (a context manager).

    Args:
        path: the file.
        place: what another place for it is called in errors.

    Raises:
        ResultsError: the file is in use or cannot be written; also while it is being written.
    """

    def __init__(self, path: Path, place: str = "file") -> None:
        self.path = path
        self._place = place
        # A lock of the operating system: it ends with the process, however that ends.
        self._lock = filelock.FileLock(f"{path}.lock", timeout=0, fallback_to_soft=False)
        self._descriptor: int | None = None
        self._size = 0

    def __enter__(self) -> Self:
        if not self.path.absolute().parent.is_dir():
            raise ResultsError(f"cannot write {self.path}: there is no folder {self.path.absolute().parent}")
        if self.path.exists() and not self.path.is_file():
            raise ResultsError(f"cannot write {self.path}: results need a regular file, to be resumed from")
        try:
            self._lock.acquire()
        except filelock.Timeout:
            raise ResultsError(
                f"{self.path} is being written by another run; wait for it or choose another {self._place}"
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
            # While it is held: who opened it before finds a file that is gone, and opens a new one.
            with suppress(OSError):
                Path(self._lock.lock_file).unlink()
            self._lock.release()

    @abstractmethod
    def _open(self) -> None:
        """Read what is there, if it may be added to, and `_begin` behind it."""

    def _begin(self, size: int) -> None:
        """Append from here on: behind the first `size` bytes, the whole lines that are there already."""
        with self._writing():
            self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | _BINARY, 0o666)
            if os.fstat(self._descriptor).st_size != size:
                os.ftruncate(self._descriptor, size)
        self._size = size

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

    def _force(self) -> None:
        if self._descriptor is not None:
            with self._writing():
                os.fsync(self._descriptor)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._unwritable(error) from None

    def _unwritable(self, error: OSError) -> ResultsError:
        return ResultsError(f"cannot write {self.path}: {error.strerror or error}")


def beside(path: Path, ending: str) -> Path:
    """The file beside another one that has its name with an ending.

    Raises:
        ResultsError: the path has no name, as "." has none.
    """
    if not path.name:
        raise ResultsError(f"cannot write {path}: it is a folder, and results need a file")
    return path.with_name(f"{path.name}{ending}")


def whole_lines(content: bytes) -> bytes:
    """The lines of a file without what a kill left of the last one."""
    return content[: content.rfind(b"\n") + 1]


def encoded(text: str) -> bytes:
    """A line of text; a lone surrogate in an id or name has no UTF-8, and is replaced by its escape."""
    return text.encode("utf-8", "backslashreplace") + b"\n"


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that at every moment its old content or its new one is there whole.

    Raises:
        ResultsError: it cannot be written.
    """
    write_pieces(path, (content,))


def write_pieces(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a file as `write_whole` does, of pieces that need not be in memory at once.

    Raises:
        ResultsError: it cannot be written.
    """
    work = path.with_name(f"{path.name}.part")
    try:
        descriptor = os.open(work, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _BINARY, 0o666)
        try:
            for piece in pieces:
                _write(descriptor, piece)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        work.replace(path)
        if hasattr(os, "O_DIRECTORY"):
            # After a power cut the folder must list the file that later ones rely on.
            folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
    except BaseException as error:
        # The disk is full, what the pieces are made of failed, or the user stopped it.
        with suppress(OSError):
            work.unlink()
        if isinstance(error, OSError):
            raise ResultsError(f"cannot write {path}: {error.strerror or error}") from None
        raise


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A path beside `path` for a file that takes its place when all is written; after an error nothing is left.

    Raises:
        OSError: it cannot be written.
    """
    part = path.with_name(f".{path.name}.part-{uuid.uuid4().hex[:8]}")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


ABANDONED_SECONDS = 24 * 3600.0
"""Age of an unfinished folder from which on the process that made it is taken for killed."""


@contextmanager
def whole_folder(folder: Path, *, replace: bool = False) -> Iterator[Path]:
    """An empty folder beside `folder` that takes its place when all is written; after an error nothing is left of it.

    What killed processes left there is removed.

    Args:
        folder: an empty folder, or none, unless it is to be replaced.
        replace: what is there is replaced, and no other process writes there: the caller holds a lock. A kill between
            the two renames leaves it as `FOLDER.old`, see `newest_whole`.

    Raises:
        OSError: it cannot be written, or is there already.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    begins = f".{folder.name}.part-"
    for left in folder.parent.glob(f"{glob.escape(begins)}*"):
        with suppress(OSError):
            if replace or time.time() - left.stat().st_mtime > ABANDONED_SECONDS:
                shutil.rmtree(left, ignore_errors=True)
    part, old = folder.with_name(f"{begins}{uuid.uuid4().hex[:8]}"), folder.with_name(f"{folder.name}.old")
    try:
        part.mkdir()
        yield part
        if replace and folder.exists():
            shutil.rmtree(old, ignore_errors=True)
            folder.rename(old)
        part.rename(folder)
        if replace:
            shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def newest_whole(folder: Path, proof: str) -> Path | None:
    """A folder that `whole_folder` replaces, or its `FOLDER.old`: the first that holds the file `proof`."""
    places = (folder, folder.with_name(f"{folder.name}.old"))
    return next((place for place in places if (place / proof).is_file()), None)


def _write(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
