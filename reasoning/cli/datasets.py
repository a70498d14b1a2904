"""`datasets`: the graphs there are, whether a copy is the published one, and other forms of them."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kg_data.command_line import FAILURE, OK
from kg_data.errors import SkylarkError
from reasoning.cli.options import as_json


def add_commands(commands: Any) -> None:
    """Offer `datasets`, `datasets verify` and `datasets convert`."""
    parser = commands.add_parser("datasets", help="list, check and convert graphs")
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
    sub.set_defaults(command=convert)


def list_datasets(options: argparse.Namespace) -> int:
    """List the graphs there are."""
    import kg_data
    from reasoning.wording.datasets_text import datasets_text

    print(as_json(kg_data.describe_datasets()) if options.json else datasets_text())
    return OK


def verify(options: argparse.Namespace) -> int:
    """Compare a copy of a benchmark with what is published; it is a failure where they differ."""
    from kg_data.verifying import verify as verify_copy
    from reasoning.wording.datasets_text import verification_text

    found = verify_copy(options.graph)
    if options.json:
        print(
            as_json({**asdict(found), "path": str(found.path), "matches": found.matches, "by_digest": found.by_digest})
        )
    else:
        print(verification_text(found))
    return OK if found.matches else FAILURE


def convert(options: argparse.Namespace) -> int:
    """Write BetaE's official folder in the integer form, or any graph as a file."""
    from kg_data.betae import convert_betae, is_betae_folder

    source, target = Path(options.source), options.target
    if target.exists():
        raise SkylarkError(f"{target} exists; name a file or folder that does not, it will be made")
    if not is_betae_folder(source):
        return _convert_graph(options.source, target)
    done = convert_betae(source, target)
    print(f"{target}: {done.entities:,} entities, {done.relations:,} relations")
    for name, count in done.queries.items():
        print(f"  {name}: {count:,} queries")
    return OK


def _convert_graph(source: str, target: Path) -> int:
    from reasoning.graph.export import write_graph
    from reasoning.graph.store import KnowledgeGraph

    kg = KnowledgeGraph.load(source)
    write_graph(kg, target)
    values = sum(len(column.values) for column in kg.literals)
    print(f"{target}: {len(kg):,} triples, {values:,} values, {len(kg.universe):,} entities")
    return OK
