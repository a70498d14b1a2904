"""The knowledge graph: store, indexes, names, kinds, cache, exchange with other forms.

Importing the package loads what supplies the methods that `KnowledgeGraph` declares.
"""

from reasoning.extraction import supplying  # noqa: F401
from reasoning.graph import export, schema_text  # noqa: F401
from reasoning.graph.changing import applying, on_disk  # noqa: F401
