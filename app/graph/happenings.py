"""What a worker on a thread of its own has to tell, for a page that watches it and can stop it at any moment."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator

DONE = object()
"""What a worker puts at its end."""


class TimeIsOverError(Exception):
    """The worker took longer than it may."""


def happenings(
    happened: queue.SimpleQueue[object], stopped: threading.Event, seconds: float, tick: float
) -> Iterator[object | None]:
    """What a worker puts into a queue, in order, until it is done or stopped.

    Args:
        happened: the queue; an exception in it is raised.
        stopped: set by whoever ends the work.
        seconds: that it may take.
        tick: seconds without anything after which None is given.

    Raises:
        TimeIsOverError: it took longer.
    """
    ends = time.monotonic() + seconds
    while not stopped.is_set():
        if time.monotonic() > ends:
            raise TimeIsOverError
        try:
            item = happened.get(timeout=tick)
        except queue.Empty:
            yield None
            continue
        if item is DONE or stopped.is_set():
            return
        if isinstance(item, BaseException):
            raise item
        yield item
