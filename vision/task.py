"""What an instruction asks for, as typed values: the one thing that passes from the reading of words to the looking.

A `Task` is made by rules and embeddings or by a language model. It is shown to the user; it chooses what the detector
is asked for, what is kept of what it finds, and how that is written.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Kind = Literal["detect", "segment", "ground", "describe", "count"]
FormatName = Literal["tuple", "json", "coco", "yolo", "voc", "tokens"]
Geometry = Literal["box", "polygon"]
BoxForm = Literal["xyxy", "xywh", "cxcywh"]
Scale = Literal["pixel", "unit", "range"]
ClassForm = Literal["name", "token", "index"]
RankKey = Literal["area", "x", "y", "score", "centre"]
Order = Literal["ascending", "descending"]

DEFAULT_RANGE = 512
"""VisionLLM's range: an absolute coordinate is i/512 of the width or height, an offset from -512 to 512 alike."""


@dataclass(frozen=True)
class Target:
    """One class of the user's own set.

    Attributes:
        label: the user's phrase, or the class's name where that says less; it becomes the class name of the boxes.
        classes: the classes of a closed-vocabulary model that it means, in the model's order; for a model with an open
            vocabulary the phrase that it is asked for.
        colour: a basic colour that the object must have, or None.
        narrower: the user's words where they name only a part of what the classes count, as "limousine" of "car": the
            boxes bear the class's name, and whether one of them is a limousine can't be told. Empty elsewhere.
    """

    label: str
    classes: tuple[str, ...]
    colour: str | None = None
    narrower: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """What the user calls it."""
        return self.narrower or (self.label,)


@dataclass(frozen=True)
class Undetectable:
    """A word that the model has no class for, with the classes that lie nearest in meaning, nearest first."""

    word: str
    nearest: tuple[str, ...] = ()


@dataclass(frozen=True)
class Limit:
    """At most so many of the detected objects, by rank.

    Attributes:
        count: how many, at least 1.
        by: `area` of the box, `x` or `y` of its centre, `score`, or `centre`: distance from the image's middle.
        order: which end is kept; the largest are the first in descending order of area.
    """

    count: int
    by: RankKey = "score"
    order: Order = "descending"


@dataclass(frozen=True)
class SizeRange:
    """Bounds on a box's size, all inclusive; areas in square pixels or as shares (0 to 1) of the image's area."""

    min_area: float | None = None
    max_area: float | None = None
    min_area_share: float | None = None
    max_area_share: float | None = None
    min_width: float | None = None
    max_width: float | None = None
    min_height: float | None = None
    max_height: float | None = None


@dataclass(frozen=True)
class OutputFormat:
    """How detections are written.

    Attributes:
        format: the family of formats; `tokens` are VisionLLM's class and location tokens, `<c0> <p-12>`.
        geometry: boxes, or polygons.
        points: vertices of a polygon; None for as many as the outline needs.
        box: corners, corner and size, or centre and size.
        scale: pixels of the original image, `unit` for 0 to 1 of width and height, `range` for whole i/`range_` of it.
        range_: the range of `range` scale.
        offsets: coordinates are offsets from the object's centre point, the middle of its box.
        centre: whether offsets carry the centre; without it the position is lost, and the text says so.
        class_as: the user's label, `<c0>`, or the index from 0 in the order of the class set.
        keys: in JSON, the keys of the label and of the coordinates.
        score: whether the score is written too.
    """

    format: FormatName = "tuple"
    geometry: Geometry = "box"
    points: int | None = None
    box: BoxForm = "xyxy"
    scale: Scale = "pixel"
    range_: int = DEFAULT_RANGE
    offsets: bool = False
    centre: bool = True
    class_as: ClassForm = "name"
    keys: tuple[str, str] = ("label", "bbox")
    score: bool = False


@dataclass(frozen=True)
class Task:
    """An instruction as it was read.

    Attributes:
        instruction: its text.
        kind: what is to be done. `ground` finds the objects that one referring expression names.
        targets: the class set in the order given, without what cannot be detected; None for everything that the model
            knows.
        class_set: the labels in which indexes and `<c0>` tokens count, in order: those of the targets, and, where the
            instruction gives a class set of its own, those that cannot be detected too. Empty for everything.
        undetectable: words that the model has no class for.
        asks_whether: it asks whether there is any such thing in the image; the answer's value is then true or false, or
            None where the model cannot tell.
        expression: the referring expression to ground, or None. For `count` it is set where relations matter.
        limit: how many are kept, by rank, or None for all.
        region: shares (x0, y0, x1, y1) of the image, 0 to 1, in which a box's middle must lie, or None.
        size: bounds on the size, or None.
        min_score: bound on the score, or None for the caller's.
        output: how the result is written.
        unread: parts of the instruction that were not understood or are not obeyed, as they stand in it.
        understood: False where no part of it says what is looked for and something was not understood: everything
            would be a guess, so nothing is looked for.
        notes: what was assumed in reading it, one sentence each.
        probability: that it is what was meant, where a language model read it; else None.
        rivals: other tasks that the instruction may mean, the likeliest first.
    """

    instruction: str = ""
    kind: Kind = "detect"
    targets: tuple[Target, ...] | None = None
    class_set: tuple[str, ...] = ()
    undetectable: tuple[Undetectable, ...] = ()
    asks_whether: bool = False
    expression: str | None = None
    limit: Limit | None = None
    region: tuple[float, float, float, float] | None = None
    size: SizeRange | None = None
    min_score: float | None = None
    output: OutputFormat = field(default_factory=OutputFormat)
    unread: tuple[str, ...] = ()
    understood: bool = True
    notes: tuple[str, ...] = ()
    probability: float | None = None
    rivals: tuple[Task, ...] = ()

    @property
    def seeks_nothing(self) -> bool:
        """Whether nothing can be looked for: it was not understood, or the model has no class for any of its words."""
        return not self.understood or (self.targets == () and bool(self.undetectable))

    def to_dict(self) -> dict[str, Any]:
        """Every field as plain values that `json.dumps` takes; the range of the output under its own name."""
        plain = asdict(self)
        plain["output"]["range"] = plain["output"].pop("range_")
        plain["rivals"] = [rival.to_dict() for rival in self.rivals]
        return plain

    def describe(self) -> str:
        """The task in plain English, a line each: what is done, kept and written, and what was not understood."""
        from vision.parsing.instruction_reader import as_text

        return as_text(self)
