"""Query files and results by how many links their pairs lack: how much of a benchmark is one link in disguise."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kg_data.appended_lines import Line
from reasoning.errors import EvaluationError
from reasoning.evaluation.query_files import EntityTable, digest, find_files, read_records
from reasoning.evaluation.results import Results, read_results
from reasoning.evaluation.sampling.graphs import GraphPair
from reasoning.evaluation.sampling.missing_links import MissingLinks
from reasoning.evaluation.sampling.shares import LinkTally
from reasoning.evaluation.settings import graph_digest


def classify_queries(
    kg: str | Path, queries: Path, split: str | None = None, results: Path | None = None
) -> dict[str, Any]:
    """Count the missing links of every query-answer pair of a file or folder.

    Args:
        kg: name or folder of a data set with the splits train, valid (and test).
        queries: a file of records, or a folder of files named `<split>-<type>.jsonl`.
        split: "valid" or "test", where the files' names do not say it or both are there.
        results: results of these queries by protocol hard; then only the queries in it are counted.

    Returns:
        `per_type`, see `LinkTally.summary`, and `split`.

    Raises:
        EvaluationError: there are no such files, an answer is none on the full graph, or the results are of others.
        SamplingError: the graph has no such splits.
        DataError: a record or a line of the results is broken; with file and line.
        SkylarkError: the graph cannot be loaded.
    """
    files, chosen = find_files(queries, split)
    pair = GraphPair.load(kg, chosen)
    lines = None if results is None else _lines(read_results(results), pair, digest(files))
    table = EntityTable(pair.full)
    links, tally = MissingLinks(pair), LinkTally()
    for record in read_records(files, pair.full, table, None):
        if not len(record.hard):
            continue
        if lines is None:
            tally.add(record.kind, links.least(record.query, record.hard))
        elif record.identifier in lines:
            ranks: Mapping[str, float] = lines[record.identifier].get("hard_ranks", {})
            try:
                own = np.array([ranks[pair.full.identifier(answer)] for answer in record.hard.tolist()], dtype=float)
            except KeyError as unranked:
                raise EvaluationError(
                    f"{results} has no rank of the answer {unranked} of {record.identifier}"
                ) from None
            tally.add(record.kind, links.least(record.query, record.hard), own)
    return {**tally.summary(), "split": chosen}


def _lines(results: Results, pair: GraphPair, queries_digest: str) -> dict[str, Line]:
    """The lines by id.

    Raises:
        EvaluationError: they are not of these queries, of this graph, or of protocol hard.
    """
    if results.of_questions or results.settings["protocol"] != "hard":
        raise EvaluationError(f"{results.path} ranks no hard answers; results of --protocol hard are needed")
    if results.settings.get("queries_digest") != queries_digest:
        raise EvaluationError(f"{results.path} is of other queries than these")
    if results.settings.get("kg_digest") != graph_digest(pair.smaller):
        raise EvaluationError(f'{results.path} is of another graph than "{pair.smaller.graph_name}"')
    return {line["id"]: line for line in results.lines}
