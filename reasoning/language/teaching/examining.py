"""How well a student marks lessons that it was not taught with, and one temperature that makes its probabilities true.

The temperature scaling is that of Guo et al. 2017, "On Calibration of Modern Neural Networks" (arXiv 1706.04599).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reasoning.language.marking.sheets import Sheet
from reasoning.language.marking.student import Student

BINS = 15
LEAST_TEMPERATURE, MOST_TEMPERATURE = 0.1, 10.0
"""Between which the temperature is looked for."""

LEAST_SHARE = 0.3
"""Every kind of lesson keeps this share of the most frequent kind's share, however well it is known."""


@dataclass(frozen=True)
class Lesson:
    """One sheet with the marks that are right.

    Attributes:
        kind: lessons of one kind are examined together.
        sheet: what the model reads.
        keep: the right mark at each place, or the probability that a teacher gives it, shape (p,).
    """

    kind: str
    sheet: Sheet
    keep: NDArray[np.bool_] | NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.sheet)


@dataclass(frozen=True)
class Report:
    """The result of an examination.

    Attributes:
        exact: share of lessons with every mark right, by kind.
        wrong: share of wrong marks, or of wrong tokens where the model writes, by kind.
    """

    exact: dict[str, float]
    wrong: dict[str, float]

    def weights(self) -> dict[str, float]:
        """How often each kind is to be drawn: by its error, with a least share for each."""
        errors = {kind: 1 - exact for kind, exact in self.exact.items()}
        most = max(errors.values())
        return {kind: LEAST_SHARE + (error / most if most else 1.0) for kind, error in errors.items()}

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable."""
        return {
            "held_out_exact": {kind: round(value, 4) for kind, value in self.exact.items()},
            "held_out_wrong_marks": {kind: round(value, 5) for kind, value in self.wrong.items()},
        }


def examine(student: Student, lessons: Sequence[Lesson]) -> Report:
    """Exact match and wrong marks of each kind of lesson."""
    odds = student.log_odds([lesson.sheet for lesson in lessons])
    exact: dict[str, float] = {}
    wrong: dict[str, float] = {}
    for kind in dict.fromkeys(lesson.kind for lesson in lessons):
        errors = [(own > 0) != lesson.keep for own, lesson in zip(odds, lessons, strict=True) if lesson.kind == kind]
        exact[kind] = float(np.mean([not error.any() for error in errors]))
        wrong[kind] = float(np.concatenate(errors).mean())
    return Report(exact, wrong)


def fit_temperature(log_odds: NDArray[np.float32], kept: NDArray[np.bool_]) -> float:
    """The temperature that makes the marks most likely.

    Args:
        log_odds: shape (n,).
        kept: the right marks, shape (n,).
    """
    odds = log_odds.astype(np.float64)

    def surprise(temperature: float) -> float:
        scaled = odds / temperature
        return float(np.mean(np.logaddexp(0.0, scaled) - kept * scaled))

    return best_temperature(surprise)


def best_temperature(surprise: Callable[[float], float]) -> float:
    """The temperature with the least cross-entropy, to a hundredth of itself; there is one minimum."""
    from scipy.optimize import minimize_scalar  # type: ignore[import-untyped]

    bounds = (math.log(LEAST_TEMPERATURE), math.log(MOST_TEMPERATURE))
    found = minimize_scalar(
        lambda log: surprise(math.exp(log)), bounds=bounds, method="bounded", options={"xatol": 0.01}
    )
    return float(math.exp(found.x))


def expected_calibration_error(probabilities: NDArray[np.float64], right: NDArray[np.bool_], bins: int = BINS) -> float:
    """The mean distance between probability and share of right ones over bins of equal width (Guo et al., equation 3).

    Args:
        probabilities: shape (n,), from 0 to 1.
        right: whether each prediction is right, shape (n,).
        bins: how many.
    """
    if not len(probabilities):
        return 0.0
    bin_of = np.minimum((probabilities * bins).astype(np.int64), bins - 1)
    predicted, observed = (np.bincount(bin_of, weights=of, minlength=bins) for of in (probabilities, right))
    return float(np.abs(predicted - observed).sum() / len(probabilities))
