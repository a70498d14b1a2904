"""The loop that every evaluation of this room shares: one line an item, kept on disk as it comes, figures at the end.

A run that is stopped or killed goes on where it was. The first line holds the settings, so that lines of two different
runs never meet in one file. A line goes to the operating system in one piece; where that fails, what was written of it
is taken back, and where a kill left a part of it, opening the file again drops that part and the image is done again.
Where several processes work, what they have done beyond that lies in `FILE.shards`.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm  # type: ignore[import-untyped]

from kg_data.appended_lines import AppendedLines, Line, beside, encoded, whole_lines, write_whole
from kg_data.batches.identity import files_digest
from kg_data.batches.lines import in_order, lines_by_workers
from kg_data.batches.options import ALONE, Workers
from kg_data.batches.shards import ShardFolder, Work
from kg_data.errors import DataError, SkylarkError
from vision.errors import EvaluationError

SYNC_SECONDS = 10.0
"""How often what was written is forced to the disk."""


class RunLines(AppendedLines):
    """The lines of one run, locked against other processes while it is open (a context manager).

    Args:
        path: the file of lines.
        settings: everything that decides what the lines will be, JSON-serialisable.
        resume: go on with lines that are there already; else a file that holds lines is refused.
        anew: drop lines that are there already, whatever made them.
        otherwise: what can be done where lines of other settings are there.
        first: what the first line says beside the settings, JSON-serialisable.

    Attributes:
        first: what the first line says beside the settings; of a file that is gone on with, what stands in it.
        done: the lines that were there already, set on entry.
        kept: further lines that several processes left, by the keys of their items, set on entry.
        shards: where such processes write.

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
        first: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(path, place="place")
        self.settings = json.loads(json.dumps(dict(settings)))
        self._resume, self._anew, self._otherwise = resume, anew, otherwise
        self.first = dict(first or {})
        self.done: list[Line] = []
        self.kept: dict[str, Line] = {}
        self.shards = ShardFolder.of(path)
        self._synced = time.monotonic()

    def append(self, line: Mapping[str, Any]) -> None:
        """Write one line; it is with the operating system when this returns, so a killed process keeps it."""
        super().append(line)
        if time.monotonic() - self._synced >= SYNC_SECONDS:
            self._force()
            self._synced = time.monotonic()

    def _open(self) -> None:
        with self._writing():
            content = b"" if self._anew or not self.path.exists() else self.path.read_bytes()
        # Without its first line the file holds nothing: no line stands before the settings.
        whole = whole_lines(content)
        if whole.count(b"\n") == 1 and not self._resume and not self.shards.kept():
            whole = b""  # nor does it where a run failed before its first result
        if whole:
            if not self._resume:
                raise EvaluationError(
                    f"{self.path} already holds the lines of a run; add --resume to go on with it, "
                    "or choose another place, or delete it"
                )
            self.done = self._read(whole)
            self.kept = self.shards.kept()
        else:
            self.shards.drop()  # of a file that was deleted, or is begun anew
        self._begin(len(whole))
        if not whole:
            self.append({**self.first, "settings": self.settings})

    def _read(self, content: bytes) -> list[Line]:
        texts = content.split(b"\n")[:-1]
        lines = [read_line(self.path, text, number) for number, text in enumerate(texts, start=1)]
        self.check_settings(lines[0])
        self.first = {key: value for key, value in lines[0].items() if key != "settings"}
        return lines[1:]

    def check_settings(self, first: Line) -> None:
        """Hold the first line of a file to the settings of this run.

        Raises:
            EvaluationError: they are others.
            DataError: it has none.
        """
        before = first.get("settings")
        if not isinstance(before, dict):
            raise DataError(self.path, "the settings of a run", 1, json.dumps(first, ensure_ascii=False)[:80])
        keys = [key for key in {**before, **self.settings} if before.get(key) != self.settings.get(key)]
        if keys:
            changes = "; ".join(
                f"{key} was {_shown(before.get(key))}, now {_shown(self.settings.get(key))}" for key in keys
            )
            raise EvaluationError(f"{self.path} was begun with other settings: {changes}; {self._otherwise}")


def read_line(path: Path, text: bytes, number: int) -> Line:
    """A line of such a file, from its text and number.

    Raises:
        DataError: it is damaged.
    """
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        line = None
    if not isinstance(line, dict):
        raise DataError(path, "a line as it was written", number, text.decode(errors="replace"))
    return line


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:77] + "..."


log = logging.getLogger(__name__)


def images_digest(images: Iterable[Path]) -> str:
    """A hex digest of the content of the images that are there: one that is not is an error once it is looked at."""
    return files_digest(path for path in dict.fromkeys(images) if path.is_file())


def lines_path(out: Path) -> Path:
    """Where the lines of a run stand: `<out>.lines.jsonl`."""
    return beside(out, ".lines.jsonl")


@dataclass(frozen=True)
class RunOptions:
    """How much is measured, and what is kept of it on the way.

    Attributes:
        limit: only the first this many images or expressions.
        out: where the figures are written when all is done; `<out>.lines.jsonl` beside it has a line an item.
        resume: go on with the lines that are there.
        progress: show a bar on stderr.
        workers: who does the work; the lines are the same whoever does.
    """

    limit: int | None = None
    out: Path | None = None
    resume: bool = False
    progress: bool = False
    workers: Workers = ALONE


MEASURE_ALL = RunOptions()
"""All items, with nothing kept on disk."""


