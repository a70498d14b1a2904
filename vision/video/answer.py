"""Answers about a video: the tracks that an expression means, or the value that a question asks for, with reasons.

A video's expression speaks of whole tracks and of what happens to them, so an answer's reasons are events: what made a
track an answer, from when to when, and the frames that show it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kg_data.errors import SkylarkError
from reasoning import Answer, Query
from reasoning.query.tree import Entity, Intersect, Project
from vision.classes.matching import Matcher
from vision.errors import InstructionError
from vision.grounding.asking import (
    OF_ALL,
    Asked,
    Fact,
    first_fitting,
    in_words,
    not_found,
    number,
    passed_over,
    said_of,
    things_of,
    truth,
)
from vision.grounding.readings import sure_readings
from vision.reading.expressions.happenings import is_of_events, tracks_meant
from vision.reading.expressions.pieces import VIDEO
from vision.reading.expressions.reader import ExpressionReading
from vision.reading.expressions.sentence import Question
from vision.reading.loading import VIDEOS
from vision.scene.building import OBJECT
from vision.video.event_words import clock, event_words
from vision.video.events import Event
from vision.video.happenings.kinds import OF
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
            "name": self.name,
            "track_id": self.track_id,
            "events": [_event_dict(event) for event in self.events],
            "facts": [list(fact) for fact in self.facts],
            "words": self.words,
        }


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
            None where tracks themselves are asked for.
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
        """The value in words, or the names of the tracks; "nothing" where there is neither."""
        if isinstance(self.value, tuple):
            return ", ".join(_span(*interval) for interval in self.value) or "never"
        if isinstance(self.value, bool):
            return "yes" if self.value else "no"
        if isinstance(self.value, float):
            return f"{self.value:.1f} seconds"
        if self.value is not None:
            return str(self.value)
        return ", ".join(self._names) or "nothing"

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable: the expression, query, value, tracks, reasons with events and key frames, and notes."""
        value = [list(interval) for interval in self.value] if isinstance(self.value, tuple) else self.value
        return {
            "expression": self.expression,
            "question": self.question,
            "query": str(self.query),
            "value": value,
            "tracks": [
                {"id": track_id, "name": name, "class": item.class_name, "start": track.start, "end": track.end}
                for track_id, name, item, track in self._described
            ],
            "events": [_event_dict(event) for event in self.events],
            "justification": [reason.to_dict() for reason in self.justification],
            "notes": list(self.notes),
        }

    @property
    def _names(self) -> list[str]:
        return [name for _, name, *_ in self._described]

    @property
    def _described(self) -> Iterator[tuple[int, str, Any, Any]]:
        wanted = set(self.tracks)
        found = {
            track.id: (track.id, item.name, item, track)
            for track, item in zip(self.scene.tracks, self.scene.objects, strict=True)
            if track.id in wanted
        }
        return iter([found[track_id] for track_id in self.tracks])


def answered(text: str, scene: VideoScene, matcher: Matcher, adapter: Path = VIDEOS) -> VideoAnswer:
    """Answer a referring expression or a question about a video.

    Args:
        text: such as "the car that overtakes the bus" or "how long is the man near the dog?".
        scene: what was tracked, and what happens.
        matcher: knows what words mean among the detector's classes.
        adapter: folder of the adapter that reads.

    Raises:
        InstructionError: the text is empty or cannot be read, asks about one frame, or a word names nothing that the
            model can detect.
        LLMError: the adapter or the weights are missing or damaged.
    """
    return answer_read(text, video_readings(text, matcher, adapter, scene.actions), scene)


def video_readings(
    text: str, matcher: Matcher, adapter: Path = VIDEOS, actions: tuple[str, ...] = ()
) -> Sequence[ExpressionReading]:
    """What an expression about a video may mean, the likeliest first; arguments and errors as for `answered`."""
    if found := _ONE_FRAME.search(text):
        raise InstructionError(
            f'"{found.group()}" asks about one frame, and what is said of a video is said of whole tracks: say it by '
            f'what happens, as in {VIDEO.example} or "the dog near the man after the car leaves", or ask about one '
            "frame as an image"
        )
    return sure_readings(text, matcher, adapter, VIDEO, actions)


