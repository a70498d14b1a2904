"""What a language model replies to an instruction, as one structure, and the task that it means.

The instruction comes from a stranger. What the model names must stand in the instruction: a class that it made up, or
was talked into, has no effect. What words mean among the detector's classes is decided by the matcher.
"""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from vision.classes import COCO_CLASSES, Match, Matcher
from vision.classes.emoji import emoji_name
from vision.errors import InstructionError
from vision.task import (
    BoxForm,
    ClassForm,
    FormatName,
    Geometry,
    Kind,
    Limit,
    Order,
    OutputFormat,
    RankKey,
    Scale,
    SizeRange,
    Target,
    Task,
    Undetectable,
)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class LimitReply(_Strict):
    """The objects that are kept by rank."""

    count: int = Field(ge=1, description="how many objects are kept; 1 for 'the largest dog'")
    by: RankKey = Field(
        default="score", description="area for largest or smallest, x or y for left/right or top/bottom"
    )
    order: Order = Field(default="descending", description="largest, rightmost, lowest, surest are descending")


class RegionReply(_Strict):
    """The part of the image that objects lie in, as shares of it: the left half has right=0.5."""

    left: float = Field(default=0, ge=0, le=1)
    top: float = Field(default=0, ge=0, le=1)
    right: float = Field(default=1, ge=0, le=1)
    bottom: float = Field(default=1, ge=0, le=1)


class SizeReply(_Strict):
    """Bounds on the size of boxes, in pixels, square pixels or shares of the image."""

    min_area: float | None = Field(default=None, ge=0)
    max_area: float | None = Field(default=None, ge=0, description="small things have at most 1024 square pixels")
    min_area_share: float | None = Field(default=None, ge=0, le=1)
    max_area_share: float | None = Field(default=None, ge=0, le=1)
    min_width: float | None = Field(default=None, ge=0)
    max_width: float | None = Field(default=None, ge=0)
    min_height: float | None = Field(default=None, ge=0)
    max_height: float | None = Field(default=None, ge=0)


class OutputReply(_Strict):
    """How the result is written."""

    format: FormatName = "tuple"
    geometry: Geometry | None = Field(default=None, description="box or polygon, where the instruction says which")
    points: int | None = Field(default=None, ge=3, le=10_000, description="points of a polygon")
    box: BoxForm = Field(default="xyxy", description="corners, corner and size, or centre and size")
    scale: Scale = Field(default="pixel", description="unit for 0 to 1, range for whole numbers up to a range")
    range: int = Field(default=512, ge=1, le=1_000_000)
    offsets: bool = Field(default=False, description="coordinates are offsets from each object's centre point")
    centre: bool = Field(default=True, description="false where offsets must not carry the centre")
    class_as: ClassForm = Field(
        default="name", description="token where the class set has <c0>, index for numbers from 0"
    )
    label_key: str = Field(default="label", max_length=100)
    box_key: str = Field(default="bbox", max_length=100)
    score: bool = Field(default=False, description="true where the score is to be written")


class TaskReply(_Strict):
    """What an instruction for an object detector asks for."""

    kind: Kind = Field(
        default="detect", description="ground for an expression in which a relation to another object decides"
    )
    classes: list[str] = Field(default_factory=list, description="class names asked for; none for everything")
    excluded: list[str] = Field(default_factory=list, description="class names ruled out")
    explicit_set: bool = Field(default=False, description="true where the classes stand in braces or a quoted list")
    asks_whether: bool = Field(default=False, description="true where it only asks if there is any such thing")
    expression: str | None = Field(default=None, description="for ground, the referring expression")
    limit: LimitReply | None = None
    region: RegionReply | None = None
    size: SizeReply | None = None
    min_score: float | None = Field(default=None, ge=0, le=1)
    output: OutputReply = Field(default_factory=lambda: OutputReply())
    contradiction: str | None = Field(default=None, description="the two parts that contradict each other, if any do")
    unread: list[str] = Field(default_factory=list)


