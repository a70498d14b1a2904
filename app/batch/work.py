"""What every job of a visitor is, whatever it runs: on a thread of its own, it waits for its turn, is watched, stopped.

It ends when its time is up or its visitor has gone, and its errors name no path of this machine.
"""

from __future__ import annotations

import logging
import re
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from app.batch.turns import Ticket, Turns
from kg_data.errors import SkylarkError
from reasoning.language.cancellation import until

State = Literal["new", "estimating", "estimated", "waiting", "running", "stopped", "done", "failed"]
ACTIVE: tuple[State, ...] = ("estimating", "waiting", "running")

TURN_SECONDS = 15 * 60.0
"""How long a job works before it is the next one's turn; it can be gone on with."""
UNWATCHED_SECONDS = 60.0
"""How long a job works on that nobody watches; long enough to reload a page."""
STOPPED, LEFT, OVER = "stopped", "the page was closed", "its turn was over"

log = logging.getLogger(__name__)

_ID = re.compile(r"[A-Za-z0-9_-]{16,40}")


class StoppedError(SkylarkError):
    """A job was ended before its end; what it has is kept."""


class Work:
    """One job.

    Args:
        folder: where its files are.
        identifier: its id where it is gone on with, else a new one. Whoever knows it may look at the job.

    Attributes:
        state: how far it is.
        error: why it failed.
        touched: when it was last looked at, by the monotonic clock.
        size: bytes that it keeps in its folder, where these are many.
    """

    def __init__(self, folder: Path, identifier: str | None = None) -> None:
        known = identifier is not None and _ID.fullmatch(identifier) is not None
        self.id = identifier if identifier is not None and known else secrets.token_urlsafe(16)
        self.folder = folder
        self.state: State = "new"
        self.error: Exception | None = None
        self.touched = time.monotonic()
        self.size = 0
        self._why, self._stop = "", threading.Event()
        self._watched, self._deadline = time.monotonic(), float("inf")
        self._ticket: Ticket | None = None
        self._worker: threading.Thread | None = None
        self._lock = threading.Lock()

    @property
    def active(self) -> bool:
        """Whether it works or waits."""
        return self.state in ACTIVE

    @property
    def ahead(self) -> int:
        """How many jobs must end before it has its turn."""
        return 0 if self._ticket is None else self._ticket.ahead

    @property
    def stopping(self) -> bool:
        """Whether it was told to stop and has not ended yet."""
        return self.active and self._stop.is_set()

    @property
    def ended(self) -> str:
        """Why it was stopped, in words; empty where it was not."""
        return self._why

    def stop(self, why: str = STOPPED) -> None:
        """End the work; returns at once. A reply under way is not waited for."""
        with self._lock:
            if self.active and not self._stop.is_set():
                self._why = why
                self._stop.set()

    def watched(self) -> None:
        """Somebody looks at it; called at least every few seconds."""
        self._watched = self.touched = time.monotonic()
        self._check_time()

    def join(self, seconds: float) -> None:
        """Wait for the worker, at most so long."""
        if self._worker is not None:
            self._worker.join(seconds)

    def _begin(self, state: State, turns: Turns, work: Callable[[], State]) -> None:
        with self._lock:
            if self.active:
                raise SkylarkError("this job is at work already: stop it first")
            ticket = turns.take()
            self._ticket, self.state, self.error, self._why = ticket, state, None, ""
            self._stop = stop = threading.Event()
            self._watched, self._deadline = time.monotonic(), float("inf")
        self._worker = threading.Thread(
            # The model's calls are given up as soon as the job is stopped, wherever they wait.
            target=until(stop).run, args=(self._work, ticket, work), name="skylark-batch", daemon=True,
        )  # fmt: skip
        self._worker.start()

    def _work(self, ticket: Ticket, work: Callable[[], State]) -> None:
        ended: State
        try:
            with ticket:
                while not ticket.wait(0.5):
                    self._check()
                self._deadline = time.monotonic() + TURN_SECONDS
                ended = work()
        except StoppedError:
            ended = "stopped"
        except Exception as error:
            # A model that is told to give up says so in an error of its own.
            if self._stop.is_set():
                ended = "stopped"
            else:
                if not isinstance(error, SkylarkError):
                    log.exception("a job failed")
                self.error, ended = _without_frames(self._without_folder(error)), "failed"
        with self._lock:
            self.touched = time.monotonic()
            self.state = ended

    def _check(self) -> None:
        self._check_time()
        if self._stop.is_set():
            raise StoppedError(self._why)

    def _check_time(self) -> None:
        now = time.monotonic()
        if now > self._deadline:
            self.stop(OVER)
        elif now - self._watched > UNWATCHED_SECONDS:
            self.stop(LEFT)

    def _without_folder(self, error: Exception) -> Exception:
        """An error without the place of the job's files."""
        if not isinstance(error, SkylarkError):
            return error
        said = str(error)
        for folder in {str(self.folder), str(self.folder.resolve())}:
            said = said.replace(f"{folder}/input/", "").replace(f"{folder}/", "").replace(folder, "the job")
        return SkylarkError(said) if said != str(error) else error


def _without_frames(error: Exception) -> Exception:
    """An error that does not keep alive what was at work as it was raised: a visitor's model among it."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)
