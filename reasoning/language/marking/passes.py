"""The student of a chat model that marks, whose passes all callers share."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kg_data.devices import find_device
from reasoning.language.embedded import EmbeddedChatModel
from reasoning.language.errors import LLMError
from reasoning.language.marking.adapters import adapter_of
from reasoning.language.marking.sheets import Sheet
from reasoning.language.marking.student import Student, load_student
from reasoning.language.shared_passes import SharedPasses

Probabilities = list[NDArray[np.float64]]
"""That each candidate of each sheet is to be kept."""

Passes = SharedPasses[Sequence[Sheet], Probabilities]


def shared(student: Student) -> Passes:
    """A student's passes."""

    def marked(asked: Sequence[Sequence[Sheet]]) -> list[Probabilities]:
        marks = iter(student.probabilities([sheet for sheets in asked for sheet in sheets]))
        return [[next(marks) for _ in sheets] for sheets in asked]

    return SharedPasses(marked)


_loaded: dict[tuple[Path, str | None, str], Passes] = {}
_loading = threading.Lock()


def passes_of(llm: EmbeddedChatModel) -> Passes:
    """The passes of the student of a chat model that marks, its weights loaded at the first call and shared.

    Raises:
        LLMError: the adapter or the weights are missing, or do not belong together.
    """
    folder = adapter_of(llm)
    assert folder is not None
    device = find_device(llm.device, LLMError)
    with _loading:
        key = (folder.resolve(), llm.source, device)
        if key not in _loaded:
            _loaded[key] = shared(load_student(folder, llm.source, device))
        return _loaded[key]
