"""A video's tracks and what happens to them as a knowledge graph, and the executor of the other half asked about it.

A track is one thing through the whole video, an event is an interval; both are entities, and what is asked of a video
is then a logical query like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

import reasoning
from reasoning import Answer, KnowledgeGraph, Query
from reasoning.answer import Evidence
from reasoning.errors import QueryError
from reasoning.query.tree import Every, Project, Value
from vision.classes import COCO_CLASSES, COCO_SUPERCATEGORIES
from vision.scene.graph import (
    DISTANCE,
    KIND,
    MeasuredRelation,
    Measures,
    SceneObject,
    box_measures,
    graph_of,
    in_regions,
    measured_relations,
    numbered,
    size_of,
)
from vision.scene.relations import Boxes, between, distances
from vision.video.actions.features import Segment
from vision.video.events import MAX_TRACKS, TIMES, Event, events_of, nearest_in_time, notes_of
from vision.video.motions import ACTION, MEETING_KINDS, MOTIONS, OF, SIDE, SIDES, WITH, Grid, longest
from vision.video.tracks import Track, Tracks, things_of

MOSTLY = 0.5
"""Share of its time that a track must be in a part of the picture to be there."""

KEPT_ANSWERS, KEPT_GRAPHS = 64, 4
"""Answers and graphs of a scene that are kept: the sets within a query are asked for again and again."""


@dataclass(frozen=True, eq=False)
class VideoScene:
    """What is in a video and what happens there, as a knowledge graph.

    Attributes:
        tracks: of the video, those of the graph.
        objects: the same as entities of the graph, in the same order.
        events: what happens, entities behind the tracks.
        names: the events' names, "enters 1".
        notes: what the user should know, one sentence each.

    Example:
        >>> scene.answer('~class("dog") & of(~kind("enters") & ~side("left"))')
    """

    tracks: Tracks
    objects: tuple[SceneObject, ...]
    events: tuple[Event, ...]
    names: tuple[str, ...]
    notes: tuple[str, ...] = ()
    _classes: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def from_tracks(cls, tracks: Tracks, actions: Sequence[Segment] = (), classes: Sequence[str] = ()) -> VideoScene:
        """Make the graph of a video.

        Args:
            tracks: of the video; those that only flicker up or double others are left out, and the `MAX_TRACKS` longest
                kept.
            actions: the segments that it was divided into, if it was; they become events of no track.
            classes: that a query may name although no track has them, beside COCO's.
        """
        things, left_out = things_of(tracks)
        kept = replace(things, items=longest(things.items, MAX_TRACKS))
        events = (*events_of(kept), *_segments(kept, actions))
        words = [track.model_class for track in kept]
        names = numbered(words, taken=(event.kind for event in events))
        objects = tuple(_described(track, place, names[place], tracks.image_size) for place, track in enumerate(kept))
        event_names = numbered([event.kind for event in events], taken=(*names, *words))
        notes = [*tracks.notes, *notes_of(things.items, events)]
        for count, reason in left_out.reasons:
            which = "One track is" if count == 1 else f"{count:,} tracks are"
            notes.append(f"{which} left out that {reason}.")
        return cls(kept, objects, events, tuple(event_names), tuple(notes), (*words, *classes))

    def __len__(self) -> int:
        return len(self.objects)

    def __repr__(self) -> str:
        return f"VideoScene(tracks={len(self.objects)}, events={len(self.events)}, seconds={self.tracks.duration:.1f})"

    @property
    def actions(self) -> tuple[str, ...]:
        """The labels of the actions that the video was divided into, each once."""
        return tuple(dict.fromkeys(event.kind for event in self.events if event.of is None))

    @cached_property
    def kg(self) -> KnowledgeGraph:
        """The graph: entity i is track i, the events come after the tracks, and words after them."""
        return self._graph((), {}, {})

    def answer(self, query: Query | str, words: Sequence[str] = ()) -> Answer:
        """Run a logical query over the relations of docs/video.md by the exact executor.

        It may name `words` although no track has such a class, beside COCO's classes and those of the scene.

        Raises:
            SkylarkError: it isn't well formed, or names what isn't known.
        """
        return self._answer(Query.parse(query) if isinstance(query, str) else query, tuple(words))

    @cached_property
    def _answer(self) -> Callable[[Query, tuple[str, ...]], Answer]:
        return lru_cache(KEPT_ANSWERS)(self._run)

    def _run(self, query: Query, words: tuple[str, ...]) -> Answer:
        times, measured = dict.fromkeys(_of_times(query)), dict.fromkeys(measured_relations(query))
        graph = self._extended(tuple(times), tuple(measured), words) if times or measured or words else self.kg
        return reasoning.Reasoner(graph, method="exact").answer(query)

    @cached_property
    def _extended(self) -> Callable[..., KnowledgeGraph]:
        return lru_cache(KEPT_GRAPHS)(self._with)

    def _with(
        self, times: Sequence[Project | Every], measured: Sequence[MeasuredRelation], words: tuple[str, ...]
    ) -> KnowledgeGraph:
        """The graph with what is found for one query alone: relations of time, measures, further words."""
        new = tuple(word for word in words if word not in self._classes and word not in COCO_CLASSES)
        if not (times or measured or new):
            return self.kg
        values = {str(relation): self._measured(relation, words) for relation in measured}
        return self._graph(new, self._times(times, words), values)

    def members(self, answer: Answer) -> list[int]:
        """Places of an answer's tracks among all of them, in its order; events and words are left out."""
        return [int(entity) for entity in answer.ranked if entity < len(self.objects)]

    def events_in(self, answer: Answer) -> list[Event]:
        """An answer's events, in the order of time."""
        found = [self.events[place] for place in self._event_places(answer)]
        return sorted(found, key=lambda event: (event.start, event.end))

    def name_of(self, track_id: int) -> str:
        """The name of a track by its id."""
        return self.objects[self._places[track_id]].name

    def happened_to(self, events: Iterable[Event]) -> list[int]:
        """The places of the tracks that events happen to, each once, in the order of the events."""
        return list(dict.fromkeys(self._places[event.of] for event in events if event.of is not None))

    def told_by(self, evidence: Iterable[Evidence]) -> tuple[list[Event], list[tuple[str, str, str | Value]]]:
        """What an answer's evidence tells: the events in it, all that a relation between two tracks holds by, and the
        other facts as head, relation and tail.
        """
        first, count = len(self.objects), len(self.events)
        places: dict[int, None] = {}
        facts: list[tuple[str, str, str | Value]] = []
        for one in evidence:
            own = [entity for entity in (one.head_entity, one.tail_entity) if entity is not None]
            happened = [entity - first for entity in own if first <= entity < first + count]
            if len(own) == 2 and max(own) < first:
                happened = self._events_between.get((one.relation, own[0], own[1]), [])
            places |= dict.fromkeys(happened)
            if not happened:
                facts.append((one.head, one.relation, one.tail))
        return [self.events[place] for place in places], facts

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable: the tracks with what the graph says of each, and the events by the tracks' names."""
        tracks = [
            {
                "name": item.name, "id": track.id, "class": item.class_name, "supercategory": item.supercategory,
                "colours": list(item.colours), "size": item.size, "positions": list(item.positions),
                "start": round(track.start, 3), "end": round(track.end, 3),
            }
            for track, item in zip(self.tracks, self.objects, strict=True)
        ]  # fmt: skip
        names: dict[int | None, str | None] = {track.id: self.name_of(track.id) for track in self.tracks}
        events = [
            {**event.to_dict(), "name": name, "of": names.get(event.of), "with": names.get(event.with_)}
            for event, name in zip(self.events, self.names, strict=True)
        ]
        return {"tracks": tracks, "events": events, "notes": list(self.notes)}

    def _event_places(self, answer: Answer) -> list[int]:
        first = len(self.objects)
        return [int(entity) - first for entity in answer.ranked if first <= entity < first + len(self.events)]

    @cached_property
    def _places(self) -> dict[int, int]:
        return {track.id: place for place, track in enumerate(self.tracks)}

    @cached_property
    def _events_between(self) -> dict[tuple[str, int, int], list[int]]:
        """The places of events between two tracks, by kind and the places of the tracks."""
        places = self._places
        found: dict[tuple[str, int, int], list[int]] = {}
        for number, event in enumerate(self.events):
            if event.of is not None and event.with_ is not None:
                found.setdefault((event.kind, places[event.of], places[event.with_]), []).append(number)
        return found

    @cached_property
    def _boxes(self) -> NDArray[np.float64]:
        """The median box of each track, shape (tracks, 4)."""
        return np.array([np.median(track.xyxy, axis=0) for track in self.tracks], np.float64).reshape(-1, 4)

    @cached_property
    def _spans(self) -> NDArray[np.float64]:
        return np.array([(event.start, event.end) for event in self.events], np.float64).reshape(-1, 2)

    @cached_property
    def _said(self) -> list[tuple[int, str, str]]:
        said = [triple for item in self.objects for triple in item.attributes()]
        for number, event in enumerate(self.events, start=len(self.objects)):
            said.append((number, KIND, event.kind))
            if event.of is None:
                said.append((number, KIND, ACTION))
            if event.side:
                said.append((number, SIDE, event.side))
        return said

    @cached_property
    def _relations(self) -> Mapping[str, NDArray[np.intp]]:
        """What leads from events to tracks, and from track to track where there is an event of it."""
        pairs: dict[str, list[tuple[int, int]]] = {OF: [], WITH: [], **{kind: [] for kind in MEETING_KINDS}}
        for kind, one, other in self._events_between:
            pairs[kind].append((one, other))
        for number, event in enumerate(self.events, start=len(self.objects)):
            for relation, track_id in ((OF, event.of), (WITH, event.with_)):
                if track_id is not None:
                    pairs[relation].append((number, self._places[track_id]))
        return {name: np.array(rows, np.intp).reshape(-1, 2) for name, rows in pairs.items()}

    def _graph(
        self, words: Sequence[str], times: Mapping[str, NDArray[np.intp]], values: Mapping[str, NDArray[np.float64]]
    ) -> KnowledgeGraph:
        empty = np.zeros((0, 2), np.intp)
        return graph_of(
            name="video",
            source="measured in one video",
            things=[*(item.name for item in self.objects), *self.names],
            said=self._said,
            relations={**self._relations, **dict.fromkeys(TIMES, empty), SIDE: empty, **times},
            measures=[*self._measures, *((name, found, "") for name, found in values.items())],
            words=(*MOTIONS, *MEETING_KINDS, ACTION, *SIDES, *self._classes, *COCO_CLASSES, *words),
        )

    @cached_property
    def _measures(self) -> Measures:
        return list(self._values())

    def _values(self) -> Iterator[tuple[str, NDArray[np.float64], str]]:
        spans = [(track.start, track.end) for track in self.tracks]
        starts, ends = np.concatenate([np.array(spans, np.float64).reshape(-1, 2), self._spans]).T
        yield "start", starts, "seconds"
        yield "end", ends, "seconds"
        yield "duration", ends - starts, "seconds"
        paths = map(Grid.of(self.tracks).path, self.tracks) if len(self.tracks) else ()
        # The mean over a track's time.
        speeds = [float(np.linalg.norm(path.velocity, axis=1).mean()) / self.tracks.image_size[0] for path in paths]
        yield "speed", np.array(speeds, np.float64), "widths a second"
        yield from box_measures(self._boxes, self.tracks.image_size)
        scores = [np.nan if track.scores is None else float(np.median(track.scores)) for track in self.tracks]
        yield "score", np.array(scores, np.float64), ""

    def _measured(self, relation: MeasuredRelation, words: tuple[str, ...]) -> NDArray[np.float64]:
        """Distances from the nearest of some tracks, or what lies between some, by the median boxes."""
        sets = [np.array(self.members(self._answer(members, words)), np.intp) for members in relation.sets]
        if relation.startswith(DISTANCE):
            return distances(self._boxes, *sets)
        return between(self._boxes, *sets).astype(np.float64)

    def _times(self, parts: Sequence[Project | Every], words: tuple[str, ...]) -> dict[str, NDArray[np.intp]]:
        """The pairs of events that stand in the relations of time that a query names, as far as it needs them."""
        found: dict[str, list[NDArray[np.intp]]] = {}
        for part in parts:
            if isinstance(part, Every):
                raise QueryError(f"{part} compares times with all of several events at once, which videos do not offer")
            members = np.array(self._event_places(self._answer(part.source, words)), np.intp)
            pairs = nearest_in_time(part.relation, self._spans, members, inverse=part.inverse)
            found.setdefault(part.relation, []).append(pairs + len(self.objects))
        return {relation: np.unique(np.concatenate(pairs), axis=0) for relation, pairs in found.items()}


def _of_times(query: Query) -> Iterator[Project | Every]:
    if isinstance(query, Project | Every) and query.relation in TIMES:
        yield query
    for child in query.children:
        yield from _of_times(child)


def _described(track: Track, place: int, name: str, image_size: tuple[int, int]) -> SceneObject:
    there = in_regions(track.xyxy, image_size)
    return SceneObject(
        name=name,
        index=place,
        class_name=track.model_class,
        supercategory=COCO_SUPERCATEGORIES.get(track.model_class),
        colours=track.colours,
        partly=track.colours,
        doubt="" if track.colours else "it was not measured",
        size=size_of(float(np.median(Boxes(track.xyxy.astype(np.float64)).area))),
        positions=tuple(region for region, inside in there.items() if inside.mean() > MOSTLY),
    )


def _segments(tracks: Tracks, actions: Sequence[Segment]) -> Iterator[Event]:
    for action in actions:
        ends = np.searchsorted(tracks.times, (action.start, action.end))
        frames = tracks.frames[np.minimum(ends, len(tracks.frames) - 1)].tolist() if len(tracks.frames) else (0, 0)
        yield Event(action.label, None, None, "", action.start, action.end, *frames)
