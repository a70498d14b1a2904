"""Requests to a hosted model, spaced evenly, without time limits that run out while a turn is waited for."""

from __future__ import annotations

import threading
import time
from contextvars import ContextVar
from dataclasses import dataclass, field

from langchain_core.rate_limiters import InMemoryRateLimiter

from reasoning.language.errors import UNWANTED, LLMError


@dataclass(eq=False)
class Call:
    """One reply being waited for, over all its requests.

    Args:
        timeout: seconds that it may take, without the turns it waits for.
    """

    timeout: float
    began: float = field(default_factory=time.monotonic)
    waited: float = 0.0
    given_up: threading.Event = field(default_factory=threading.Event)

    @property
    def left(self) -> float:
        """Seconds left; below 0 when the time is over."""
        return self.began + self.timeout + self.waited - time.monotonic()


current_call: ContextVar[Call | None] = ContextVar("skylark_call", default=None)
"""The call that the code below serves, for the limiter, which LangChain asks without saying for whom."""


class SpacedRequests(InMemoryRateLimiter):
    """LangChain's limiter, told how long its callers wait and which of them have gone.

    LangChain asks it after the cache and before every request, so a cached reply waits for nobody.

    Args:
        requests_per_minute: above 0; the first request goes at once, the others follow evenly spaced.
    """

    def __init__(self, requests_per_minute: float) -> None:
        per_second = requests_per_minute / 60
        super().__init__(requests_per_second=per_second, check_every_n_seconds=min(0.1, 0.25 / per_second))
        self.available_tokens = 1.0

    def acquire(self, *, blocking: bool = True) -> bool:
        """Wait for a turn; a caller who gave up takes none, since nobody would read the reply."""
        call = current_call.get()
        if call is None or not blocking:
            return super().acquire(blocking=blocking)
        while not self._consume():
            if call.given_up.is_set():
                raise LLMError(UNWANTED)
            began = time.monotonic()
            time.sleep(self.check_every_n_seconds)
            call.waited += time.monotonic() - began
        return True
