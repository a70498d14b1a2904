"""All jobs of a running page: found by their ids, bounded in number and bytes, their files removed once nobody wants
them."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections import OrderedDict
from pathlib import Path
from typing import Generic, TypeVar

from app.batch.job import Job
from app.batch.turns import Turns
from app.batch.work import Work

T = TypeVar("T", bound=Work)

ESTIMATES_AT_ONCE, RUNS_AT_ONCE, MOST_WAITING = 1, 1, 12
"""The embedded model works on one thing at a time anyway; two jobs at once would only both be late."""
KEPT_SECONDS = 3600.0
MOST_KEPT = 60
MOST_KEPT_BYTES = 4 * 2**30
"""Of the images of all jobs that rest, and of what was found in them."""


class KeptWork(Generic[T]):
    """Jobs of one kind; those that are at work are never removed.

    Attributes:
        runs: whose turn it is.
    """

    def __init__(self) -> None:
        self.runs = Turns(RUNS_AT_ONCE, MOST_WAITING)
        self._root = tempfile.TemporaryDirectory(prefix="skylark-batch-", ignore_cleanup_errors=True)
        self._jobs: OrderedDict[str, T] = OrderedDict()
        self._lock = threading.Lock()

    def new_folder(self) -> Path:
        """An empty folder for a job's files."""
        return Path(tempfile.mkdtemp(dir=self._root.name))

    def add(self, job: T) -> None:
        """Keep a job under its id, in place of one that had it before."""
        with self._lock:
            before = self._jobs.pop(job.id, None)
            if before is not None and before is not job:
                _remove(before)
            self._jobs[job.id] = job
        self.tidy()

    def get(self, identifier: object) -> T | None:
        """The job of this id, None where there is none (any more)."""
        self.tidy()
        with self._lock:
            return self._jobs.get(identifier) if isinstance(identifier, str) else None

    def stop(self, identifier: object) -> None:
        """Stop the job of this id, or have it give its place up; what it has stays."""
        job = self.get(identifier)
        if job is not None:
            job.stop()

    def tidy(self) -> None:
        """Remove jobs that nobody has looked at for long, or that are too many or too large, the oldest first."""
        now = time.monotonic()
        with self._lock:
            idle = sorted((job for job in self._jobs.values() if not job.active), key=lambda job: job.touched)
            over, size = len(self._jobs) - MOST_KEPT, sum(job.size for job in self._jobs.values())
            for place, job in enumerate(idle):
                if place < over or size > MOST_KEPT_BYTES or now - job.touched > KEPT_SECONDS:
                    del self._jobs[job.id]
                    size -= job.size
                    _remove(job)


class Jobs(KeptWork[Job]):
    """The jobs of queries or questions.

    Attributes:
        estimates: whose turn it is to be estimated.
    """

    def __init__(self) -> None:
        super().__init__()
        self.estimates = Turns(ESTIMATES_AT_ONCE, MOST_WAITING)


def _remove(job: Work) -> None:
    job.stop("another took its place")
    shutil.rmtree(job.folder, ignore_errors=True)
