"""`graph extract`: what texts say, as triples with the words that say them, and the graph that they make."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kg_data.command_line import OK, as_json, positive
from kg_data.errors import UsageError
from kg_data.visible import visible
from reasoning.cli.options import add_device, add_loading, add_requests, chosen, loading_options
from reasoning.cli.progress import progress
from reasoning.extraction.estimate import estimate
from reasoning.extraction.extraction import Extraction
from reasoning.extraction.options import ExtractionOptions
from reasoning.extraction.run import Run
from reasoning.extraction.schema import ExtractionSchema
from reasoning.graph.changing.head import is_store
from reasoning.graph.changing.on_disk import GraphStore
from reasoning.graph.store import KnowledgeGraph

ABOUT = "say what texts say as triples with the words that say so, and make a graph store of them"


def add_action(actions: Any) -> None:
    """Say what `graph extract` takes."""
    parser: argparse.ArgumentParser = actions.add_parser("extract", help=ABOUT, description=ABOUT)
    parser.add_argument("texts", nargs="+", type=Path, metavar="TEXT", help="text files in UTF-8; each is a document")
    parser.add_argument("--llm", required=True, metavar="MODEL", help="provider:model, or hf:name-or-folder")
    parser.add_argument(
        "--schema", metavar="FILE", help="a JSON file with the relations to look for, or a graph that has them"
    )
    parser.add_argument(
        "--propose-schema", type=Path, metavar="FILE", help="have the model propose relations, write them, do no more"
    )
    parser.add_argument("--kg", metavar="GRAPH", help="a graph whose names are meant, and that is added to")
    parser.add_argument("--out", type=Path, metavar="STORE", help="a graph store, made where it is not there yet")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--dry-run", action="store_true", help="say what it would take; nothing is sent")
    add_loading(parser)
    asking = parser.add_argument_group("how the model is asked")
    asking.add_argument("--chunk-tokens", type=positive, metavar="N", help="tokens of text in one request (600)")
    asking.add_argument("--repairs", type=int, metavar="N", help="replies asked for again, told what is wrong (1)")
    asking.add_argument("--timeout", type=float, metavar="S", help="seconds for one reply, retries included (120)")
    asking.add_argument(
        "--cache", action=argparse.BooleanOptionalAction, default=None,
        help="keep replies on disk, so that a stopped run goes on; default: yes",
    )  # fmt: skip
    add_requests(asking)
    here = parser.add_argument_group("a model in this process (hf:)")
    add_device(here)
    here.add_argument("--max-new-tokens", type=positive, metavar="N", help="most tokens of a reply (1024)")
    parser.set_defaults(command=extract)


def extract(options: argparse.Namespace) -> int:
    """Extract triples from texts; with `--out` the graph is written once all texts are read."""
    asked = chosen(ExtractionOptions, options)
    graph = _graph(options)
    run = Run(options.texts, options.llm, graph, asked)
    schema = _schema(options)
    if options.dry_run:
        expected = estimate(run, schema, options.propose_schema is not None)
        print(as_json(expected.to_dict()) if options.json else expected)
        return OK
    if options.propose_schema is not None:
        return _propose(options, run)
    meant = run.given_schema(schema)
    if meant is None:
        meant = run.proposed_schema()
        print(f"schema, as the model proposes it: {as_json(meant.to_dict(), None)}", file=sys.stderr)
    with progress("reading the texts", run.count(), "passage") as say:
        extraction = run.extract(meant, say)
    for note in extraction.notes():
        print(visible(note), file=sys.stderr)
    written = None if options.out is None else _write(options, extraction)
    if options.json:
        print(as_json(extraction.to_dict() | ({} if written is None else written)))
        return OK
    if written is None:
        for triple in extraction.triples:
            columns = (triple.head, triple.relation, str(triple.tail), str(triple.source), triple.evidence)
            print("\t".join(visible(" ".join(column.split())) for column in columns))
    print(f"{extraction.summary()}; {extraction.usage}", file=sys.stderr if written is None else sys.stdout)
    if written is not None:
        size = f"{written['entities']:,} entities, {written['facts']:,} facts"
        print(f"{options.out}: {written['note'] or size}")
    return OK


def _graph(options: argparse.Namespace) -> KnowledgeGraph | None:
    """The graph that is added to: the one that is named, else the store that is there already.

    Raises:
        UsageError: the store that is there is another graph than the one that is named.
    """
    there = options.out is not None and is_store(options.out)
    if options.propose_schema is not None and (options.schema or options.out):
        raise UsageError(
            "--propose-schema writes the schema and does no more: leave --schema and --out for the next run"
        )
    if not there:
        if options.out is not None and options.out.exists():
            raise UsageError(f"{options.out} is there already and is no graph store: name a new folder")
        return None if options.kg is None else KnowledgeGraph.load(options.kg, **asdict(loading_options(options)))
    if options.kg is not None and Path(options.kg).resolve() != options.out.resolve():
        raise UsageError(
            f"{options.out} is a graph store already, which is added to: leave --kg out, or name a new folder"
        )
    return KnowledgeGraph.load(options.out)


def _schema(options: argparse.Namespace) -> ExtractionSchema | Path | KnowledgeGraph | None:
    if options.schema is None:
        return None
    path = Path(options.schema)
    return path if path.suffix == ".json" else KnowledgeGraph.load(options.schema)


def _propose(options: argparse.Namespace, run: Run) -> int:
    schema = run.proposed_schema()
    schema.write(options.propose_schema)
    if options.json:
        print(as_json(schema.to_dict() | {"file": str(options.propose_schema), "usage": run.usage.to_dict()}))
        return OK
    for relation in schema.relations:
        tail = relation.value or " or ".join(relation.tails) or "anything"
        print(visible(f"{relation.name}: {' or '.join(relation.heads) or 'anything'} -> {tail}"))
    print(
        f"{options.propose_schema}: {len(schema.relations)} relations; give it as --schema once it says what is meant"
    )
    return OK


def _write(options: argparse.Namespace, extraction: Extraction) -> dict[str, Any]:
    """Write the graph into the store; what came of that."""
    graph = extraction.graph
    note = ""
    if not is_store(options.out):
        graph = GraphStore.create(options.out, graph).open()
    elif graph is extraction.kg:
        note = "all of it is there already; nothing to do"
    else:
        graph = GraphStore(options.out).change(extraction.change).graph
    facts = len(graph) + graph.value_count
    return {"store": str(options.out), "entities": len(graph.universe), "facts": facts, "note": note}
