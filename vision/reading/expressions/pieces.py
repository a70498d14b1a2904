"""The pieces of written sentences: words for what is asked, for relations, ranks, places, and for what happens.

Nearly all are one token of the embedded model, for which some are plainer than the word that they stand for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from vision.reading.expressions.sentence import Question
from vision.video.happenings.kinds import BEFORE, DURING, MEETINGS, MOTIONS

RELATIONS: Mapping[str, str] = {
    " left": "left_of", " right": "right_of", " above": "above", " below": "below", " inside": "inside",
    " contains": "contains", " touching": "overlapping", " near": "near", " beside": "next_to", " on": "on",
    " top": "on_top_of", " under": "under", " front": "in_front_of", " behind": "behind", " larger": "larger_than",
    " smaller": "smaller_than", " taller": "taller_than", " shorter": "shorter_than",
}  # fmt: skip
RANKS: Mapping[str, tuple[str, bool]] = {
    " largest": ("area", True), " smallest": ("area", False), " first": ("x", False), " last": ("x", True),
    " highest": ("y", False), " lowest": ("y", True), " tallest": ("height", True), " shortest": ("height", False),
    " widest": ("width", True), " thin": ("width", False), " central": ("from_centre", False),
    " outer": ("from_centre", True), " best": ("score", True), " northwest": ("from_top_left", False),
    " northeast": ("from_top_right", False), " southwest": ("from_bottom_left", False),
    " southeast": ("from_bottom_right", False),
}  # fmt: skip
DISTANCES: Mapping[str, bool] = {" nearest": False, " farthest": True}
BETWEEN_PIECE, PLACE, SIZE = " between", " place", " size"
PLACES = (
    "left half", "right half", "top half", "bottom half", "left third", "middle third", "right third", "top third",
    "bottom third", "centre",
)  # fmt: skip
SIZES = ("small", "medium", "large")

NUMBERED = ("find", "what", "where", "colour")
"""Questions that say how many things are meant."""

LEAST: Mapping[str, str] = {" least": ">=", " most": "<=", " exactly": "="}
"""Yes-or-no questions about a number: "are there at least two dogs?"."""

_HEADS: Mapping[str, tuple[Question, bool]] = {
    " count": ("count", False), " exists": ("exists", False), " colour": ("colour", False), " what": ("what", False),
    " where": ("where", False), " denied": ("exists", True),
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Pieces:
    """The pieces by which sentences about one sort of thing are written.

    Attributes:
        about: what they speak of, "picture" or "video".
        example: how one may say something of it.
        relations: piece to the relation between two things.
        ranks: piece to the measure by which things are ranked, and whether the largest come first.
        heads: what is asked, and whether the answer is the opposite of what the query gives. Finding begins with the
            number.
        often: heads that count how often something happens, and not things.
        happenings: piece to the kind of event of one thing.
        times: piece to the relation in which an event stands to others, and whether it is taken inversely.
        doing: pieces of an action, which may be named behind it.
    """

    about: str
    example: str
    relations: Mapping[str, str] = field(default_factory=lambda: RELATIONS)
    ranks: Mapping[str, tuple[str, bool]] = field(default_factory=lambda: RANKS)
    heads: Mapping[str, tuple[Question, bool]] = field(default_factory=lambda: _HEADS)
    often: tuple[str, ...] = ()
    happenings: Mapping[str, str] = field(default_factory=dict)
    times: Mapping[str, tuple[str, bool]] = field(default_factory=dict)
    doing: tuple[str, ...] = ()


PICTURE = Pieces("picture", '"the person left of the red bus"')
VIDEO = Pieces(
    "video",
    '"the red car that leaves before the bus stops"',
    relations={**RELATIONS, **{f" {kind}": kind for kind in MEETINGS}},
    ranks={
        **RANKS,
        " earliest": ("start", False), " latest": ("start", True), " longest": ("duration", True),
        " brief": ("duration", False), " fastest": ("speed", True), " slow": ("speed", False),
    },
    heads={**_HEADS, " when": ("when", False), " long": ("long", False), " way": ("way", False),
           " times": ("count", False)},
    often=(" times",),
    happenings={f" {kind}": kind for kind in MOTIONS},
    times={" before": (BEFORE, True), " after": (BEFORE, False), " while": (DURING, True)},
    doing=(" doing",),
)  # fmt: skip
