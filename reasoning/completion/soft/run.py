"""A query executed by soft logic, kept so that its answers can be explained."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reasoning.answer import Proof
from reasoning.completion.soft.execution import SoftLogic
from reasoning.completion.soft.fuzzy import FuzzySet
from reasoning.completion.soft.proofs import prove
from reasoning.query.binding import BoundChain


@dataclass(frozen=True)
class SoftRun:
    """A chain with every step's fuzzy set.

    Attributes:
        logic: that it was executed with.
        chain: the bound chain.
        results: a fuzzy set for each step that is done.
    """

    logic: SoftLogic
    chain: BoundChain
    results: list[FuzzySet]

    def holds(self, entity: int) -> bool:
        """Whether soft logic gives an entity any confidence: a language model may answer with others."""
        result = self.chain.result
        return result is None or bool(self.results[result].of(np.array([entity], dtype=np.int32))[0] > 0)

    def prove(self, entity: int) -> Proof:
        """The most probable proof that an entity is an answer, which it holds."""
        return prove(self.logic, self.chain, self.results, entity)
