"""Several pieces of work at once, with results in order: for what waits on a provider and not on this processor."""

from __future__ import annotations

import contextvars
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar, cast

from reasoning.language.cancellation import until

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
    tasks: queue.SimpleQueue[tuple[contextvars.Context, T, queue.SimpleQueue[Any]] | None] = queue.SimpleQueue()
    dropped = threading.Event()

    def work() -> None:
        while (task := tasks.get()) is not None and not dropped.is_set():
            context, item, outcome = task
            try:
                outcome.put((True, context.run(function, item)))
            except BaseException as error:
                outcome.put((False, error))

    waiting: deque[queue.SimpleQueue[Any]] = deque()
    started = 0
    try:
        for item in items:
            # LangChain finds the caller's tracing callbacks in the context, which a new thread doesn't inherit.
            context = until(dropped)
            context.run(_inside.set, True)
            waiting.append(queue.SimpleQueue())
            tasks.put((context, item, waiting[-1]))
            if started < workers:
                threading.Thread(target=work, name="skylark-map", daemon=True).start()
                started += 1
            if len(waiting) == 2 * workers:
                yield cast(R, _result(waiting.popleft()))
        while waiting:
            yield cast(R, _result(waiting.popleft()))
    finally:
        dropped.set()
        for _ in range(started):
            tasks.put(None)


def _result(outcome: queue.SimpleQueue[Any]) -> Any:
    while True:
        try:
            # An interrupt that another thread received is seen only between two waits.
            done, result = outcome.get(timeout=LOOK_SECONDS)
        except queue.Empty:
            continue
        if not done:
            raise result
        return result
