"""The knowledge graph: store, indexes, names, cache, exchange with other forms.

Importing the package loads what supplies the methods that `KnowledgeGraph` declares.
"""

from reasoning.graph import export  # noqa: F401
