"""Pictures in an instruction, read by their names in Unicode: a dog's face is a dog, a smile means nothing.

Without it "find" and a picture of a dog would be read as "find" alone, and everything would be looked for.
"""

from __future__ import annotations

import unicodedata

_MOODS = frozenset({
    "smiling", "grinning", "hand", "hands", "heart", "hearts", "thumbs", "sparkles", "fire", "party", "popper",
    "laughing", "tears", "winking", "kiss", "kissing", "face", "pray", "folded", "collision", "hundred", "check",
    "cross", "eyes", "finger", "fist", "sign", "symbol", "arrow", "arrows", "star", "exclamation", "question",
})  # fmt: skip
"""Words in the names of pictures that show how somebody feels or points, and nothing to be found."""
_NAMES = {
    "automobile": "car",
    "delivery truck": "truck",
    "articulated lorry": "truck",
    "fire engine": "fire truck",
    "slice of pizza": "pizza",
    "octagonal sign": "stop sign",
    "red apple": "apple",
    "green apple": "apple",
    "black scissors": "scissors",
    "black telephone": "telephone",
    "bow and arrow": "bow and arrow",
}
"""Where the name in Unicode says a colour, or is not the word that people use."""
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
    if name in _NAMES:
        return _NAMES[name]
    if not name or unicodedata.category(character) != "So" or not _MOODS.isdisjoint(name.split()):
        return ""
    return name
