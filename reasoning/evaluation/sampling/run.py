"""Sampling the queries of several types into a folder, a file of each that is there whole or not at all."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tqdm import tqdm  # type: ignore[import-untyped]

from kg_data.appended_lines import write_whole
from reasoning.errors import SamplingError
from reasoning.evaluation.query_files import EntityTable, QueryRecord
from reasoning.evaluation.sampling.graphs import GraphPair
from reasoning.evaluation.sampling.holding_out import write_held_out
from reasoning.evaluation.sampling.options import SamplingOptions
from reasoning.evaluation.sampling.sampler import QuerySampler
from reasoning.evaluation.sampling.shares import LinkTally
from reasoning.evaluation.sampling.unfinished import SamplingRun
from reasoning.evaluation.settings import graph_digest
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.structures import STRUCTURES

GRAPH = "graph"
"""The folder beside the queries that a graph without splits is written to."""


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
        given = [pair.smaller, pair.full]
    else:
        given = [KnowledgeGraph.load(kg)]
    told = {"graphs": [graph_digest(graph) for graph in given], "held_out": held_out, **asdict(options)}
    run = SamplingRun(out, split, options.kinds, told)
    if held_out is not None and not (run.goes_on and (out / GRAPH).exists()):
        write_held_out(given[0], out / GRAPH, held_out, options.seed)
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
        run.rows[kind] = tally.summary()["per_type"][kind] | {"tries": found.tries}
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
