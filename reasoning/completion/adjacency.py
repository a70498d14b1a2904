"""Scores of a predictor as rows of an adjacency matrix, calibrated by expected degrees."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from reasoning.graph.index import Ids, TripleIndex

SMOOTHING = 5.0
"""Entities without the relation that are added to those of every other one: few of them tell little."""

COUNTED = 50
"""Edges of an entity that are counted; who has more counts as who has as many."""


class ExpectedDegrees:
    """Shares of directed relations (see `training_pairs`) that stand at the same entities, counted in some triples."""

    def __init__(self, index: TripleIndex) -> None:
        from scipy.sparse import csr_matrix  # type: ignore[import-untyped]

        self._index = index
        self._chances: dict[int, NDArray[np.float64]] = {}
        entities, relations = len(index.out_bounds) - 1, len(index.forward.bounds) - 1
        sides = [(index.side(bool(number & 1)), number >> 1) for number in range(2 * relations)]
        sources = [side.sources[side.rows(relation)] for side, relation in sides]
        counts = np.array([len(entities_of_it) for entities_of_it in sources])
        columns = np.repeat(np.arange(2 * relations), counts)
        ones = np.ones(len(columns), dtype=np.float32)
        self._stands = csr_matrix((ones, (np.concatenate(sources), columns)), shape=(entities, 2 * relations))
        together = (self._stands.T @ self._stands).tocoo()
        shares = together.data / (counts[together.row] + SMOOTHING)
        self._shares: Any = csr_matrix((shares, (together.col, together.row)), shape=together.shape)

    def of(self, relation: int, sources: Ids) -> NDArray[np.float64]:
        """The expected degrees of entities, shape (n,), without a known edge of a directed relation.

        Returns:
            From 0 to below 1, shape (n,); 0 for an entity without edges.
        """
        share = np.zeros(self._shares.shape[0])
        own = slice(*self._shares.indptr[relation : relation + 2])
        share[self._shares.indices[own]] = self._shares.data[own]
        low, high = self._stands.indptr[sources], self._stands.indptr[sources + 1]
        largest = np.zeros(len(sources))
        connected = np.flatnonzero(high > low)
        if len(connected):
            counts = high[connected] - low[connected]
            starts = np.cumsum(counts) - counts
            positions = np.arange(counts.sum()) + np.repeat(low[connected] - starts, counts)
            largest[connected] = np.maximum.reduceat(share[self._stands.indices[positions]], starts)
        return largest

    def chance_of_more(self, relation: int, degrees: NDArray[np.int64]) -> NDArray[np.float64]:
        """The share of the entities with at least so many edges of a directed relation that have more.

        A capital has one country: where that is known, hardly another is missing.

        Returns:
            Above 0 to 1, shape (n,) as the degrees, smoothed by Laplace's rule; 1 of no known edge, see `of`.
        """
        if relation not in self._chances:
            side = self._index.side(bool(relation & 1))
            rows = side.rows(relation >> 1)
            counts = np.diff(side.starts[rows.start : rows.stop + 1])
            at_least = np.bincount(np.minimum(counts, COUNTED), minlength=COUNTED + 1)[::-1].cumsum()[::-1]
            self._chances[relation] = np.append(1.0, (at_least[2:] + 1) / (at_least[1:-1] + 2))
        return self._chances[relation][np.minimum(degrees, COUNTED - 1)]


BLOCK = 32
"""Most rows computed at once."""

BLOCK_BYTES = 2**21
"""Of such rows: few enough for the processor's cache, where two processes do so too."""

LARGEST = 0.9999
"""The largest confidence of a predicted edge: only known edges are certain."""


class Predictor(Protocol):
    """Gives every edge a confidence."""

    def strength(self, relation: int, sources: Ids, degrees: NDArray[np.float64]) -> NDArray[np.float32]:
        """See `LinkPredictor`; the array is the caller's to change."""
        ...

    @property
    def digest(self) -> str:
        """Identifies the predictor."""
        ...


class Row(NamedTuple):
    """The edges of one directed relation from one source.

    Attributes:
        targets: int32, sorted, shape (m,).
        confidence: float32, shape (m,); 1 exactly where the edge is known.
    """

    targets: Ids
    confidence: NDArray[np.float32]


