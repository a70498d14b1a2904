"""Background work on named daemon threads: a future of one result, a run whose items are watched as they come, or a job
that waits for its turn, is watched, stopped, and kept a while.

Gradio's queue cannot hold such jobs: it drops a visitor's events as soon as the page is reloaded. Neither it nor
anyio's CapacityLimiter says how many are before a job, or lets one that waits on a thread give its place up.
"""

from __future__ import annotations

import logging
import queue
import re
import secrets
import shutil
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from pathlib import Path
from typing import Generic, Literal, TypeVar

from reasoning.lm.calls import until
from skylark.errors import SkylarkError

log = logging.getLogger(__name__)

Result = TypeVar("Result")
Item = TypeVar("Item")


class TimeIsOverError(Exception):
    """The work took longer than it may."""


def start(name: str, work: Callable[[], Result], stopped: threading.Event | None = None) -> Future[Result]:
    """Do `work` on a thread of its own; the future keeps its error. Once `stopped` is set, calls of models within it
    end."""
    future: Future[Result] = Future()

    def run() -> None:
        try:
            result = work() if stopped is None else until(stopped).run(work)
        except BaseException as error:
            if not isinstance(error, SkylarkError):
                log.exception("%s failed", name)
            future.set_exception(error)
        else:
            future.set_result(result)

    threading.Thread(target=run, name=f"skylark-{name}", daemon=True).start()
    return future


class BackgroundRun(ABC, Generic[Item]):
    """Work that gives item after item on a thread of its own, and can be stopped from any other."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._stopped = threading.Event()
        self._happened: queue.SimpleQueue[Item | BaseException | None] = queue.SimpleQueue()
        self._future: Future[None] | None = None

    @property
    def stopped(self) -> bool:
        """Whether it was stopped, or has been watched to its end."""
        return self._stopped.is_set()

    @property
    def working(self) -> bool:
        """Whether the thread is still at it."""
        return self._future is not None and not self._future.done()

    def stop(self) -> None:
        """End the run; returns at once."""
        self._stopped.set()
        self._happened.put(None)

    @abstractmethod
    def _items(self) -> Iterator[Item]:
        """The work, on its thread; what it raises is raised where it is watched."""

    def _watched(self, seconds: float, tick: float) -> Iterator[Item | None]:
        """Start the work and give what comes of it, in order; None whenever nothing has for `tick` seconds (raises
        TimeIsOverError: it took more than `seconds`)."""
        self._future = start(self._name, self._put_items, self._stopped)
        ends = time.monotonic() + seconds
        while not self.stopped:
            if time.monotonic() > ends:
                raise TimeIsOverError
            try:
                item = self._happened.get(timeout=tick)
            except queue.Empty:
                yield None
                continue
            if item is None or self.stopped:
                return
            if isinstance(item, BaseException):
                raise item
            yield item

    def _put_items(self) -> None:
        try:
            for item in self._items():
                if self.stopped:
                    break
                self._happened.put(item)
        except Exception as error:
            if not self.stopped:
                self._happened.put(error)
        finally:
            self._happened.put(None)


AnyJob = TypeVar("AnyJob", bound="Job")
State = Literal["new", "estimating", "estimated", "waiting", "running", "stopped", "done", "failed"]
ACTIVE: tuple[State, ...] = ("estimating", "waiting", "running")

AT_ONCE, MOST_WAITING = 1, 12
"""The embedded model works on one thing at a time anyway; two jobs at once would only both be late."""
TURN_SECONDS = 15 * 60.0
"""How long a job works before it is the next one's turn; it can be continued later."""
UNWATCHED_SECONDS = 60.0
"""How long a job that nobody watches continues; long enough to reload a page."""
KEPT_SECONDS = 3600.0
MOST_KEPT = 60
MOST_KEPT_BYTES = 4 * 2**30
"""Of the images of all jobs that rest, and of what was found in them."""
STOPPED, PAGE_CLOSED, TURN_OVER = "stopped", "the page was closed", "its turn was over"
"""Why a job was stopped, in words."""

