"""What asking a language model took, or would take: requests, tokens, money."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class TokenUsage:
    """What replies took; usages add up with `+` and `total`.

    Attributes:
        requests: requests sent, those that failed included.
        cached: replies that came from the cache; they cost nothing, and their tokens are not counted.
        input_tokens: tokens of the prompts that were answered.
        output_tokens: tokens written, thinking included where the provider counts it.
        cost: USD; None where the price of any part is not known.
        estimated: whether a count is an estimate, because the model did not state its own.
    """

    requests: int = 0
    cached: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = 0.0
    estimated: bool = False

    def __add__(self, other: TokenUsage) -> TokenUsage:
        cost = None if self.cost is None or other.cost is None else self.cost + other.cost
        return TokenUsage(
            self.requests + other.requests,
            self.cached + other.cached,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            cost,
            self.estimated or other.estimated,
        )

    @classmethod
    def total(cls, usages: Iterable[TokenUsage]) -> TokenUsage:
        """The sum of any number of usages."""
        return sum(usages, cls())

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable."""
        return {
            "requests": self.requests,
            "cached": self.cached,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cost_usd": self.cost if self.cost is None else round(self.cost, 8),
            "estimated": self.estimated,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> TokenUsage:
        """What `to_dict` wrote."""
        return cls(**{"cost" if name == "cost_usd" else name: value for name, value in stored.items()})

    def __str__(self) -> str:
        """In words, for a terminal: what was sent, what it held, what it cost."""
        about = "about " if self.estimated else ""
        parts = [f"{self.requests:,} request{'' if self.requests == 1 else 's'}"]
        if self.cached:
            parts.append(f"{self.cached:,} repl{'y' if self.cached == 1 else 'ies'} from the cache")
        parts.append(f"{about}{self.input_tokens:,} tokens in and {self.output_tokens:,} out")
        parts.append(money(self.cost))
        return ", ".join(parts)


NO_USAGE = TokenUsage()
"""Nothing was asked."""


@dataclass(frozen=True)
class ExpectedUsage:
    """What requests to a model would take.

    Attributes:
        requests: how many.
        input_tokens: tokens of their prompts.
        output_tokens: tokens of the replies: of the briefest that are to be expected, and of the longest.
        cost: USD for these two; None where the price is not known.
        assumptions: what the figures take for granted, each in a sentence.
    """

    requests: int
    input_tokens: int
    output_tokens: tuple[int, int]
    cost: tuple[float, float] | None
    assumptions: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable."""
        return {
            "requests": self.requests,
            "input_tokens": self.input_tokens,
            "output_tokens": list(self.output_tokens),
            "cost_usd": None if self.cost is None else [round(bound, 6) for bound in self.cost],
            "assumptions": list(self.assumptions),
        }

    def __str__(self) -> str:
        """In words, for a terminal: lines below one that says what of."""
        low, high = self.output_tokens
        bill = "price not known" if self.cost is None else " to ".join(dict.fromkeys(map(money, self.cost)))
        lines = [
            f"  requests       {self.requests:,}",
            f"  tokens in      about {self.input_tokens:,}",
            f"  tokens out     {low:,} to {high:,}",
            f"  cost           {bill}",
            "It takes for granted that:",
            *(f"  - {assumption}" for assumption in self.assumptions),
        ]
        return "\n".join(lines)


def money(cost: float | None) -> str:
    """A sum in USD in words."""
    if cost is None:
        return "price not known"
    return "no cost" if cost == 0 else f"{cost:.2g} USD" if cost < 0.01 else f"{cost:,.2f} USD"
