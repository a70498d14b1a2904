"""How a student is taught: the size of the adapter, the rate, how long, and how often a checkpoint is written."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from reasoning.language.errors import TeachingError


@dataclass(frozen=True, kw_only=True)
class TeachingOptions:
    """How a student is taught.

    Attributes:
        source: the student: None for the embedded model, else as `language.local_weights.find_weights` takes it.
        layers: how many of its layers are used.
        rank: of the LoRA matrices on every linear layer.
        learning_rate: the highest, after the warm-up; it falls to a twentieth along half a cosine.
        tokens: training tokens of the whole run.
        tokens_of_a_pass: tokens packed into one pass; there is an update after each.
        dtype: of the frozen weights, "float32" or "bfloat16"; the adapter is float32 while it is taught.
        report_every: tokens between two examinations, with a checkpoint each.
        seed: of everything drawn.
    """

    source: str | None = None
    layers: int = 12
    rank: int = 16
    learning_rate: float = 2e-3
    tokens: int = 1_000_000
    tokens_of_a_pass: int = 512
    dtype: str = "float32"
    report_every: int = 50_000
    seed: int = 0

    def __post_init__(self) -> None:
        self.check_at_least_one("layers", "rank", "tokens", "tokens_of_a_pass", "report_every")
        if not 0 < self.learning_rate < math.inf:
            raise TeachingError(f"learning_rate must be above 0, not {self.learning_rate}")
        if self.dtype not in ("float32", "bfloat16"):
            raise TeachingError(f"dtype must be float32 or bfloat16, not {self.dtype!r}")

    def check_at_least_one(self, *names: str) -> None:
        """Raise a `TeachingError` if one of these options is below 1."""
        for name in names:
            if (value := getattr(self, name)) < 1:
                raise TeachingError(f"{name} must be at least 1, not {value}")

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class WritingOptions(TeachingOptions):
    """How a student is taught to write: with all layers of the embedded model, which binding names needs.

    Attributes:
        compiled: let torch compile the layers, which takes a minute and a C++ compiler and pays in a long run.
    """

    layers: int = 30
    learning_rate: float = 1e-3
    tokens_of_a_pass: int = 1024
    dtype: str = "bfloat16"
    compiled: bool = False
