"""How a chain is run: what researchers vary, and the limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kg_data.errors import SkylarkError
from reasoning.naming import NamingKind


@dataclass(frozen=True)
class LarkOptions:
    """How a chain is run.

    Attributes:
        prompting: "step" asks each step; "whole" asks the whole query at once (the paper's ablation).
        names: "abstract" ids or "readable" names.
        token_budget: tokens that a context may take, by the model's own tokenizer where it has one here.
        max_parts: most parts that a step too big for the budget is asked in; what is beyond them is counted.
        max_new_tokens: most tokens of one reply of the embedded model.
        timeout: seconds for one reply.
        attempts: replies asked for before a step has failed: the first, and one that is shown its error.
        seed: of the ids, distractors and orders drawn; the same seed and query give the same prompts.
    """

    prompting: Literal["step", "whole"] = "step"
    names: NamingKind = "abstract"
    token_budget: int = 1280
    max_parts: int = 16
    max_new_tokens: int = 512
    timeout: float = 120.0
    attempts: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        for name, allowed in (("prompting", ("step", "whole")), ("names", ("abstract", "readable"))):
            if getattr(self, name) not in allowed:
                raise SkylarkError(f"{name} must be {' or '.join(allowed)}, not {getattr(self, name)!r}")
        if self.token_budget < 64:
            raise SkylarkError(f"token_budget must be at least 64, not {self.token_budget}")
        if self.max_parts < 1:
            raise SkylarkError(f"max_parts must be at least 1, not {self.max_parts}")
        if self.attempts < 1 or self.timeout <= 0:
            raise SkylarkError("attempts must be at least 1 and timeout above 0 seconds")
