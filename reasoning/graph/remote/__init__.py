"""A graph that stays on its server: whatever is asked of it goes there as bounded SPARQL queries, and is cached."""
