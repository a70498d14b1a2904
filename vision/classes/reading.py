"""A phrase taken apart until something in it is known: colour, head noun, what it is a part of, what it describes.

The head noun decides: a "dog house" is a house, a "bus driver" a person, a "city bus" a bus. Longer pieces are tried
before shorter ones, so that "hot dog" and "guinea pig" are what they are. A word that nobody knows may be one slip away
from one that somebody does ("bycicle", "umberella"). Only long words are set right, by few slips, and only where all
the words that lie as near mean the same: a short word of another language ("maison") lies next to some English one
("mason") by chance. Next to one of the few class names it lies seldom, so those may be shorter.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rapidfuzz import process
from rapidfuzz.distance import OSA

from vision.classes.coco import COCO_SUPERCATEGORIES
from vision.classes.descriptions import Descriptions
from vision.classes.lexicon import lexicon
from vision.classes.nouns import visible_nouns
from vision.classes.phrases import (
    COLOURS,
    head_end,
    irregular_plurals,
    is_sentence,
    normalise,
    plain,
    spellings,
    split_colour,
    split_partitive,
    tidy,
    with_singular_head,
    word_set,
)
from vision.classes.vocabulary import Evidence, Vocabulary

SLIPS_IN_NAME = ((7, 2), (5, 1))
"""From how many letters on a word may be a class name with so many slips."""

SLIPS_IN_PHRASE = ((9, 2), (7, 1))
"""The same for any known phrase."""


def meant(word: str, names: Sequence[str], known: Sequence[str]) -> list[str]:
    """The phrases that a misspelt one may mean, all equally near; none where it is nobody's misspelling.

    Args:
        word: in its normal form.
        names: class names, and their irregular plurals.
        known: known phrases, these names among them.
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
    """Reads phrases for one vocabulary, by names, lexicon and WordNet.

    Args:
        vocabulary: the classes to be reached.
    """

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
        if (
            whole.exact
            or len(uncoloured) == len(words)
            or any(form in lexicon() for form in spellings(" ".join(words)))
        ):
            return False
        without = self._known(uncoloured)
        return without is not None and bool(without.classes)

    def _described(self, words: list[str]) -> Evidence | None:
        """A kind told by what it is for, does or belongs to."""
        members = self._descriptions.members(words) or self._descriptions.of(words)
        classes = self._vocabulary.of_coco(members or ())
        if classes:
            return Evidence(classes, is_group=True)
        return None

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
                return evidence
        if len(word) > 6 and word.endswith("er") and self._is_noun(word[:-2]):
            return self._vocabulary.known("person")
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
