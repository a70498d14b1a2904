"""What several callers ask of a model in the same pass: whoever asks while a pass is under way is in the next one.

A small pass leaves a model nearly empty, and most of its time goes into reading the weights from memory.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from reasoning.language.cancellation import abandoned
from reasoning.language.errors import LLMError

PATIENCE = 0.05
"""Seconds for which a pass waits for those who are known to ask next."""

Asked = TypeVar("Asked")
Reply = TypeVar("Reply")


@dataclass(eq=False)
class _Request(Generic[Asked, Reply]):
    asked: Asked
    reply: Future[Reply] = field(default_factory=Future)


class SharedPasses(Generic[Asked, Reply]):
    """Serves any number of threads with one model.

    Args:
        serve: one pass, from what is asked to the replies in the same order.
        most: requests that are served in one pass.
    """

    def __init__(self, serve: Callable[[Sequence[Asked]], Sequence[Reply]], most: int = sys.maxsize) -> None:
        self._serve, self._most = serve, most
        self._waiting: list[_Request[Asked, Reply]] = []
        self._asking, self._serving = 0, False
        self._changed = threading.Condition()
        self._thread = ThreadPoolExecutor(1, "passes")

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Of a caller who asks again and again: a pass waits a moment for all of them, so that they share it."""
        with self._changed:
            self._asking += 1
        try:
            yield
        finally:
            with self._changed:
                self._asking -= 1
                self._changed.notify_all()

    def ask(self, asked: Asked, timeout: float = -1, cancelled: Callable[[], bool] | None = None) -> Reply:
        """The reply to one request.

        Args:
            asked: by the caller, who waits.
            timeout: seconds for which others may hold the model; -1 for any time.
            cancelled: says, before a pass begins, that nobody waits any more.

        Raises:
            LLMError: it was cancelled, the pass failed, or others held the model too long.
        """
        request: _Request[Asked, Reply] = _Request(asked)
        with self._changed:
            self._waiting.append(request)
            self._changed.notify_all()
        try:
            while self._may_serve(request, timeout):
                try:
                    if (cancelled is not None and cancelled()) or abandoned():
                        raise LLMError("the reply was cancelled")
                    self._serve_waiting()
                finally:
                    with self._changed:
                        self._serving = False
                        self._changed.notify_all()
        finally:
            with self._changed:
                self._waiting = [other for other in self._waiting if other is not request]
        if (error := request.reply.exception()) is not None:
            raise LLMError(f"the model's pass failed ({type(error).__name__}: {error})") from error
        return request.reply.result()

    def _may_serve(self, request: _Request[Asked, Reply], timeout: float) -> bool:
        """Wait for the reply (False), or for nobody to be serving: whoever asked serves then (True).

        Raises:
            LLMError: others held the model too long.
        """
        with self._changed:
            if not self._changed.wait_for(
                lambda: request.reply.done() or not self._serving, None if timeout < 0 else timeout
            ):
                raise LLMError(f"others held the model for {timeout:g} s")
            if request.reply.done():
                return False
            self._serving = True
            return True

    def _serve_waiting(self) -> None:
        """Serve requests that wait, the first ones first; nobody else does meanwhile."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._waiting) >= min(self._asking, self._most), PATIENCE)
            requests, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
        try:
            asked = [one.asked for one in requests]
            # Each thread that multiplies has helpers and memory of its own and keeps both, so many callers have one.
            replies = self._thread.submit(self._serve, asked).result() if self._asking > 1 else self._serve(asked)
        except Exception as error:
            for request in requests:
                request.reply.set_exception(error)
        else:
            for request, reply in zip(requests, replies, strict=True):
                request.reply.set_result(reply)
