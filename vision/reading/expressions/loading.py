"""The reader of expressions; it shares the weights with that of instructions."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from vision.reading.expressions.reader import ExpressionReader
from vision.reading.instructions.loading import PACKAGED, beams_of


def expression_reader(folder: Path = PACKAGED, source: str | None = None) -> ExpressionReader:
    """The reader with the adapter of a folder.

    Args:
        folder: of the adapter.
        source: the base model, see `language.local_weights.find_weights`.

    Raises:
        LLMError: the adapter or the weights are missing or damaged, or do not belong together.
    """
    return _reader(folder, source)


@lru_cache(2)
def _reader(folder: Path, source: str | None) -> ExpressionReader:
    return ExpressionReader(beams_of(folder, source))
