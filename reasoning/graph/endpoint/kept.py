"""What a server said of late: what is shown again is not asked for again, but not for ever, since graphs change."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Found = TypeVar("Found")


class Kept(Generic[Key, Found]):
    """Answers by what was asked, the last used ones; safe to share between threads.

    Args:
        seconds: how long an answer is taken for what it is.
        most: what all of them together may weigh.
        weight: what one weighs.
    """

    def __init__(self, seconds: float, most: int, weight: Callable[[Found], int]) -> None:
        self._seconds, self._most, self._weight = seconds, most, weight
        self._held: OrderedDict[Key, tuple[float, Found]] = OrderedDict()
        self._weighs = 0
        self._lock = threading.Lock()

    def get(self, key: Key) -> Found | None:
        """The answer, None where there is none or it is old."""
        with self._lock:
            if key not in self._held:
                return None
            since, found = self._held[key]
            if time.monotonic() - since > self._seconds:
                self._drop(key)
                return None
            self._held.move_to_end(key)
            return found

    def keep(self, key: Key, found: Found) -> None:
        """Hold an answer, and let go of those that were not used for longest where all weigh too much."""
        with self._lock:
            if key in self._held:
                self._drop(key)
            self._held[key] = time.monotonic(), found
            self._weighs += self._weight(found)
            while self._weighs > self._most:
                self._drop(next(iter(self._held)))

    def _drop(self, key: Key) -> None:
        _, found = self._held.pop(key)
        self._weighs -= self._weight(found)
