"""Graphs that change: a new graph is the old one with the changes laid over it."""
