"""The reader of a graph: the weights are loaded at the first question and shared, the last graphs' schemas are kept."""

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

JOB = "queries"
"""What the adapter writes."""

PACKAGED = Path(reasoning.language.__file__).parent / "adapters" / "queries"
"""The adapter of the packaged model; its README says how it was made."""

MOST_GRAPHS, MOST_MODELS = 8, 2
"""Graphs whose schemas, and models whose weights are kept, the last used ones."""

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
        return _reader(kg, folder, source)


@lru_cache(MOST_GRAPHS)
def _reader(kg: KnowledgeGraph, folder: Path, source: str | None) -> QuestionReader:
    return QuestionReader(kg, _beams(folder, source), Confidence.read(folder))


@lru_cache(MOST_MODELS)
def _beams(folder: Path, source: str | None) -> BeamWriter:
    return BeamWriter(load_writer(folder, JOB, source))
