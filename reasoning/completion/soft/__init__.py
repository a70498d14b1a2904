"""Soft logic: queries answered over edges that are more or less sure."""
