"""Sheets of several callers in the same pass: whoever asks while a pass is under way is in the next one together.

A small sheet leaves a pass nearly empty, and most of a pass's time goes into reading the weights from memory.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kg_data.devices import find_device
from reasoning.language.cancellation import abandoned
from reasoning.language.embedded import EmbeddedChatModel
from reasoning.language.errors import LLMError
from reasoning.language.marking.adapters import adapter_of
from reasoning.language.marking.sheets import Sheet
from reasoning.language.marking.student import Student, load_student

Probabilities = list[NDArray[np.float64]]


@dataclass(eq=False)
class _Request:
    sheets: Sequence[Sheet]
    done: threading.Event = field(default_factory=threading.Event)
    marks: Probabilities = field(default_factory=list)
    error: Exception | None = None


class SharedPasses:
    """Marks sheets for any number of threads.

    Args:
        student: marks.
    """

    def __init__(self, student: Student) -> None:
        self._student = student
        self._waiting: list[_Request] = []
        self._waiting_lock, self._pass_lock = threading.Lock(), threading.Lock()

    def mark(self, sheets: Sequence[Sheet], timeout: float, cancelled: Callable[[], bool] | None) -> Probabilities:
        """The probability that each candidate of each sheet is to be kept.

        Raises:
            LLMError: it was cancelled, the pass failed, or others held the model for `timeout` seconds.
        """
        request = _Request(sheets)
        with self._waiting_lock:
            self._waiting.append(request)
        if not self._pass_lock.acquire(timeout=timeout):
            raise LLMError(f"other steps held the model for {timeout:g} s")
        try:
            if not request.done.is_set():
                if (cancelled is not None and cancelled()) or abandoned():
                    raise LLMError("the reply was cancelled")
                self._mark_all_waiting()
        finally:
            self._pass_lock.release()
            with self._waiting_lock:
                self._waiting = [other for other in self._waiting if other is not request]
        if request.error is not None:
            raise LLMError(f"the step could not be marked ({type(request.error).__name__}: {request.error})")
        return request.marks

    def _mark_all_waiting(self) -> None:
        """Serve all requests that wait; the caller holds the lock of the pass."""
        with self._waiting_lock:
            requests, self._waiting = self._waiting, []
        try:
            marks = iter(self._student.probabilities([sheet for request in requests for sheet in request.sheets]))
            for request in requests:
                request.marks = [next(marks) for _ in request.sheets]
        except Exception as error:
            for request in requests:
                request.error = error
        for request in requests:
            request.done.set()


_loaded: dict[tuple[Path, str | None, str], SharedPasses] = {}
_loading = threading.Lock()


def passes_of(llm: EmbeddedChatModel) -> SharedPasses:
    """The student of a chat model that marks, its weights loaded at the first call and shared.

    Raises:
        LLMError: the adapter or the weights are missing, or do not belong together.
    """
    folder = adapter_of(llm)
    assert folder is not None
    device = find_device(llm.device, LLMError)
    with _loading:
        key = (folder.resolve(), llm.source, device)
        if key not in _loaded:
            _loaded[key] = SharedPasses(load_student(folder, llm.source, device))
        return _loaded[key]
