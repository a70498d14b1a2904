"""Measurements: each script writes its figures and the command that made them into `results`."""
