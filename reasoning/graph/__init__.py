"""The knowledge graph: store, indexes, names, kinds, cache, exchange with other forms."""
