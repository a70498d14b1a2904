"""`graph`: change a graph on disk; what makes one of texts is in `extracting`."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

import kg_data
from kg_data.columns import GraphColumns
from kg_data.command_line import OK, as_json
from kg_data.errors import UsageError
from kg_data.values import Value
from reasoning.cli import extracting
from reasoning.cli.options import add_loading, loading_options
from reasoning.cli.progress import progress
from reasoning.graph.changing.applying import apply
from reasoning.graph.changing.change import Change, Wanted
from reasoning.graph.changing.head import is_store
from reasoning.graph.changing.on_disk import Done, GraphStore
from reasoning.graph.sources import Source
from reasoning.graph.store import KnowledgeGraph

LARGE = 10_000
"""Facts from which on progress is shown at once; with fewer it is shown on a terminal."""


def add_arguments(parser: argparse.ArgumentParser, verb: str) -> None:
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
    extracting.add_action(actions)


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

    def facts() -> Iterator[Wanted]:
        for triples in columns.splits.values():
            for head, relation, tail in triples.tolist():
                yield Wanted(ids[head], relations[relation], ids[tail], source)
        for column in columns.literals:
            for entity, number in zip(column.entities.tolist(), column.values.tolist(), strict=True):
                yield Wanted(ids[entity], column.identifier, Value(column.kind, number), source)

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
