"""Answers about a video: the tracks that an expression means, or the value that a question asks for, with reasons.

A video's expression speaks of whole tracks and of what happens to them, so an answer's reasons are events: what made a
track an answer, from when to when, and the frames that show it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reasoning import Answer, Query
from reasoning.query.tree import Entity, Intersect, Project
from vision.classes.matching import Matcher
from vision.errors import InstructionError
from vision.grounding.asking import (
    OF_ALL,
    Asked,
    Fact,
    as_many,
    first_fitting,
    in_words,
    narrower_words,
    not_found,
    passed_over,
    reasons,
    telling,
    things_of,
    value_of,
)
from vision.grounding.grounding import sure_readings
from vision.parsing.expression_codec import is_of_events, tracks_meant
from vision.parsing.expression_reader import ExpressionReading
from vision.parsing.prompt import VIDEO, Question
from vision.parsing.reader import VIDEOS
from vision.video.events import Event, clock, event_words
from vision.video.motions import OF
from vision.video.scene import VideoScene

MAX_JUSTIFIED, MAX_SHOWN = 20, 50
"""Tracks whose reasons are given, and events that are shown for each."""

Interval = tuple[float, float]
"""Seconds from the video's first frame."""

Value = int | float | bool | str | tuple[Interval, ...]

_ONE_FRAME = re.compile(r"\b(?:(?:right )?now|currently|at (?:the|this) moment|in (?:this|the current) frame)\b", re.I)


@dataclass(frozen=True)
class TrackReason:
    """Why one track is an answer.

    Attributes:
        name: the track's name in the graph, "person 1".
        track_id: its id.
        events: what happens that makes it one, in the order of time.
        facts: the other triples of the graph that do.
        words: both in English.
    """

    name: str
    track_id: int
    events: tuple[Event, ...]
    facts: tuple[Fact, ...]
    words: str

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable; each event with its key frames."""
        return {
            "name": self.name, "track_id": self.track_id, "events": [_event_dict(event) for event in self.events],
            "facts": [list(fact) for fact in self.facts], "words": self.words,
        }  # fmt: skip


@dataclass(frozen=True, eq=False)
class VideoAnswer:
    """What an expression or a question means in a video.

    Attributes:
        expression: as it was read.
        question: what it asks for: "find" things, "count" them, whether any "exists" or something holds, their
            "colour", "what" or "where" they are, "when" something holds, how "long", or which "way" it goes.
        scene: what it was asked of.
        tracks: the ids of the tracks that it means, counts or asks about.
        events: what is asked for where that is events and no tracks, in the order of time.
        value: the number, truth value or word that answers a question; of "when" the intervals, of "long" the seconds;
            None where tracks themselves are asked for, or it can't be told.
        query: the logical query that was run.
        justification: the reasons of each track, in the order of `tracks`.
        notes: what was assumed, one sentence each.
    """

    expression: str
    question: Question
    scene: VideoScene
    tracks: tuple[int, ...]
    events: tuple[Event, ...]
    value: Value | None
    query: Query
    justification: tuple[TrackReason, ...]
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        value = "" if self.value is None else f", value={self.value!r}"
        return f"VideoAnswer({self.expression!r}, {self.question!r}, tracks={list(self.tracks)}{value})"

    @property
    def text(self) -> str:
        """The value in words, the names of the tracks, or the events where these have none; else "nothing"."""
        if isinstance(self.value, tuple):
            return ", ".join(f"{clock(start)} to {clock(end)}" for start, end in self.value) or "never"
        if isinstance(self.value, bool):
            return "yes" if self.value else "no"
        if isinstance(self.value, float):
            return f"{self.value:.1f} seconds"
        if self.value is not None:
            return str(self.value)
        names = [self.scene.name_of(track_id) for track_id in self.tracks]
        return ", ".join(names or [event_words(event, self.scene.name_of) for event in self.events]) or "nothing"

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable: the expression, query, value, tracks, reasons with events and key frames, and notes."""
        value = [list(interval) for interval in self.value] if isinstance(self.value, tuple) else self.value
        tracks = [
            {
                "id": track.id, "name": self.scene.name_of(track.id), "class": track.model_class,
                "start": round(track.start, 3), "end": round(track.end, 3),
            }
            for track in (self.scene.tracks.by_id[track_id] for track_id in self.tracks)
        ]  # fmt: skip
        return {
            "expression": self.expression, "question": self.question, "query": str(self.query), "value": value,
            "tracks": tracks, "events": [_event_dict(event) for event in self.events],
            "justification": [reason.to_dict() for reason in self.justification], "notes": list(self.notes),
        }  # fmt: skip


