"""Steps of several queries in the same pass: whoever asks while a pass is under way is in the next one together.

A small step leaves a pass nearly empty, and most of a pass's time goes into reading the weights from memory.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from reasoning.language.cancellation import abandoned
from reasoning.language.errors import LLMError
from reasoning.language.marking.sheets import Sheet
from reasoning.language.marking.student import Student

Probabilities = list[NDArray[np.float64]]


@dataclass(eq=False)
class _Asked:
    sheets: Sequence[Sheet]
    done: threading.Event = field(default_factory=threading.Event)
    given: Probabilities = field(default_factory=list)
    error: Exception | None = None


class SharedPasses:
    """Marks sheets for any number of threads.

    Args:
        student: marks.
    """

    def __init__(self, student: Student) -> None:
        self._student = student
        self._waiting: list[_Asked] = []
        self._waiting_lock, self._pass_lock = threading.Lock(), threading.Lock()

    def mark(self, sheets: Sequence[Sheet], timeout: float, cancelled: Callable[[], bool]) -> Probabilities:
        """The probability that each candidate of each sheet is to be kept.

        Raises:
            LLMError: it was cancelled, the pass failed, or others held the model for `timeout` seconds.
        """
        asked = _Asked(sheets)
        with self._waiting_lock:
            self._waiting.append(asked)
        if not self._pass_lock.acquire(timeout=timeout):
            raise LLMError(f"other steps held the model for {timeout:g} s")
        try:
            if not asked.done.is_set():
                if cancelled() or abandoned():
                    raise LLMError("the reply was cancelled")
                self._answer_everyone()
        finally:
            self._pass_lock.release()
            with self._waiting_lock:
                self._waiting = [other for other in self._waiting if other is not asked]
        if asked.error is not None:
            raise LLMError(f"the step could not be marked ({type(asked.error).__name__}: {asked.error})")
        return asked.given

    def _answer_everyone(self) -> None:
        """All that wait; the caller holds the lock of the pass."""
        with self._waiting_lock:
            together, self._waiting = self._waiting, []
        try:
            marked = iter(self._student.probabilities([sheet for asked in together for sheet in asked.sheets]))
            for asked in together:
                asked.given = [next(marked) for _ in asked.sheets]
        except Exception as error:
            for asked in together:
                asked.error = error
        for asked in together:
            asked.done.set()
