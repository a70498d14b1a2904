"""`datasets`: the graphs there are."""

from __future__ import annotations

import argparse
from typing import Any

from reasoning.cli.exit_codes import OK
from reasoning.cli.options import as_json


def add_commands(commands: Any) -> None:
    """Offer `datasets`."""
    sub = commands.add_parser("datasets", help="list the graphs there are")
    sub.add_argument("--json", action="store_true", help="print a JSON list")
    sub.set_defaults(command=datasets)


def datasets(options: argparse.Namespace) -> int:
    """List the graphs there are."""
    import kg_data
    from reasoning.datasets_text import datasets_text

    print(as_json(kg_data.describe_datasets()) if options.json else datasets_text())
    return OK
