"""What a step of a chain gives, and what it is given by the steps before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reasoning.errors import QueryError
from reasoning.graph.index import Ids
from reasoning.query.binding import BoundStep


@dataclass(frozen=True)
class StepSet:
    """What one step gives.

    Attributes:
        members: int32, sorted, unique, shape (m,).
        values: float64 of shape (m,) where the step reads values or ranks by them, else None.
        value: the number or truth value that the step gives, as columns store it, else None.
        total: how many members there are where these are the first of them, None where they are all.
        reached: int64, shape (m,): from how many of the set before a projection led to each member, if that is known.
    """

    members: Ids
    values: NDArray[np.float64] | None = None
    value: float | bool | None = None
    total: int | None = None
    reached: NDArray[np.int64] | None = None

    def number(self, what: str) -> float:
        """The one number that the step gives, NaN where it gives none.

        Args:
            what: the number in the query, for the error.

        Raises:
            QueryError: it gives several.
        """
        if self.value is not None:
            return float(self.value)
        if self.values is None or not len(self.values):
            return float("nan")
        if len(self.values) > 1:
            raise QueryError(
                f"{what} gives {len(self.values):,} values where one number is needed: take their sum, average, "
                "minimum or maximum, or reckon for each member in brackets, as in [population(it) / area(it)](...)"
            )
        return float(self.values[0])


def inputs_of(step: BoundStep, results: Sequence[StepSet]) -> list[Ids]:
    """The input sets of a step: its anchors as sets of one, and what earlier steps gave."""
    return [
        results[ref].members if ref is not None else np.array([anchor], dtype=np.int32)
        for ref, anchor in zip(step.inputs, step.anchors, strict=True)
    ]


def numbers_of(step: BoundStep, results: Sequence[StepSet]) -> list[float]:
    """The number of each input of a step, NaN where it gives none or it is not used; [] where none is used.

    Raises:
        QueryError: an input whose number is used gives several.
    """
    if not step.number_places:
        return []
    numbers = [float("nan")] * len(step.inputs)
    for place in step.number_places:
        ref = step.inputs[place]
        assert ref is not None
        numbers[place] = results[ref].number(f"step {ref + 1}")
    return numbers
