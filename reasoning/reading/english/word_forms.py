"""The forms under which a dictionary has a word."""

from __future__ import annotations

import re
from functools import lru_cache

from reasoning.reading.english.wordnet import wordnet

WORD = re.compile(r"[^\W\d_]{2,}(?:['’-][^\W\d_]+)*")
"""A word of letters, of which there are two or more."""

_POSSESSIVE = re.compile(r"['’ʼ]s?$")

_IRREGULAR = {
    "wrote": "write", "written": "write", "spoke": "speak", "spoken": "speak", "used": "use", "uses": "use",
    "using": "use", "lies": "lie", "lay": "lie", "lying": "lie", "died": "die", "dies": "die", "made": "make",
    "led": "lead", "won": "win", "held": "hold", "built": "build", "found": "find", "sang": "sing", "sung": "sing",
    "children": "child", "wives": "wife", "bought": "buy", "sold": "sell", "taught": "teach", "married": "marry",
    "went": "go", "gone": "go", "came": "come", "gave": "give", "given": "give", "took": "take", "taken": "take",
    "got": "get", "gotten": "get", "threw": "throw", "thrown": "throw", "broke": "break", "broken": "break",
    "lost": "lose", "paid": "pay", "sent": "send", "met": "meet", "ran": "run", "grew": "grow", "grown": "grow",
    "fought": "fight", "chose": "choose", "chosen": "choose", "drew": "draw", "drawn": "draw", "flew": "fly",
    "flown": "fly", "wore": "wear", "worn": "wear", "began": "begin", "begun": "begin", "brought": "bring",
    "caught": "catch", "kept": "keep", "left": "leave", "spent": "spend", "stood": "stand", "fell": "fall",
    "fallen": "fall", "drove": "drive", "driven": "drive", "ate": "eat", "eaten": "eat", "bore": "bear",
    "beat": "beat", "beaten": "beat", "hid": "hide", "hidden": "hide", "knew": "know", "known": "know",
    "sought": "seek", "shot": "shoot", "struck": "strike", "stole": "steal", "stolen": "steal", "swore": "swear",
    "sworn": "swear", "bound": "bind", "withdrew": "withdraw", "withdrawn": "withdraw", "laid": "lay", "heard": "hear",
    "said": "say", "told": "tell", "felt": "feel", "fed": "feed", "hung": "hang", "rose": "rise", "risen": "rise",
    "saw": "see", "seen": "see", "lent": "lend", "dealt": "deal", "tore": "tear", "torn": "tear", "swam": "swim",
    "rode": "ride", "ridden": "ride", "understood": "understand", "forbade": "forbid", "forbidden": "forbid",
    "froze": "freeze", "frozen": "freeze", "bacteria": "bacterium",
}  # fmt: skip

_ENDINGS = (
    *(("s", ""), ("es", ""), ("ies", "y"), ("ied", "y"), ("ves", "f")),
    *(("ed", ""), ("ed", "e"), ("ing", ""), ("ing", "e")),
)


@lru_cache(maxsize=100_000)
def lemmas(word: str) -> tuple[str, ...]:
    """The forms under which a dictionary has a word: "cities" and "city", "starred" and "star"."""
    text = word.casefold()
    found = [text, _IRREGULAR.get(text, text)]
    for ending, instead in _ENDINGS:
        if text.endswith(ending) and len(text) - len(ending) >= 2:
            base = text[: -len(ending)]
            found.append(base + instead)
            if not instead and ending in ("ing", "ed") and len(base) > 3 and base[-1] == base[-2]:
                found.append(base[:-1])
    return tuple(form for form in dict.fromkeys(found) if wordnet().known(form))


def without_possessive(text: str) -> str:
    """A name or word without the "'s" or apostrophe behind it."""
    return _POSSESSIVE.sub("", text)


def forms_of(word: str) -> frozenset[str]:
    """A word in small letters and its forms; two words are the same where they share one."""
    bare = without_possessive(word)
    return frozenset((bare.casefold(), *lemmas(bare)))


def forms_in(text: str) -> frozenset[str]:
    """The forms of all words of a text."""
    return frozenset(form for match in WORD.finditer(text) for form in forms_of(match.group()))
