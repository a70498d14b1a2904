"""How a chain is run: what researchers vary, and the limits."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from kg_data.errors import SkylarkError
from reasoning.lark.entity_ids import NamingKind
from reasoning.reading.options import ReadingOptions

Replies = Literal["auto", "text", "structured", "marks"]

WITHOUT_EFFECT = ("retries", "requests_per_minute", "max_concurrency", "cache", "price_in", "price_out")
"""Options that decide how fast and at what cost replies come, and not what they say."""


@dataclass(frozen=True, kw_only=True)
class LarkOptions(ReadingOptions):
    """How a chain is run; what else a prompt holds, and how often is asked, is in `ReadingOptions`.

    Attributes:
        prompting: "step" asks each step; "whole" asks the whole query at once (the paper's ablation).
        names: "abstract" ids or "readable" names.
        constrained: whether replies in text of a model in this process are held to the names of the context.
        max_parts: most parts that a step too big for the budget is asked in; what is beyond them is counted.
        replies: "text", "structured" (JSON by a schema that the provider enforces), "marks" (what a model with an
            adapter says of each candidate), or "auto": marks where the model was taught to give them, else structured
            where its profile says that it can.
    """

    prompting: Literal["step", "whole"] = "step"
    names: NamingKind = "abstract"
    constrained: bool = True
    max_parts: int = 16
    replies: Replies = "auto"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, allowed in (
            ("prompting", ("step", "whole")),
            ("names", ("abstract", "readable")),
            ("replies", ("auto", "text", "structured", "marks")),
        ):
            if (given := getattr(self, name)) not in allowed:
                raise SkylarkError(f"{name} must be {', '.join(allowed[:-1])} or {allowed[-1]}, not {given!r}")
        if self.max_parts < 1:
            raise SkylarkError(f"max_parts must be at least 1, not {self.max_parts}")

    def deciding(self) -> dict[str, Any]:
        """The options that decide what is answered, by name: two runs with the same of them may be joined."""
        return {name: value for name, value in asdict(self).items() if name not in WITHOUT_EFFECT}
