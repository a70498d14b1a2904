"""Graph store, queries, retrieval, decomposition, language models, execution and evaluation.

A name is imported when it is first asked for: a list of the commands, or a graph alone, needs no language model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kg_data.late_names import late_names

if TYPE_CHECKING:
    from kg_data.errors import SkylarkError
    from reasoning.answer import Answer
    from reasoning.execution.step_result import StepResult
    from reasoning.extraction.options import ExtractionOptions
    from reasoning.graph.sources import Source, Sourced
    from reasoning.graph.store import KnowledgeGraph
    from reasoning.lark import LarkOptions
    from reasoning.query.read_question import QuestionError
    from reasoning.query.tree import Query
    from reasoning.reasoner import Reasoner
    from reasoning.retrieval.graph_retriever import GraphRetriever

__all__ = [
    "Answer",
    "ExtractionOptions",
    "GraphRetriever",
    "KnowledgeGraph",
    "LarkOptions",
    "Query",
    "QuestionError",
    "Reasoner",
    "SkylarkError",
    "Source",
    "Sourced",
    "StepResult",
]

_MODULES = {
    "Answer": "reasoning.answer",
    "ExtractionOptions": "reasoning.extraction.options",
    "GraphRetriever": "reasoning.retrieval.graph_retriever",
    "KnowledgeGraph": "reasoning.graph.store",
    "LarkOptions": "reasoning.lark",
    "Query": "reasoning.query.tree",
    "QuestionError": "reasoning.query.read_question",
    "Reasoner": "reasoning.reasoner",
    "SkylarkError": "kg_data.errors",
    "Source": "reasoning.graph.sources",
    "Sourced": "reasoning.graph.sources",
    "StepResult": "reasoning.execution.step_result",
}

__getattr__, __dir__ = late_names(globals(), _MODULES, "The graph half")
