"""How often data is worth repeating, where each new example costs: the data-constrained scaling law.

Muennighoff et al. 2023, "Scaling Data-Constrained Language Models" (arXiv 2305.16264, equation 5): U unique tokens that
are seen R more times are worth D' = U + U R* (1 - exp(-R / R*)) tokens of new data, with R* about 15.4. The first
repetitions are worth nearly as much as new data, later ones less and less. That was fitted to pretraining on text;
steps that a small adapter marks are learned by heart sooner, see `benchmarks/results/repeated_steps.md`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from reasoning.language.errors import TeachingError

R_STAR = 15.387756
"""Repetitions after which a further one is worth 1/e of a new token, as fitted in the paper."""

LEAST_WORTH = 0.5
"""What a repeated token must at least be worth, of a new one."""


def effective_data(unique: float, epochs: float) -> float:
    """Tokens of new data that `unique` tokens seen `epochs` times are worth; D' above, with R = epochs - 1."""
    _check(unique, epochs)
    return unique + unique * R_STAR * -math.expm1(-(epochs - 1) / R_STAR)


def worth(epochs: float) -> float:
    """What a token of the last epoch is worth, of a new one: the derivative of D' by the tokens seen."""
    _check(1, epochs)
    return math.exp(-(epochs - 1) / R_STAR)


@dataclass(frozen=True)
class EpochPlan:
    """How to spend a number of training tokens on few unique ones.

    Attributes:
        epochs: how often the data is seen.
        tokens: training tokens of that.
        effective: new tokens that they are worth.
        spent: whether more tokens could be trained than repeating is worth.
    """

    epochs: float
    tokens: int
    effective: int
    spent: bool

    def __str__(self) -> str:
        """In words, for a terminal."""
        end = "; more repetitions are not worth their time, new examples are" if self.spent else ""
        return f"{self.epochs:.1f} epochs, {self.tokens:,} tokens, worth {self.effective:,} new ones{end}"


def plan_epochs(unique: int, tokens: int, least_worth: float = LEAST_WORTH) -> EpochPlan:
    """The epochs that are still worth it.

    Args:
        unique: tokens of the examples there are.
        tokens: training tokens that there is time for.
        least_worth: below which share of a new token's worth repeating stops.

    Raises:
        TeachingError: a number is out of range.
    """
    if not 0 < least_worth < 1:
        raise TeachingError(f"least_worth is a share between 0 and 1, not {least_worth}")
    most = 1 - R_STAR * math.log(least_worth)
    epochs = max(1.0, min(tokens / unique if unique > 0 else 0.0, most))
    return EpochPlan(epochs, round(unique * epochs), round(effective_data(unique, epochs)), tokens > unique * epochs)


def _check(unique: float, epochs: float) -> None:
    if unique <= 0 or epochs < 1:
        raise TeachingError(f"unique tokens must be above 0 and epochs at least 1, not {unique} and {epochs}")
