"""How events stand in time to others, found for the query that names it.

Pairs of events grow with the square, so of all that a query's own set of events gives, one pair for each event is
enough to answer and to show why: the one that is nearest in time.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from vision.video.happenings.kinds import BEFORE, DURING

BEGINS_BEFORE_END, SHARES_TIME = "begins_before_end", "shares_time"
"""The wider senses of what comes after, and of `during`."""

Spans = NDArray[np.float64]
"""Seconds at which events start and end, shape (..., 2)."""

TIMES: dict[str, Callable[[Spans, Spans], NDArray[np.bool_]]] = {
    BEFORE: lambda one, other: one[..., 0] < other[..., 0],
    DURING: lambda one, other: (other[..., 0] <= one[..., 0]) & (one[..., 1] <= other[..., 1]),
    BEGINS_BEFORE_END: lambda one, other: one[..., 0] < other[..., 1],
    SHARES_TIME: lambda one, other: (one[..., 0] <= other[..., 1]) & (other[..., 0] <= one[..., 1]),
}
"""Each relation of time: whether one event stands in it to another."""

AT_ONCE = 2_000_000
"""Pairs that are looked at in one go."""


def nearest_in_time(relation: str, spans: Spans, members: NDArray[np.intp], *, inverse: bool) -> NDArray[np.intp]:
    """For each event one of some others to which it stands in a relation, the nearest.

    Args:
        relation: of `TIMES`.
        spans: shape (events, 2), seconds.
        members: shape (m,): the others.
        inverse: the events stand in the relation to the others; else the others do to the events.

    Returns:
        Pairs (one, other) for which "one relation other" holds, shape (k, 2). No event stands so to itself.
    """
    found: list[NDArray[np.intp]] = [np.zeros((0, 2), np.intp)]
    if not len(members):
        return found[0]
    others = spans[members][None]
    rows = max(1, AT_ONCE // len(members))
    for first in range(0, len(spans), rows):
        events = np.arange(first, min(first + rows, len(spans)))
        these = spans[events][:, None]
        holds = TIMES[relation](these, others) if inverse else TIMES[relation](others, these)
        holds &= events[:, None] != members[None]
        apart = np.abs(these - others).min(axis=2)
        nearest = np.argmin(np.where(holds, apart, np.inf), axis=1)
        some = np.flatnonzero(holds.any(axis=1))
        pairs = np.stack([events[some], members[nearest[some]]], axis=1)
        found.append(pairs if inverse else pairs[:, ::-1])
    return np.concatenate(found)
