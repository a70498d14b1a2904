"""How a chain is run: what researchers vary, and the limits."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from kg_data.errors import SkylarkError
from reasoning.llms.options import ModelOptions
from reasoning.naming import NamingKind

Replies = Literal["auto", "text", "structured"]

WITHOUT_EFFECT = ("retries", "requests_per_minute", "max_concurrency", "cache", "price_in", "price_out")
"""Options that decide how fast and at what cost replies come, and not what they say."""


@dataclass(frozen=True, kw_only=True)
class LarkOptions(ModelOptions):
    """How a chain is run; the options of the model itself are in `ModelOptions`.

    Attributes:
        prompting: "step" asks each step; "whole" asks the whole query at once (the paper's ablation).
        names: "abstract" ids or "readable" names.
        token_budget: tokens that a context may take, by the model's own tokenizer where it has one here.
        max_parts: most parts that a step too big for the budget is asked in; what is beyond them is counted.
        replies: "text", "structured" (JSON by a schema that the provider enforces), or "auto": structured where the
            model's profile says that it can.
        attempts: replies asked for before a step has failed: the first, and one that is shown its error.
        seed: of the ids, distractors and orders drawn; the same seed and query give the same prompts.
    """

    prompting: Literal["step", "whole"] = "step"
    names: NamingKind = "abstract"
    token_budget: int = 1280
    max_parts: int = 16
    replies: Replies = "auto"
    attempts: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, allowed in (
            ("prompting", ("step", "whole")),
            ("names", ("abstract", "readable")),
            ("replies", ("auto", "text", "structured")),
        ):
            if (given := getattr(self, name)) not in allowed:
                raise SkylarkError(f"{name} must be {', '.join(allowed[:-1])} or {allowed[-1]}, not {given!r}")
        if self.token_budget < 64:
            raise SkylarkError(f"token_budget must be at least 64, not {self.token_budget}")
        if self.max_parts < 1:
            raise SkylarkError(f"max_parts must be at least 1, not {self.max_parts}")
        if self.attempts < 1:
            raise SkylarkError(f"attempts must be at least 1, not {self.attempts}")

    def deciding(self) -> dict[str, Any]:
        """The options that decide what is answered, by name: two runs with the same of them may be joined."""
        return {name: value for name, value in asdict(self).items() if name not in WITHOUT_EFFECT}
