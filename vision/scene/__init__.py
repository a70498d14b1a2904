"""Detections as a small knowledge graph, and questions about it."""
