"""Events in English: "person 1 carries suitcase 1 from 0:03 to 0:07"."""

from __future__ import annotations

from collections.abc import Callable

from vision.video.events import Event
from vision.video.happenings.kinds import APPEARS, CROSSES, ENTERS, LEAVES, MEETINGS, MOTIONS, MOVES

_UPWARDS = {"top": "upwards", "bottom": "downwards"}


def clock(seconds: float) -> str:
    """Minutes and seconds, "1:05.4", or hours before them; tenths where there are any."""
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    second = f"{rest // 10:02d}{f'.{rest % 10}' if rest % 10 else ''}"
    return f"{hours}:{minutes:02d}:{second}" if hours else f"{minutes}:{second}"


def event_words(event: Event, name_of: Callable[[int], str]) -> str:
    """What happens from when to when.

    Args:
        event: what happens.
        name_of: the name of a track by its id.
    """
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
