"""`datasets`, `describe` and `graph`: what there is and holds, changes on disk, graphs of texts."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import kg_data
from kg_data.betae import convert_betae, is_betae_folder
from kg_data.columns import GraphColumns
from kg_data.loaders.mapping import Mapping
from kg_data.registry import BuiltInGraph, LocalDataset, PublicBenchmark, Verification
from kg_data.registry import verify as verify_copy
from kg_data.values import Value
from reasoning.cli.options import (
    add_device,
    add_graph,
    add_loading,
    add_requests,
    chosen,
    loading_options,
    open_graph,
    progress,
)
from reasoning.extraction.asking import ExtractionOptions
from reasoning.extraction.extraction import Extraction
from reasoning.extraction.run import Run, estimate
from reasoning.extraction.schema import ExtractionSchema
from reasoning.graph.provenance import Source
from reasoning.graph.rdf import write_graph
from reasoning.graph.store import KnowledgeGraph
from reasoning.graph.updates.edits import Change, FactEdit, is_store
from reasoning.graph.updates.on_disk import Done, GraphStore, apply
from skylark.command_line import FAILURE, OK, as_json, positive
from skylark.errors import SkylarkError, UsageError
from skylark.files import write_whole
from skylark.text import aligned, visible


def datasets_text() -> str:
    """What is built in, what is in the data folder, and where the public benchmarks are to be had."""
    return "\n".join(_lines())


def verification_text(verified: Verification) -> str:
    """What became of comparing a copy with the published data set."""
    rows = [[check.name, check.finding, f"{check.rows:,}", f"{check.published_rows:,}"] for check in verified.files]
    parts = [
        f"{verified.path} held against {verified.benchmark}:",
        aligned(["file", "finding", "rows", "published"], rows),
    ]
    parts += [f"{what}: {count:,}, published {published:,}" for what, (count, published) in verified.counts.items()]
    if verified.by_digest:
        parts.append(f"This is the published data, by its digests ({verified.digests_from}).")
    elif verified.matches:
        parts.append("The numbers are the published ones; no digest is known that would prove more.")
    else:
        parts.append("This is not the published data.")
    return "\n".join(parts)


def _checked_by(item: PublicBenchmark) -> str:
    if item.digests_from:
        return f"digests ({item.digests_from})"
    return "the numbers of triples, entities and relations; no digest is published"


def _lines() -> Iterator[str]:
    every = kg_data.list_datasets()
    yield "Built in:"
    yield from (f"  {item.name}  {item.about}" for item in every if isinstance(item, BuiltInGraph))
    local = [item for item in every if isinstance(item, LocalDataset)]
    yield ""
    if local:
        yield f"In the data folder {kg_data.data_root()}:"
        rows = [
            [
                item.name,
                item.form,
                " / ".join(f"{split} {count:,}" for split, count in item.triples.items()),
                str(len(item.queries) or "-"),
                str(len(item.questions) or "-"),
            ]
            for item in local
        ]
        table = aligned(["name", "form", "triple lines", "query files", "question files"], rows)
        yield from (f"  {line}" for line in table.split("\n"))
    else:
        yield f"The data folder {kg_data.data_root()} holds no data sets; SKYLARK_DATA names another one."
    yield ""
    yield "To be had elsewhere (nothing is downloaded; put the files into a folder under kg/ of the data folder):"
    for item in every:
        if isinstance(item, PublicBenchmark):
            yield f"  {item.name}: {item.about}"
            yield f"    {item.home}"
            yield f"    {item.paper}; licence: {item.licence}"
            if item.files or item.archive:
                yield f"    a copy is checked by {_checked_by(item)}"


def add_datasets(parser: argparse.ArgumentParser, verb: str) -> None:
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


def add_describe(parser: argparse.ArgumentParser, verb: str) -> None:
    """Say what `describe` takes."""
    add_graph(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--write", type=Path, metavar="FILE", help="a new mapping, with the entries of --mapping")
    parser.set_defaults(command=describe)


def describe(options: argparse.Namespace) -> int:
    """Print the profile of a graph, and write a mapping of it."""
    profile = open_graph(options).profile()
    if options.write is not None:
        given = options.mapping
        if options.write.exists() and (given is None or options.write.resolve() != given.resolve()):
            raise UsageError(f"{options.write} exists: name a new file, or give it as --mapping to have it kept")
        options.mapping = None  # a mapping names what the graph has without it
        text = open_graph(options).profile().mapping_text(None if given is None else Mapping.read(given))
        write_whole(options.write, text.encode())
    print(as_json(profile.to_dict()) if options.json else profile)
    return OK


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
    """The graph that is added to: the one that is named, else the store that is there already."""
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


LARGE = 10_000
"""Facts from which on progress is shown at once; with fewer it is shown on a terminal."""


def add_graph_actions(parser: argparse.ArgumentParser, verb: str) -> None:
    """Say what `graph add`, `graph remove`, `graph compact` and `graph extract` take."""
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    about = "add the facts of files to a graph store, which --from makes"
    sub = _action(actions, "add", about)
    sub.add_argument("files", nargs="*", metavar="FILE", help="facts: .tsv, .csv, .txt, .jsonl, .nt, .ttl or a folder")
    sub.add_argument("--from", dest="origin", metavar="GRAPH", help="make the store of this graph first")
    sub.add_argument("--source", metavar="NAME", help="the document that says these facts; kept with each of them")
    add_loading(sub)
    sub.set_defaults(command=add)
    sub = _action(actions, "remove", "remove the facts of files, or what only some documents said, from a graph store")
    sub.add_argument("files", nargs="*", metavar="FILE", help="facts, in any form that add takes")
    sub.add_argument("--source", action="append", default=[], metavar="NAME", help="a document; may be repeated")
    add_loading(sub)
    sub.set_defaults(command=remove)
    sub = _action(actions, "compact", "merge the changes of a graph store into its base, so that it opens sooner")
    sub.set_defaults(command=compact)
    add_action(actions)


def _action(actions: Any, name: str, about: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=about, description=about)
    parser.add_argument("store", metavar="STORE", help="the folder of the graph store")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def add(options: argparse.Namespace) -> int:
    """Add facts to a store; it is made first where that is asked for."""
    if not options.files and options.origin is None:
        raise UsageError("nothing to add: name files of facts, or make the store with --from GRAPH")
    if options.source is not None and not options.source.strip():
        raise UsageError("--source needs the name of a document")
    change = _change(options, None if options.source is None else Source(options.source))
    if options.origin is None:
        return _carry_out(options, change)
    loading = asdict(loading_options(options)) if not options.files else {}
    graph = KnowledgeGraph.load(options.origin, **loading)
    if not options.files:
        return _print(options, GraphStore.create(options.store, graph), None)
    with progress("changing the graph", len(change), "fact", len(change) >= LARGE) as say:
        changed, effect = apply(graph, [change], say)
    # No store is made of a graph that the facts do not fit, so that the command can be given again.
    store = GraphStore.create(options.store, changed, change)
    return _print(options, store, Done(store.open(), effect))


def remove(options: argparse.Namespace) -> int:
    """Remove facts from a store, and what only some documents said."""
    if not options.files and not options.source:
        raise UsageError("nothing to remove: name files of facts, or documents with --source NAME")
    facts = _change(options, None)
    documents = tuple(dict.fromkeys(options.source))
    return _carry_out(options, Change(remove=facts.add, remove_sources=documents, spelled=True))


def compact(options: argparse.Namespace) -> int:
    """Merge the changes of a store into its base."""
    store = GraphStore(options.store)
    with progress("applying changes", None, "fact") as say:
        return _print(options, store, store.compact(say))


def _carry_out(options: argparse.Namespace, change: Change) -> int:
    store = GraphStore(options.store)
    with progress("changing the graph", len(change), "fact", len(change) >= LARGE) as say:
        done = store.change(change, say)
    return _print(options, store, done)


def _change(options: argparse.Namespace, source: Source | None) -> Change:
    """All that the files say, as one change that adds it."""
    loading = loading_options(options)
    stores = [file for file in options.files if is_store(file)]
    if stores:
        raise UsageError(f"{stores[0]} is a graph store; facts are read from files and data-set folders")
    parts = [_said(kg_data.load(file, loading), source) for file in options.files]
    return Change(
        tuple(fact for part in parts for fact in part.add),
        types=tuple(pair for part in parts for pair in part.types),
        aliases=tuple(pair for part in parts for pair in part.aliases),
        labels=tuple(pair for part in parts for pair in part.labels),
        spelled=True,
    )


def _said(columns: GraphColumns, source: Source | None) -> Change:
    """What a file says."""
    ids, relations = columns.entity_ids, columns.relation_ids

    def facts() -> Iterator[FactEdit]:
        for triples in columns.splits.values():
            for head, relation, tail in triples.tolist():
                yield FactEdit(ids[head], relations[relation], ids[tail], source)
        for column in columns.literals:
            for entity, number in zip(column.entities.tolist(), column.values.tolist(), strict=True):
                yield FactEdit(ids[entity], column.identifier, Value(column.kind, number), source)

    def of(pairs: Iterable[tuple[int, str]]) -> tuple[tuple[str, str], ...]:
        return tuple((ids[entity], text) for entity, text in pairs)

    labels = ((ids[at], label) for at, label in enumerate(columns.entity_labels) if label != ids[at])
    return Change(
        tuple(facts()), types=of(columns.types), aliases=of(columns.aliases), labels=tuple(labels), spelled=True
    )


def _print(options: argparse.Namespace, store: GraphStore, done: Done | None) -> int:
    graph = store.open() if done is None else done.graph
    effect = {} if done is None else asdict(done.effect)
    note = "" if done is None else done.note
    if options.json:
        content = {"store": str(store.folder), "changed": done is None or not note, **effect, "note": note}
        content["compacted"] = done is not None and done.compacted
        print(as_json(content | {"triples": len(graph), "values": graph.value_count, "entities": len(graph.universe)}))
        return OK
    words = ", ".join(
        text
        for number, text in (
            (effect.get("added"), f"{effect.get('added', 0):,} facts added"),
            (effect.get("removed"), f"{effect.get('removed', 0):,} removed"),
            (effect.get("there"), f"{effect.get('there', 0):,} there already"),
            (effect.get("sourced"), f"{effect.get('sourced', 0):,} with other sources"),
            (effect.get("described"), f"{effect.get('described', 0):,} names or types changed"),
        )
        if number
    )
    said = [note, words, "compacted" if done is not None and done.compacted else ""]
    print(f"{store.folder}: {'; '.join(filter(None, said)) or 'done'}")
    print(f"{len(graph):,} triples, {graph.value_count:,} values, {len(graph.universe):,} entities")
    return OK
