"""Which of the objects an instruction keeps: how many by which rank, where in the image, of what size, how sure.

What cannot be held by a task is added to the caller's list of what is left unread.
"""

from __future__ import annotations

from vision.errors import InstructionError
from vision.reading.instructions.contradictions import agreed, check_bounds, refuse
from vision.reading.instructions.phrases.regions import Region, intersection
from vision.reading.instructions.phrases.rules import Reading
from vision.reading.instructions.sentences.parsed import Span
from vision.task import Limit, Order, RankKey, SizeRange

BOUNDS = tuple(f"{side}_{name}" for name in ("area", "area_share", "width", "height") for side in ("min", "max"))
"""Fields of a reading that bound the size."""
_MIN_COUNT = 1


def limit(reading: Reading, plural: bool, unread: list[Span]) -> Limit | None:
    """How many are kept, and by which rank; `plural` where several things are spoken of.

    Raises:
        InstructionError: the number is none, or two numbers or ranks contradict each other.
    """
    ranks, counts = reading.of("rank"), reading.of("count")
    rank, count = agreed(reading, "rank"), agreed(reading, "count")
    if count is not None and (count < _MIN_COUNT or count != int(count)):
        place = counts[0]
        raise InstructionError(
            f"{reading.source.original_at(place.start, place.end)!r} asks for {count:g} objects: expected "
            f"a whole number, 1 or more"
        )
    if rank is not None and count is None and plural:
        unread += [(one.start, one.end) for one in ranks]
        reading.note("How many are wanted by this rank is not said.")
        return None
    if rank is None and count is None:
        return None
    ranked: tuple[RankKey, Order] = rank or ("score", "descending")
    by, order = ranked
    return Limit(int(count or 1), by, order)


def region(reading: Reading, phrases: int, unread: list[Span]) -> Region | None:
    """The part of the image that all of so many phrases lie in.

    Raises:
        InstructionError: two parts have nothing in common.
    """
    regions = reading.of("region")
    if not regions:
        return None
    both = intersection(regions)
    if both is not None:
        return both
    if phrases > 1:
        unread += [(one.start, one.end) for one in regions]
        reading.note("One part of the image holds for all classes; a part for each cannot be asked for at once.")
        return None
    other = next(one for one in regions if intersection([regions[0], one]) is None)
    raise refuse(reading, (regions[0].start, regions[0].end), (other.start, other.end))


def size(reading: Reading) -> SizeRange | None:
    """The bounds on the size; of two on the same side the narrower.

    Raises:
        InstructionError: a lower bound lies above its upper one.
    """
    bounds: dict[str, float] = {}
    for name in BOUNDS:
        values = [one.value for one in reading.of(name)]
        if values:
            # Of two bounds on the same side the narrower one is met by both.
            bounds[name] = max(values) if name.startswith("min") else min(values)
    check_bounds(reading, bounds)
    return SizeRange(**bounds) if bounds else None


def min_score(reading: Reading, unread: list[Span]) -> float | None:
    """The least score, 0 to 1; an upper bound cannot be asked for and is reported.

    Raises:
        InstructionError: it lies above an upper bound.
    """
    lows, highs = reading.of("min_score"), reading.of("max_score")
    low: float | None = agreed(reading, "min_score")
    for high in highs:
        if low is not None and low > high.value:
            raise refuse(reading, (lows[0].start, lows[0].end), (high.start, high.end))
        unread.append((high.start, high.end))
    return low