def task_of(text: str, reply: TaskReply, matcher: Matcher) -> Task:
    """The task that a reply means.

    Args:
        text: the instruction.
        reply: to it.
        matcher: what words mean among the classes of the detector.

    Raises:
        InstructionError: the instruction contradicts itself.
    """
    if reply.contradiction:
        raise InstructionError(
            f"the instruction contradicts itself ({reply.contradiction}): expected one in which all parts can hold"
        )
    _require_sizes(reply.size)
    notes: list[str] = []
    said = _Said(text)
    wanted = said.of("class", reply.classes, notes)
    excluded = said.of("excluded class", reply.excluded, notes)
    expression = reply.expression if reply.kind in ("ground", "count") else None
    if expression is not None and not said.holds(expression):
        notes.append(f"The language model's expression {expression!r} is not in the instruction, so it was left out.")
        expression = None
    expression = None if expression is None else _bare(expression)
    kind: Kind = "detect" if reply.kind == "ground" and expression is None else reply.kind
    matches = matcher.match_all([*wanted, *excluded])
    out = {name for match in matches[len(wanted) :] for name in match.classes}
    targets, undetectable = _targets(wanted, matches[: len(wanted)], out, reply.explicit_set)
    if not wanted and out:
        known = getattr(matcher, "vocabulary", None) or COCO_CLASSES
        targets = {name: Target(name, (name,)) for name in known if name not in out}
    if wanted and not targets and not undetectable:
        raise InstructionError(
            "the instruction rules out everything that it asks for: expected one that leaves something"
        )
    everything = not wanted and not out
    class_set = wanted if reply.explicit_set else list(targets)
    return Task(
        instruction=text,
        kind=kind,
        targets=None if everything or kind == "ground" else tuple(targets.values()),
        class_set=(expression,)
        if kind == "ground" and expression
        else ()
        if everything
        else tuple(dict.fromkeys(class_set)),
        undetectable=() if kind == "ground" else tuple(undetectable.values()),
        asks_whether=reply.asks_whether,
        expression=expression,
        limit=None if reply.limit is None else Limit(reply.limit.count, reply.limit.by, reply.limit.order),
        region=_region(reply, notes),
        size=None if reply.size is None else SizeRange(**reply.size.model_dump()),
        min_score=reply.min_score,
        output=_output(reply.output, kind),
        unread=tuple(reply.unread),
        notes=tuple(notes),
    )


def _require_sizes(size: SizeReply | None) -> None:
    """Raise an `InstructionError` where the least is more than the most."""
    for name in ("area", "area_share", "width", "height"):
        least, most = getattr(size, f"min_{name}", None), getattr(size, f"max_{name}", None)
        if least is not None and most is not None and least > most:
            words = name.replace("_", " ")
            raise InstructionError(
                f"the instruction contradicts itself ({words} at least {least:g} and at most {most:g}): expected "
                "bounds that something can lie between"
            )


def _targets(
    wanted: list[str], matches: list[Match], out: set[str], explicit: bool
) -> tuple[dict[str, Target], dict[str, Undetectable]]:
    targets: dict[str, Target] = {}
    undetectable: dict[str, Undetectable] = {}
    for phrase, match in zip(wanted, matches, strict=True):
        if not match.classes:
            undetectable.setdefault(match.label, Undetectable(match.label, match.nearest))
            continue
        left = tuple(name for name in match.classes if name not in out)
        if match.is_group and not explicit:
            for name in left:
                member = f"{match.colour} {name}" if match.colour else name
                targets.setdefault(member, Target(member, (name,), match.colour))
        elif left:
            label = phrase if explicit else match.label
            targets.setdefault(label, Target(label, left, match.colour))
    return targets, undetectable


def _output(reply: OutputReply, kind: Kind) -> OutputFormat:
    tokens = reply.format == "tokens"
    return OutputFormat(
        format=reply.format,
        geometry=reply.geometry or ("polygon" if kind == "segment" or reply.points else "box"),
        points=reply.points,
        box=reply.box,
        scale="range" if tokens else reply.scale,
        range_=reply.range,
        offsets=reply.offsets,
        centre=reply.centre,
        class_as="token" if tokens else reply.class_as,
        keys=(reply.label_key, reply.box_key),
        score=reply.score,
    )


def _region(reply: TaskReply, notes: list[str]) -> tuple[float, float, float, float] | None:
    if reply.region is None:
        return None
    region = reply.region
    if region.left < region.right and region.top < region.bottom:
        return region.left, region.top, region.right, region.bottom
    notes.append(f"The language model's region ({region}) is none, so it was left out.")
    return None


class _Said:
    """Which phrases stand in the instruction, whatever their case, spacing and marks."""

    def __init__(self, text: str) -> None:
        self._text = f" {_plain(text)} "
        self._words = set(self._text.split())

    def holds(self, phrase: str) -> bool:
        """Whether a phrase stands there as it is."""
        return f" {_plain(phrase)} " in self._text

    def names(self, phrase: str) -> bool:
        """Whether it holds a phrase's words: "red umbrellas" of "the red and blue umbrellas"."""
        return self._words.issuperset(_plain(phrase).split())

    def of(self, what: Literal["class", "excluded class"], phrases: list[str], notes: list[str]) -> list[str]:
        """The phrases whose words the instruction holds, each once; the others are noted."""
        kept = []
        for phrase in dict.fromkeys(" ".join(phrase.lower().split()) for phrase in phrases):
            if self.names(phrase):
                kept.append("".join(emoji_name(letter) or letter for letter in phrase))
            else:
                notes.append(f"The language model's {what} {phrase!r} is not in the instruction, so it was left out.")
        return kept


def _bare(expression: str) -> str:
    """An expression in lower case, without its article and the marks around it."""
    words = " ".join(expression.lower().split()).strip(" .,;:!?\"'")
    return re.sub(r"^(?:the|a|an) ", "", words)


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))
