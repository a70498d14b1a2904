"""How long a run would take, from a few of its queries that are answered for it, or from the limit of requests.

Nothing is sent to a provider for that: how long its replies take is then not known.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from reasoning.language.hosted.providers import runs_here
from reasoning.reasoner import Reasoner

T = TypeVar("T")

MOST_TRIED = 256
"""Queries that are answered at most: as many as method exact answers at once."""

MOST_SECONDS = 10.0
"""How long the trial goes on, the first query apart."""


@dataclass(frozen=True)
class Duration:
    """How long a run would take.

    Attributes:
        seconds: an estimate, or a lower bound; None where nothing is known.
        basis: where it comes from, or why it is not known.
        bound: whether it is a lower bound.
    """

    seconds: float | None
    basis: str
    bound: bool = False

    def __str__(self) -> str:
        """In words, for a terminal."""
        if self.seconds is None:
            return f"Time: not known, {self.basis}"
        return f"Time: {'at least' if self.bound else 'about'} {time_text(self.seconds)}, {self.basis}"


def duration(
    reasoner: Reasoner, items: Sequence[T], answered: Callable[[Sequence[T]], Iterator[Any]], requests: int
) -> Duration:
    """How long answering would take.

    Args:
        reasoner: the method.
        items: what is to be answered, at least one.
        answered: goes through items and gives a result for each.
        requests: to the language model, in all.
    """
    model = reasoner.llm if reasoner.asks_llm else reasoner.reader
    if model is None or runs_here(model):
        return _tried(items, answered)
    rate = reasoner.options.requests_per_minute
    if rate is None:
        return Duration(None, "since nothing was sent to the language model, whose replies it hangs on")
    return Duration(60 * requests / rate, f"by the limit of {rate:g} requests a minute", bound=True)


def _tried(items: Sequence[T], answered: Callable[[Sequence[T]], Iterator[Any]]) -> Duration:
    # Drawn from all of them: the types stand one behind the other, and take different times.
    tried = random.Random(0).sample(items, min(len(items), MOST_TRIED))
    began = time.monotonic()
    list(answered(tried[:1]))  # models are loaded and loops compiled by the first
    first = time.monotonic() - began
    done, seconds, began = 0, 0.0, time.monotonic()
    # A generator, which is closed so that what it has taken ahead is dropped.
    with closing(cast(Any, answered(tried[1:]))) as results:
        for _ in results:
            done, seconds = done + 1, time.monotonic() - began
            if seconds >= MOST_SECONDS:
                break
    rest = (len(items) - 1) * seconds / done if done else 0.0
    return Duration(first + rest, f"measured on {1 + done:,} of {len(items):,} that were answered for it")


def time_text(seconds: float) -> str:
    """A time as a person says it: 0.4 s, 50 s, 20 min, 3.5 h."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
