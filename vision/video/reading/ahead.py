"""Items are made on a thread of their own, a few ahead, so that decoding goes on while a detector looks."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Generator
from contextlib import closing
from typing import Generic, Self, TypeVar

T = TypeVar("T")


class ReadAhead(Generic[T]):
    """An iterator over a generator that runs on a thread, bounded in how far it runs ahead.

    What the generator raises is raised here, after the items that came before it. `close` ends the thread, at any
    time and however often it is called.

    Args:
        items: what is iterated; it is used and closed on the thread alone.
        depth: items that wait at most.
        newest: where nobody takes the items fast enough, drop the oldest instead of waiting; for live sources, whose
            frames would else lag further and further behind.

    Attributes:
        dropped: how many items were dropped.
    """

    def __init__(self, items: Generator[T], depth: int, *, newest: bool = False) -> None:
        self.dropped = 0
        self._waiting: deque[T] = deque()
        self._depth = depth
        self._newest = newest
        self._changed = threading.Condition()
        self._over = self._stopped = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(items,), name="read-frames", daemon=True)
        self._thread.start()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._over or self._stopped)
            if self._waiting and not self._stopped:
                self._changed.notify_all()
                return self._waiting.popleft()
            error, self._error = self._error, None
        if error is not None:
            raise error
        raise StopIteration

    def close(self) -> None:
        """End the thread; items that wait are dropped."""
        with self._changed:
            self._stopped = True
            self._waiting.clear()
            self._changed.notify_all()
        self._thread.join()

    def _run(self, items: Generator[T]) -> None:
        try:
            with closing(items):
                for item in items:
                    if not self._put(item):
                        break
        except BaseException as error:  # raised again where the items are taken
            self._error = error
        finally:
            with self._changed:
                self._over = True
                self._changed.notify_all()

    def _put(self, item: T) -> bool:
        """Whether more items are wanted."""
        with self._changed:
            if self._newest and len(self._waiting) >= self._depth:
                self._waiting.popleft()
                self.dropped += 1
            self._changed.wait_for(lambda: len(self._waiting) < self._depth or self._stopped)
            if not self._stopped:
                self._waiting.append(item)
                self._changed.notify_all()
            return not self._stopped
