"""What the way in which a sentence uses a relation says of it: which relation is meant, and in which direction."""

from __future__ import annotations

from dataclasses import replace

from reasoning.query.verbalise import label_words
from reasoning.questions.linking import RelationUse


def shared(noun: RelationUse | None, verb: RelationUse | None) -> RelationUse | None:
    """What a noun and a verb both mean: "languages ... spoken", "currency ... used"; not one word said twice."""
    if noun is None or verb is None or noun is verb:
        return None
    names = tuple(name for name in noun.relations if name in verb.relations)
    return replace(noun, relations=names) if names else None


def inverse_of(use: RelationUse, construction: str) -> bool:
    """The direction that a sentence suggests, by the way in which the relation is named.

    "X directed_by Y" and "X parent_of Y" are named for the head, "capital" and "genre" for the tail.
    """
    words = label_words(use.relations[0]).split()
    if construction in ("of", "having"):
        return (words[-1] == "of") == (construction == "of")
    if words[-1] == "by":
        return construction in ("by", "gap")
    return construction == "verb"
