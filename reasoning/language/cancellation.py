"""Work whose caller has gone: Python cannot end a thread, so the work ends itself at its next request or token.

Otherwise a cancelled question would be asked, and paid for, to its last step.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

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


async def awaited(work: Callable[[], T], gone: threading.Event | None = None) -> T:
    """What `work` gives or raises, on a thread of its own; it is abandoned where the one who awaits it is cancelled.

    The thread is a daemon: unlike those of `asyncio.to_thread`, no loop waits for it in order to close.

    Args:
        work: anything but StopIteration may be raised.
        gone: set on cancelling; given where several pieces of work have the same caller.
    """
    caller_gone = gone or threading.Event()
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(settled: Callable[[Any], None], outcome: Any) -> None:
        if not future.done():
            settled(outcome)

    def run() -> None:
        try:
            done = (future.set_result, work())
        except BaseException as error:
            done = (future.set_exception, error)  # type: ignore[assignment]
        with suppress(RuntimeError):  # the loop has closed
            loop.call_soon_threadsafe(settle, *done)

    threading.Thread(target=until(caller_gone).run, args=(run,), name="skylark-awaited", daemon=True).start()
    try:
        return await future
    except asyncio.CancelledError:
        caller_gone.set()
        raise
