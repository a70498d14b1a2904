"""Execution of a bound chain: exactly, many at once, and what every run gives."""
