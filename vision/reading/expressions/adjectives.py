"""The words that describe a thing by itself: colours, sizes, orders, places, numbers, and what can't be seen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

from vision.classes.phrases import COLOURS
from vision.reading.expressions.links import IMAGE
from vision.reading.expressions.phrases import Colours, Comparison, Place, Rank, Size

Meaning = TypeVar("Meaning")

NUMBERS = {
    **{"one": 1, "two": 2, "both": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9},
    **{"ten": 10, "eleven": 11, "twelve": 12},
}
ORDINALS = {
    **{"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8},
    **{"ninth": 9, "tenth": 10, "last": -1},
}

BOUNDS: dict[str, Comparison] = {
    "more than": ">",
    "at least|no fewer than|no less than": ">=",
    "fewer than|less than": "<",
    "at most|no more than|up to": "<=",
    "exactly|only|just": "=",
}
"""Words before a number that say how it is meant."""

LEFTMOST, RIGHTMOST = Rank("x", False), Rank("x", True)
TOPMOST, BOTTOMMOST = Rank("y", False), Rank("y", True)
LARGEST, SMALLEST = Rank("area", True), Rank("area", False)
CENTRAL = Rank("from_centre", False)

SUPERLATIVES: dict[str, Rank] = {
    "largest|biggest|hugest|main": LARGEST,
    "smallest|tiniest|littlest": SMALLEST,
    "tallest": Rank("height", True),
    "shortest": Rank("height", False),
    "widest|broadest|longest": Rank("width", True),
    "narrowest|thinnest": Rank("width", False),
    "left ?most|(?:furthest|farthest|most) (?:to the |on the )?left|outermost left": LEFTMOST,
    "right ?most|(?:furthest|farthest|most) (?:to the |on the )?right": RIGHTMOST,
    "top ?most|upper ?most|highest(?: up)?": TOPMOST,
    "bottom ?most|lower ?most|lowest": BOTTOMMOST,
    "most central|cent(?:er|re) ?most|middle ?most": CENTRAL,
    "fore ?most|front ?most": LARGEST,
    "rear ?most|back ?most|hind ?most": SMALLEST,
}
"""Patterns to orders. How far things of one kind are shows in their size, so the foremost is the largest."""

NEAR_VIEWER, FAR_FROM_VIEWER = LARGEST, SMALLEST

SIZES: dict[str, Size] = {
    "large|larger|big|bigger|huge|giant|enormous|massive": Size("large", LARGEST),
    "small|smaller|little|tiny|littler|miniature": Size("small", SMALLEST),
    "medium(?: sized?)?|mid ?sized?": Size("medium", LARGEST),
    "tall|taller": Size("tall", Rank("height", True)),
    "short|shorter": Size("short", Rank("height", False)),
    "wide|wider|long|longer": Size("wide", Rank("width", True)),
    "narrow|narrower|thin|thinner": Size("narrow", Rank("width", False)),
}

_LEFT, _RIGHT = "left(?: hand)?", "right(?: hand)?"
_TOP, _BOTTOM = "top|upper", "bottom|lower"
_MIDDLE = "middle|cent(?:er|re)|central"
PLACES: dict[str, Place] = {
    f"(?:{_TOP}) (?:{_LEFT})|left (?:{_TOP})": Place(("top half", "left half"), Rank("from_top_left", False)),
    f"(?:{_TOP}) (?:{_RIGHT})|right (?:{_TOP})": Place(("top half", "right half"), Rank("from_top_right", False)),
    f"(?:{_BOTTOM}) (?:{_LEFT})|left (?:{_BOTTOM})": Place(
        ("bottom half", "left half"), Rank("from_bottom_left", False)
    ),
    f"(?:{_BOTTOM}) (?:{_RIGHT})|right (?:{_BOTTOM})": Place(
        ("bottom half", "right half"), Rank("from_bottom_right", False)
    ),
    f"(?:very |far |extreme )(?:{_LEFT})": Place(("left third",), LEFTMOST),
    f"(?:very |far |extreme )(?:{_RIGHT})": Place(("right third",), RIGHTMOST),
    f"(?:very |far |extreme )(?:{_TOP})": Place(("top third",), TOPMOST),
    f"(?:very |far |extreme )(?:{_BOTTOM})": Place(("bottom third",), BOTTOMMOST),
    f"(?:very )?(?:{_MIDDLE})": Place(("centre",), CENTRAL),
    _LEFT: Place(("left half",), LEFTMOST),
    _RIGHT: Place(("right half",), RIGHTMOST),
    _TOP: Place(("top half",), TOPMOST),
    _BOTTOM: Place(("bottom half",), BOTTOMMOST),
    "(?:very |far )?(?:front|foreground)": Place((), NEAR_VIEWER),
    "(?:very |far )?(?:back|rear|background|distance)": Place((), FAR_FROM_VIEWER),
}
"""Patterns to parts of the image, specific ones first. How near a thing is can be ranked, but not told by itself."""

HALVES = {"left": "left half", "right": "right half", "top": "top half", "upper": "top half"} | {
    "bottom": "bottom half",
    "lower": "bottom half",
}
THIRDS = {word: half.replace("half", "third") for word, half in HALVES.items()} | {
    "middle": "middle third",
    "center": "middle third",
    "centre": "middle third",
}

UNSEEN = (
    "wooden|plastic|metallic|metal|stone|leather|empty|full|open|opened|closed|shut|striped|"
    "spotted|dotted|patterned|checkered|plaid|old|older|oldest|young|younger|youngest|elderly|new|"
    "smiling|happy|sad|angry|blurry|blurred|dirty|clean|shiny|wet|dry|broken|cut|sliced|cooked|"
    "raw|ripe|fried|round|square|rectangular|curly|fluffy|furry|hairy|bald|bearded|male|female|"
    "fat|skinny|slim|beautiful|pretty|cute|ugly|asleep|awake|alive|dead|busy|alone|upright|"
    "tilted|folded|hidden|occluded|nice|pregnant|topless|shirtless|barefoot|tired|hungry|wild|"
    "tame|expensive|cheap|modern|antique"
)
"""Adjectives that neither boxes nor colours can show."""

SCENERY = frozenset(
    {
        "air",
        "background",
        "basket",
        "beach",
        "blanket",
        "board",
        "box",
        "branch",
        "bridge",
        "building",
        "cabinet",
        "carpet",
        "ceiling",
        "cloth",
        "cloud",
        "corner",
        "counter",
        "countertop",
        "court",
        "crate",
        "curb",
        "desk",
        "dirt",
        "distance",
        "door",
        "drawer",
        "fence",
        "field",
        "floor",
        "foreground",
        "forest",
        "garden",
        "gate",
        "grass",
        "ground",
        "hill",
        "hillside",
        "kitchen",
        "lake",
        "lawn",
        "ledge",
        "mat",
        "mountain",
        "mud",
        "napkin",
        "ocean",
        "pan",
        "path",
        "pavement",
        "pile",
        "pillow",
        "plate",
        "platform",
        "pole",
        "pool",
        "rack",
        "railing",
        "ramp",
        "river",
        "road",
        "rock",
        "roof",
        "room",
        "rug",
        "sand",
        "sea",
        "shade",
        "shadow",
        "shelf",
        "shore",
        "sidewalk",
        "sky",
        "slope",
        "snow",
        "stack",
        "stage",
        "stairs",
        "stand",
        "step",
        "stone",
        "stove",
        "street",
        "sun",
        "tablecloth",
        "towel",
        "track",
        "tray",
        "tree",
        "wall",
        "water",
        "wave",
        "window",
        "wire",
        "yard",
    }
)
"""What things stand in front of and lie on: no class of object detectors, and often said only in passing."""

ACTIVITIES = {
    "surfing": "with the surfboard",
    "skiing": "with the skis",
    "skateboarding": "with the skateboard",
    "snowboarding": "with the snowboard",
    "cycling|biking|riding a bike": "riding the bicycle",
    "playing tennis": "with the tennis racket",
    "flying a kite": "with the kite",
}
"""What people do to what they do it with."""

_COLOUR_WORDS = {
    **COLOURS,
    "gold": "yellow",
    "cream": "white",
    "teal": "blue",
    "cyan": "blue",
    "magenta": "pink",
    "lavender": "purple",
    "lilac": "purple",
    "burgundy": "red",
    "ginger": "orange",
    "blond": "yellow",
    "blonde": "yellow",
    "greyish": "grey",
    "grayish": "grey",
    "blackish": "black",
    "whitish": "white",
    "reddish": "red",
    "yellowish": "yellow",
    "greenish": "green",
    "bluish": "blue",
    "brownish": "brown",
}
_SHADE = "(?:(?:dark|light|bright|pale|deep|vivid|mostly|all) )?"
_ONE = "(?:" + "|".join(sorted((word for word in _COLOUR_WORDS if word != "orange"), key=len, reverse=True)) + ")"
_ANY = f"(?:{_ONE}|orange)"
_SUFFIX = "(?: colou?red| in colou?r)?"
_JOIN = "(?: ?, and | ?, or | ?, | and | or | )"
COLOUR_PATTERN = (
    rf"{_SHADE}{_ANY}(?:{_JOIN}{_SHADE}{_ONE}\b)+{_SUFFIX}"
    rf"|{_SHADE}{_ONE}\b(?:(?: and | or ){_SHADE}orange\b)?{_SUFFIX}|{_SHADE}orange(?: colou?red| in colou?r)"
)
"""One or more colours in a row. "orange" alone is a fruit as well, which only its neighbours tell."""


def read_colours(words: str) -> Colours:
    """What `COLOUR_PATTERN` found."""
    found = [_COLOUR_WORDS[word] for word in re.findall(r"\w+", words) if word in _COLOUR_WORDS]
    return Colours(tuple(dict.fromkeys(found)), every=" or " not in words)


def look_up(table: Mapping[str, Meaning], words: str) -> Meaning:
    """The meaning of words that one of a table's patterns fits."""
    return next(meaning for pattern, meaning in table.items() if re.fullmatch(pattern, words))


