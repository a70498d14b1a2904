"""A sampling run: held-out edges, sampled queries, and their files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm  # type: ignore[import-untyped]

from kg_data.loaders import LoadingOptions
from kg_data.loaders.facts import TWIN_SUFFIX
from kg_data.loaders.text import USUAL
from reasoning.errors import SamplingError
from reasoning.evaluation.query_files import EntityTable, QueryRecord
from reasoning.evaluation.run import graph_digest
from reasoning.evaluation.sampling.missing_links import GraphPair, LinkTally, refuse_endpoint
from reasoning.evaluation.sampling.sampler import QuerySampler, SamplingOptions
from reasoning.graph.index import Ids
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.records import STRUCTURES
from skylark.errors import ResultsError
from skylark.files import whole_folder, write_whole


def write_held_out(kg: KnowledgeGraph, folder: Path, share: float, seed: int) -> None:
    """Write a graph as a new folder of labelled triples, train.txt and valid.txt, whole or not at all.

    A triple is held out only where its entities and its relation stay in train: nothing can be predicted of what is
    never seen. Each triple is written with its inverse twin, so that queries can follow every relation both ways. Names
    are kept; values are left out, since no query of the 14 structures reads one.

    Args:
        kg: the graph; where it has splits, all that were loaded are one.
        folder: what is made.
        share: how much of the triples goes to valid.txt, above 0 and below 1.
        seed: seeds the choice.

    Raises:
        SamplingError: the share is out of range, no triple can be held out, or a name cannot stand in such a file.
        ResultsError: the folder exists or cannot be written.
    """
    if not 0 < share < 1:
        raise SamplingError(f"the share held out must be above 0 and below 1, not {share}")
    if folder.exists():
        raise ResultsError(f"{folder} is there already; go on with --kg {folder}, or choose another folder")
    triples = kg.index.whole.triples()
    held = _held_out(triples, kg, round(share * len(triples)) or 1, seed)
    if not held.any():
        raise SamplingError(
            f'no triple of "{kg.graph_name}" can be held out: each is the only one of its entities or its relation'
        )
    try:
        with whole_folder(folder) as work:
            for name, kept in (("train", ~held), ("valid", held)):
                _write(work / f"{name}.txt", _lines(kg, triples[kept]))
            _write(work / "entity2text.txt", _names(kg.entity_ids, kg.entity_labels))
            _write(work / "relation2text.txt", _names(kg.relation_ids, kg.relation_labels))
    except OSError as error:
        raise ResultsError(f"cannot write {folder}: {error.strerror or error}") from None


def _held_out(triples: Ids, kg: KnowledgeGraph, left: int, seed: int) -> NDArray[np.bool_]:
    entities = np.bincount(triples[:, [0, 2]].ravel(), minlength=kg.entity_count).tolist()
    relations = np.bincount(triples[:, 1], minlength=kg.relation_count).tolist()
    held = np.zeros(len(triples), dtype=bool)
    for place in np.argsort(np.random.default_rng(seed).random(len(triples)), kind="stable").tolist():
        if not left:
            break
        head, relation, tail = triples[place].tolist()
        loop = head == tail
        if entities[head] > 1 + loop and entities[tail] > 1 + loop and relations[relation] > 1:
            held[place] = True
            left -= 1
            entities[head] -= 1
            entities[tail] -= 1
            relations[relation] -= 1
    return held


def _lines(kg: KnowledgeGraph, triples: Ids) -> Iterable[str]:
    ids = list(kg.entity_ids)
    for name in (*ids, *kg.relation_ids):
        if name != name.strip() or any(char in name for char in "\t\n\r"):
            raise SamplingError(f"a line of train.txt cannot hold the id {name!r}; rename it")
    for head, relation, tail in triples.tolist():
        yield f"{ids[head]}\t{kg.relation_ids[relation]}\t{ids[tail]}"
        yield f"{ids[tail]}\t{kg.relation_ids[relation]}{TWIN_SUFFIX}\t{ids[head]}"


def _names(ids: Iterable[str], labels: Iterable[str]) -> Iterable[str]:
    return (f"{own}\t{' '.join(label.split())}" for own, label in zip(ids, labels, strict=True))


def _write(path: Path, lines: Iterable[str]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{line}\n" for line in lines)


UNFINISHED = ".unfinished.json"

GRAPH = "graph"
"""The folder beside the queries that a graph without splits is written to."""


class SamplingRun:
    """The files of one sampling.

    Args:
        out: the folder, made where it is not there.
        split: the split of the queries; a part of the files' names.
        kinds: the types that are asked for.
        options: all that decides the queries, JSON-serialisable.

    Attributes:
        goes_on: whether a run of the same options was stopped.
        rows: the rows of the summary that are done, by type.

    Raises:
        ResultsError: the folder cannot be made, or a file of another run is there.
    """

    def __init__(self, out: Path, split: str, kinds: Sequence[str], options: dict[str, Any]) -> None:
        self._out, self._split, self._options = out, split, json.loads(json.dumps(options))
        self.rows: dict[str, Any] = {}
        try:
            stored = json.loads((out / UNFINISHED).read_text(encoding="utf-8"))
            self.goes_on = bool(stored["told"] == self._options)
            if self.goes_on:
                self.rows = {kind: row for kind, row in stored["rows"].items() if self.file(kind).exists()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            self.goes_on = False
        existing = [kind for kind in kinds if self.file(kind).exists()]
        if existing and not self.goes_on:
            first, named = self.file(existing[0]), ", ".join(existing)
            raise ResultsError(f"{first} is there already; choose another folder, or types other than {named}")
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ResultsError(f"cannot make the folder {out}: {error.strerror or error}") from None

    def file(self, kind: str) -> Path:
        """The file of a type's queries."""
        return self._out / f"{self._split}-{kind}.jsonl"

    def keep(self) -> None:
        """Write down what is done, so that it can be gone on with from here."""
        write_whole(self._out / UNFINISHED, json.dumps({"told": self._options, "rows": self.rows}).encode())

    def end(self) -> None:
        """Leave the queries alone."""
        (self._out / UNFINISHED).unlink(missing_ok=True)


