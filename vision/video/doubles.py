"""Tracks that double others: what a detector sees twice for a while, or as something else too, is followed twice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vision.scene.relations import Pairs
from vision.selection import SAME_OBJECT
from vision.video.tracks import Track

OF_A_CLASS, WITHIN = 0.4, 0.8
"""Intersection over union from which on two boxes of one class are of one thing, where this share of the smaller one
lies in the other: parts of a thing are seen as a second one."""

MOSTLY = 0.8
"""Share of its frames in which a track must double longer ones."""


def without_doubles(tracks: Sequence[Track]) -> tuple[Track, ...]:
    """The tracks but those that are seen where longer ones are for most of their time, in their order."""
    ranked = sorted(tracks, key=lambda track: (-len(track), track.id))
    kept: list[Track] = []
    for track in ranked:
        doubled = np.zeros(len(track), bool)
        for longer in kept:
            if longer.start <= track.end and track.start <= longer.end:
                doubled |= _doubled(track, longer)
        if doubled.mean() < MOSTLY:
            kept.append(track)
    return tuple(sorted(kept, key=lambda track: track.id))


def _doubled(track: Track, other: Track) -> NDArray[np.bool_]:
    """In which of its frames a track has the box of another one; shape (n,)."""
    found = np.zeros(len(track), bool)
    _, own, others = np.intersect1d(track.frames, other.frames, assume_unique=True, return_indices=True)
    pairs = Pairs.beside(track.xyxy[own], other.xyxy[others])
    union = pairs.first.area + pairs.second.area - pairs.intersection
    overlap = pairs.intersection / np.maximum(union, 1e-9)
    if track.model_class == other.model_class:
        found[own] = (overlap >= OF_A_CLASS) & (pairs.shared_of_smaller >= WITHIN)
    else:
        found[own] = overlap >= SAME_OBJECT
    return found
