"""The reader of a graph: the weights are loaded at the first question, and shared."""

from __future__ import annotations

import threading
from functools import lru_cache
from pathlib import Path

import reasoning.language
from reasoning.graph.store import KnowledgeGraph
from reasoning.language.writing.beams import BeamWriter
from reasoning.language.writing.writer import load_writer
from reasoning.reading.model.confidence import Confidence
from reasoning.reading.model.reader import QuestionReader
from reasoning.reading.model.schema import schema_of

JOB = "queries"
"""What the adapter writes."""

PACKAGED = Path(reasoning.language.__file__).parent / "adapters" / "queries"
"""The adapter of the packaged model; its README says how it was made."""

MOST_MODELS = 2
"""Models whose weights are kept, the last used ones."""

_loading = threading.RLock()


def reader_of(kg: KnowledgeGraph, folder: Path = PACKAGED, source: str | None = None) -> QuestionReader:
    """The reader of questions about a graph.

    Args:
        kg: the graph.
        folder: of the adapter.
        source: the base model, see `language.local_weights.find_weights`.

    Raises:
        LLMError: the adapter or the weights are missing or damaged, or do not belong together.
    """
    with _loading:
        return QuestionReader(schema_of(kg), *_model(folder, source))


@lru_cache(MOST_MODELS)
def _model(folder: Path, source: str | None) -> tuple[BeamWriter, Confidence]:
    return BeamWriter(load_writer(folder, JOB, source)), Confidence.read(folder)
