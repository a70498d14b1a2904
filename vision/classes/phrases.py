"""Phrases taken apart until something in them is known, and kinds of things that are described.

The head noun decides: a "dog house" is a house, a "city bus" a bus. Longer pieces are tried before shorter ones, so
that "hot dog" is what it is. Long words are corrected by few slips ("umberella"), and only where all words as near
mean the same: a short word of another language ("maison") lies next to some English one ("mason") by chance. Of
described kinds ("things you can eat", "flying objects") the shapes stand here, and what they hold for in
`data/groups.tsv`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rapidfuzz import process
from rapidfuzz.distance import OSA

from vision.classes.lexicon import COCO_CLASSES, COCO_SUPERCATEGORIES, Lexicon, lexicon, visible_nouns
from vision.classes.vocabulary import (
    COLOURS,
    Evidence,
    Vocabulary,
    head_end,
    irregular_plurals,
    is_sentence,
    normalise,
    plain,
    singular,
    spellings,
    split_colour,
    split_partitive,
    tidy,
    with_singular_head,
    word_pairs,
    word_set,
)

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
    "on wheel": "have wheels", "on rail": "run on rails", "on track": "run on rails", "on water": "float",
    "on four leg": "have four legs",
}  # fmt: skip
_DOUBLED = word_set("sit cut swim put run get hit hug pet nap sip swing")


class Descriptions:
    """Reads described kinds by the lexicon's wordings and members."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        self._can = _forms(lexicon.groups["can"])
        self._do = _forms(lexicon.groups["do"])
        self._of = {_plain(wording): members for wording, members in lexicon.groups["of"].items()}

    def members(self, words: list[str]) -> tuple[str, ...] | None:
        """COCO's members of a described kind; None where the tidied words describe none that is known."""
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
        for form, table, be in (
            (_PASSIVE, self._can, "be "), (_PURPOSE, self._can, ""), (_ITSELF, self._do, ""), (_ABLE, self._can, "")
        ):  # fmt: skip
            if (found := form.match(rest)) and (members := _longest(table, _plain(be + found["verb"]))):
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
        said = (wording, f"{stem}ing{tail}", f"{third}{tail}", f"be {passive}{tail}")
        for form in (*said, f"use to {wording}", f"use for {stem}ing{tail}"):
            forms.setdefault(_plain(form), members)
    return forms


SLIPS_IN_NAME = ((7, 2), (5, 1))
"""From how many letters on a word may be a class name with so many slips."""

SLIPS_IN_PHRASE = ((9, 2), (7, 1))
"""The same for any known phrase."""


def meant(word: str, names: Sequence[str], known: Sequence[str]) -> list[str]:
    """The known phrases that a misspelt one may mean, all equally near; none where it is nobody's misspelling.

    The names, of classes and their irregular plurals, are among those that are known.
    """
    most = _slips(word, SLIPS_IN_NAME)
    if not most:
        return []
    found = process.extract(word, known, scorer=OSA.distance, score_cutoff=most, limit=None)
    near = {phrase: distance for phrase, distance, _ in found if phrase[0] == word[0]}
    least = min(near.values(), default=0)
    nearest = [phrase for phrase, distance in near.items() if distance == least]
    if least > _slips(word, SLIPS_IN_PHRASE) and not set(nearest).intersection(names):
        return []
    return nearest


def _slips(word: str, allowed: tuple[tuple[int, int], ...]) -> int:
    return next((slips for letters, slips in allowed if len(word) >= letters), 0)


def _with_irregular_plurals(words: Sequence[str]) -> list[str]:
    """Words, and those plurals of them ("people") of which a slip leaves none that the rules know ("poeple")."""
    return [*words, *(plural for word in words for plural in irregular_plurals(word))]


_SOFT_TOY = word_set("stuffed plush cuddly")
_IMITATION = word_set("toy lego origami")
_MATERIALS = word_set("plastic metal wood wooden glass leather paper steel silver gold stone brass ceramic china iron")
_LETTER = re.compile(r"[a-z]")
_AND = re.compile(r",? (?:and|or) |, ?| ?/ ?| ?& ?")


@dataclass(frozen=True)
class Reading:
    """A phrase as it was read.

    Attributes:
        label: its normal form.
        core: its head noun with the words before it, without the colour: what is weighed by meaning.
        colour: the basic colour that was taken off, or None.
        evidence: what is known of it, or None.
    """

    label: str
    core: str
    colour: str | None = None
    evidence: Evidence | None = None