@dataclass(frozen=True)
class Job:
    """What a run does.

    Attributes:
        marks: of each item what its line holds of it, so that a line is known to be its: `digest` that of its image.
        names: of each item, for messages.
        items: what is worked on, of the same length.
        work: gives the lines of some items, in order; with several workers it can be pickled.
        unit: what an item is, for the bar.
    """

    marks: Sequence[Mapping[str, Any]]
    names: Sequence[str]
    items: Sequence[Any]
    work: Work
    unit: str

    @property
    def keys(self) -> list[str]:
        """What tells each item from the others; by its place, since two may have one name."""
        return [f"{self.unit} {place}, {name}" for place, name in enumerate(self.names, start=1)]


def run(
    job: Job,
    figures: Callable[[Sequence[Line]], dict[str, Any]],
    settings: Mapping[str, Any],
    options: RunOptions,
) -> dict[str, Any]:
    """Go through all items once, in order, and return the figures with the settings.

    Args:
        job: what is done.
        figures: works the figures out from all lines.
        settings: what decides the lines.
        options: what is kept, and who does the work; the limit has been applied to the items.

    Raises:
        EvaluationError: `out` or its lines hold what may not be added to.
        ResultsError: they cannot be written; what was done before is kept.
        WorkerError: a worker died at one item again and again; what was done is kept.
        DataError: the lines are not those of the items.
    """
    out, resume = options.out, options.resume
    if out is not None and out.exists() and not (resume and lines_path(out).exists()):
        raise EvaluationError(f"{out} is there already; choose another file, or delete it")
    with nullcontext() if out is None else RunLines(lines_path(out), settings, resume) as sink:
        lines = [] if sink is None else list(sink.done)
        if sink is not None:
            _check(sink.path, lines, job.marks)
        try:
            with closing(_fresh(job, len(lines), sink, options)) as fresh:
                for line in fresh:
                    if sink is not None:
                        sink.append(line)
                    lines.append(line)
        except (KeyboardInterrupt, SkylarkError):
            if sink is not None:
                count = len({*job.keys[: len(lines)]} | sink.shards.kept().keys())
                kept = (count, len(job.items), sink.path)
                log.warning("stopped; %d of %d are kept in %s, --resume goes on from there", *kept)
            raise
        results = {**figures(lines), "settings": dict(settings)}
        if out is not None:
            write_whole(out, encoded(json.dumps(results, ensure_ascii=False, indent=2)))
        if sink is not None:
            sink.shards.drop()
    return results


def _fresh(job: Job, done: int, sink: RunLines | None, options: RunOptions) -> Generator[Line]:
    """The lines of the items from a place on, with a bar on stderr."""
    keys = job.keys[done:]
    marks = dict(zip(keys, job.marks[done:], strict=True))
    found = {} if sink is None else sink.kept
    kept = {key: line for key, line in found.items() if key in marks and marks[key].items() <= line.items()}
    left = [(key, item) for key, item in zip(keys, job.items[done:], strict=True) if key not in kept]
    shards = None if sink is None else sink.shards
    bar = progress_bar(job.unit, len(job.items), len(job.items) - len(left), options.progress)
    fresh = lines_of(
        job.work, [key for key, _ in left], [item for _, item in left], shards, options.workers, bar.update
    )
    with bar, closing(fresh):
        yield from in_order(keys, kept, fresh)


def lines_of(
    work: Work,
    keys: Sequence[str],
    items: Sequence[Any],
    shards: ShardFolder | None,
    workers: Workers,
    advance: Callable[[int], object],
) -> Generator[Line]:
    """The lines of some items, in order, by this process or several.

    Args:
        work: gives them.
        keys: of each item, what tells it from the others of the run.
        items: what is worked on, of the same length.
        shards: where several processes write; None for a place that is gone afterwards.
        workers: who does it.
        advance: told how many further lines there are.
    """
    if not workers.alone:
        folder = None if shards is None else shards.path
        yield from lines_by_workers(partial(_itself, work), keys, items, folder, workers, advance)
        return
    # Closed, so that what it has taken ahead is dropped.
    with closing(work(items)) as lines:
        for line in lines:
            yield line
            advance(1)


def _itself(work: Work) -> Work:
    """The work, which opens what it needs where it is unpickled."""
    return work


def progress_bar(unit: str, total: int, done: int, shown: bool) -> Any:
    """A bar on stderr (a context manager)."""
    return tqdm(
        total=total, initial=done, unit=unit, disable=not shown, file=sys.stderr,
        mininterval=0.5 if sys.stderr.isatty() else 30.0, dynamic_ncols=True,
    )  # fmt: skip


def _check(path: Path, lines: Sequence[Line], items: Sequence[Mapping[str, Any]]) -> None:
    for number, line in enumerate(lines, start=2):
        item = items[number - 2] if number - 2 < len(items) else None
        others = ["id"] if item is None else [key for key, value in item.items() if line.get(key) != value]
        if item is not None and others == ["digest"]:
            name = ", ".join(str(value) for key, value in item.items() if key not in ("id", "digest"))
            raise EvaluationError(
                f"{path}, line {number}: the image has changed since ({name}); choose another place, or delete this "
                "line and those after it"
            )
        if others:
            expected = "no further line" if item is None else f"the line of {json.dumps(item, ensure_ascii=False)}"
            raise DataError(path, expected, number, json.dumps(line, ensure_ascii=False))
