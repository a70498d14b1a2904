"""Bound chains as one flat program: what the compiled loop reads instead of Python objects."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reasoning.graph.index import Ids
from reasoning.query.binding import BoundChain, BoundStep

PROJECT, INTERSECT, UNION, DIFFERENCE, COMPLEMENT = range(5)
OPCODES = {
    "project": PROJECT,
    "intersect": INTERSECT,
    "union": UNION,
    "difference": DIFFERENCE,
    "complement": COMPLEMENT,
}


class Program(NamedTuple):
    """q chains of s steps in all, with a inputs in all.

    Attributes:
        chains: int64, shape (q + 1,): chain i's steps are `chains[i]` up to `chains[i + 1]`.
        opcodes: int32, shape (s,).
        sides: int32, shape (s,): of a projection twice its relation, plus one where it is followed inversely.
        bounds: int64, shape (s + 1,): step j's inputs are `inputs[bounds[j]:bounds[j + 1]]`.
        inputs: int32, shape (a,): the position in its chain of an earlier step, or `-1 - entity` for an anchor.
    """

    chains: NDArray[np.int64]
    opcodes: Ids
    sides: Ids
    bounds: NDArray[np.int64]
    inputs: Ids

    @classmethod
    def compile(cls, chains: Iterable[BoundChain]) -> Program:
        """Lay chains out; each must be `can_compile`."""
        ends, opcodes, sides, bounds, inputs = [0], [], [], [0], []
        for chain in chains:
            for step in chain:
                opcodes.append(OPCODES[step.step.operation])
                relation = step.relation
                sides.append(0 if relation is None else 2 * relation.index + relation.inverse)
                for reference, anchor in zip(step.inputs, step.anchors, strict=True):
                    if anchor is not None:
                        inputs.append(-1 - anchor)
                    elif reference is not None:
                        inputs.append(reference)
                bounds.append(len(inputs))
            ends.append(len(opcodes))
        return cls(
            np.array(ends, dtype=np.int64),
            np.array(opcodes, dtype=np.int32),
            np.array(sides, dtype=np.int32),
            np.array(bounds, dtype=np.int64),
            np.array(inputs, dtype=np.int32),
        )

    @property
    def size(self) -> int:
        """How many chains there are."""
        return len(self.chains) - 1


def can_compile(chain: BoundChain) -> bool:
    """Whether a chain has steps, and nothing but set operations among them: values need the oracle."""
    return len(chain) > 0 and all(_can_compile(step) for step in chain)


def _can_compile(step: BoundStep) -> bool:
    return step.step.operation in OPCODES and not step.gives_values
