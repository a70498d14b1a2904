"""Whether one method is better than another on the same queries: the pairs decide, not the two means.

A query that is easy is easy for both, so the difference of two methods is far more certain than either mean. Its
interval comes from resampling the differences (see `intervals`), its p-value from a sign-flip permutation test (Fisher
1935; Good 2005): if the methods were alike, each difference could as well have had the other sign. Nothing is assumed
of how the differences are distributed, and for a metric of 0 and 1 it is the exact form of McNemar's test.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from reasoning.evaluation.intervals import SEED

PERMUTATIONS = 9999
"""Random sign flips, where there are more ways to flip than these; then no p-value is below 1 / 10,000."""

TIED = 1e-12
"""Differences up to this are none: two sums of the same fractions."""

_BATCH = 250  # permutations held in memory at once


def p_value(differences: Sequence[float], stratum: str) -> float:
    """How often sign flips alone give a sum at least as far from 0, both sides; 1.0 where no query differs.

    Args:
        differences: one of each query, or for an average over types divided by the queries of its type, shape (n,).
        stratum: what the queries are; it seeds the flips.
    """
    values = np.asarray(differences, dtype=np.float64)
    values = values[np.abs(values) > TIED]
    if not len(values):
        return 1.0
    far = abs(float(values.sum())) * (1 - 1e-9)
    if 2 ** len(values) <= PERMUTATIONS:
        flips = np.arange(2 ** len(values))[:, None] >> np.arange(len(values)) & 1
        return float(np.mean(np.abs(_flipped(values, flips)) >= far))
    rng = np.random.default_rng([SEED, zlib.crc32(stratum.encode())])
    as_far = 0
    for start in range(0, PERMUTATIONS, _BATCH):
        rows = min(_BATCH, PERMUTATIONS - start)
        flips = rng.integers(0, 2, size=(rows, len(values)), dtype=np.int8)
        as_far += int(np.sum(np.abs(_flipped(values, flips)) >= far))
    # What was seen is one of the permutations itself, so that no p-value is 0.
    return (as_far + 1) / (PERMUTATIONS + 1)


def _flipped(values: NDArray[np.float64], flips: NDArray[np.integer]) -> NDArray[np.float64]:
    """The sum of the values with the flipped ones negated, for each row of 0 and 1."""
    sums: NDArray[np.float64] = values.sum() - 2 * (flips.astype(np.float64) @ values)
    return sums
