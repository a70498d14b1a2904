"""Link prediction by embeddings: ComplEx, its training and its checkpoints."""
