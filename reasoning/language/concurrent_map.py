"""Several pieces of work at once, with results in order: for what waits on a provider and not on this processor."""

from __future__ import annotations

import contextvars
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from typing import TypeVar

from reasoning.language.cancellation import started, until

T = TypeVar("T")
R = TypeVar("R")

LOOK_SECONDS = 0.5
"""How long one wait for a result lasts at most."""

_inside: contextvars.ContextVar[bool] = contextvars.ContextVar("skylark_inside_concurrent_map", default=False)


def concurrent_map(function: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[R]:
    """`function` of each item, in the items' order; an error comes in its item's place.

    At most `workers` calls run at once and at most twice as many items are taken ahead of the result that is waited
    for. Called inside another such map it works serially, so that `workers` bounds the whole. The threads are daemons:
    an interrupt or a reader who leaves waits for none of them; calls not begun are dropped, and those under way are
    abandoned.
    """
    if workers <= 1 or _inside.get():
        yield from map(function, items)
        return
    tasks: queue.SimpleQueue[tuple[contextvars.Context, T, Future[R]] | None] = queue.SimpleQueue()
    dropped = threading.Event()

    def work() -> None:
        while (task := tasks.get()) is not None and not dropped.is_set():
            context, item, future = task
            try:
                future.set_result(context.run(function, item))
            except BaseException as error:
                future.set_exception(error)

    waiting: deque[Future[R]] = deque()
    threads = 0
    try:
        for item in items:
            # LangChain finds the caller's tracing callbacks in the context, which a new thread doesn't inherit.
            context = until(dropped)
            context.run(_inside.set, True)
            waiting.append(Future())
            tasks.put((context, item, waiting[-1]))
            if threads < workers:
                started(work, contextvars.copy_context(), "skylark-map")
                threads += 1
            if len(waiting) == 2 * workers:
                yield _result(waiting.popleft())
        while waiting:
            yield _result(waiting.popleft())
    finally:
        dropped.set()
        for _ in range(threads):
            tasks.put(None)


def _result(future: Future[R]) -> R:
    # An interrupt that another thread received is seen only between two waits.
    while not wait([future], timeout=LOOK_SECONDS).done:
        pass
    return future.result()
