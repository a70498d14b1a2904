"""How certain a mean over queries is, and whether one method is better than another on the same queries.

*Bootstrap intervals* (Efron 1979) say how far a mean would move with other queries of the same kind. The queries of
each type are drawn again with replacement; the percentiles of the means so found bound the interval. An average over
types is resampled within each type (stratified), since the types and their weights are fixed. The draws are seeded by
the type's name: the same lines give the same interval, in one run or in ten.

*Paired tests*: a query that is easy is easy for both methods, so their difference is far more certain than either mean.
Its interval comes from resampling the differences, its p-value from a sign-flip permutation test (Fisher 1935; Good
2005): if the methods were alike, each difference could as well have had the other sign. Nothing is assumed of how the
differences are distributed, and for a metric of 0 and 1 it is the exact form of McNemar's test.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
RESAMPLES = 2000
SEED = 0
_RESAMPLES_AT_ONCE, _PERMUTATIONS_AT_ONCE = 200, 250  # held in memory

PERMUTATIONS = 9999
"""Random sign flips, where there are more ways to flip than these; then no p-value is below 1 / 10,000."""

TIED = 1e-12
"""Differences up to this are none: two sums of the same fractions."""

Interval = list[float] | None
"""Lower and upper bound; None where one query or none says nothing about the spread."""

Means = NDArray[np.float64]
"""A mean on each of the resamples, shape (RESAMPLES,)."""


def resampled_means(values: Sequence[float], stratum: str) -> Means | None:
    """The mean of n values on every resample; None for n < 2.

    Args:
        values: one of each query, shape (n,).
        stratum: what the queries are, e.g. their type; other strata are drawn independently.
    """
    if len(values) < 2:
        return None
    if min(values) == max(values):
        return np.full(RESAMPLES, values[0])
    # The same draws as scipy.stats.bootstrap makes, without the 0.7 s that importing it takes.
    rng = np.random.default_rng([SEED, zlib.crc32(stratum.encode())])
    given, means = np.asarray(values, dtype=np.float64), np.empty(RESAMPLES)
    for start in range(0, RESAMPLES, _RESAMPLES_AT_ONCE):
        batch = means[start : start + _RESAMPLES_AT_ONCE]
        batch[:] = given[rng.integers(0, len(given), (len(batch), len(given)))].mean(axis=-1)
    return means


def average_of(means: Sequence[Means | None]) -> Means | None:
    """The mean over strata on every resample; None where one of them has none."""
    known = [stratum for stratum in means if stratum is not None]
    return np.mean(known, axis=0) if known and len(known) == len(means) else None


def interval(means: Means | None) -> Interval:
    """The percentiles that leave half of what `LEVEL` lacks on either side."""
    if means is None:
        return None
    low, high = np.quantile(means, ((1 - LEVEL) / 2, (1 + LEVEL) / 2)).tolist()
    return [low, high]


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
    for start in range(0, PERMUTATIONS, _PERMUTATIONS_AT_ONCE):
        rows = min(_PERMUTATIONS_AT_ONCE, PERMUTATIONS - start)
        flips = rng.integers(0, 2, size=(rows, len(values)), dtype=np.int8)
        as_far += int(np.sum(np.abs(_flipped(values, flips)) >= far))
    # What was seen is one of the permutations itself, so that no p-value is 0.
    return (as_far + 1) / (PERMUTATIONS + 1)


def _flipped(values: NDArray[np.float64], flips: NDArray[np.integer]) -> NDArray[np.float64]:
    """The sum of the values with the flipped ones negated, for each row of 0 and 1."""
    sums: NDArray[np.float64] = values.sum() - 2 * (flips.astype(np.float64) @ values)
    return sums
