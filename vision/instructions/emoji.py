"""Pictures in an instruction, read by their names in Unicode: a dog's face is a dog, a smile means nothing.

Without it "find" and a picture of a dog would be read as "find" alone, and everything would be looked for.
"""

from __future__ import annotations

import unicodedata

_MOODS = (
    "smil",
    "grin",
    "hand",
    "heart",
    "thumbs",
    "sparkles",
    "fire",
    "party popper",
    "laugh",
    "tears",
    "wink",
    "kiss",
    "face",
    "pray",
    "collision",
    "hundred points",
    "check mark",
    "cross mark",
    "eyes",
    "finger",
    "sign",
    "symbol",
    "arrow",
    "star",
)
"""Parts of the names of pictures that show how somebody feels or points, and nothing to be found."""
_NAMES = {"automobile": "car", "delivery truck": "truck", "articulated lorry": "truck", "slice of pizza": "pizza"}
_ANIMAL_FACES = 0x1F42D, 0x1F43C
"""Mouse to panda: the faces of animals."""


def is_emoji(character: str) -> bool:
    """Whether a character is a picture, or an invisible sign that goes with one."""
    return ord(character) in (0xFE0F, 0x200D) or (
        ord(character) > 0x2190 and unicodedata.category(character) in ("So", "Sk")
    )


def emoji_name(character: str) -> str:
    """What a picture shows, in lower case; empty where it shows no thing."""
    name = unicodedata.name(character, "").lower()
    first, last = _ANIMAL_FACES
    if first <= ord(character) <= last or name.endswith(("lion face", "fox face", "unicorn face", "zebra face")):
        return name.removesuffix(" face")
    if not name or unicodedata.category(character) != "So" or any(mood in name for mood in _MOODS):
        return ""
    return _NAMES.get(name, name)