class PhraseReader:
    """Reads phrases for one vocabulary, by names, lexicon and WordNet."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._descriptions = Descriptions(lexicon())
        names = [normalise(name) for name in vocabulary.names]
        self._names = _with_irregular_plurals(names)
        self._spelt = [*dict.fromkeys((*_with_irregular_plurals([*lexicon()]), *self._names))]

    def read(self, phrase: str) -> Reading:
        """What is known of a phrase."""
        text = tidy(phrase)
        exact = self._vocabulary.exact(text)
        if exact:
            return Reading(text, text, evidence=exact)
        if not _LETTER.search(unicodedata.normalize("NFKD", text)):  # what no list and no encoder of English can know
            return Reading(text, "", evidence=Evidence(()))
        label = normalise(phrase)
        words = with_singular_head(split_partitive(text.split()))
        counted = with_singular_head(plain(phrase).split())  # "two wheeler", of which "two" is a part
        whole = (
            self._vocabulary.by_lexicon(plain(phrase))
            or self._vocabulary.by_lexicon(" ".join(counted))
            or self._vocabulary.known(" ".join(words))
            or self._vocabulary.known(text)
        )
        colour, uncoloured = split_colour(words)
        if whole and not self._is_coloured_class(words, uncoloured, whole):
            return Reading(label, " ".join(words), evidence=whole)
        words = uncoloured
        end = head_end(words)
        reading = Reading(label, " ".join(words[:end]), colour)
        evidence = (
            self._known(words)
            or self._described(words)
            or self._several(text)
            or self._known(words[:end])
            or (Evidence(()) if is_sentence(words[:end]) else None)
            or self._head(words[:end])
            or self._joined_or_misspelt(words[:end])
        )
        return replace(reading, evidence=evidence)

    def _known(self, words: list[str]) -> Evidence | None:
        return self._vocabulary.known(" ".join(words))

    def _is_coloured_class(self, words: list[str], uncoloured: list[str], whole: Evidence) -> bool:
        """Whether a phrase that WordNet knows is a class in a colour all the same.

        To WordNet a "black cat" is a marten and a "black sheep" a person; what stands in the lexicon ("black bear") is
        reviewed.
        """
        reviewed = any(form in lexicon() for form in spellings(" ".join(words)))
        if whole.exact or len(uncoloured) == len(words) or reviewed:
            return False
        without = self._known(uncoloured)
        return without is not None and bool(without.classes)

    def _described(self, words: list[str]) -> Evidence | None:
        """A kind told by what it is for, does or belongs to."""
        members = self._descriptions.members(words) or self._descriptions.of(words)
        classes = self._vocabulary.of_coco(members or ())
        return Evidence(classes, is_group=True) if classes else None

    def _several(self, text: str) -> Evidence | None:
        """ "cats and dogs": all of them, where every one is known."""
        parts = [part for part in _AND.split(text) if part]
        if len(parts) < 2:
            return None
        found = [self.read(part) for part in parts]
        if all(reading.evidence and reading.evidence.classes and reading.colour is None for reading in found):
            names = (name for reading in found if reading.evidence for name in reading.evidence.classes)
            return Evidence(self._vocabulary.in_order(names), is_group=True)
        return None

    def _head(self, words: list[str]) -> Evidence | None:
        """What the longest known end of a noun phrase means; what stands before it narrows it, or makes it another."""
        words = [*words[:-1], *words[-1].split("-")] if words else words
        for start in range(1, len(words)):
            evidence = self._known(words[start:])
            if evidence is None or not (evidence.classes or self._vocabulary.is_reviewed):
                continue
            before = words[:start]
            if _SOFT_TOY.intersection(before) and self._is_animal(words[start:], evidence):
                return Evidence(self._vocabulary.of_coco(["teddy bear"]))
            if _IMITATION.intersection(before):
                return Evidence(())
            if evidence.is_group and any(self._narrows(word) for word in before):
                return Evidence(())
            return evidence
        return None

    def _joined(self, word: str) -> Evidence | None:
        """A new word made of two known ones, of which the last decides ("zookeeper"), or of one and "-er", a person."""
        for start in range(3, len(word) - 3):
            evidence = self._vocabulary.known(word[start:]) if self._is_noun(word[:start]) else None
            if evidence is not None and not evidence.is_group:
                return replace(evidence, narrower=True)
        person = self._vocabulary.known("person")
        if person is not None and len(word) > 6 and word.endswith("er") and self._is_noun(word[:-2]):
            return replace(person, narrower=True)
        return None

    def _joined_or_misspelt(self, words: list[str]) -> Evidence | None:
        """A slip where the parts of the last word are no class: "controll" is no kind of troll."""
        joined = self._joined(words[-1])
        return joined if joined is not None and joined.classes else self._misspelt(" ".join(words)) or joined

    def _is_noun(self, word: str) -> bool:
        return word in lexicon() or word in visible_nouns()

    def _misspelt(self, words: str) -> Evidence | None:
        """What a slip of the pen most likely means, where that is sure."""
        near = meant(words, self._names, self._spelt)
        found = {self._vocabulary.known(phrase) or self._vocabulary.known(normalise(phrase)) for phrase in near}
        return found.pop() if len(found) == 1 else None

    def _narrows(self, word: str) -> bool:
        """Whether a word before a kind makes it a kind that is not known: "garden tools" are no knives."""
        return word not in _MATERIALS and word not in COLOURS and word in visible_nouns()

    def _is_animal(self, words: list[str], evidence: Evidence) -> bool:
        if evidence.classes:
            return all(COCO_SUPERCATEGORIES.get(name) == "animal" for name in evidence.classes)
        nouns = visible_nouns()
        senses = nouns.senses(" ".join(words))
        return bool(senses) and nouns.sense("animal", 0) in nouns.ancestors(senses[0])
