"""A student that is taught to mark; see `loop.Learner`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from reasoning.language.low_rank import save_adapter
from reasoning.language.marking.sheets import keep_logits
from reasoning.language.marking.student import Student
from reasoning.language.teaching.examining import Lesson, Report, examine, fit_temperature


@dataclass
class MarkLearner:
    """A student with PEFT's layers.

    Attributes:
        adapter: what is taught.
        student: the same model as it marks; it ends with its temperature fitted.
    """

    adapter: Any
    student: Student

    def loss(self, lessons: Sequence[Lesson]) -> Any:
        """The cross-entropy at the marks alone."""
        import torch

        odds = keep_logits(self.adapter, self.student.readout, [lesson.sheet for lesson in lessons])
        right = np.concatenate([lesson.keep for lesson in lessons])
        target = torch.tensor(right, dtype=torch.float32, device=odds.device)
        return torch.nn.functional.binary_cross_entropy_with_logits(odds, target)

    def examine(self, lessons: Sequence[Lesson]) -> Report:
        """Exact match and wrong marks."""
        return examine(self.student, lessons)

    def calibrate(self, lessons: Sequence[Lesson]) -> None:
        """Fit the temperature."""
        odds = self.student.log_odds([lesson.sheet for lesson in lessons])
        right = np.concatenate([lesson.keep for lesson in lessons]).astype(bool)
        temperature = fit_temperature(np.concatenate(odds), right)
        self.student.marks = replace(self.student.marks, temperature=temperature)

    def save(self, folder: Path) -> None:
        """PEFT's files and the marks."""
        save_adapter(self.adapter, folder)
        self.student.marks.write(folder)
