"""What several commands share."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any, TypeVar

from kg_data.command_line import positive
from kg_data.loaders import LoadingOptions
from reasoning.graph.store import KnowledgeGraph
from reasoning.language.readers import add_reader

Options = TypeVar("Options")


def add_graph(parser: argparse.ArgumentParser) -> None:
    """Offer `--kg`, and what a file of one's own does not say of itself."""
    parser.add_argument(
        "--kg", required=True, metavar="GRAPH",
        help="built-in name, data-set name or folder, file, or sparql:URL of an endpoint",
    )  # fmt: skip
    add_loading(parser)
    parser.add_argument(
        "--refresh", action="store_true", help="of an endpoint: find out anew what the graph is like; kept for a day"
    )


def add_dataset(parser: argparse.ArgumentParser) -> None:
    """Offer `--kg` for what needs a graph in splits, which no file has."""
    parser.add_argument("--kg", required=True, metavar="GRAPH", help="data-set name or folder")


def add_loading(parser: argparse.ArgumentParser) -> None:
    """Offer the options of `KnowledgeGraph.load`."""
    group = parser.add_argument_group("a graph of one's own in a file")
    group.add_argument(
        "--table", action=argparse.BooleanOptionalAction, default=None,
        help="the file is a table: a header, then a row for each thing; --no-table: triples, though it looks like one",
    )  # fmt: skip
    group.add_argument("--cell-separator", metavar="S", help="stands between several values of a cell, such as ;")
    group.add_argument("--infer-values", action="store_true", help="numbers and dates are values, not entities")
    group.add_argument("--skip-broken", action="store_true", help="leave broken lines out and say which")


def add_question_reader(parser: argparse.ArgumentParser) -> None:
    """Offer who reads questions, and how sure that must be."""
    add_reader(parser, "questions")
    parser.add_argument(
        "--sure-from", type=float, metavar="P",
        help="answer what is read with this probability, ask back below; default: as fitted; 0: the likeliest reading",
    )  # fmt: skip


def add_requests(group: Any) -> None:
    """Offer how requests to a hosted model are sent; `group` is an argument group."""
    group.add_argument("--retries", type=int, metavar="N", help="requests sent again after an error that may pass (4)")
    group.add_argument("--requests-per-minute", type=float, metavar="N", help="most requests a minute, evenly spaced")
    group.add_argument("--max-concurrency", type=positive, metavar="N", help="most requests under way at once")
    group.add_argument("--price-in", type=float, metavar="USD", help="for a million tokens of prompt, if not known")
    group.add_argument("--price-out", type=float, metavar="USD", help="for a million tokens of reply, if not known")


def add_device(group: Any) -> None:
    """Offer where a model of this process runs, and in which numbers."""
    group.add_argument("--device", metavar="D", help="auto (default), cpu, cuda, cuda:N or mps")
    group.add_argument("--dtype", metavar="T", help="auto (default), float32, bfloat16 or float16")


def chosen(kind: type[Options], options: argparse.Namespace) -> Options:
    """An options value of what the command line says; its defaults stand for the rest."""
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    return kind(**{name: value for name in names if (value := getattr(options, name, None)) is not None})


def loading_options(options: argparse.Namespace) -> LoadingOptions:
    """The `LoadingOptions` that the command line asks for.

    Raises:
        UsageError: they do not go together.
    """
    return LoadingOptions(options.table, options.cell_separator, options.infer_values, options.skip_broken)


def open_graph(options: argparse.Namespace, splits: Sequence[str] | None = None) -> KnowledgeGraph:
    """The graph that the command line names, or some splits of it."""
    return KnowledgeGraph.load(options.kg, splits, **asdict(loading_options(options)), refresh=options.refresh)
