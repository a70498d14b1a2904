"""Events of a video: maximal intervals over which something holds of a track, or between two, in time and in words.

`motions` says what each kind means; all of them are found here, in time that grows with the moments that pairs of
tracks share. Pairs of events grow with the square, so how events stand in time to others is found for the query that
names it: one pair for each event, the nearest in time, is enough to answer and to show why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision.video.motions import (
    APPEARS,
    BEFORE,
    CROSSES,
    DURING,
    ENTERS,
    LEAVES,
    MEETING_KINDS,
    MEETINGS,
    MOTION_KINDS,
    MOTIONS,
    MOVES,
    Grid,
    Moments,
    Path,
    Together,
    longest,
)
from vision.video.tracks import Track, Tracks

MAX_TRACKS = 300
"""Tracks of a video's graph, the longest ones; pairs of them grow with the square."""

MAX_OF_A_KIND = 4000
"""Events of a kind between two tracks, the longest ones."""

PAIRS_AT_ONCE = 200_000
"""Moments of pairs whose relations are measured in one go, some 100 MB."""


@dataclass(frozen=True)
class Event:
    """A maximal interval over which something holds.

    Attributes:
        kind: the word for it, of `MOTION_KINDS` or `MEETING_KINDS`, or the label of an action.
        of: the id of the track that it happens to, or of the first of two; None for an action.
        with_: the id of the second track, where there are two.
        side: an edge or direction, or "".
        start, end: seconds from the video's first frame.
        start_frame, end_frame: indexes of the frames there.
    """

    kind: str
    of: int | None
    with_: int | None
    side: str
    start: float
    end: float
    start_frame: int
    end_frame: int

    @property
    def duration(self) -> float:
        """Seconds from start to end."""
        return self.end - self.start

    @property
    def key_frames(self) -> tuple[tuple[int, float], ...]:
        """Index and seconds of the frames that show it: its first, its middle and its last, each once."""
        middle = (self.start_frame + self.end_frame) // 2, (self.start + self.end) / 2
        frames = ((self.start_frame, self.start), middle, (self.end_frame, self.end))
        return tuple(dict.fromkeys(frames)) if self.start_frame < self.end_frame else frames[:1]

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable."""
        return {
            "kind": self.kind, "of": self.of, "with": self.with_, "side": self.side, "start": round(self.start, 3),
            "end": round(self.end, 3), "start_frame": self.start_frame, "end_frame": self.end_frame,
        }  # fmt: skip


def events_of(tracks: Tracks) -> tuple[Event, ...]:
    """All that happens in a video.

    Of the tracks the `MAX_TRACKS` longest are looked at. First come events of single tracks, by kind and track, then
    those of pairs, by kind; of a kind between pairs the `MAX_OF_A_KIND` longest.

    Returns:
        The events of single tracks, by kind and track, then those of pairs, by kind; of a kind between pairs the
        `MAX_OF_A_KIND` longest.
    """
    kept = longest(tracks.items, MAX_TRACKS)
    if not kept:
        return ()
    grid = Grid.of(replace(tracks, items=kept))
    paths = [grid.path(track) for track in kept]
    return (*_alone(grid, paths), *_between(grid, paths))


def _alone(grid: Grid, paths: Sequence[Path]) -> Iterator[Event]:
    for kind, of_path in MOTION_KINDS.items():
        for path in paths:
            for motion in of_path(path, grid):
                # The track's own ends are known more exactly than the grid has them.
                start = path.track.start if motion.start == 0 else float(path.times[motion.start])
                end = path.track.end if motion.end == len(path) - 1 else float(path.times[motion.end])
                end = max(start, end)
                yield Event(kind, path.track.id, None, motion.side, start, end, grid.frame(start), grid.frame(end))


def _between(grid: Grid, paths: Sequence[Path]) -> Iterator[Event]:
    found: dict[str, list[tuple[float, float, int, int]]] = {kind: [] for kind in MEETING_KINDS}
    for numbers, pairs in _pairs(grid, paths):
        for ids, one_way in ((numbers, pairs), ([(j, i) for i, j in numbers], pairs.swapped)):
            for kind, of_pairs in MEETING_KINDS.items():
                starts, ends = of_pairs(one_way)
                rows = (one_way.times[starts], one_way.times[ends], one_way.pair[starts])
                for begin, stop, pair in zip(*(row.tolist() for row in rows), strict=True):
                    found[kind].append((begin, stop, *ids[pair]))
    for kind, of_kind in found.items():
        of_kind.sort(key=lambda row: row[0] - row[1])
        for begin, stop, of, other in sorted(of_kind[:MAX_OF_A_KIND], key=lambda row: (row[2:], row[0])):
            yield Event(kind, of, other, "", begin, stop, grid.frame(begin), grid.frame(stop))


def _pairs(grid: Grid, paths: Sequence[Path]) -> Iterator[tuple[list[tuple[int, int]], Together]]:
    """The pairs of tracks that share time, some at once, with the ids of each."""
    spans = [(path.first, path.first + len(path)) for path in paths]
    order = sorted(range(len(paths)), key=lambda number: spans[number])
    waiting: list[tuple[Path, Path, int, int]] = []
    count = 0
    for place, i in enumerate(order):
        for j in order[place + 1 :]:
            if spans[j][0] >= spans[i][1]:
                break  # all others begin later still
            start, end = spans[j][0], min(spans[i][1], spans[j][1])
            waiting.append((paths[i], paths[j], start, end))
            count += end - start
            if count >= PAIRS_AT_ONCE:
                yield _together(grid, waiting)
                count, waiting = 0, []
    if waiting:
        yield _together(grid, waiting)


def _together(grid: Grid, pairs: Sequence[tuple[Path, Path, int, int]]) -> tuple[list[tuple[int, int]], Together]:
    together = Together(
        _moments([(one, start, end) for one, _, start, end in pairs]),
        _moments([(other, start, end) for _, other, start, end in pairs]),
        np.repeat(np.arange(len(pairs), dtype=np.intp), [end - start for *_, start, end in pairs]),
        np.concatenate([grid.times[start:end] for *_, start, end in pairs]),
        grid.step,
    )
    return [(one.track.id, other.track.id) for one, other, *_ in pairs], together


def _moments(spans: Sequence[tuple[Path, int, int]]) -> Moments:
    """Parts of paths from one moment of the grid to another, behind each other."""
    parts = [(path, slice(start - path.first, end - path.first)) for path, start, end in spans]
    names = [one.name for one in fields(Moments)]
    return Moments(**{name: np.concatenate([getattr(path, name)[part] for path, part in parts]) for name in names})


def notes_of(tracks: Sequence[Track], events: Sequence[Event]) -> list[str]:
    """What the user should know of how the events of a video were found, one sentence each."""
    notes = []
    if len(tracks) > MAX_TRACKS:
        notes.append(f"The graph holds the {MAX_TRACKS} longest of {len(tracks):,} tracks.")
    counts = dict.fromkeys(MEETING_KINDS, 0)
    for event in events:
        if event.kind in counts:
            counts[event.kind] += 1
    if full := [kind for kind, count in counts.items() if count >= MAX_OF_A_KIND]:
        notes.append(f"Only the {MAX_OF_A_KIND:,} longest events of each kind are kept, of: {', '.join(full)}.")
    return notes


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


_UPWARDS = {"top": "upwards", "bottom": "downwards"}


def clock(seconds: float) -> str:
    """Minutes and seconds, "1:05.4", or hours before them; tenths where there are any."""
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    second = f"{rest // 10:02d}{f'.{rest % 10}' if rest % 10 else ''}"
    return f"{hours}:{minutes:02d}:{second}" if hours else f"{minutes}:{second}"


def event_words(event: Event, name_of: Callable[[int], str]) -> str:
    """What happens from when to when; `name_of` gives the name of a track by its id."""
    start, end = clock(event.start), clock(event.end)
    when = f"from {start} to {end}" if start != end else f"at {start}"
    if event.of is None:
        return f"{event.kind} {when}"
    return f"{name_of(event.of)} {_verb(event)}{'' if event.with_ is None else f' {name_of(event.with_)}'} {when}"


def _verb(event: Event) -> str:
    if event.kind == APPEARS:
        return "is seen"
    if event.kind in (ENTERS, LEAVES) and event.side:
        return f"{event.kind} by the {event.side}"
    if event.kind in (MOVES, CROSSES) and event.side:
        return f"{event.kind} {_UPWARDS.get(event.side) or f'to the {event.side}'}"
    if event.kind in (*MOTIONS, *MEETINGS, "contains"):
        return event.kind
    return f"is {event.kind.replace('_', ' ')}"
