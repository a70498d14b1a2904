"""What a model that writes may mean by a text: its likely replies read back, those that mean the same put together."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from reasoning.language.writing.beams import BeamWriter

T = TypeVar("T")


@dataclass(frozen=True)
class Meant(Generic[T]):
    """One meaning.

    Attributes:
        value: what was read back.
        probability: that the model gives to all replies that mean it, 0 to 1.
        written: the likeliest of these replies.
    """

    value: T
    probability: float
    written: str


def meanings(
    beams: BeamWriter,
    beginning: str,
    prompt: str,
    grammar: str,
    read_back: Callable[[str], T | None],
    key: Callable[[T], Hashable],
) -> list[Meant[T]]:
    """What a prompt may mean, the likeliest first.

    Args:
        beams: writes the replies.
        beginning, prompt, grammar: see `BeamWriter.write`.
        read_back: what a reply means; None where it means nothing.
        key: equal for values that are the same.
    """
    found: dict[Hashable, Meant[T]] = {}
    for text in beams.write(beginning, prompt, grammar):
        value = read_back(text.text)
        if value is None:
            continue
        first = found.get(key(value), Meant(value, 0.0, text.text))
        probability = first.probability + math.exp(text.log_probability)
        found[key(value)] = Meant(first.value, probability, first.written)
    return sorted(found.values(), key=lambda meant: -meant.probability)