def sample_queries(
    kg: str | Path,
    out: Path,
    split: str = "valid",
    options: SamplingOptions | None = None,
    held_out: float | None = None,
    progress: bool = False,
    loading: LoadingOptions = USUAL,
) -> dict[str, Any]:
    """Sample queries with their easy and hard answers into files `<split>-<type>.jsonl`, as `evaluate` reads them.

    A run that was killed goes on where it was when it is begun again in the same way.

    Args:
        kg: name or folder of a data set with the splits train, valid (and test); with `held_out` any graph.
        out: the folder, made where it is not there.
        split: "valid" or "test": the split whose links are missing.
        options: types, numbers and seed.
        held_out: first split the graph: this share of its triples is valid, the others train, in the folder `graph`
            within `out`.
        progress: show a bar for each type on stderr.
        loading: with `held_out`, what the graph's file does not say of itself, see `KnowledgeGraph.load`.

    Returns:
        `per_type` (see `LinkTally.summary`, and `tries`) and `split`.

    Raises:
        SamplingError: the graph has no such splits; or, when all other types are written, too few queries of some.
        EvaluationError: the split is not known.
        ResultsError: a file exists or cannot be written.
        SkylarkError: the graph cannot be loaded.
    """
    options = options or SamplingOptions()
    if held_out is not None and split != "valid":
        raise SamplingError(
            f'a graph that is split here has train and valid; expected the split "valid", not "{split}"'
        )
    refuse_endpoint(kg)
    if held_out is None:
        loading.refuse_all_but(f"{kg} in splits")
        pair = GraphPair.load(kg, split)
        graphs = [pair.smaller, pair.full]
    else:
        graphs = [KnowledgeGraph.load(kg, **asdict(loading))]
    deciding = {"graphs": [graph_digest(graph) for graph in graphs], "held_out": held_out, **asdict(options)}
    run = SamplingRun(out, split, options.kinds, deciding)
    if held_out is not None and not (run.goes_on and (out / GRAPH).exists()):
        write_held_out(graphs[0], out / GRAPH, held_out, options.seed)
    run.keep()
    if held_out is not None:
        pair = GraphPair.load(out / GRAPH, split)
    unfilled = _sample(pair, options, run, progress)
    run.end()
    if unfilled:
        raise SamplingError("\n".join(unfilled))
    return {"per_type": {kind: run.rows[kind] for kind in STRUCTURES if kind in run.rows}, "split": split}


def _sample(pair: GraphPair, options: SamplingOptions, run: SamplingRun, progress: bool) -> list[str]:
    """Sample every type that is not done; why some could not be filled."""
    sampler, unfilled, table = QuerySampler(pair, options), [], EntityTable(pair.full)
    table.integers = True  # where an id is a number it is written as one
    for kind in options.kinds:
        if kind in run.rows:
            continue
        with tqdm(total=options.count, desc=kind, unit="query", disable=not progress) as bar:

            def show(count: int, bar: Any = bar) -> None:
                bar.update(count - bar.n)

            try:
                sampled = sampler.sample(kind, show)
            except SamplingError as error:
                unfilled.append(str(error))
                continue
        write_whole(run.file(kind), b"".join(_line(record, table) for record in sampled.records))
        tally = LinkTally()
        for links in sampled.links:
            tally.add(kind, links)
        run.rows[kind] = tally.summary()["per_type"][kind] | {"tries": sampled.tries}
        run.keep()
    return unfilled


def _line(record: QueryRecord, table: EntityTable) -> bytes:
    item = {
        "type": record.kind,
        "query": record.query.to_record(),
        "easy": table.write(record.easy),
        "hard": table.write(record.hard),
    }
    return json.dumps(item, separators=(",", ":")).encode() + b"\n"
