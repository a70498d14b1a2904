"""What a distillation run is told."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from reasoning.errors import DistillationError


@dataclass(frozen=True, kw_only=True)
class DistillationOptions:
    """How a student is taught.

    Attributes:
        source: the student: None for the embedded model, else as `language.local_weights.find_weights` takes it.
        layers: how many of its layers are used.
        rank: of the LoRA matrices on every linear layer.
        learning_rate: the highest, after the warm-up; it falls to a twentieth along half a cosine.
        tokens: training tokens of the whole run.
        tokens_of_a_pass: tokens packed into one pass; there is an update after each.
        dtype: of the frozen weights, "float32" or "bfloat16"; the adapter is float32 while it is taught.
        most_answers, token_budget: how big steps get; they begin small and grow over the first half of the run.
        grown: how far steps have grown when the run begins, from 0 to 1; 1 to go on from an adapter that knows small
            ones.
        joint: share of the sets that enter steps which are the student's own answers and not the teacher's
            (joint teaching, Calderon et al. 2023, arXiv 2305.02031).
        unique: how many steps are drawn and then repeated, None for new steps all along.
        report_every: tokens between two checks on held-out graphs, with a checkpoint each.
        held_out: steps of each kind in a check.
        seed: of everything drawn.
    """

    source: str | None = None
    layers: int = 12
    rank: int = 16
    learning_rate: float = 2e-3
    tokens: int = 1_000_000
    tokens_of_a_pass: int = 512
    dtype: str = "float32"
    most_answers: int = 40
    token_budget: int = 1024
    grown: float = 0.0
    joint: float = 0.0
    unique: int | None = None
    report_every: int = 50_000
    held_out: int = 24
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("layers", "rank", "tokens", "tokens_of_a_pass", "most_answers", "report_every", "held_out"):
            if (given := getattr(self, name)) < 1:
                raise DistillationError(f"{name} must be at least 1, not {given}")
        if self.dtype not in ("float32", "bfloat16"):
            raise DistillationError(f"dtype must be float32 or bfloat16, not {self.dtype!r}")
        for name in ("joint", "grown"):
            if not 0 <= (given := getattr(self, name)) <= 1:
                raise DistillationError(f"{name} is a share from 0 to 1, not {given}")
        if self.token_budget < 64:
            raise DistillationError(f"token_budget must be at least 64, not {self.token_budget}")

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable."""
        return asdict(self)
