"""The command line: `python -m vision`."""
