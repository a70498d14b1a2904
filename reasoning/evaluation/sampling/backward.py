"""Walking a graph backwards: from an entity to a relation that leads to it, and to where that link starts.

A query that is filled from an answer backwards has at least that answer, where one filled at random has none. Many
walks are made at once, each a place in an array.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reasoning.graph.index import Ids, TripleIndex

Ints = NDArray[np.int64]

NO_STEP = -1
"""The code of the step before the first one, whose inverse is no step."""


class BackwardSteps:
    """The last steps into each entity.

    A step is coded as twice its relation, plus 1 where it follows the relation inversely: `code ^ 1` goes back.

    Args:
        index: the links, of e entities.
        allowed: which codes may be used, shape (2 * relations,).
    """

    def __init__(self, index: TripleIndex, allowed: NDArray[np.bool_]) -> None:
        self._codes_per_entity = len(allowed)
        entities, codes, starts, ends = [], [], [], []
        # What `backward` lists for a tail are the heads that a forward step comes from.
        for inverse, side in ((0, index.backward), (1, index.forward)):
            offset = len(index) * inverse
            relations = np.repeat(np.arange(len(side.row_bounds) - 1), np.diff(side.row_bounds))
            entities.append(side.sources.astype(np.int64))
            codes.append(2 * relations + inverse)
            starts.append(side.starts[:-1].astype(np.int64) + offset)
            ends.append(side.starts[1:].astype(np.int64) + offset)
        keys = np.concatenate(entities) * self._codes_per_entity + np.concatenate(codes)
        usable = np.flatnonzero(allowed[np.concatenate(codes)])
        order = usable[np.argsort(keys[usable], kind="stable")]
        self._keys = keys[order]
        self._starts, self._ends = np.concatenate(starts)[order], np.concatenate(ends)[order]
        self._sources: Ids = np.concatenate((index.backward.targets, index.forward.targets))
        self.entities: Ints = np.unique(self._keys // self._codes_per_entity)
        """The entities that some step leads to."""

    def draw(self, rng: np.random.Generator, targets: Ints, after: Ints) -> tuple[Ints, Ints, NDArray[np.bool_]]:
        """A last step into each target: any relation alike, then any of its links to the target alike.

        Args:
            rng: where it is drawn from.
            targets: entities, shape (n,).
            after: the step that follows each, whose inverse is not drawn (it would undo it); `NO_STEP` for none.

        Returns:
            Codes, sources, and whether there was a step to draw, each of shape (n,).
        """
        low, high = (np.searchsorted(self._keys, (targets + more) * self._codes_per_entity) for more in (0, 1))
        undoing = np.where(after == NO_STEP, NO_STEP, targets * self._codes_per_entity + (after ^ 1))
        place = np.searchsorted(self._keys, undoing)
        place[place == len(self._keys)] = 0
        shut = self._keys[place] == undoing
        choices = high - low - shut
        drawn = low + (rng.random(len(targets)) * choices).astype(np.int64)
        drawn += shut & (drawn >= place)
        possible = choices > 0
        drawn[~possible] = 0
        links = self._starts[drawn] + (rng.random(len(targets)) * (self._ends[drawn] - self._starts[drawn])).astype(
            np.int64
        )
        return self._keys[drawn] % self._codes_per_entity, self._sources[links].astype(np.int64), possible
