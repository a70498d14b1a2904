"""`python -m skylark`."""

from skylark.cli import start

start()
