"""A detector's class names, and what the lexicon and WordNet say of a word among them.

COCO's classes have reviewed senses, since their names say less than what is counted under them ("cup" counts drinking
glasses, "dining table" counts desks). Of any other vocabulary the names are all that is known: a name stands for its
commonest visible sense, and the lexicon helps where it leads to a class that the vocabulary has.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision.classes.coco import COCO_CLASSES
from vision.classes.lexicon import DATA, lexicon
from vision.classes.nouns import visible_nouns
from vision.classes.phrases import normalise, spellings, tidy


@dataclass(frozen=True)
class Evidence:
    """What is known of a phrase: the classes that it means, none where it is known to mean none.

    Attributes:
        classes: classes of the vocabulary, in its order.
        is_group: whether it names a kind of things.
        exact: whether it is a class name.
    """

    classes: tuple[str, ...]
    is_group: bool = False
    exact: bool = False


class Vocabulary:
    """Class names with ways to reach them.

    Args:
        names: the class names, each once.
        supercategories: class to supercategory, where there are any.

    Attributes:
        opaque: names of which neither lexicon nor WordNet knows anything.
        is_reviewed: whether every class is one of COCO's, so that the lexicon's word is final.
    """

    def __init__(self, names: Sequence[str], supercategories: Mapping[str, str] | None = None) -> None:
        self.names = tuple(names)
        self._places = {name: place for place, name in enumerate(self.names)}
        self._by_spelling: dict[str, tuple[str, ...]] = {}
        for name in self.names:
            for spelling in _spellings_of_name(name):
                known = self._by_spelling.get(spelling, ())
                if name not in known:
                    self._by_spelling[spelling] = (*known, name)
        self._of_coco = {name: self._called(name) for name in COCO_CLASSES}
        self._by_supercategory: dict[str, list[str]] = {}
        for name, supercategory in (supercategories or {}).items():
            if name in self._places:
                self._by_supercategory.setdefault(normalise(supercategory), []).append(name)
        self._of_coco_here = {name for names in self._of_coco.values() for name in names}
        self.is_reviewed = self._of_coco_here.issuperset(self.names)
        self._depths: dict[int, int] = {}
        self.opaque: set[str] = set()
        self._claims, self._members = self._senses()

    def in_order(self, names: Iterable[str]) -> tuple[str, ...]:
        """Class names, each once, in the vocabulary's order."""
        return tuple(sorted(set(names), key=self._places.__getitem__))

    def exact(self, phrase: str) -> Evidence | None:
        """The class of that name, in any case, number, hyphens and spaces."""
        for spelling in spellings(phrase):
            names = self._by_spelling.get(spelling)
            if names:
                return Evidence(names, exact=True)
        return None

    def known(self, phrase: str) -> Evidence | None:
        """What a phrase in its normal form means by name, lexicon or WordNet; None where no one knows it."""
        return self.exact(phrase) or self.by_lexicon(phrase) or self.by_supercategory(phrase) or self.by_senses(phrase)

    def by_lexicon(self, phrase: str) -> Evidence | None:
        """What the lexicon says, in this vocabulary; that a phrase is no class of COCO says nothing of another one."""
        entry = next((found for form in spellings(phrase) if (found := lexicon().entry(form))), None)
        if entry is None:
            return None
        classes = self.of_coco(entry.classes)
        if self.is_reviewed:
            return Evidence(classes, entry.is_group)
        senses = self.by_senses(phrase)
        if senses and senses.classes and self._of_coco_here.isdisjoint(senses.classes):
            return senses
        if classes:
            return Evidence(classes, entry.is_group)
        return (senses or Evidence(())) if entry.classes else None

    def by_supercategory(self, phrase: str) -> Evidence | None:
        """The classes of the supercategory of that name."""
        names = self._by_supercategory.get(phrase)
        return Evidence(self.in_order(names), is_group=True) if names else None

    def of_coco(self, classes: Iterable[str]) -> tuple[str, ...]:
        """The classes here that are the same as COCO's."""
        return self.in_order(name for coco in classes for name in self._of_coco[coco])

    def by_senses(self, phrase: str) -> Evidence | None:
        """What WordNet says: the class that the phrase is a kind of, or the classes that are kinds of it."""
        nouns = visible_nouns()
        word = next((form for form in spellings(phrase) if form in nouns), None)
        if word is None:
            return None
        if not nouns.is_first_visible(word):
            return Evidence(())
        sense = preferred_sense(word)
        for above in nouns.ancestors(sense):
            if above in self._claims:
                return Evidence(self.in_order(self._claims[above]))
        below = self._members.get(sense, set())
        if len(below) < 2 and self.is_reviewed:  # to WordNet a laptop is a machine; who says "machine" doesn't mean it
            below = set()
        return Evidence(self.in_order(below), bool(below))

    def kinship(self, phrase: str) -> NDArray[np.float32]:
        """How near each class stands to a phrase in WordNet, shape (classes,), 0 to 1; all 0 where it is not known.

        The measure is that of Wu & Palmer (1994): twice the depth of the nearest common ancestor by the depths of both.
        """
        nouns = visible_nouns()
        shares = np.zeros(len(self.names), np.float32)
        word = next((form for end in _ends(phrase) for form in spellings(end) if form in nouns), None)
        if word is None:
            return shares
        sense = preferred_sense(word)
        above = {synset: self._depth(synset) for synset in nouns.ancestors(sense)}
        for own, names in self._claims.items():
            common = max((above[synset] for synset in nouns.ancestors(own) if synset in above), default=0)
            share = 2 * common / max(above[sense] + self._depth(own), 1)
            for name in names:
                shares[self._places[name]] = max(shares[self._places[name]], share)
        return shares

    def _depth(self, synset: int) -> int:
        if synset not in self._depths:
            self._depths[synset] = visible_nouns().depth(synset)
        return self._depths[synset]

    def _called(self, coco: str) -> tuple[str, ...]:
        """The classes that bear a COCO class's name or another name for the same."""
        for name in (coco, *lexicon().names.get(coco, ())):
            found = self.exact(name)
            if found:
                return found.classes
        return ()

    def _senses(self) -> tuple[dict[int, tuple[str, ...]], dict[int, set[str]]]:
        """Sense to the classes that it means, and sense to the classes under it."""
        nouns = visible_nouns()
        claims: dict[int, tuple[str, ...]] = {}
        for name in self.names:
            if name not in self._of_coco_here:
                forms = (form for form in _spellings_of_name(name) if form in nouns)
                sense = next((preferred_sense(form) for form in forms), None)
                if sense is None:
                    self.opaque.add(name)
                else:
                    claims[sense] = (*claims.get(sense, ()), name)
        for coco, sense in coco_senses():
            if coco == "-":
                claims.setdefault(sense, ())
            elif self._of_coco[coco]:
                claims.setdefault(sense, self._of_coco[coco])
        members: dict[int, set[str]] = {}
        for sense, names in claims.items():
            for above in nouns.ancestors(sense):
                members.setdefault(above, set()).update(names)
        return claims, members


