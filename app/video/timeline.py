"""When each thing is seen and what happens to it, as rows of bars and marks along the time of the video."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from app.image.overlay import css_colour
from app.video.found import Found
from vision.video.annotating import track_colour
from vision.video.event_words import clock, event_words
from vision.video.events import Event
from vision.video.happenings.kinds import APPEARS, CROSSES, ENTERS, LEAVES, MOVES, STOPS
from vision.video.tracks import Track

MOST_ROWS, MOST_MARKS, MOST_HAPPENINGS = 40, 12, 120
GAP = 0.5
"""Seconds for which a thing is not seen, from which on its bar is interrupted."""
STEPS = (1, 2, 5, 10, 15, 30, 60)
MOST_TICKS = 7
LEAST_APART = 3.2
"""Percent of the time by which two marks of a row stand apart, so that each can be pressed."""

GLYPHS = {ENTERS: "+", LEAVES: "−", STOPS: "■"}
DIRECTIONS = {"left": "←", "right": "→", "top": "↑", "bottom": "↓"}
OTHER = "●"
_OF_ONE = (ENTERS, LEAVES, STOPS, CROSSES)
"""What happens to one thing, without what holds of nearly everything."""


@dataclass(frozen=True)
class Bar:
    """A time over which a thing is seen.

    Attributes:
        start, end: seconds.
        left, width: in percent of the video's time.
        words: what it says.
    """

    start: float
    end: float
    left: float
    width: float
    words: str


@dataclass(frozen=True)
class Mark:
    """Something that happens; `at` is its moment in seconds, `left` its place in percent."""

    at: float
    left: float
    glyph: str
    words: str


@dataclass(frozen=True)
class Row:
    """One thing.

    Attributes:
        name: as the annotated video has it.
        colour: as the annotated video has it, in CSS.
        meant: whether it is the answer to what was asked.
        bars: when it is seen.
        marks: what happens to it.
    """

    name: str
    colour: str
    meant: bool
    bars: tuple[Bar, ...]
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Timeline:
    """The timeline of one video.

    Attributes:
        rows: what is meant first, then in the order in which things come.
        more: how many things have no row.
        asked: whether some of the things are the answer to something.
        seconds: its length.
        ticks: seconds that are written, with their places in percent.
        legend: each glyph that is used, with what it stands for.
        happenings: what happens in the order of time: seconds, and words.
    """

    rows: tuple[Row, ...]
    more: int
    asked: bool
    seconds: float
    ticks: tuple[tuple[str, float], ...]
    legend: tuple[tuple[str, str], ...]
    happenings: tuple[tuple[float, str], ...]


def timeline(found: Found) -> Timeline:
    """The timeline of what was found."""
    length = max(found.tracks.duration, 0.1)
    tracks = sorted(found.things, key=lambda track: (track.id not in found.meant, track.start, track.id))
    shown = tracks[:MOST_ROWS]
    events = telling(found)
    rows = []
    for track in shown:
        own = [event for event in events if track.id in (event.of, event.with_)]
        rows.append(
            Row(
                name=found.name_of(track.id),
                colour=css_colour(track_colour(track.id)),
                meant=found.answer is not None and track.id in found.meant,
                bars=tuple(_bars(track, found, length)),
                marks=tuple(_marks(own[:MOST_MARKS], found, length)),
            )
        )
    kinds = {glyph_of(event): _kind_words(event) for event in sorted(events, key=lambda event: event.kind)}
    return Timeline(
        rows=tuple(rows),
        more=len(tracks) - len(shown),
        asked=found.answer is not None and bool(found.meant),
        seconds=length,
        ticks=tuple(_ticks(length)),
        legend=tuple(kinds.items()),
        happenings=tuple((event.start, event_words(event, found.name_of)) for event in events[:MOST_HAPPENINGS]),
    )


def telling(found: Found) -> list[Event]:
    """What happens that is worth a mark, in the order of time: what makes things the answer, and what single things do;
    where something was asked, what those do that are the answer."""
    reasons = [] if found.answer is None else [one for reason in found.answer.justification for one in reason.events]
    own = [event for event in found.scene.events if event.kind in _OF_ONE and event.of in found.drawn]
    # That a thing appears is its bar.
    events = dict.fromkeys(event for event in (*reasons, *own) if event.kind != APPEARS)
    return sorted(events, key=lambda event: (event.start, event.end))


def glyph_of(event: Event) -> str:
    """The sign of an event."""
    if event.kind in (CROSSES, MOVES):
        return DIRECTIONS.get(event.side, OTHER)
    return GLYPHS.get(event.kind, OTHER)


def _kind_words(event: Event) -> str:
    if event.kind in (CROSSES, MOVES):
        return {"top": "goes upwards", "bottom": "goes downwards"}.get(event.side, f"goes to the {event.side}")
    return event.kind if event.kind in GLYPHS else "something between two"


def _bars(track: Track, found: Found, length: float) -> Iterator[Bar]:
    cuts = np.flatnonzero(np.diff(track.times) > GAP) + 1
    name = found.name_of(track.id)
    for times in np.split(track.times, cuts):
        start, end = float(times[0]), float(times[-1])
        words = f"{name}: seen from {clock(start)} to {clock(end)}"
        left = min(100 * start / length, 100.0)
        yield Bar(start, end, left, min(100 * (end - start) / length, 100 - left), words)


def _marks(events: Sequence[Event], found: Found, length: float) -> Iterator[Mark]:
    moments = sorted((_moment(event), number, event) for number, event in enumerate(events))
    before = -LEAST_APART
    for at, _, event in moments:
        before = max(100 * at / length, before + LEAST_APART)
        yield Mark(at, min(before, 100.0), glyph_of(event), event_words(event, found.name_of))


def _moment(event: Event) -> float:
    """Seconds at which an event shows best."""
    if event.kind == LEAVES:
        return event.end
    return (event.start + event.end) / 2 if event.kind == CROSSES else event.start


def _ticks(length: float) -> Iterator[tuple[str, float]]:
    step = next((step for step in STEPS if length / step <= MOST_TICKS), STEPS[-1])
    for seconds in np.arange(0, length, step).tolist():
        yield clock(seconds), 100 * seconds / length