def video_readings(
    text: str, matcher: Matcher, adapter: Path = VIDEOS, actions: tuple[str, ...] = ()
) -> Sequence[ExpressionReading]:
    """What a referring expression or a question about a video may mean, the likeliest first.

    Args:
        text: such as "the car that overtakes the bus" or "how long is the man near the dog?".
        matcher: knows what words mean among the detector's classes.
        adapter: folder of the adapter that reads.
        actions: the labels of the actions that the video was divided into.

    Raises:
        InstructionError: the text cannot be read, asks about one frame, or a word names nothing that can be detected.
        LLMError: the adapter or the weights are missing or damaged.
    """
    check_whole_tracks(text)
    return sure_readings(text, matcher, adapter, VIDEO, actions)


def check_whole_tracks(text: str) -> None:
    """Refuse what asks about one frame by an `InstructionError`."""
    if found := _ONE_FRAME.search(text):
        raise InstructionError(
            f'"{found.group()}" asks about one frame, and what is said of a video is said of whole tracks: say it by '
            f'what happens, as in {VIDEO.example} or "the dog near the man after the car leaves", or ask about one '
            "frame as an image"
        )


def answer_read(text: str, readings: Sequence[ExpressionReading], scene: VideoScene) -> VideoAnswer:
    """The answer to what an expression was read as, the likeliest of at least one reading first."""
    asked, answer = first_fitting(readings, scene)
    sentence = asked.sentence
    of_events = is_of_events(sentence.things)
    found = answer if sentence.query == sentence.things else things_of(asked, scene)
    events = scene.events_in(found) if of_events else []
    of_answer = () if sentence.question in OF_ALL else answer.notes
    notes = [*scene.notes, *of_answer, *not_found(asked, scene), *asked.notes]
    if of_events:
        first, chosen = as_many(sentence, list(range(len(events))), int, ("that comes first", "that come first"))
        events = [events[place] for place in first]
        kept = scene.happened_to(events)
    else:
        # As many as are asked for, those that are seen longest.
        lengths = [-len(track) for track in scene.tracks]
        seen_longest = ("that is seen longest", "that are seen longest")
        kept, chosen = as_many(sentence, scene.members(found), lambda place: (lengths[place], place), seen_longest)
    value, more = _value(asked, scene, answer, kept, events)
    narrower, untold = narrower_words(asked, scene, [scene.objects[place] for place in kept])
    if narrower and sentence.question in OF_ALL:
        value, more = None, []
    more += untold
    if not kept and not events:
        said = tracks_meant(sentence.things) if of_events else sentence.things
        more += [others] if (others := passed_over(said, asked.classes, scene)) else []
    return VideoAnswer(
        expression=text,
        question=sentence.question,
        scene=scene,
        tracks=tuple(scene.tracks.items[place].id for place in kept),
        events=tuple(events),
        value=value,
        query=answer.query,
        justification=tuple(_reason(place, asked, scene) for place in kept[:MAX_JUSTIFIED]),
        notes=tuple(dict.fromkeys([*notes, *chosen, *more])),
    )


def _value(
    asked: Asked, scene: VideoScene, answer: Answer, kept: list[int], events: Sequence[Event]
) -> tuple[Value | None, list[str]]:
    match asked.sentence.question:
        case "when":
            return _merged(events), []
        case "long":
            return round(sum(end - start for start, end in _merged(events)), 3), []
        case "what" if events:
            return ", ".join(dict.fromkeys(event.kind for event in events)), []
        case "way":
            return ", ".join(dict.fromkeys(event.side for event in events if event.side)) or "unknown", []
    return value_of(asked, scene, answer, [scene.objects[place] for place in kept])


def _merged(events: Sequence[Event]) -> tuple[Interval, ...]:
    """The intervals over which any of some events lasts, in the order of time."""
    merged: list[Interval] = []
    for event in sorted(events, key=lambda event: event.start):
        if merged and event.start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], event.end)
        else:
            merged.append((event.start, event.end))
    return tuple((round(start, 3), round(end, 3)) for start, end in merged)


def _reason(place: int, asked: Asked, scene: VideoScene) -> TrackReason:
    """What makes one track an answer: the evidence of the query narrowed to it, as events where it is any."""
    name, track_id = scene.objects[place].name, scene.tracks.items[place].id
    things = asked.sentence.things
    own = Project(OF, Entity(name), inverse=True) if is_of_events(things) else Entity(name)
    events, told = scene.told_by(reasons(Intersect((own, things)), asked, scene))
    events = sorted(events, key=lambda event: (track_id not in (event.of, event.with_), event.start))[:MAX_SHOWN]
    facts = telling(told, name)
    words = [*(event_words(event, scene.name_of) for event in events), *map(in_words, facts)]
    return TrackReason(name, track_id, tuple(events), facts, "; ".join(words))


def _event_dict(event: Event) -> dict[str, Any]:
    frames = [{"frame": frame, "time": round(time, 3)} for frame, time in event.key_frames]
    return {**event.to_dict(), "key_frames": frames}
