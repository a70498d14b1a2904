"""The words that link two things, and the relations of the scene that stand for them.

Boxes show that things touch, not what they do: "riding" is being on something, "holding" is overlapping it. A link has
a strict reading and, where people use the words more widely than that, a loose one, which is taken only where the
strict one leads to nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

IMAGE = r"(?:image|picture|photo|photograph|scene|frame|shot|view|snapshot)"
_NOT_OF_IMAGE = rf"(?! (?:the|this|that|an?) {IMAGE}\b)"
_SIDE = (
    r"(?:(?:to|on|at|in|towards?) )?(?:the |its )?(?:far |immediate |very )?{0}(?: hand)?(?: side)? of" + _NOT_OF_IMAGE
)


@dataclass(frozen=True)
class Link:
    """Words between two things.

    Attributes:
        name: what notes and errors call it.
        pattern: a regular expression for the words, in lower case with single spaces and no hyphens.
        strict: relations of which one must hold from the first thing to the second.
        loose: the same where the strict reading leads to nothing; () where there is no other.
        negated: whether they must not hold instead.
        inverse: whether they hold from the second thing to the first.
        end: "left", "right", "top" or "bottom" where the words mean that end of the second thing.
        seen_only: whether the words say more than boxes show, which the user is told.
    """

    name: str
    pattern: str
    strict: tuple[str, ...]
    loose: tuple[str, ...] = ()
    negated: bool = False
    inverse: bool = False
    end: str | None = None
    seen_only: bool = False


_PART = (
    "(?:top|back|edge|end|seat|surface|corner|arm|armrest|roof|hood|bonnet|bed|deck|front|lap|head|shoulders?|bottom|rack"
    "|handlebars?|floor|shelf|shelves|lid|cover|rim|neck|feet|foot)"
)
"""Parts of things that boxes don't have: what is on one is on the whole."""


def _any_of(words: str) -> str:
    return "|".join(words.split(", "))


LINKS: tuple[Link, ...] = (
    Link("left of", f"{_SIDE.format('left')}|left of{_NOT_OF_IMAGE}", ("left_of",)),
    Link("right of", f"{_SIDE.format('right')}|right of{_NOT_OF_IMAGE}", ("right_of",)),
    Link("above", "above|over|higher than|over the top of", ("above",), ("above", "on")),
    Link("below", "below|lower than", ("below",), ("below", "under")),
    Link("under", "under|underneath|beneath", ("under",), ("below",)),
    Link("on", f"on top of|on the {_PART} of|on to|onto|on|upon|atop|astride", ("on",), ("inside", "overlapping")),
    *(
        Link(
            f"at the {end} end of",
            f"(?:at|on|in|by) the {words} (?:end|edge|corner) of|at the {words} of{_NOT_OF_IMAGE}",
            ("on", "near"),
            end=end,
        )
        for end, words in {
            "left": "left(?: hand)?",
            "right": "right(?: hand)?",
            "top": "top",
            "bottom": "bottom",
        }.items()
    ),
    Link(
        "inside",
        "inside of|inside|within|into|contained in"
        "|in the (?:middle|centre|center|back|front|bed|trunk|seat|cab|corner) of"
        f"{_NOT_OF_IMAGE}"
        "|in|aboard",
        ("inside",),
        ("overlapping",),
    ),
    Link("outside", "outside of|outside|not in", ("inside",), negated=True),
    Link("in front of", "(?:right )?in front of|before", ("in_front_of",), ("next_to", "overlapping")),
    Link("behind", "behind|in back of|at the back of|to the rear of", ("behind",), ("next_to", "overlapping")),
    Link(
        "next to",
        "next to|beside|alongside|adjacent to|(?:to|at|by|on) the (?:side|edge) of|on (?:either|both) sides? of"
        "|side by side with",
        ("next_to",),
        ("near",),
    ),
    Link(
        "near",
        "near to|near|nearby|close to|by|around|at|against|along|not far from|in the vicinity of|surrounding"
        "|surrounded by|up to|together with|accompanied by",
        ("near",),
    ),
    Link("far from", "far away from|far from|away from", ("near",), negated=True),
    Link(
        "touching",
        "overlapping with|overlapping|overlaps?|touching|touches|touch|in contact with|attached to"
        "|covered (?:by|with|in)|tied to",
        ("overlapping",),
    ),
    Link("larger than", _any_of("larger than, bigger than"), ("larger_than",)),
    Link("smaller than", _any_of("smaller than, tinier than"), ("smaller_than",)),
    Link("taller than", "taller than", ("taller_than",)),
    Link("shorter than", "shorter than", ("shorter_than",)),
    Link("containing", "containing|contains?|full of|filled with", ("contains",), ("overlapping",)),
    Link("without", "without|with no|lacking|with neither", ("overlapping",), negated=True),
    Link("with", "with|having|has|have|had", ("overlapping",), ("near",)),
    Link("wearing", "wearing|wears?|dressed in|clad in", ("contains",), ("overlapping",)),
    Link("worn by", "worn by", ("inside",), ("overlapping",)),
    Link("riding", "riding on|riding in|riding|rides?|mounted on|ridden", ("on_top_of",), ("on", "overlapping")),
    Link("ridden by", "ridden by|driven by", ("on_top_of", "inside"), ("overlapping",), inverse=True),
    Link("driving", "driving|drives?|steering", ("inside", "on"), ("overlapping",)),
    Link(
        "carrying",
        "holding on to|holding|holds?|carrying|carries|carry|gripping|grasping|clutching",
        ("overlapping",),
        ("near",),
    ),
    Link(
        "held by",
        "held by|carried by|(?:in|under) the (?:left |right )?(?:hands?|arms?|mouth|lap|grip) of",
        ("overlapping",),
        ("near",),
    ),
    Link(
        "using",
        _any_of(
            "talking on, talking into, working on, typing on, working at, playing with, looking after, drinking from, "
            "eating from, sipping from, reading from, writing on, using, uses, use, eating, eats, drinking, cutting, "
            "slicing, feeding, feeds, petting, stroking, hugging, kissing, kicking, hitting, throwing, throws, "
            "catching, catches, tossing, swinging, swings, pushing, pushes, pulling, pulls, leading, walking with, "
            "reading, brushing, washing, cooking, opening, lifting, serving, biting, chewing, licking, sniffing, "
            "pouring, "
            "making, preparing, repairing, fixing, cleaning, steadying, dragging, towing, herding, milking, grabbing, "
            "taking, bringing, used by, eaten by, pushed by, pulled by"
        ),
        ("overlapping",),
        ("near",),
        seen_only=True,
    ),
)
"""Every link; where two patterns fit the same words the longer match wins."""

CONTACT = Link("together with", "", ("overlapping",), ("near",), seen_only=True)
"""What an activity without a preposition says of its object: "walking a dog", "flying a kite"."""

OF = Link("of", "", ("overlapping",), ("near",))
"""What "of" says of a thing and whose it is."""

SEATED = Link("on", "", ("on_top_of",), ("on", "inside", "overlapping"))
"""What "on" says of something that sits or stands: it rises above what it is on."""