def coco_senses() -> Iterator[tuple[str, int]]:
    """The reviewed senses of COCO's classes: class, or "-" for what is none, and sense."""
    for line in (DATA / "coco_senses.tsv").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            name, keys = line.split("\t")
            for key in keys.split("|"):
                word, _, rank = key.rpartition(":")
                yield name, visible_nouns().sense(word, int(rank))


def preferred_sense(word: str) -> int:
    """The sense in which a noun is most likely meant of a thing in a picture: the commonest that can be seen.

    Many tools and animals are also somebody ("printer", "toaster", "whale"): then it is not the person.
    """
    nouns = visible_nouns()
    senses = nouns.senses(word)
    person = nouns.sense("person", 0)
    return next((sense for sense in senses if person not in nouns.ancestors(sense)), senses[0])


def _ends(phrase: str) -> Iterator[str]:
    """The phrase, then what is left of it without its first words."""
    words = phrase.split()
    return (" ".join(words[start:]) for start in range(len(words)))


def _spellings_of_name(name: str) -> tuple[str, ...]:
    """How a class name may be written; LVIS puts what tells two of one name apart into brackets: "bow (weapon)"."""
    bare = re.sub(r"[ _]*\(.*?\)", "", name)
    forms = (tidy(name), normalise(name), tidy(bare), normalise(bare))
    return tuple(dict.fromkeys(spelling for form in forms if form for spelling in spellings(form)))
