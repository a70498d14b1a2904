"""Shards of a run: consecutive items, with a file each, which one worker at a time writes.

Where some items are alike, and a worker does the next of a kind sooner than the first, a shard has those of a stretch
that are of one group of kinds. A worker notes in the file that it begins and that it is ready, then writes each
item's line with the item's key. So whoever opens the file again, after a worker or the driver has died, sees what is
done and how often workers have died since the last line. Digests of code and files tell whether a run that goes on is
the run that was begun. A file that is damaged is a `DataError` wherever it is read.
"""

from __future__ import annotations

import argparse
import difflib
import hashlib
import json
import os
import pickle
import shutil
from collections import Counter
from collections.abc import Callable, Generator, Hashable, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, cast, get_args

from skylark.command_line import positive
from skylark.errors import DataError, UsageError, WorkerError
from skylark.files import AppendedLines, Line, beside, whole_lines
from skylark.installation import ROOT, require

READ_WHOLE = 1 << 26
"""Bytes up to which all of a file is read."""

BLOCK, SAMPLES = 1 << 16, 256
"""Of a larger one so many blocks of so many bytes are read, evenly spread, the first and the last among them."""


@cache
def code_digest(*rooms: str) -> str:
    """A hex digest of the sources of some rooms: every Python file's path and content.

    Args:
        rooms: such as "kg_data", "reasoning".
    """
    total = hashlib.sha256()
    for room in rooms:
        for path in sorted((ROOT / room).rglob("*.py")):
            content = path.read_bytes()
            total.update(f"{path.relative_to(ROOT).as_posix()} {len(content)}\0".encode())
            total.update(content)
    return total.hexdigest()[:16]


