"""Seeing over time: frames, tracks, what happens between them, and actions."""
