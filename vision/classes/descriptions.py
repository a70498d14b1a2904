"""Kinds of things that are described rather than named: "things you can eat", "flying objects", "sports gear".

There are more ways to say these than a list can hold, but few shapes: a general noun ("things", "stuff", or a kind such
as "animals"), and what people do with them, what they do themselves, or where they belong. The shapes stand here, what
they hold for in `data/groups.tsv`.
"""

from __future__ import annotations

import re

from vision.classes.coco import COCO_CLASSES
from vision.classes.lexicon import Lexicon
from vision.classes.phrases import singular, word_pairs, word_set

GENERAL = word_set(
    "thing object item stuff something anything everything article product good goods piece whatever what gear "
    "equipment supply supplies kit apparatus paraphernalia accessory essential necessity one ones class category"
)
"""Nouns that say nothing of the kind."""

_SUBJECT = r"(?:(?:a |an |the )?(?:you|people|one|we|i|they|someone|anyone|humans?|persons?|kids?|child|children|men))"
_MODAL = r"(?:can|could|may|might|would|will|should|usually|often|normally|typically|commonly|want to|like to|love to)"
_ABLE = re.compile(rf"^(?:(?:that|which) )?(?:{_SUBJECT} )(?:(?:{_MODAL}|be able to|use to|use for) )*(?P<verb>.+)$")
_PASSIVE = re.compile(rf"^(?:(?:that|which) )?(?:{_MODAL} )*(?:be|is|are|get) (?:{_MODAL} )*(?P<verb>.+)$")
_PURPOSE = re.compile(
    r"^(?:(?:that|which) (?:is|are|be) )?(?:(?:suitable|good|fit|useful|used|meant|made|intended|designed|needed) )?"
    r"(?:to|for) (?P<verb>.+)$"
)
_ITSELF = re.compile(rf"^(?:that|which|able to|capable of|known to)(?: {_MODAL})* (?P<verb>.+)$")
_HAVING = re.compile(r"^(?:with|having) (?P<verb>.+)$")
_ON = re.compile(r"^(?P<verb>on (?:wheel|rail|track|water|four leg))s?$")
_PLACE = re.compile(
    r"^(?:(?:that|which) (?:(?:you|people|one|we) )?(?:can |would |usually )*)?"
    r"(?:(?:is|are|be|find|found|used|kept|use|see|seen|belong|belonging|go|stand|standing) )*"
    r"(?:(?:to do|having to do|connected|associated) with"
    r"|(?:related|connected) to|used for|in|on|at|from|for|of|to|around|inside|about) (?P<place>.+)$"
)
_FILLERS = word_set("a an the your my our their his her its some any")
_PARTICLES = word_set("with from out off of for up in on at")
_PARTICIPLES = word_pairs(
    "eat:eaten wear:worn drive:driven ride:ridden throw:thrown read:read fly:flown drink:drunk sit:sat write:written "
    "put:put cut:cut hold:held sleep:slept"
)
_ON_AS_VERBS = {
    "on wheel": "have wheels",
    "on rail": "run on rails",
    "on track": "run on rails",
    "on water": "float",
    "on four leg": "have four legs",
}
_DOUBLED = word_set("sit cut swim put run get hit hug pet nap sip swing")


