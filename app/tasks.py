"""Background work on named daemon threads: a future of one result, or a run whose items are watched as they come."""

from __future__ import annotations

import logging
import queue
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Generic, TypeVar

from reasoning.lm.calls import until
from skylark.errors import SkylarkError

log = logging.getLogger(__name__)

Result = TypeVar("Result")
Item = TypeVar("Item")


class TimeIsOverError(Exception):
    """The work took longer than it may."""


def start(name: str, work: Callable[[], Result], stopped: threading.Event | None = None) -> Future[Result]:
    """Do `work` on a thread of its own, which ends with the process; returns at once.

    Args:
        name: of the thread.
        work: gives the result.
        stopped: once it is set, calls of a language model within the work are given up.

    Returns:
        the result to come; it keeps the error of work that fails.
    """
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
    """Work that gives item after item on a thread of its own, and can be stopped from any other.

    Args:
        name: of the thread.
    """

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
        """Start the work and give what comes of it, in order; None whenever nothing has for `tick` seconds.

        Raises:
            TimeIsOverError: it took more than `seconds`.
        """
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
