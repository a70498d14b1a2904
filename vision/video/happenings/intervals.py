"""Maximal intervals over which something holds: gaps and flickers are the detector's, not the world's."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

GAP = 0.3
"""Seconds for which something may fail to hold within an interval: a box that is missed, or drawn too large, in a few
frames running."""

FLICKER = 0.2
"""Seconds that it must hold for: what is shorter nobody sees happen, and boxes that tremble at a bound make many."""

Runs = tuple[NDArray[np.intp], NDArray[np.intp]]
"""Places at which intervals begin and end, both within, shapes (k,)."""


def intervals(
    holds: NDArray[np.bool_],
    times: NDArray[np.float64],
    step: float,
    *,
    groups: NDArray[np.intp] | None = None,
    least: float = FLICKER,
    gap: float = GAP,
) -> Runs:
    """The maximal intervals over which something holds.

    Args:
        holds: shape (n,), at each moment.
        times: shape (n,), seconds, rising within a group.
        step: seconds that a moment stands for.
        groups: shape (n,): intervals reach over one group alone; None for one group.
        least: seconds that an interval must last.
        gap: seconds between two intervals that are put together.
    """
    group = np.zeros(len(holds), np.intp) if groups is None else groups
    before = np.concatenate([[False], holds[:-1] & (group[1:] == group[:-1])]) if len(holds) else holds
    behind = np.concatenate([holds[1:] & (group[1:] == group[:-1]), [False]]) if len(holds) else holds
    starts, ends = np.flatnonzero(holds & ~before), np.flatnonzero(holds & ~behind)
    if len(starts) > 1:
        apart = times[starts[1:]] - times[ends[:-1]] - step
        joined = (group[starts[1:]] == group[ends[:-1]]) & (apart < gap)
        starts, ends = starts[np.concatenate([[True], ~joined])], ends[np.concatenate([~joined, [True]])]
    lasting = times[ends] - times[starts] + step >= least - 1e-6
    return starts[lasting], ends[lasting]
