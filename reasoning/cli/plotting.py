"""`plot`: results files as a bar chart."""

from __future__ import annotations

import argparse
from pathlib import Path

from kg_data.command_line import OK
from reasoning.evaluation.plot import save_plot
from reasoning.evaluation.results_file import read_results


def add_arguments(parser: argparse.ArgumentParser, verb: str) -> None:
    """Say what `plot` takes."""
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="results of `evaluate --out`, up to six")
    parser.add_argument("--metric", metavar="M", help="such as mrr or f1; default: the main one")
    parser.add_argument("--out", type=Path, required=True, metavar="PICTURE", help="a .png, .svg or .pdf file to write")
    parser.set_defaults(command=plot_files)


def plot_files(options: argparse.Namespace) -> int:
    """Draw results files and print where the picture is."""
    save_plot([read_results(path) for path in options.files], options.out, options.metric)
    print(options.out)
    return OK