_PLACE_WORDS = "|".join(f"(?:{pattern})" for pattern in PLACES)
_PARTS = "(?: (?:side|half|part|corner|corners|edge|third|quarter|quadrant|portion|area|end|section|row|border))*"
_BEFORE = (
    "(?:all the way |up |over |down )?(?:on|in|at|to|towards?|near|along|from|by) (?:the )?(?:extreme )?(?:most )?"
)
_FOLLOWED = (
    r"(?= *$| *,| (?:and|or|but|not|that|which|who|whose|is|are|was|were|in|on|at|to|near|next|by|beside|behind|under"
    r"|above|below|over|with|without|from|has|have|inside|does|do|there|seated|parked|dressed|covered|closest|nearest"
    r"|\w+ing)\b)"
)
_OF_IMAGE = f" of (?:the|this) (?:whole |entire )?{IMAGE}\\b"
REGION_PATTERN = f"{_BEFORE}(?:{_PLACE_WORDS})(?: most)?{_PARTS}+(?:{_OF_IMAGE})?+(?! of\\b){_FOLLOWED}"
"""A place in the image after a noun: "on the left", "in the top right corner of the picture"."""


def read_region(words: str) -> Place:
    """What `REGION_PATTERN` found."""
    text = re.sub(f"^{_BEFORE}", "", re.sub(f"{_OF_IMAGE}$", "", words))
    bare = re.sub(f"(?: most)?{_PARTS}$", "", text)
    place = look_up(PLACES, bare)
    part = (HALVES if text.endswith(" half") else THIRDS if text.endswith(" third") else {}).get(bare)
    return place if part is None else Place((part,), place.rank, exact=True)


_BEFORE_EDGE = "(?:closest|nearest|closer|farthest|furthest|most) (?:to |towards |on )?(?:the |its )?"
EDGE_PATTERN = (
    f"{_BEFORE_EDGE}(?:{_PLACE_WORDS})"
    rf"(?: (?:side|edge|corner|border|end)(?:{_OF_IMAGE})?|{_OF_IMAGE}| *$)"
)
"""A side that things are near to: "closest to the left edge"."""


def read_edge(words: str) -> Rank:
    """What `EDGE_PATTERN` found."""
    text = re.sub(f"^(?:{_BEFORE_EDGE})", "", re.sub(f"{_OF_IMAGE}$", "", words))
    return look_up(PLACES, re.sub(" (?:side|edge|corner|border|end)$", "", text.strip())).rank