_ID = re.compile(r"[A-Za-z0-9_-]{16,40}")


class StoppedError(SkylarkError):
    """A job was stopped before its end; what it has is kept."""


class WaitingLine:
    """Jobs in the order in which they came: the first few work, the others wait."""

    def __init__(self, at_once: int = AT_ONCE, most_waiting: int = MOST_WAITING) -> None:
        self._at_once, self._most = at_once, at_once + most_waiting
        self._jobs: list[object] = []
        self._changed = threading.Condition()

    def join(self, job: object) -> None:
        """Take the last place in the line (raises SkylarkError: too many wait)."""
        with self._changed:
            if len(self._jobs) >= self._most:
                raise SkylarkError(
                    f"{len(self._jobs)} jobs of other visitors are at work or waiting, and no more are taken: "
                    "try again in a few minutes"
                )
            self._jobs.append(job)

    def leave(self, job: object) -> None:
        """Give the place in the line back."""
        with self._changed:
            self._jobs.remove(job)
            self._changed.notify_all()

    def ahead(self, job: object) -> int:
        """How many jobs must end before it is this one's turn."""
        with self._changed:
            return max(0, self._jobs.index(job) + 1 - self._at_once) if job in self._jobs else 0

    def wait(self, job: object, seconds: float) -> bool:
        """Wait for the job's turn, at most so long; gives whether it has come."""
        with self._changed:
            return self._changed.wait_for(lambda: self._jobs.index(job) < self._at_once, seconds)


class Job:
    """What every job of a visitor is, whatever it runs.

    It ends when its time is up or its visitor has gone, and its errors name no path of this machine.

    Args:
        folder: where its files are.
        identifier: the id of a job that is continued; without one the job gets a new id. Whoever knows it may look at
            the job.

    Attributes:
        state: how far it is.
        error: why it failed.
        ended: why it was stopped, in words; empty where it was not.
        touched: when somebody last looked at it, by the monotonic clock.
        size: bytes that it keeps in its folder, where these are many.
    """

    def __init__(self, folder: Path, identifier: str | None = None) -> None:
        valid = identifier is not None and _ID.fullmatch(identifier)
        self.id = identifier if identifier is not None and valid else secrets.token_urlsafe(16)
        self.folder = folder
        self.state: State = "new"
        self.error: Exception | None = None
        self.ended = ""
        self.touched = time.monotonic()
        self.size = 0
        self._stop = threading.Event()
        self._deadline = float("inf")
        self._line: WaitingLine | None = None
        self._worker: Future[None] | None = None
        self._lock = threading.Lock()

    @property
    def active(self) -> bool:
        """Whether it works or waits."""
        return self.state in ACTIVE

    @property
    def ahead(self) -> int:
        """How many jobs must end before it has its turn."""
        return 0 if self._line is None else self._line.ahead(self)

    @property
    def stopping(self) -> bool:
        """Whether it was told to stop and has not ended yet."""
        return self.active and self._stop.is_set()

    def stop(self, why: str = STOPPED) -> None:
        """End the work; returns at once. A model's reply that is on its way is not waited for."""
        with self._lock:
            if self.active and not self._stop.is_set():
                self.ended = why
                self._stop.set()

    def watch(self) -> None:
        """Say that somebody looks at the job; without it for a minute, the job stops."""
        self.touched = time.monotonic()
        self._check_time()

    def join(self, seconds: float) -> None:
        """Wait for the worker, at most so long."""
        if self._worker is not None:
            wait([self._worker], seconds)

    def _begin(self, state: State, line: WaitingLine, work: Callable[[], State]) -> None:
        """Do `work` on a thread, once it is the job's turn (raises SkylarkError: the job is at work already, or too
        many wait)."""
        with self._lock:
            if self.active:
                raise SkylarkError("this job is at work already: stop it first")
            line.join(self)
            self._line, self.state, self.error, self.ended = line, state, None, ""
            self._stop = stop = threading.Event()
            self.touched, self._deadline = time.monotonic(), float("inf")
        # The model's calls are given up as soon as the job is stopped, wherever they wait.
        self._worker = start("batch", lambda: self._work(line, work), stop)

    def _work(self, line: WaitingLine, work: Callable[[], State]) -> None:
        ended: State
        try:
            try:
                while not line.wait(self, 0.5):
                    self._check()
                self._deadline = time.monotonic() + TURN_SECONDS
                ended = work()
            finally:
                line.leave(self)
        except StoppedError:
            ended = "stopped"
        except Exception as error:
            # A model that is told to give up says so in an error of its own.
            if self._stop.is_set():
                ended = "stopped"
            else:
                if not isinstance(error, SkylarkError):
                    log.exception("a job failed")
                self.error, ended = self._without_folder(error), "failed"
                # Frames in which it was raised would keep a visitor's model alive.
                self.error.__cause__ = self.error.__context__ = self.error.__traceback__ = None
        with self._lock:
            self.touched = time.monotonic()
            self.state = ended

    def _check(self) -> None:
        """Raises:
        StoppedError: the job is to end now.
        """
        self._check_time()
        if self._stop.is_set():
            raise StoppedError(self.ended)

    def _check_time(self) -> None:
        now = time.monotonic()
        if now > self._deadline:
            self.stop(TURN_OVER)
        elif now - self.touched > UNWATCHED_SECONDS:
            self.stop(PAGE_CLOSED)

    def _without_folder(self, error: Exception) -> Exception:
        if not isinstance(error, SkylarkError):
            return error
        message = str(error)
        for folder in {str(self.folder), str(self.folder.resolve())}:
            message = message.replace(f"{folder}/input/", "").replace(f"{folder}/", "").replace(folder, "the job")
        return SkylarkError(message) if message != str(error) else error


