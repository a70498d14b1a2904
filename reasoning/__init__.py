"""Graph store, queries, retrieval, decomposition, language models, execution and evaluation."""

from kg_data.errors import SkylarkError
from reasoning.answer import Answer
from reasoning.execution.step_result import StepResult
from reasoning.graph.store import KnowledgeGraph
from reasoning.lark import LarkOptions
from reasoning.query.tree import Query
from reasoning.reasoner import Reasoner
from reasoning.retrieval.graph_retriever import GraphRetriever

__all__ = [
    "Answer",
    "GraphRetriever",
    "KnowledgeGraph",
    "LarkOptions",
    "Query",
    "Reasoner",
    "SkylarkError",
    "StepResult",
]
