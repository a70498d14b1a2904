"""What carries out `KnowledgeGraph.from_text`, imported with the graph; what asks a model is imported at the call."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from kg_data.supplied import supplies
from reasoning.graph.store import KnowledgeGraph, graph_of_texts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from langchain_core.language_models import BaseChatModel

    from reasoning.extraction.documents import Texts
    from reasoning.extraction.options import ExtractionOptions
    from reasoning.extraction.schema import ExtractionSchema

log = logging.getLogger(__name__)


@supplies(graph_of_texts)
def from_text(
    documents: Texts,
    llm: str | BaseChatModel,
    schema: ExtractionSchema | Mapping[str, object] | Path | KnowledgeGraph | None,
    kg: KnowledgeGraph | None,
    options: ExtractionOptions | None,
) -> KnowledgeGraph:
    """See `KnowledgeGraph.from_text`."""
    from reasoning.extraction.run import extract

    extraction = extract(documents, llm, schema, kg, options)
    for note in extraction.notes():
        log.warning("%s", note)
    return extraction.graph