def files_digest(paths: Iterable[Path]) -> str:
    """A hex digest of files by their names, sizes and content; of a large one by blocks spread over it.

    Raises:
        OSError: one cannot be read.
    """
    total = hashlib.sha256()
    for path in sorted(paths, key=lambda path: path.name):
        with path.open("rb") as file:
            size = path.stat().st_size
            total.update(f"{path.name} {size}\0".encode())
            if size <= READ_WHOLE:
                total.update(file.read())
                continue
            for number in range(SAMPLES):
                file.seek((size - BLOCK) * number // (SAMPLES - 1))
                total.update(file.read(BLOCK))
    return total.hexdigest()[:16]


Engine = Literal["local", "ray"]
ENGINES: tuple[Engine, ...] = get_args(Engine)

RAY = ("The engine ray", "ray", "pyarrow")
"""What needs which packages, for `require`."""


@dataclass(frozen=True)
class Workers:
    """Who does the work.

    Attributes:
        count: how many processes, each with one thread.
        engine: "local" for processes of this machine, "ray" for Ray's: on the cluster that `RAY_ADDRESS` names, else
            on this machine.

    Raises:
        UsageError: there is no such engine, or no worker.
    """

    count: int = 1
    engine: Engine = "local"

    def __post_init__(self) -> None:
        if self.engine not in ENGINES:
            near = difflib.get_close_matches(str(self.engine).lower(), ENGINES, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise UsageError(f"the engine must be {' or '.join(ENGINES)}, not {self.engine!r}{hint}")
        if self.count < 1:
            raise UsageError(f"there must be at least 1 worker, not {self.count}")

    @property
    def alone(self) -> bool:
        """Whether this process does the work itself."""
        return self.engine == "local" and self.count == 1


ALONE = Workers()
"""This process does the work itself."""


def add_workers(parser: argparse.ArgumentParser) -> None:
    """Offer `--workers` and `--engine`."""
    group = parser.add_argument_group("several processes")
    group.add_argument(
        "--workers", type=positive, default=1, metavar="N", help="processes that share the work, of one thread each (1)"
    )
    group.add_argument(
        "--engine", choices=ENGINES, default="local", help="who runs them: this machine (local, default), or Ray"
    )


def workers_of(options: argparse.Namespace) -> Workers:
    """The `Workers` that the command line asks for.

    Raises:
        MissingPackageError: the engine is not installed; here, before results are begun.
    """
    if options.engine == "ray":
        require(*RAY)
    return Workers(options.workers, options.engine)


MOST_ITEMS, LEAST_ITEMS = 256, 8
"""Items of a shard: as many as method exact answers at once; enough that a model out of reach is noticed in one, and a
multiple of that, so that detectors have the batches of one process. Where each item is worked on by itself the last
shards are smaller: the last one to finish keeps the others waiting for it."""

SHARDS_A_WORKER = 16
"""At the least, where there are enough items: the last ones to finish keep the others waiting the shorter."""

GROUPS_A_WORKER = 4
"""Of kinds that are alike: how finely the work can be shared out anew where some groups take longer than others."""

TRIES = 3
"""Times that workers may die at one item; the last time it is done by itself, so that it is known which one it was."""

SHARDS = "*-*.jsonl"
"""The names of shards' files: the number of the part of the run, and the shard's."""

LINE = b'{"key":'
"""What records of lines begin with."""

Work = Callable[[Sequence[Any]], Generator[Line]]
"""Gives each item's line, in order."""

Opening = Callable[[], Work]
"""Opens in a worker what does the work; it can be pickled."""


@dataclass(frozen=True)
class Progress:
    """How far a shard has come.

    Attributes:
        done: how many lines there are.
        begun: how often workers began since the last line and did not come further.
        ready: whether the last of them had opened what it needs.
        key: of the first item without a line; None where all have one.
    """

    done: int
    begun: int
    ready: bool
    key: str | None

    @property
    def where(self) -> str:
        """Where the last worker was, in words, for messages."""
        if self.key is None:
            return "after the last of its items"
        if not self.ready and not self.begun:
            return f"before beginning at {self.key}"
        return f"at {self.key}" if self.ready else f"opening what it needs to begin at {self.key}"

    @property
    def hopeless(self) -> bool:
        """Whether workers died as often as they may without a further line."""
        return self.key is not None and self.begun >= TRIES

    def error(self, how: str = "") -> WorkerError:
        """What is said then; `how` says how the last one died, where that is known."""
        return WorkerError(
            f"{TRIES} workers in a row died {self.where}{f' ({how})' if how else ''}; often memory is "
            "too small, and fewer workers may come through"
        )


@dataclass(frozen=True)
class Shard:
    """A piece of the work.

    Attributes:
        number: its place among the shards, from 0.
        path: its file.
        keys: of each item, what tells it from the others of the run.
        items: what is worked on, of the same length; they can be pickled.
        group: the number of the kinds that they are of, which one worker does sooner than several; None where they have
            nothing in common.
    """

    number: int
    path: Path
    keys: Sequence[str]
    items: Sequence[Any]
    group: int | None = None

    def lines(self) -> Iterator[Line]:
        """The lines of a shard that is done, in order."""
        return (line for _, line in _lines_in(self.path))

    def progress(self) -> Progress:
        """How far its file has come.

        Raises:
            DataError: the file is damaged.
        """
        done, begun, ready = 0, 0, False
        for record in _records(self.path):
            if "key" in record:
                done, begun = done + 1, 0
            elif "begun" in record:
                begun, ready = begun + 1, False
            else:
                ready = True
        return Progress(done, begun, ready, self.keys[done] if done < len(self.keys) else None)


def cut(
    keys: Sequence[str],
    items: Sequence[Any],
    folder: Path,
    workers: int,
    alike: Callable[[Any], Hashable | None] | None = None,
    in_batches: bool = True,
) -> list[Shard]:
    """Cut the work into shards, whose files are named as no file in the folder is.

    Args:
        keys, items: see `Shard`.
        folder: where the files are to lie.
        workers: how many share the work.
        alike: of an item, what it has in common with those that the same worker is to do, its kind, or None where any
            may do it; None where that holds of all. Each group of kinds has shards of its own.
        in_batches: whether items are worked on `LEAST_ITEMS` at a time.
    """
    size = min(max(len(items) // (SHARDS_A_WORKER * workers) // LEAST_ITEMS, 1) * LEAST_ITEMS, MOST_ITEMS)
    earlier = [int(path.name.split("-")[0]) for path in folder.glob(SHARDS)]
    run = max(earlier, default=0) + 1
    pieces: list[tuple[int | None, Sequence[int]]]
    if alike is None:
        pieces = [(None, stretch) for stretch in _stretches(len(items), size, workers, in_batches)]
    else:
        count = GROUPS_A_WORKER * workers
        groups = _groups([alike(item) for item in items], count)
        stretches = [range(start, min(start + size * count, len(items)))
                     for start in range(0, len(items), size * count)]  # fmt: skip
        pieces = [(group, part) for stretch in stretches for group in (None, *range(count))
                  for part in _parts([at for at in stretch if groups[at] == group], size)]  # fmt: skip
    return [
        Shard(number, folder / f"{run:04}-{number:06}.jsonl", [keys[at] for at in places],
              [items[at] for at in places], group)
        for number, (group, places) in enumerate((group, places) for group, places in pieces if places)
    ]  # fmt: skip


def _stretches(count: int, size: int, workers: int, in_batches: bool) -> Iterator[range]:
    """Consecutive places of so many; after the first ones they are the fewer the less is left, unless in batches."""
    start = 0
    while start < count:
        least = LEAST_ITEMS if start < LEAST_ITEMS * workers else 1
        end = start + (size if in_batches else min(size, max((count - start) // (2 * workers), least)))
        yield range(start, min(end, count))
        start = end


def _parts(places: Sequence[int], size: int) -> list[Sequence[int]]:
    """Cut places into parts of about the same size, which is near `size`: one would keep others waiting at the end."""
    count = max(round(len(places) / size), 1)
    ends = [len(places) * part // count for part in range(count + 1)]
    return [places[start:end] for start, end in pairwise(ends)]


def _groups(kinds: Sequence[Hashable | None], count: int) -> list[int | None]:
    """For each item the group of its kind, of so many that all have about the same number of items."""
    loads, group_of = [0] * count, dict[Hashable | None, int | None]({None: None})
    for kind, items in Counter(kind for kind in kinds if kind is not None).most_common():
        group_of[kind] = least = loads.index(min(loads))
        loads[least] += items
    return [group_of[kind] for kind in kinds]


class ShardWorker:
    """Does shards, one after the other, and opens what it needs for that at the first.

    Args:
        opening: opens what does the work, pickled.
    """

    def __init__(self, opening: bytes) -> None:
        self._opening = opening
        self._work: Work | None = None

    def do(self, shard: Shard) -> None:
        """Do what is left of a shard.

        Raises:
            WorkerError: workers have died too often at one of its items.
            SkylarkError: what does the work raised it, or the file cannot be written.
        """
        with ShardFile(shard.path) as file:
            before = shard.progress()
            if before.key is None:
                return  # a worker died after its last line, before it could say so
            if before.hopeless:
                raise before.error()
            file.append({"begun": os.getpid()})
            if self._work is None:
                self._work = cast(Opening, pickle.loads(self._opening))()
            file.append({"ready": os.getpid()})
            left = list(zip(shard.keys, shard.items, strict=True))[before.done :]
            # At the last try what is asked together is asked apart, so that the item that is named is the one that
            # kills.
            pieces = [left] if before.begun + 1 < TRIES else [[one] for one in left]
            for piece in pieces:
                # Closed, so that what it has taken ahead is dropped.
                with closing(self._work([item for _, item in piece])) as lines:
                    for (key, _), line in zip(piece, lines, strict=True):
                        file.append({"key": key, "line": line})


class ShardFile(AppendedLines):
    """A shard's file, locked against other workers while it is open (a context manager).

    Raises:
        ResultsError: the file is in use or cannot be written; also while it is being written.
    """

    def _open(self) -> None:
        self._begin(len(whole_lines(self.path.read_bytes())) if self.path.exists() else 0)


class ShardFolder:
    """The shards' files beside the results of a run: what is done beyond the place to which the results have come.

    Args:
        path: the folder; it is there only where there are shards.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of(cls, results: Path) -> ShardFolder:
        """The one of a results file: `FILE.shards`."""
        return cls(beside(results, ".shards"))

    def kept(self) -> dict[str, Line]:
        """The lines that an earlier part of the run left, by the keys of their items.

        Raises:
            DataError: a file is damaged.
        """
        return {key: line for path in sorted(self.path.glob(SHARDS)) for key, line in _lines_in(path)}

    def workers(self) -> list[int]:
        """The ids of the processes that were the last to begin shards."""
        begun = [[r["begun"] for r in _records(path) if "begun" in r] for path in self.path.glob(SHARDS)]
        return [ids[-1] for ids in begun if ids]

    def drop(self) -> None:
        """Remove the folder, where it is."""
        shutil.rmtree(self.path, ignore_errors=True)


def _lines_in(path: Path) -> Iterator[tuple[str, Line]]:
    return ((record["key"], record["line"]) for record in _records(path) if "key" in record)


def _records(path: Path) -> Iterator[dict[str, Any]]:
    content = b""
    with suppress(FileNotFoundError):  # a run that ends removes its shards while others look
        content = whole_lines(path.read_bytes())
    for number, text in enumerate(content.split(b"\n")[:-1], start=1):
        yield read_line(path, text, number, ({"begun"}, {"ready"}, {"key", "line"}))


def read_line(path: Path, text: bytes, number: int, kinds: Sequence[set[str]] = ()) -> Line:
    """A line of a file of such, from its text and number, with one of some sets of keys where these are given.

    Raises:
        DataError: it is damaged.
    """
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        line = None
    if not isinstance(line, dict) or (kinds and line.keys() not in kinds):
        raise DataError(path, "a line as it was written", number, text.decode(errors="replace"))
    return line
