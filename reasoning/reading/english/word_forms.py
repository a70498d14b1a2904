"""What counts as the same word: stems, the forms of a dictionary, and which part of speech a form may be.

Nothing here knows a graph or what a word means in a question.
"""

from __future__ import annotations

from functools import lru_cache

from reasoning.graph.names import fold
from reasoning.reading.english.wordnet import wordnet

# What a verb is put together with: "break off", "made up of".
PARTICLES = frozenset(
    {"up", "off", "out", "down", "away", "back", "on", "over", "in", "through", "around", "along", "apart"}
    | {"together", "into"}
)

_AFTER_VERBS = frozenset({"in", "on", "at", "to", "into", "with", "from", "of", "for", "by", "up"})

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


def stem(word: str) -> str:
    """What the forms of a word have in common: "bordering" and "borders", "written" and "writer", "cities" and "city".

    Crude on purpose: it is applied to both sides of every comparison, so it need not give a word.
    """
    text = fold(word)
    text = _IRREGULAR.get(text, text)
    if text.endswith("ies") and len(text) > 4:
        text = text[:-3] + "y"
    elif not text.endswith(("ss", "us", "is")):
        text = _without(text, ("ing", "ed", "es", "s"))
    text = _without(text, ("er", "or"))
    if len(text) > 3 and text[-1] == text[-2]:
        text = text[:-1]
    if len(text) > 3 and text.endswith("e"):
        text = text[:-1]
    return text[:-1] + "y" if len(text) > 3 and text.endswith("i") else text


def stems(words: str) -> tuple[str, ...]:
    """The stem of each word."""
    return tuple(stem(word) for word in fold(words).split())


@lru_cache(maxsize=100_000)
def lemmas(word: str) -> tuple[str, ...]:
    """The forms under which a dictionary has a word or phrase: "cities" and "city", "starred" and "star"."""
    text = word.casefold()
    verb, space, particle = text.rpartition(" ")
    if space and particle in PARTICLES:  # "threw out" is "throw out"
        return tuple(
            dict.fromkeys(f"{form} {particle}" for form in lemmas(verb) if wordnet().known(f"{form} {particle}"))
        )
    found = [text, _IRREGULAR.get(text, text)]
    for ending, instead in _ENDINGS:
        if text.endswith(ending) and len(text) - len(ending) >= 2:
            base = text[: -len(ending)]
            found.append(base + instead)
            if not instead and ending in ("ing", "ed") and len(base) > 3 and base[-1] == base[-2]:
                found.append(base[:-1])
    return tuple(form for form in dict.fromkeys(found) if wordnet().known(form))


def is_verbal(text: str) -> bool:
    """Whether a phrase ends in the form of a participle: "directed", "starring"."""
    last = text.split()[-1].casefold() if text else ""
    return last.endswith(("ed", "ing", "ten", "ken", "orn")) and not last.endswith("ling")


def is_noun(text: str) -> bool:
    """Whether the last word of a phrase may be a noun."""
    return any(wordnet().senses(form, "n") for form in lemmas(text.split()[-1]))


def is_verb(text: str) -> bool:
    """Whether the last word of a phrase may be a verb."""
    return any(wordnet().senses(form, "v") for form in lemmas(text.split()[-1]))


def only_noun(text: str) -> bool:
    """Whether the last word of a phrase, or the one before a preposition there, is never a verb: "capital"."""
    words = text.casefold().split()
    if len(words) > 1 and words[-1] in _AFTER_VERBS:
        words.pop()
    forms = lemmas(words[-1]) if words else ()
    return bool(forms) and not any(wordnet().senses(form, "v") for form in forms)


def _without(text: str, endings: tuple[str, ...]) -> str:
    for ending in endings:
        if text.endswith(ending) and len(text) - len(ending) >= 3:
            return text[: -len(ending)]
    return text