class JobStore(Generic[AnyJob]):
    """The jobs of one kind, found by their ids; those that are at work are never removed.

    Args:
        line: where they wait for their turn; None for a line as the batch tab has it.
        inside: the folder in which theirs are made; None for the system's own for temporary files.
    """

    def __init__(self, line: WaitingLine | None = None, inside: Path | None = None) -> None:
        self.line = line or WaitingLine()
        self._root = tempfile.TemporaryDirectory(prefix="skylark-batch-", dir=inside, ignore_cleanup_errors=True)
        self._jobs: dict[str, AnyJob] = {}
        self._lock = threading.Lock()

    def new_folder(self) -> Path:
        """An empty folder for a job's files."""
        Path(self._root.name).mkdir(exist_ok=True)  # a folder inside others' may have been tidied away while empty
        return Path(tempfile.mkdtemp(dir=self._root.name))

    def begun(self, begin: Callable[[Path], AnyJob]) -> AnyJob:
        """The job that `begin` begins in a folder of its own; where it raises, nothing of it is left."""
        folder = self.new_folder()
        try:
            job = begin(folder)
        except Exception:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self.add(job)
        return job

    def add(self, job: AnyJob) -> None:
        """Keep a job under its id, in place of one that had the id before."""
        with self._lock:
            before = self._jobs.pop(job.id, None)
            if before is not None and before is not job:
                _remove(before)
            self._jobs[job.id] = job
        self.tidy()

    def get(self, identifier: object) -> AnyJob | None:
        """The job of this id; None where there is none (any more)."""
        self.tidy()
        with self._lock:
            return self._jobs.get(identifier) if isinstance(identifier, str) else None

    def check_idle(self, identifier: object) -> None:
        """Raises:
        SkylarkError: the visitor's job before this one is still at work.
        """
        job = self.get(identifier)
        if job is not None and job.active:
            raise SkylarkError("a job of yours is at work: wait for its end or stop it, then begin another")

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


def _remove(job: Job) -> None:
    job.stop("another took its place")
    shutil.rmtree(job.folder, ignore_errors=True)
