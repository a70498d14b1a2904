"""`plot`: results files as a bar chart."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from kg_data.command_line import OK


def add_commands(commands: Any) -> None:
    """Offer `plot`."""
    sub = commands.add_parser("plot", help="draw results files as bars per query type")
    sub.add_argument("files", type=Path, nargs="+", metavar="FILE", help="results of `evaluate --out`, up to six")
    sub.add_argument("--metric", metavar="M", help="such as mrr or f1; default: the main one")
    sub.add_argument("--out", type=Path, required=True, metavar="PICTURE", help="a .png, .svg or .pdf file to write")
    sub.set_defaults(command=plot_files)


def plot_files(options: argparse.Namespace) -> int:
    """Draw results files and print where the picture is."""
    from reasoning.evaluation.plot import save_plot
    from reasoning.evaluation.results import read_results

    save_plot([read_results(path) for path in options.files], options.out, options.metric)
    print(options.out)
    return OK
