"""Referring expressions and questions about a scene, read into queries."""