def answer_read(text: str, readings: Sequence[ExpressionReading], scene: VideoScene) -> VideoAnswer:
    """The answer to what an expression was read as; see `answered`.

    Args:
        text: the expression.
        readings: what it may mean, the likeliest first, at least one.
        scene: what was tracked, and what happens.
    """
    asked, answer = first_fitting(readings, scene)
    sentence = asked.sentence
    of_events = is_of_events(sentence.things)
    found = answer if sentence.query == sentence.things else things_of(asked, scene)
    events = scene.events_in(found) if of_events else []
    members = _happened_to(events, scene) if of_events else scene.members(found)
    of_answer = () if sentence.question in OF_ALL else answer.notes
    notes = [*scene.notes, *of_answer, *not_found(asked, scene), *asked.notes]
    kept = members if of_events else _kept(asked, scene, members, notes)
    if sentence.question == "what" and of_events and sentence.wanted is not None and len(events) > sentence.wanted:
        notes.append(f"{len(events)} actions fit; the first was taken.")
        events = events[: sentence.wanted]
    value, more = _value(asked, scene, answer, kept, events)
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
        notes=tuple(dict.fromkeys([*notes, *more])),
    )


def _happened_to(events: Sequence[Event], scene: VideoScene) -> list[int]:
    """The places of the tracks that events happen to, in the order of time."""
    place = {track.id: number for number, track in enumerate(scene.tracks)}
    return list(dict.fromkeys(place[event.of] for event in events if event.of is not None))


def _kept(asked: Asked, scene: VideoScene, members: list[int], notes: list[str]) -> list[int]:
    """The tracks that are returned: all, or as many as are asked for, those that are seen longest."""
    amount = asked.sentence.wanted
    if asked.sentence.question in OF_ALL or amount is None or len(members) == amount:
        return members
    if len(members) < amount:
        if members and amount > 1:
            notes.append(f"Only {len(members)} of the {amount} things asked for were found.")
        return members
    longest = sorted(members, key=lambda place: (-len(scene.tracks.items[place]), place))[:amount]
    taken = "the one that is seen longest was" if amount == 1 else f"the {amount} that are seen longest were"
    notes.append(f"{len(members)} things fit; {taken} taken.")
    return longest


def _value(
    asked: Asked, scene: VideoScene, answer: Answer, kept: list[int], events: Sequence[Event]
) -> tuple[Value | None, list[str]]:
    """What a question's answer is, with notes."""
    sentence = asked.sentence
    match sentence.question:
        case "count":
            assert isinstance(answer.value, int)
            return answer.value, []
        case "exists":
            return truth(asked, scene, answer)
        case "find":
            return None, []
        case "when":
            return _merged(events), []
        case "long":
            return round(sum(end - start for start, end in _merged(events)), 3), []
        case "what" if events:
            return ", ".join(dict.fromkeys(event.kind for event in events)), []
        case "way":
            return ", ".join(dict.fromkeys(event.side for event in events if event.side)) or "unknown", []
    return said_of(sentence.question, [scene.objects[place] for place in kept])


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
    try:
        evidence = list(scene.answer(Intersect((own, things)), asked.classes).evidence)
    except SkylarkError:  # the query is as deep as queries may be
        evidence = []
    events, facts = scene.told_by(evidence)
    events = sorted(events, key=lambda event: (track_id not in (event.of, event.with_), event.start))[:MAX_SHOWN]
    telling = [(head, relation, tail if isinstance(tail, str) else number(tail)) for head, relation, tail in facts]
    telling = sorted((fact for fact in telling if fact[2] != OBJECT), key=lambda fact: fact[0] != name)
    words = [*(event_words(event, scene.name_of) for event in events), *map(in_words, telling)]
    return TrackReason(name, track_id, tuple(events), tuple(telling), "; ".join(words))


def _event_dict(event: Event) -> dict[str, Any]:
    frames = [{"frame": frame, "time": round(time, 3)} for frame, time in event.key_frames]
    return {**event.to_dict(), "key_frames": frames}


def _span(start: float, end: float) -> str:
    return f"{clock(start)} to {clock(end)}"
