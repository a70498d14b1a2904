"""What the way in which a sentence uses a relation says of it: which relation is meant, and in which direction.

The shape of a name says what it means: in (X, mother of, Y) X is the mother, in (X, manages, Y) X does it, in
(X, managed by, Y) Y does, and in (X, boss, Y) Y is the boss. A sentence that names the relation by a noun or a verb of
that sense says with it which end it asks for.
"""

from __future__ import annotations

from functools import lru_cache

from reasoning.reading.english.word_forms import is_noun, is_verb, is_verbal, lemmas, stem, stems
from reasoning.reading.english.wordnet import wordnet
from reasoning.reading.lexicon import RelationUse
from reasoning.wording.verbalise import label_words

_BEHIND = frozenset({"of", "in", "at", "on", "to", "with", "from", "for", "into"})


def shared(noun: RelationUse | None, verb: RelationUse | None) -> RelationUse | None:
    """What a noun and a verb both mean: "languages ... spoken", "currency ... used"; not one word said twice."""
    if noun is None or verb is None or noun is verb:
        return None
    names = [name for name in noun.relations if name in verb.relations]
    return noun.only(names) if names else None


def inverse_of(use: RelationUse, construction: str) -> bool:
    """The direction that a sentence suggests, by the way in which the relation is named.

    "X directed_by Y" and "X parent_of Y" are named for the head, "capital" and "genre" for the tail.
    """
    if construction in ("from", "to"):
        return construction == "to"
    words = label_words(use.relations[0]).split()
    if construction in ("of", "having"):
        return (words[-1] == "of") == (construction == "of")
    if words[-1] == "by" or _agent(words[-1], use.text):
        return construction in ("by", "gap")
    return construction in ("verb", "participle")


def said_way(label: str, text: str, construction: str) -> bool | None:
    """Whether a sentence says that a relation is followed backwards, None where its words leave that open.

    Args:
        label: the words of the relation's name.
        text: the words of the question that name it.
        construction: see `Application`.
    """
    words = label.casefold().split()
    if not words:
        return None
    shape = _shape(words)
    if construction == "left in":
        if shape == "verb" and words[-1] not in _BEHIND:
            return True  # "what is water contained in" asks for what contains it
        construction = "gap"
    if construction in ("verb", "participle", "by", "gap"):
        asks_subject = construction in ("verb", "participle")
        if shape == "passive":
            return not asks_subject
        if shape in ("verb", "noun of"):
            if shape == "noun of" and construction == "participle" and not text.casefold().split()[0].endswith("ing"):
                return False  # "found in" says of X what "location of" says of where it is
            # "products sold in Peru" are no sellers there
            return None if construction == "participle" and words[-1] not in _BEHIND else asks_subject
        return not asks_subject if _agent(words[-1], text) else None
    if construction in ("of", "having"):
        end = _end(shape, words, text.casefold().split()[-1])
        return None if end is None else (end == "head") == (construction == "of")
    return None


def _shape(words: list[str]) -> str:
    """ "passive" (managed by), "verb" (manages, born in), "noun of" (mother of), "noun" (boss), "" for others."""
    last = words[-1]
    if last == "by":
        return "passive"
    if len(words) > 1 and last in _BEHIND:
        before = words[-2]
        return "verb" if _finite(before) or not is_noun(before) else "noun of"
    if len(words) == 1 and (_finite(last) or (is_verb(last) and not is_noun(last))):
        return "verb"
    return "" if is_verbal(last) else "noun"


def _finite(word: str) -> bool:
    """Whether a word is a verb in the form that has a subject: "manages", "acquired", "born"."""
    forms = [form for form in lemmas(word) if form != word]
    return any(wordnet().senses(form, "v") for form in forms) and not word.endswith("ing")


def _end(shape: str, words: list[str], noun: str) -> str | None:
    """Whether a noun names the head or the tail of a relation, None where that is open."""
    if shape in ("passive", "verb"):
        if noun.removesuffix("s").endswith("ee"):
            agent = False
        elif is_person(noun):
            agent = True
        else:
            return None
        return "head" if agent == (shape == "verb") else "tail"
    if shape == "noun of":
        return "head"
    if shape == "noun" and is_person(noun) and is_person(words[-1]):
        turned = noun.removesuffix("s").endswith("ee") != words[-1].removesuffix("s").endswith("ee")
        return "head" if turned and stem(noun.removesuffix("s")[:-2]) in stems(words[-1]) else "tail"
    return None


@lru_cache(maxsize=10_000)
def is_person(noun: str) -> bool:
    """Whether a noun is first a word for a person: "manager", "wife"."""
    return any("person" in wordnet().above(form, 8) for form in lemmas(noun)[-1:])


def _agent(word: str, said: str) -> bool:
    """Whether the relation is named for who does what the words say: "starred actors" and "acted"."""
    noun = word.removesuffix("s")
    return noun.endswith(("er", "or")) and noun != said.casefold().removesuffix("s") and stem(noun) in stems(said)
