"""A graph that stays on its server: whatever is asked of it goes there as SPARQL queries, bounded, and kept."""