class NeuralAdjacency:
    """Rows of confidences over a graph's edges.

    Args:
        index: the known triples.
        predictor: gives other edges their confidence; without one only known edges are there.
        floor: confidences below it are 0.
        missing: share of the true edges that the graph is taken to lack.
        most_bytes: memory for the rows that are kept; the row that was unused for longest goes first.
    """

    def __init__(
        self,
        index: TripleIndex,
        predictor: Predictor | None,
        floor: float,
        missing: float = 1.0,
        most_bytes: int = 1 << 30,
    ) -> None:
        self._index, self.floor, self._missing, self._most = index, floor, missing, most_bytes
        self.predictor = predictor
        entities = len(index.out_bounds) - 1
        self._block = max(min(BLOCK, BLOCK_BYTES // (4 * max(entities, 1))), 1)
        self._rows: OrderedDict[tuple[int, int], Row] = OrderedDict()
        self._lock = threading.Lock()
        self.nbytes = 0

    def known(self, relation: int, source: int) -> Ids:
        """The targets that the graph itself gives, sorted."""
        return self._index.side(bool(relation & 1)).row(relation >> 1, source)

    def rows(self, relation: int, sources: Ids) -> list[Row]:
        """The row of each source under a directed relation."""
        if self.predictor is None:
            return [_certain(self.known(relation, source)) for source in sources.tolist()]
        rows: dict[int, Row] = {}
        with self._lock:
            for source in sources.tolist():
                if (row := self._rows.get((relation, source))) is not None:
                    self._rows.move_to_end((relation, source))
                    rows[source] = row
        absent = np.array([source for source in sources.tolist() if source not in rows], dtype=np.int32)
        for start in range(0, len(absent), self._block):
            part = absent[start : start + self._block]
            for source, row in zip(part.tolist(), self._computed(self.predictor, relation, part), strict=True):
                rows[source] = row
                self._keep((relation, source), row)
        return [rows[source] for source in sources.tolist()]

    def confidence(self, relation: int, source: int, target: int) -> float:
        """The confidence of one edge of a directed relation."""
        row = self.rows(relation, np.array([source], dtype=np.int32))[0]
        at = int(np.searchsorted(row.targets, target))
        return float(row.confidence[at]) if at < len(row.targets) and row.targets[at] == target else 0.0

    def _computed(self, predictor: Predictor, relation: int, sources: Ids) -> list[Row]:
        known = [self.known(relation, source) for source in sources.tolist()]
        counts = np.array([len(targets) for targets in known])
        degrees = counts.astype(np.float64)
        without = counts == 0
        if without.any():
            degrees[without] = self._expected.of(relation, sources[without])
        # No edge is surer than that there is one at all.
        possible = np.flatnonzero(degrees >= self.floor)
        rows = [_certain(targets) for targets in known]
        if len(possible):
            strength = predictor.strength(relation, sources[possible], degrees[possible])
            if not self._loops[relation >> 1]:
                # A source is like itself in whatever a predictor goes by, so that nobody would be their own manager.
                strength[np.arange(len(possible)), sources[possible]] = 0.0
            missing = self._missing * self._expected.chance_of_more(relation, counts[possible])
            for row, position, share in zip(strength, possible.tolist(), missing.tolist(), strict=True):
                rows[position] = self._row(row, share, known[position])
        return rows

    def _row(self, strength: NDArray[np.float32], missing: float, known: Ids) -> Row:
        """A row from a predictor's strength for every target, where a share of the edges is missing."""
        strength[known] = np.inf
        # What is below the floor before it is weighed is most of a row.
        least = -math.log1p(-self.floor) if self.floor < 1 else math.inf
        targets = np.flatnonzero(strength >= least).astype(np.int32)
        sure = np.minimum(-np.expm1(-strength[targets]), np.float32(LARGEST))
        # By Bayes' rule: an edge that is not there is a false one or one of those that the graph lacks.
        weighed = sure * np.float32(missing)
        confidence = weighed / (weighed + 1 - sure)
        confidence[np.searchsorted(targets, known)] = 1.0
        enough = confidence >= self.floor
        return Row(targets[enough], confidence[enough])

    @cached_property
    def _loops(self) -> NDArray[np.bool_]:
        """Which relations lead from some entity to itself, shape (relations,)."""
        triples = self._index.triples()
        loops = np.zeros(len(self._index.forward.row_bounds) - 1, dtype=bool)
        loops[triples[triples[:, 0] == triples[:, 2], 1]] = True
        return loops

    @cached_property
    def _expected(self) -> ExpectedDegrees:
        return ExpectedDegrees(self._index)

    def _keep(self, key: tuple[int, int], row: Row) -> None:
        # A row's own arrays, the tuple and the dictionary's entry.
        size = row.targets.nbytes + row.confidence.nbytes + 400
        with self._lock:
            if key in self._rows:
                return
            self._rows[key] = row
            self.nbytes += size
            while self.nbytes > self._most and len(self._rows) > 1:
                _, gone = self._rows.popitem(last=False)
                self.nbytes -= gone.targets.nbytes + gone.confidence.nbytes + 400


def _certain(targets: Ids) -> Row:
    return Row(targets, np.ones(len(targets), dtype=np.float32))
