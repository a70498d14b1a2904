"""How well a student marks steps that it was not taught with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from reasoning.language.marking.student import Student
from reasoning.lark.teaching.drawing import TaughtStep


@dataclass(frozen=True)
class Report:
    """What a check gave.

    Attributes:
        exact: share of steps with every mark right, by kind of step.
        wrong: share of wrong marks, by kind of step.
    """

    exact: dict[str, float]
    wrong: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable."""
        return {
            "held_out_exact": {kind: round(value, 4) for kind, value in self.exact.items()},
            "held_out_wrong_marks": {kind: round(value, 5) for kind, value in self.wrong.items()},
        }


def examine(student: Student, steps: Sequence[TaughtStep]) -> Report:
    """Exact match and wrong marks of each kind of step."""
    odds = student.log_odds([step.sheet for step in steps])
    kinds = dict.fromkeys(step.kind for step in steps)
    exact: dict[str, float] = {}
    wrong: dict[str, float] = {}
    for kind in kinds:
        errors = [(own > 0) != step.keep for own, step in zip(odds, steps, strict=True) if step.kind == kind]
        exact[kind] = float(np.mean([not error.any() for error in errors]))
        wrong[kind] = float(np.concatenate(errors).mean())
    return Report(exact, wrong)
