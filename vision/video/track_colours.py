"""The colours of tracks, from a few frames of each: in one it may be in the shade, or half behind something."""

from __future__ import annotations

from collections import Counter

from vision.detections.colours import colouring
from vision.video.tracks import TrackedFrame

MEASURED = (0, 3, 9, 27, 81, 243)
"""Frames of a track, counted from 0, in which it is measured, ever further apart: those of one second show the same.
The first one counts only where there is no second: what has just come in is cut off by the edge."""

AT_LEAST = 0.5
"""Share of the measured frames in which a colour must be plausible."""


class TrackColours:
    """Measures the colours of tracks while a video is gone through; the frames are not kept."""

    def __init__(self) -> None:
        self._seen: Counter[int] = Counter()
        self._found: dict[int, list[tuple[str, ...]]] = {}

    def add(self, tracked: TrackedFrame) -> None:
        """Take one frame; frames come in order."""
        for one in tracked.detections:
            assert one.track_id is not None
            count = self._seen[one.track_id]
            self._seen[one.track_id] += 1
            if count not in MEASURED:
                continue
            found = self._found.setdefault(one.track_id, [])
            if count == MEASURED[1]:
                found.clear()
            found.append(colouring(tracked.frame.image.pixels, one.xyxy, one.polygon).plausible)

    def of(self, track_id: int) -> tuple[str, ...]:
        """The plausible colours of a track, the likeliest first; () where none was measured."""
        found = [colours for colours in self._found.get(track_id, []) if colours]
        likeliest = Counter(colours[0] for colours in found)
        plausible = Counter(colour for colours in found for colour in colours)
        kept = [colour for colour, count in plausible.items() if count >= AT_LEAST * len(found)]
        return tuple(sorted(kept, key=lambda colour: (-likeliest[colour], -plausible[colour])))
