"""Phrases as people write them, brought to one form: lower case, no article, the head noun in the singular."""

from __future__ import annotations


def normalise(phrase: str) -> str:
    """The label of a phrase: "Sofas" -> "sofa", "the black cats" -> "black cat", "people" -> "person"."""
    raise NotImplementedError