class Descriptions:
    """Reads described kinds by the lexicon.

    Args:
        lexicon: where wordings and members stand.
    """

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        self._can = _forms(lexicon.groups["can"])
        self._do = _forms(lexicon.groups["do"])
        self._of = {_plain(wording): members for wording, members in lexicon.groups["of"].items()}

    def members(self, words: list[str]) -> tuple[str, ...] | None:
        """COCO's members of a described kind; None where the phrase describes none that is known.

        Args:
            words: the phrase, tidied.
        """
        for end in range(1, min(len(words), 4) + 1):
            head = self._head(words[:end])
            if head is None:
                continue
            rest = " ".join(words[end:])
            if words[0] in ("whatever", "what") and rest:
                rest = f"that {rest}"
            described = self._described(rest) if rest else None
            if described is not None:
                common = tuple(name for name in described if name in head)
                if common:
                    return common
        return None

    def _head(self, words: list[str]) -> frozenset[str] | None:
        """What a noun, maybe with a word before it that says of what, can stand for."""
        *before, last = words
        last = singular(last)
        entry = self._lexicon.entry(" ".join([*before, last]))
        if not before and last in GENERAL:
            return frozenset(COCO_CLASSES)
        if entry is not None and entry.is_group:
            return frozenset(entry.classes)
        return None

    def of(self, words: list[str]) -> tuple[str, ...] | None:
        """COCO's members of a kind that the words before a noun tell: "kitchen things", "flying animals"."""
        for start in range(len(words) - 1, 0, -1):
            head = self._head(words[start:])
            if head is None:
                continue
            before = _plain(" ".join(words[:start]))
            described = self._of.get(before) or self._do.get(before) or self._gerund_or_having(before)
            if described:
                common = tuple(name for name in described if name in head)
                if common:
                    return common
        if len(words) == 2 and singular(words[0]) in GENERAL:  # "something edible"
            return self._of.get(words[1])
        return None

    def _gerund_or_having(self, before: str) -> tuple[str, ...] | None:
        """ "wheeled vehicles": what has wheels."""
        if before.endswith("ed"):
            return self._do.get(_plain(f"have {before[:-2]}")) or self._do.get(_plain(f"have {before[:-1]}"))
        return None

    def _described(self, rest: str) -> tuple[str, ...] | None:
        if found := _PLACE.match(rest):
            members = self._of.get(_plain(found["place"]))
            if members:
                return members
        if found := _ON.match(_plain(rest)):
            return self._do.get(_plain(_ON_AS_VERBS[found["verb"]]))
        if found := _HAVING.match(rest):
            return _longest(self._do, _plain(f"have {found['verb']}"))
        if (found := _PASSIVE.match(rest)) and (members := _longest(self._can, _plain(f"be {found['verb']}"))):
            return members
        if (found := _PURPOSE.match(rest)) and (members := _longest(self._can, _plain(found["verb"]))):
            return members
        if (found := _ITSELF.match(rest)) and (members := _longest(self._do, _plain(found["verb"]))):
            return members
        if (found := _ABLE.match(rest)) and (members := _longest(self._can, _plain(found["verb"]))):
            return members
        return self._of.get(_plain(rest))


def _plain(text: str) -> str:
    """Without articles and possessives, every word in the singular: "wash your hands in" -> "wash hand in"."""
    return " ".join(singular(word) for word in text.split() if word not in _FILLERS)


def _longest(table: dict[str, tuple[str, ...]], text: str) -> tuple[str, ...] | None:
    """The members of the longest beginning that stands in a table; what follows may not change its meaning."""
    words = text.split()
    for end in range(len(words), 0, -1):
        members = table.get(" ".join(words[:end]))
        if members is not None:
            return members if end == len(words) or words[end] not in _PARTICLES else None
    return None


def _forms(table: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """The table with the forms that its verbs take: "sitting on", "flies", "be ridden"."""
    forms: dict[str, tuple[str, ...]] = {}
    for wording, members in table.items():
        verb, _, rest = wording.partition(" ")
        tail = f" {rest}" if rest else ""
        stem = verb[:-1] if verb.endswith("e") and not verb.endswith(("ee", "ie")) else verb
        stem = f"{verb[:-2]}y" if verb.endswith("ie") else stem
        stem = verb + verb[-1] if verb in _DOUBLED else stem
        third = f"{verb[:-1]}ies" if verb.endswith("y") and verb[-2:-1] not in "aeiou" else f"{verb}s"
        third = f"{verb}es" if verb.endswith(("ch", "sh", "ss", "x", "o")) else third
        third = "has" if verb == "have" else third
        passive = _PARTICIPLES.get(verb) or (f"{stem}ed" if not verb.endswith("y") else f"{verb[:-1]}ied")
        for form in (
            wording,
            f"{stem}ing{tail}",
            f"{third}{tail}",
            f"be {passive}{tail}",
            f"use to {wording}",
            f"use for {stem}ing{tail}",
        ):
            forms.setdefault(_plain(form), members)
    return forms
