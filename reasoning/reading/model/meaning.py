"""What phrases mean, as vectors, where an encoder is installed."""

from __future__ import annotations

from collections.abc import Sequence

from kg_data.errors import MissingPackageError
from kg_data.sentence_vectors import Vectors, sentence_encoder


def meaning_of(phrases: Sequence[str]) -> Vectors | None:
    """The vector of each phrase; None where there are no phrases, or no encoder is installed."""
    try:
        return sentence_encoder().encode(phrases) if phrases else None
    except MissingPackageError:
        return None
