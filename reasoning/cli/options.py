"""What several commands share."""

from __future__ import annotations

import argparse


def add_graph(parser: argparse.ArgumentParser) -> None:
    """Offer `--kg`."""
    parser.add_argument("--kg", required=True, metavar="GRAPH", help="built-in name, data-set name or folder, or file")
