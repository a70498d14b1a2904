"""Sampling the queries of several types into a folder, a file of each that is there whole or not at all."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tqdm import tqdm  # type: ignore[import-untyped]

from kg_data.appended_lines import write_whole
from kg_data.errors import ResultsError, SkylarkError
from reasoning.errors import SamplingError
from reasoning.evaluation.query_files import EntityTable, QueryRecord
from reasoning.evaluation.settings import graph_setting
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.structures import STRUCTURES
from reasoning.sampling.graphs import GraphPair
from reasoning.sampling.holding_out import write_held_out
from reasoning.sampling.options import SamplingOptions
from reasoning.sampling.sampler import QuerySampler
from reasoning.sampling.shares import LinkTally

GRAPH = "graph"
"""The folder beside the queries that a graph without splits is written to."""

UNFINISHED = ".unfinished.json"
"""The file beside the queries of a run that has not come to its end."""


def sample_queries(
    kg: str | Path,
    out: Path,
    split: str = "valid",
    options: SamplingOptions | None = None,
    held_out: float | None = None,
    progress: bool = False,
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

    Returns:
        `per_type` (see `LinkTally.summary`, and `tries`) and `split`.

    Raises:
        SamplingError: the graph has no such splits; or, when all other types are written, too few queries of some.
        EvaluationError: the split is not known.
        ResultsError: a file is there already or cannot be written.
        SkylarkError: the graph cannot be loaded.
    """
    options = options or SamplingOptions()
    if held_out is not None and split != "valid":
        raise SamplingError(
            f'a graph that is split here has train and valid; expected the split "valid", not "{split}"'
        )
    if held_out is None:
        pair = GraphPair.load(kg, split)
    settings = {"kg": graph_setting(kg), "split": split, "held_out": held_out, **asdict(options)}
    with _Unfinished(out, settings) as run:
        run.prepare(options)
        if held_out is not None:
            if not (run.goes_on and (out / GRAPH).exists()):
                write_held_out(KnowledgeGraph.load(kg), out / GRAPH, held_out, options.seed)
            pair = GraphPair.load(out / GRAPH, split)
        unfilled = _sample(pair, options, run, progress)
    if unfilled:
        raise SamplingError("\n".join(unfilled))
    return {"per_type": {kind: run.rows[kind] for kind in STRUCTURES if kind in run.rows}, "split": split}


def _sample(pair: GraphPair, options: SamplingOptions, run: _Unfinished, progress: bool) -> list[str]:
    """Sample every type that is not done; why some could not be filled."""
    sampler, unfilled, table = QuerySampler(pair, options), [], EntityTable(pair.full)
    table.integers = True  # where an id is a number it is written as one
    for kind in options.kinds:
        if kind in run.rows:
            continue
        with tqdm(total=options.count, desc=kind, unit="query", disable=not progress) as bar:

            def told(found: int, bar: Any = bar) -> None:
                bar.update(found - bar.n)

            try:
                found = sampler.sample(kind, told)
            except SamplingError as error:
                unfilled.append(str(error))
                continue
        write_whole(run.file(kind), b"".join(_line(record, table) for record in found.records))
        tally = LinkTally()
        for links in found.links:
            tally.add(kind, links)
        run.done(kind, tally.summary()["per_type"].get(kind, {}) | {"tries": found.tries})
    return unfilled


class _Unfinished:
    """A run that a kill leaves to be gone on with: what it was told and the types that are done, in a file beside them.

    Attributes:
        goes_on: whether an earlier one with the same settings was stopped.
        rows: of the summary, by type, of what is done.
    """

    def __init__(self, out: Path, settings: dict[str, Any]) -> None:
        self._out, self._settings, self._path = out, settings, out / UNFINISHED
        self.rows: dict[str, Any] = {}
        self._began = False
        try:
            stored = json.loads(self._path.read_text(encoding="utf-8"))
            self.goes_on = bool(stored["settings"] == json.loads(json.dumps(settings)))
            if self.goes_on:
                self.rows = {kind: row for kind, row in stored["rows"].items() if self.file(kind).exists()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            self.goes_on = False

    def __enter__(self) -> _Unfinished:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        refused = kind is not None and issubclass(kind, SkylarkError) and self._began and not self.rows
        if kind is None or refused:  # there is nothing to go on with
            self._path.unlink(missing_ok=True)

    def prepare(self, options: SamplingOptions) -> None:
        """Make the folder, where nothing stands in the way."""
        there = [kind for kind in options.kinds if self.file(kind).exists()]
        if there and not self.goes_on:
            raise ResultsError(
                f"{self.file(there[0])} is there already; choose another folder, or types other than {', '.join(there)}"
            )
        try:
            self._out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ResultsError(f"cannot make the folder {self._out}: {error.strerror or error}") from None
        self._keep()

    def file(self, kind: str) -> Path:
        """The file of a type's queries."""
        return self._out / f"{self._settings['split']}-{kind}.jsonl"

    def done(self, kind: str, row: dict[str, Any]) -> None:
        """Keep that a type's file is written."""
        self.rows[kind] = row
        self._keep()

    def _keep(self) -> None:
        self._began = True
        write_whole(self._path, json.dumps({"settings": self._settings, "rows": self.rows}).encode())


def _line(record: QueryRecord, table: EntityTable) -> bytes:
    item = {
        "type": record.kind,
        "query": record.query.to_record(),
        "easy": table.write(record.easy),
        "hard": table.write(record.hard),
    }
    return json.dumps(item, separators=(",", ":")).encode() + b"\n"
