"""What several commands share."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any


def add_graph(parser: argparse.ArgumentParser) -> None:
    """Offer `--kg`."""
    parser.add_argument("--kg", required=True, metavar="GRAPH", help="built-in name, data-set name or folder, or file")


def positive(text: str) -> int:
    """A whole number of at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {number}")
    return number


def as_json(item: Any) -> str:
    """JSON for a terminal or a pipe, escaped where its encoding is not UTF-8."""
    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    return json.dumps(item, ensure_ascii=not unicode, indent=2)
