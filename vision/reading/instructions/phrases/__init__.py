"""Wordings that fix a field of the task: bounds, ranks, regions, classes, formats."""
