"""How far a mean over queries would move with other queries of the same kind: bootstrap intervals (Efron 1979).

The queries of each type are drawn again with replacement; the percentiles of the means so found bound the interval.
An average over types is resampled within each type (stratified), since the types and their weights are fixed. The
draws are seeded by the type's name: the same lines give the same interval, in one run or in ten.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
RESAMPLES = 2000
SEED = 0
_BATCH = 200  # resamples held in memory at once

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
    from scipy.stats import bootstrap  # type: ignore[import-untyped]

    found = bootstrap(
        (np.asarray(values),),
        np.mean,
        n_resamples=RESAMPLES,
        batch=_BATCH,
        method="percentile",
        rng=np.random.default_rng([SEED, zlib.crc32(stratum.encode())]),
    )
    means: Means = found.bootstrap_distribution
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
