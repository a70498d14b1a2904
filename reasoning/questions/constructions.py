"""What the way in which a sentence uses a relation says of it: which relation is meant, and in which direction."""

from __future__ import annotations

from reasoning.query.verbalise import label_words
from reasoning.questions.lexicon import RelationUse
from reasoning.questions.word_forms import stem, stems


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
    return construction == "verb"


def _agent(word: str, said: str) -> bool:
    """Whether the relation is named for who does what the words say: "starred actors" and "acted"."""
    noun = word.removesuffix("s")
    return noun.endswith(("er", "or")) and noun != said.casefold().removesuffix("s") and stem(noun) in stems(said)
