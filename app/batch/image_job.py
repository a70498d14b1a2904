"""One job of images: looked at one after another under one instruction, each kept as it is found, packed at the end."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from app.batch.image_batch import Entry, distinct_names, look_at_each, write_zip
from app.batch.turns import Turns
from app.batch.work import State, Work
from vision import Vision

SENT, FOUND, ARCHIVE = "sent", "found", "skylark-detections.zip"


class ImageJob(Work):
    """A visitor's images.

    Args:
        folder: where its files are; `sent` in it holds the images.
        paths: the images.
        instruction: what is asked of each.
        min_score: bound on the score.
        vision: gives what looks; asked once the job has its turn.
        passed: images that an earlier job's results hold, which are not among `paths`.

    Attributes:
        entries: what was found so far, an entry an image.
        archive: the zip of it, while the job rests; None where there is nothing.
    """

    def __init__(
        self,
        folder: Path,
        paths: Sequence[Path],
        instruction: str,
        min_score: float,
        vision: Callable[[], Vision],
        passed: int = 0,
    ) -> None:
        super().__init__(folder)
        self.total, self.passed = len(paths), passed
        self._paths, self._names = list(paths), distinct_names(paths)
        self._instruction, self._min_score, self._vision = instruction, min_score, vision
        self.entries: list[Entry] = []
        self.archive: Path | None = None
        self.size = sum(path.stat().st_size for path in paths)
        self._began: float | None = None
        self._began_with, self._seconds = 0, 0.0

    @property
    def objects(self) -> int:
        """How many were found so far."""
        return sum(len(entry["objects"]) for entry in self.entries if "objects" in entry)

    @property
    def failed(self) -> int:
        """How many images could not be read so far."""
        return sum("error" in entry for entry in self.entries)

    @property
    def elapsed(self) -> float:
        """Seconds of this turn, or of the last one."""
        began = self._began  # which the worker may take away meanwhile
        return self._seconds if began is None else time.monotonic() - began

    @property
    def pace(self) -> float | None:
        """Seconds an image took in this turn, or in the last one; None where none was looked at."""
        done = len(self.entries) - self._began_with
        return self.elapsed / done if done else None

    def start(self, turns: Turns) -> None:
        """Look at the images on a thread, from where it was; returns at once.

        Raises:
            SkylarkError: it is at work already, or too many jobs wait.
        """
        self._begin("waiting", turns, self._run)

    def _run(self) -> State:
        self.state = "running"
        self._began, self._began_with = time.monotonic(), len(self.entries)
        found, done = self.folder / FOUND, len(self.entries)
        found.mkdir(exist_ok=True)
        try:
            each = look_at_each(
                self._vision(), self._paths[done:], self._names[done:], self._instruction, self._min_score, found
            )
            with closing(each):
                for entry in each:
                    self.entries.append(entry)
                    if len(self.entries) < self.total:
                        self._check()
        finally:
            self._seconds, self._began = self.elapsed, None
            self._pack(found)
        return "done"

    def _pack(self, found: Path) -> None:
        if len(self.entries) == self.total:
            # Nobody goes on with it, so what was sent is of no more use.
            shutil.rmtree(self.folder / SENT, ignore_errors=True)
        if self.entries:
            self.archive = self.folder / ARCHIVE
            write_zip(found, self.entries, self.archive)
        self.size = sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())
