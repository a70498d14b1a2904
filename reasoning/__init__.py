"""Graph store, queries, retrieval, decomposition, language models, execution and evaluation.

A name is imported when it is first asked for: a list of the commands, or a graph alone, needs no language model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from skylark.installation import late_names

if TYPE_CHECKING:
    from reasoning.answer import Answer
    from reasoning.execution.step_result import StepResult
    from reasoning.extraction.asking import ExtractionOptions
    from reasoning.graph.provenance import Source, Sourced
    from reasoning.graph.store import KnowledgeGraph
    from reasoning.lark import LarkOptions
    from reasoning.query.read_question import QuestionError
    from reasoning.query.tree import Query
    from reasoning.reasoner import Reasoner
    from reasoning.retrieval.retriever import GraphRetriever
    from skylark.errors import SkylarkError

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
    "ExtractionOptions": "reasoning.extraction.asking",
    "GraphRetriever": "reasoning.retrieval.retriever",
    "KnowledgeGraph": "reasoning.graph.store",
    "LarkOptions": "reasoning.lark",
    "Query": "reasoning.query.tree",
    "QuestionError": "reasoning.query.read_question",
    "Reasoner": "reasoning.reasoner",
    "SkylarkError": "skylark.errors",
    "Source": "reasoning.graph.provenance",
    "Sourced": "reasoning.graph.provenance",
    "StepResult": "reasoning.execution.step_result",
}

__getattr__, __dir__ = late_names(globals(), _MODULES, "The graph half")
