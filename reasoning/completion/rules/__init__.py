"""Link prediction by rules: learned from the graph, applied, and given as reasons."""
