"""What the parts of an instruction say, together; parts that cannot both hold are refused in their own words."""

from __future__ import annotations

from typing import Any

from vision.errors import InstructionError
from vision.reading.instructions.phrases.rules import Field, Reading, Said

_FIXED_FORMS = {
    "yolo": {"box": {"cxcywh"}, "scale": {"unit"}, "class_as": {"index"}},
    "coco": {"box": {"xywh"}, "scale": {"pixel"}, "class_as": {"index", "name"}},
    "voc": {"box": {"xyxy"}, "scale": {"pixel"}, "class_as": {"name"}},
}
"""What the standards fix; an instruction that states otherwise asks for two formats at once."""


def agreed(reading: Reading, name: Field) -> Any | None:
    """The one value that is said of a field, or None where nothing is.

    A weak statement counts only where no other stands beside it.

    Raises:
        InstructionError: two parts of the instruction say different things.
    """
    said = reading.of(name)
    stated = [one for one in said if not one.ruled_out]
    strong = [one for one in stated if not one.weak] or stated
    for one in strong[1:]:
        if one.value != strong[0].value:
            raise conflict(reading, strong[0], one)
    for one in said:
        if one.ruled_out and strong and one.value == strong[0].value and not strong[0].weak:
            raise conflict(reading, strong[0], one)
    if not strong or any(one.ruled_out and one.value == strong[0].value for one in said):
        return None
    return strong[0].value


def switched(reading: Reading, name: Field) -> bool | None:
    """Whether a field of yes or no is on; "no scores" says that it is off.

    Raises:
        InstructionError: it is asked for and ruled out.
    """
    said = reading.of(name)
    on = [one for one in said if one.value is not one.ruled_out]
    off = [one for one in said if one.value is one.ruled_out]
    if on and off and not (on[0].weak or off[0].weak):
        raise conflict(reading, on[0], off[0])
    return True if on else False if off else None


def check_bounds(reading: Reading, bounds: dict[str, float]) -> None:
    """Refuse a lower bound above its upper bound.

    Raises:
        InstructionError: nothing can lie between the two.
    """
    for name in ("width", "height", "area", "area_share"):
        low, high = bounds.get(f"min_{name}"), bounds.get(f"max_{name}")
        if low is not None and high is not None and low > high:
            raise conflict(reading, reading.of(f"min_{name}")[0], reading.of(f"max_{name}")[0])


def check_format(reading: Reading, name: str | None) -> None:
    """Refuse a form or scale that the named format cannot have.

    Raises:
        InstructionError: a standard fixes it otherwise, or location tokens are asked for in pixels.
    """
    by = next((one for one in reading.of("format") if one.value == name), None)
    if by is None:
        return
    if name == "tokens":
        for one in reading.of("scale"):
            if one.value in ("pixel", "unit") and not one.ruled_out:
                raise conflict(reading, by, one)
    for field, allowed in _FIXED_FORMS.get(name or "", {}).items():
        for one in reading.of(field):
            if one.value not in allowed and not one.ruled_out and not one.weak:
                raise conflict(reading, by, one)


def refuse(reading: Reading, first: tuple[int, int], second: tuple[int, int]) -> InstructionError:
    """The error for two parts of the text, as [start, end), that cannot both hold."""
    one, other = (reading.source.original_at(*place).strip(" ,;") for place in (first, second))
    return InstructionError(
        f"{one!r} and {other!r} contradict each other: expected an instruction in which both can hold"
    )


def conflict(reading: Reading, one: Said, other: Said) -> InstructionError:
    """The error for two statements that cannot both hold, in the order of the text."""
    first, second = sorted((one, other), key=lambda said: said.start)
    return refuse(reading, (first.start, first.end), (second.start, second.end))
