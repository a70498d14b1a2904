"""Sampling the queries of several types into a folder, a file of each that is there whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tqdm import tqdm  # type: ignore[import-untyped]

from kg_data.appended_lines import write_whole
from kg_data.errors import ResultsError
from reasoning.errors import SamplingError
from reasoning.evaluation.query_files import EntityTable, QueryRecord
from reasoning.graph.store import KnowledgeGraph
from reasoning.sampling.graphs import GraphPair
from reasoning.sampling.holding_out import write_held_out
from reasoning.sampling.options import SamplingOptions
from reasoning.sampling.sampler import QuerySampler
from reasoning.sampling.shares import LinkTally

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
        _prepare(out, split, options)
    else:
        _prepare(out, split, options)
        write_held_out(KnowledgeGraph.load(kg), out / GRAPH, held_out, options.seed)
        pair = GraphPair.load(out / GRAPH, split)
    sampler, tally, tries = QuerySampler(pair, options), LinkTally(), {}
    unfilled: list[str] = []
    table = EntityTable(pair.full)
    table.integers = True  # where an id is a number it is written as one
    for kind in options.kinds:
        with tqdm(total=options.count, desc=kind, unit="query", disable=not progress) as bar:

            def told(found: int, bar: Any = bar) -> None:
                bar.update(found - bar.n)

            try:
                found = sampler.sample(kind, told)
            except SamplingError as error:
                unfilled.append(str(error))
                continue
        write_whole(_file(out, split, kind), b"".join(_line(record, table) for record in found.records))
        tries[kind] = found.tries
        for links in found.links:
            tally.add(kind, links)
    if unfilled:
        raise SamplingError("\n".join(unfilled))
    summary = tally.summary()
    for kind, row in summary["per_type"].items():
        row["tries"] = tries[kind]
    return {**summary, "split": split}


def _prepare(out: Path, split: str, options: SamplingOptions) -> None:
    there = [kind for kind in options.kinds if _file(out, split, kind).exists()]
    if there:
        raise ResultsError(
            f"{_file(out, split, there[0])} is there already; choose another folder, or types other than "
            f"{', '.join(there)}"
        )
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResultsError(f"cannot make the folder {out}: {error.strerror or error}") from None


def _file(out: Path, split: str, kind: str) -> Path:
    return out / f"{split}-{kind}.jsonl"


def _line(record: QueryRecord, table: EntityTable) -> bytes:
    item = {
        "type": record.kind,
        "query": record.query.to_record(),
        "easy": table.write(record.easy),
        "hard": table.write(record.hard),
    }
    return json.dumps(item, separators=(",", ":")).encode() + b"\n"
