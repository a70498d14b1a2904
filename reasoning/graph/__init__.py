"""The knowledge graph: store, indexes, names, cache, exchange with other forms."""
