"""What a server said of late: what is shown again is not asked for again, but not for ever, since graphs change."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from cachetools import TTLCache

Key = TypeVar("Key", bound=Hashable)
Found = TypeVar("Found")


class Kept(Generic[Key, Found]):
    """Answers by what was asked, the last used ones; safe to share between threads.

    Args:
        seconds: how long an answer is taken for what it is.
        most: what all of them together may weigh.
        weight: what one weighs; one that weighs more than all may is not kept.
    """

    def __init__(self, seconds: float, most: int, weight: Callable[[Found], int]) -> None:
        self._most, self._weight, self._lock = most, weight, threading.Lock()
        self._held: TTLCache[Key, Found] = TTLCache(most, seconds, lambda: time.monotonic(), weight)

    def get(self, key: Key) -> Found | None:
        """The answer, None where there is none or it is old."""
        with self._lock:
            return self._held.get(key)

    def keep(self, key: Key, found: Found) -> None:
        """Hold an answer, and let go of those that were not used for longest where all weigh too much."""
        if self._weight(found) <= self._most:
            with self._lock:
                self._held[key] = found
