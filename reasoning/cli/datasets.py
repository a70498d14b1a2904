"""`datasets`: the graphs there are, whether a copy is the published one, and other forms of them."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

import kg_data
from kg_data.command_line import FAILURE, OK, as_json
from kg_data.converting.betae import convert_betae, is_betae_folder
from kg_data.errors import SkylarkError
from kg_data.verifying import verify as verify_copy
from reasoning.cli.options import add_loading, loading_options
from reasoning.graph.export import write_graph
from reasoning.graph.store import KnowledgeGraph
from reasoning.wording.datasets_text import datasets_text, verification_text


def add_arguments(parser: argparse.ArgumentParser, verb: str) -> None:
    """Say what `datasets`, `datasets verify` and `datasets convert` take."""
    parser.add_argument("--json", action="store_true", help="print the list as JSON")
    parser.set_defaults(command=list_datasets)
    actions = parser.add_subparsers(metavar="ACTION")
    sub = actions.add_parser("verify", help="compare a copy of a benchmark with what is published")
    sub.add_argument("graph", metavar="NAME|PATH", help="data-set name, its folder, or KG_data.zip")
    sub.add_argument("--json", action="store_true", help="print one JSON object")
    sub.set_defaults(command=verify)
    about = "write BetaE's official folder in the integer form, or any graph as a file"
    sub = actions.add_parser("convert", help=about, description=about)
    sub.add_argument("source", metavar="SOURCE", help="BetaE's folder; or a graph's name, folder or file")
    sub.add_argument(
        "target", type=Path, metavar="TARGET", help="a new folder; or a new .nt, .ttl, .jsonl, .tsv or .csv file"
    )
    add_loading(sub)
    sub.set_defaults(command=convert)


def list_datasets(options: argparse.Namespace) -> int:
    """List the graphs there are."""
    print(as_json(kg_data.describe_datasets()) if options.json else datasets_text())
    return OK


def verify(options: argparse.Namespace) -> int:
    """Compare a copy of a benchmark with what is published; it is a failure where they differ."""
    result = verify_copy(options.graph)
    if options.json:
        more = {"path": str(result.path), "matches": result.matches, "by_digest": result.by_digest}
        print(as_json({**asdict(result), **more}))
    else:
        print(verification_text(result))
    return OK if result.matches else FAILURE


def convert(options: argparse.Namespace) -> int:
    """Write BetaE's official folder in the integer form, or any graph as a file."""
    source, target = Path(options.source), options.target
    if target.exists():
        raise SkylarkError(f"{target} exists; name a file or folder that does not, it will be made")
    if not is_betae_folder(source):
        return _convert_graph(options, target)
    loading_options(options).refuse_all_but("BetaE's folder")
    done = convert_betae(source, target)
    print(f"{target}: {done.entities:,} entities, {done.relations:,} relations")
    for name, count in done.queries.items():
        print(f"  {name}: {count:,} queries")
    return OK


def _convert_graph(options: argparse.Namespace, target: Path) -> int:
    kg = KnowledgeGraph.load(options.source, **asdict(loading_options(options)))
    write_graph(kg, target)
    print(f"{target}: {len(kg):,} triples, {kg.value_count:,} values, {len(kg.universe):,} entities")
    return OK
