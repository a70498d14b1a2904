"""What happens in a video, said of tracks and of events: two forms of the same, and the way from each to the other.

A sentence names tracks ("the dog that leaves", `~class("dog") & of(~kind("leaves"))`); where it is asked when something
happens, or what comes before it, the events are meant (`~kind("leaves") & ~of(~class("dog"))`). Of several things that
are said of a track, the last one is what happens: "when is the man with the suitcase near the dog?".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeGuard

from reasoning.query.rebuilding import rebuilt
from reasoning.query.tree import Compare, Entity, Intersect, Project, Query, Top, Union
from vision.reading.expressions.sentence import EVERYTHING, both, either, ordinal
from vision.scene.building import KIND, OBJECT
from vision.scene.relations import RELATIONS
from vision.video.happenings.kinds import ACTION, APPEARS, BEFORE, DURING, MEETINGS, OF, SIDE, WITH

PAIRED = frozenset({*RELATIONS, *MEETINGS})
"""Kinds of events that are relations between two tracks."""

EVENT_MEASURES = ("start", "end", "duration")
"""Values that an event has."""

_ORDER = (KIND, SIDE, OF, WITH, BEFORE, DURING)


def kind_of_event(kind: str) -> Query:
    """All events of a kind."""
    return Project(KIND, Entity(kind), inverse=True)


def with_part(relation: str, tracks: Query) -> tuple[Query, ...]:
    """Events of (or with) some tracks; of any track is no condition."""
    return () if tracks == EVERYTHING else (Project(relation, tracks, inverse=True),)


def events(parts: Sequence[Query]) -> Query:
    """The events to which all conditions apply, written in one order."""
    flat = [one for part in parts for one in _parts(part)]
    return both(sorted(flat, key=_place))


def is_of_events(query: Query) -> bool:
    """Whether a query's members are events and not tracks."""
    match query:
        case Project(relation=relation, source=source, inverse=True):
            if relation == KIND:
                return source != Entity(OBJECT)
            return relation in (OF, WITH, SIDE, BEFORE, DURING)
        case Project(relation=relation):
            return relation in (BEFORE, DURING)
        case Intersect(parts=parts):
            return any(map(is_of_events, parts))
        case Union(parts=parts):
            return all(map(is_of_events, parts))
        case Top(source=source) | Compare(source=source):
            return is_of_events(source)
    return False


def events_meant(things: Query) -> Query:
    """The events of which a set of tracks is said: of the last thing that happens to them, or that they appear."""
    if is_of_events(things):
        return things
    if isinstance(things, Union):
        return either([events_meant(part) for part in things.parts])
    parts = _parts(things)
    for at in reversed(range(len(parts))):
        if (happening := _happening(parts[at])) is not None:
            role, own = happening
            rest = parts[:at] + parts[at + 1 :]
            return events([own, *(with_part(role, both(rest)) if rest else ())])
    return events([kind_of_event(APPEARS), *with_part(OF, things)])


def happens(things: Query) -> bool:
    """Whether something is said to happen to a set of tracks, beside that they are there."""
    if isinstance(things, Union):
        return any(map(happens, things.parts))
    return any(_happening(part) is not None for part in _parts(things))


def is_action(things: Query) -> bool:
    """Whether a set is said of an action of the whole video, which is no track's."""
    return any(_has_kind(part.source, ACTION) for part in _parts(things) if _is_role(part))


def tracks_meant(of_events: Query, role: str = OF) -> Query:
    """The set of tracks by which events are said; `events_meant` gives the events again.

    Args:
        of_events: the events.
        role: of which tracks: `OF` those that it happens to, or the first ones; `WITH` the second ones.
    """
    if isinstance(of_events, Union):
        return either([tracks_meant(part, role) for part in of_events.parts])
    other = WITH if role == OF else OF
    conditions = _parts(of_events)
    tracks = [part for one in _sources(conditions, role) for part in _parts(one)]
    others = _sources(conditions, other)
    kinds = [one.name for one in _sources(conditions, KIND) if isinstance(one, Entity)]
    rest = [one for one in conditions if not any(_is(one, relation) for relation in (OF, WITH, KIND))]
    if len(kinds) == 1 and kinds[0] in PAIRED and not rest:
        return both([*tracks, Project(kinds[0], both(others) if others else EVERYTHING, inverse=role == OF)])
    if kinds == [APPEARS] and not rest and tracks and not happens(both(tracks)):
        return both(tracks)
    own = [one for one in conditions if not _is(one, role)]
    return both([*tracks, Project(role, events(own))]) if own else both(tracks)


def as_said(query: Query) -> Query:
    """A query over tracks with all that happens in it in the form of `tracks_meant`."""

    def said(part: Query) -> Query:
        return tracks_meant(part.source, part.relation) if _is_role(part) else part

    return rebuilt(query, said)


def _parts(query: Query) -> tuple[Query, ...]:
    """Those of which all must apply."""
    if not isinstance(query, Intersect) or ordinal(query) is not None:
        return (query,)
    return tuple(one for part in query.parts for one in _parts(part))


def _is(query: Query, relation: str) -> bool:
    """Whether it is what leads to some things by a relation."""
    return isinstance(query, Project) and query.inverse and query.relation == relation


def _is_role(query: Query) -> TypeGuard[Project]:
    """Whether it is the tracks that some events happen to."""
    return isinstance(query, Project) and not query.inverse and query.relation in (OF, WITH)


def _sources(conditions: Sequence[Query], relation: str) -> list[Query]:
    return [one.source for one in conditions if isinstance(one, Project) and _is(one, relation)]


def _has_kind(of_events: Query, kind: str) -> bool:
    if isinstance(of_events, Top):
        return _has_kind(of_events.source, kind)
    if (ranked := ordinal(of_events)) is not None:
        return _has_kind(ranked, kind)
    return Entity(kind) in _sources(_parts(of_events), KIND)


def _happening(part: Query) -> tuple[str, Query] | None:
    """What a part of a set says that happens: the tracks' role in it, and the events."""
    if not isinstance(part, Project):
        return None
    if _is_role(part):
        return part.relation, part.source
    if part.relation not in PAIRED:
        return None
    role, other = (OF, WITH) if part.inverse else (WITH, OF)
    return role, events([kind_of_event(part.relation), *with_part(other, part.source)])


def _place(condition: Query) -> int:
    relation = condition.relation if isinstance(condition, Project) else ""
    return _ORDER.index(relation) if relation in _ORDER else len(_ORDER)
