"""What the video page shows of what was found, as HTML: the answer, the timeline, the counts.

The timeline shows when each thing is seen and what happens to it, as rows of bars and marks along the video's time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

import numpy as np
from markupsafe import Markup

from app.image.overlay import css_colour
from app.server.serving import FILE_BYTES, VIDEO_PIXELS, VIDEO_SECONDS, VIDEOS_AT_ONCE, WATCH_SECONDS
from app.server.views import counted, render, shortened
from vision import Task
from vision.detections.showing import counted_names, listed
from vision.video.answer import VideoAnswer
from vision.video.drawing import track_colour
from vision.video.events import Event, clock, event_words
from vision.video.motions import APPEARS, CROSSES, ENTERS, LEAVES, MOVES, STOPS
from vision.video.scene import VideoScene
from vision.video.tracks import Track, Tracks, things_of


@dataclass(frozen=True, eq=False)
class Found:
    """What was found in a video."""

    task: Task
    tracks: Tracks
    scene: VideoScene
    answer: VideoAnswer | None
    notes: tuple[str, ...] = ()

    @cached_property
    def things(self) -> Tracks:
        """The tracks that are things of the video, without what only flickers up or doubles others."""
        return things_of(self.tracks)[0]

    @cached_property
    def all_ids(self) -> frozenset[int]:
        """The ids of all tracks."""
        return frozenset(self.tracks.by_id)

    @cached_property
    def meant(self) -> frozenset[int]:
        """The ids of the tracks that are the answer: all of them where the things themselves were asked for."""
        return self.all_ids if self.answer is None else frozenset(self.answer.tracks)

    @cached_property
    def drawn(self) -> frozenset[int]:
        """The ids of the tracks that the annotated video shows: those that are meant, and those by which they are; all
        of them where there are none, so that one sees what there is instead."""
        events = [] if self.answer is None else [one for reason in self.answer.justification for one in reason.events]
        beside = {number for event in events for number in (event.of, event.with_) if number is not None}
        return self.meant | beside or self.all_ids

    def name_of(self, track_id: int) -> str:
        """What a track is called on the page, as the annotated video has it: "#3 dog"."""
        track = self.tracks.by_id.get(track_id)
        return f"#{track_id} {track.class_name}" if track is not None else f"#{track_id}"


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
    """One thing."""

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


MOST_NAMED, MOST_TALLIED = 6, 6
"""Things that an answer names, and classes whose numbers it tells."""
MOST_REASONS, MOST_EVENTS = 12, 6
"""Things whose reasons are shown, and events of each."""
MOST_CLASSES = 20
SPARK_WIDTH, SPARK_HEIGHT = 120, 22
LIMITS = (
    f"Up to {FILE_BYTES // 2**20} MB and 4K ({VIDEO_PIXELS / 1e6:.1f} megapixels a frame). The first {VIDEO_SECONDS} "
    f"seconds are looked at, for at most {WATCH_SECONDS / 60:g} minutes; {VIDEOS_AT_ONCE} videos at once, the others "
    "wait. What you send is deleted after an hour."
)
EMPTY = "The video shows here, with what is followed in it."


@dataclass(frozen=True)
class Shown:
    """What the page shows of what was found, ready made: the values behind it are not kept."""

    answer: Markup
    read: Markup
    timeline: Markup
    counts: Markup


def shown(found: Found) -> Shown:
    """All that the page shows of what was found."""
    return Shown(answer_html(found), read_html(found), timeline_html(found), counts_html(found.things))


def stage_html(picture: str = "", video: Path | None = None, words: str = EMPTY) -> Markup:
    """Where the video shows: the newest frame, the annotated video to play, or words before there is either."""
    address = "" if video is None else f"gradio_api/file={quote(str(video))}"
    return render("video/stage.html", picture=picture, video=address, words=words)


def answer_html(found: Found) -> Markup:
    """The answer in large letters, why it is one with the moments to look at, and what there is to know."""
    reasons = () if found.answer is None else found.answer.justification[:MOST_REASONS]
    told = [
        (
            found.name_of(reason.track_id),
            [(event.start, event_words(event, found.name_of)) for event in reason.events[:MOST_EVENTS]],
            max(0, len(reason.events) - MOST_EVENTS),
        )
        for reason in reasons
    ]
    more = 0 if found.answer is None else len(found.answer.tracks) - len(reasons)
    # Of how the instruction was read is told beside it.
    notes = [note for note in found.notes if note not in found.task.notes]
    return render("video/answer.html", headline=headline(found), reasons=told, more=max(0, more), notes=notes)


def headline(found: Found) -> str:
    """The answer in a few words."""
    answer = found.answer
    if answer is None:
        return _tally(found)
    if answer.question == "find":
        return _named(found, answer.tracks) or "Nothing found"
    if answer.value is None:
        return "I can't tell"
    if answer.question == "count":
        named = _named(found, answer.tracks)
        return f"{answer.value}: {named}" if named else str(answer.value)
    return _valued(answer)


def _valued(answer: VideoAnswer) -> str:
    value = answer.value
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, tuple):
        spans = [f"from {clock(start)} to {clock(end)}" for start, end in value[:MOST_NAMED]]
        more = f", and {len(value) - MOST_NAMED} more times" if len(value) > MOST_NAMED else ""
        told = " and ".join(spans) + more
        return told[:1].upper() + told[1:] if told else "At no time that was looked at"
    return answer.text


def _named(found: Found, ids: Sequence[int]) -> str:
    names = [found.name_of(number) for number in ids]
    if len(names) > MOST_NAMED:
        return counted_names(Counter(found.tracks.by_id[number].class_name for number in ids).most_common())
    return listed(names)


def _tally(found: Found) -> str:
    counts = Counter(track.class_name for track in found.things)
    asked = [target.label for target in found.task.targets or ()]
    if len(asked) <= MOST_TALLIED and counts:
        counts.update(dict.fromkeys(asked, 0))
    unknown = [f'I can\'t tell of "{shortened(one.word, 60)}"' for one in found.task.undetectable[:MOST_TALLIED]]
    if not counts:
        return "; ".join(unknown) if found.task.seeks_nothing and unknown else "Nothing found"
    if len(counts) > MOST_TALLIED:
        return counted(counts.total(), "thing")
    return "; ".join([counted_names(counts.most_common()), *unknown])


def read_html(found: Found) -> Markup:
    """The instruction as it was read: what is followed, the query that was asked of it, what was not understood."""
    query = "" if found.answer is None else str(found.answer.query)
    return render("video/read.html", task=found.task, query=query, most=MOST_CLASSES)


def timeline_html(found: Found) -> Markup:
    """A row for each thing with the times at which it is seen, to go there with a press."""
    return render("video/timeline.html", timeline=timeline(found)) if len(found.things) else Markup()


def counts_html(tracks: Tracks) -> Markup:
    """How many things of each class there are: in all, at once, and second by second."""
    if not len(tracks):
        return Markup()
    frames = {int(frame): place for place, frame in enumerate(tracks.frames)}
    seconds = int(tracks.times[-1]) + 1
    total = Counter(track.class_name for track in tracks)
    rows = []
    for name, number in total.most_common(MOST_CLASSES):
        at_once, each_second = np.zeros(len(frames), np.int64), np.zeros(seconds, np.int64)
        for track in tracks:
            if track.class_name == name:
                at_once[[frames[int(frame)] for frame in track.frames]] += 1
                each_second[np.unique(track.times.astype(np.int64))] += 1
        rows.append((name, number, int(at_once.max()), _spark(each_second.tolist())))
    return render(
        "video/counts.html", rows=rows, more=max(0, len(total) - MOST_CLASSES), width=SPARK_WIDTH, height=SPARK_HEIGHT
    )


def _spark(numbers: Sequence[int]) -> str:
    """The path of an area over the seconds, in `SPARK_WIDTH` by `SPARK_HEIGHT`."""
    across, up = SPARK_WIDTH / len(numbers), (SPARK_HEIGHT - 2) / max(*numbers, 1)
    steps = (f"V{SPARK_HEIGHT - number * up:.1f}H{(place + 1) * across:.1f}" for place, number in enumerate(numbers))
    return f"M0 {SPARK_HEIGHT}{''.join(steps)}V{SPARK_HEIGHT}Z"
