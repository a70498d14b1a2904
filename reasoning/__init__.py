"""Graph store, queries, retrieval, decomposition, language models, execution and evaluation."""

from kg_data.errors import SkylarkError
from reasoning.answer import Answer, StepResult
from reasoning.graph.store import KnowledgeGraph
from reasoning.lark import LarkOptions
from reasoning.query.tree import Query
from reasoning.reasoner import Reasoner

__all__ = ["Answer", "KnowledgeGraph", "LarkOptions", "Query", "Reasoner", "SkylarkError", "StepResult"]
