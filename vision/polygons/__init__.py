"""Outlines of objects."""
