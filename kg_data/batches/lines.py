"""The lines of a run as several processes work them out, in the order of its items."""

import pickle
import sys
import threading
from collections.abc import Callable, Generator, Hashable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from tqdm import tqdm  # type: ignore[import-untyped]

from kg_data.batches.on_ray import run_on_ray
from kg_data.batches.processes import run_in_processes
from kg_data.batches.shards import LINE, Opening, Shard, ShardFolder, Work, Workers, cut
from skylark.errors import ResultsError, UsageError
from skylark.files import Line, whole_lines

LOOK_SECONDS = 0.5
"""How often it is looked how many lines there are, for the bar."""


def lines_by_workers(
    opening: Opening,
    keys: Sequence[str],
    items: Sequence[Any],
    folder: Path | None,
    workers: Workers,
    advance: Callable[[int], object],
    alike: Callable[[Any], Hashable | None] | None = None,
    in_batches: bool = True,
) -> Generator[Line]:
    """The line of each item, in order.

    Args:
        opening: opens in a worker what does the work.
        keys: of each item, what tells it from the others of the run.
        items: what is worked on, of the same length.
        folder: where the shards' files lie, made if it is not there; each is removed once all of its lines are taken.
            None for a place that is gone afterwards.
        workers: who does the work.
        advance: told how many further lines there are, from a thread of its own.
        alike, in_batches: see `cut`.

    Raises:
        WorkerError: a worker died as often as is tried; the lines that there are stay in the folder.
        MissingPackageError: the engine is not installed.
        UsageError: what does the work cannot be given to another process.
        SkylarkError: what does the work raised it.
    """
    if not items:
        return
    if folder is None:
        with TemporaryDirectory(prefix="skylark-shards-") as own:
            yield from lines_by_workers(opening, keys, items, Path(own), workers, advance, alike, in_batches)
        return
    opened = _pickled(opening)
    folder = folder.absolute()  # workers on a cluster are in folders of their own
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise ResultsError(f"cannot make the folder {folder}: {error.strerror or error}") from None
    shards = cut(keys, items, folder, workers.count, alike, in_batches)
    shard_of = {key: shard for shard in shards for key in shard.keys}
    run = run_in_processes if workers.engine == "local" else run_on_ray
    finished: dict[int, Iterator[Line]] = {}
    with _Counting(shards, advance) as counting, closing(run(opened, shards, workers.count)) as done:
        for key in keys:
            shard = shard_of[key]
            while shard.number not in finished:
                other = next(done)
                finished[other.number] = other.lines()
            yield next(finished[shard.number])
            if key == shard.keys[-1]:
                del finished[shard.number]  # it holds the whole file
                counting.taken.add(shard.path)
                shard.path.unlink()


def _pickled(opening: Opening) -> bytes:
    try:
        return pickle.dumps(opening)
    except Exception as error:  # whatever an object raises that does not let itself be pickled
        raise UsageError(
            f"what does the work cannot be given to other processes ({type(error).__name__}: {error}): name the model "
            "instead of giving one that is open, or do it with one worker"
        ) from None


def progress_bar(unit: str, total: int, shown: bool, left: int) -> Any:
    """A bar on stderr (a context manager)."""
    return tqdm(
        total=total, initial=total - left, unit=unit, disable=not shown, file=sys.stderr,
        mininterval=0.5 if sys.stderr.isatty() else 30.0, dynamic_ncols=True,
    )  # fmt: skip


def lines_of(
    work: Work,
    keys: Sequence[str],
    items: Sequence[Any],
    kept: Mapping[str, Line],
    shards: ShardFolder | None,
    workers: Workers,
    bar: Callable[[int], Any],
    opening: Opening | None = None,
    alike: Callable[[Any], Hashable | None] | None = None,
    in_batches: bool = True,
) -> Generator[Line]:
    """The line of each item, in order: the one that an earlier part of the run kept, or one that is made now.

    Args:
        work: makes them; without `opening` it can be pickled where there are several workers.
        keys, items, opening, alike, in_batches: as of `lines_by_workers`.
        kept: the lines of some of them.
        shards: where several processes write; None for a place that is gone afterwards.
        workers: this process or several.
        bar: makes the bar, from how many items are left.
    """
    left = {key: item for key, item in zip(keys, items, strict=True) if key not in kept}

    def fresh() -> Generator[Line]:
        if not workers.alone:
            folder = None if shards is None else shards.path
            opens = opening or partial(_itself, work)
            yield from lines_by_workers(
                opens, list(left), list(left.values()), folder, workers, shown.update, alike, in_batches
            )
            return
        # Closed, so that what it has taken ahead is dropped.
        with closing(work(list(left.values()))) as lines:
            for line in lines:
                yield line
                shown.update(1)

    with bar(len(left)) as shown, closing(fresh()) as lines:
        for key in keys:
            yield kept[key] if key in kept else next(lines)


def _itself(work: Work) -> Work:
    """The work, which opens what it needs where it is unpickled."""
    return work


class _Counting:
    """Tells how many lines the shards have, as they come (a context manager).

    Attributes:
        taken: files of which all lines are taken, and that may be gone.
    """

    def __init__(self, shards: Sequence[Shard], advance: Callable[[int], object]) -> None:
        self.taken: set[Path] = set()
        self._advance, self._ended = advance, threading.Event()
        self._left = {shard.path: _Count(len(shard.keys)) for shard in shards}
        self._thread = threading.Thread(target=self._look, name="skylark-progress", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            self._tell()
        self._tell()

    def _tell(self) -> None:
        for path, count in list(self._left.items()):
            if further := count.expected - count.lines if path in self.taken else count.further(path):
                self._advance(further)
            if path in self.taken or count.lines == count.expected:
                del self._left[path]


@dataclass
class _Count:
    """How many of the expected lines are known of a shard's file, and how many bytes of it were read for that."""

    expected: int
    lines: int = 0
    read: int = 0

    def further(self, path: Path) -> int:
        """How many lines have come since the last time."""
        before = self.lines
        try:
            with path.open("rb") as file:
                file.seek(self.read)
                new = whole_lines(file.read())
            self.read += len(new)
            self.lines += sum(line.startswith(LINE) for line in new.split(b"\n"))
        except FileNotFoundError:
            pass  # not begun, or removed since its lines are taken
        return self.lines - before
