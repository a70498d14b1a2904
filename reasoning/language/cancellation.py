"""Work whose caller has gone: Python cannot end a thread, so the work ends itself at its next request or token.

Otherwise a cancelled question would be asked, and paid for, to its last step.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")

_gone: contextvars.ContextVar[tuple[threading.Event, ...]] = contextvars.ContextVar("skylark_callers_gone", default=())


def abandoned() -> bool:
    """Whether a caller of the work that asks this has gone."""
    return any(gone.is_set() for gone in _gone.get())


def until(gone: threading.Event) -> contextvars.Context:
    """This context, for work that is abandoned once `gone` is set, and where its own caller is."""
    context = contextvars.copy_context()
    context.run(_gone.set, (*_gone.get(), gone))
    return context


def started(work: Callable[[], T], context: contextvars.Context, name: str) -> Future[T]:
    """`work` on a daemon thread of its own, in a context: unlike those of a pool, no exit and no loop waits for it."""
    future: Future[T] = Future()
    future.set_running_or_notify_cancel()  # it cannot be cancelled from outside: it ends itself, see `abandoned`

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=context.run, args=(run,), name=name, daemon=True).start()
    return future


async def awaited(work: Callable[[], T], gone: threading.Event | None = None) -> T:
    """What `work` gives or raises, on a thread of its own; it is abandoned where the one who awaits it is cancelled.

    Args:
        work: anything but StopIteration may be raised.
        gone: set on cancelling; given where several pieces of work have the same caller.
    """
    caller_gone = gone or threading.Event()
    try:
        return await asyncio.wrap_future(started(work, until(caller_gone), "skylark-awaited"))
    except asyncio.CancelledError:
        caller_gone.set()
        raise
