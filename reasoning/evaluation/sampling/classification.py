"""The share of query-answer pairs by how many links they lack, and how well pairs of each kind were ranked.

It says how much of a benchmark is the prediction of one link in disguise.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg_data.appended_lines import Line
from kg_data.text_table import aligned
from reasoning.errors import EvaluationError
from reasoning.evaluation.query_files import EntityTable, digest, find_files, read_records
from reasoning.evaluation.results_file import Results, read_results
from reasoning.evaluation.sampling.graphs import GraphPair
from reasoning.evaluation.sampling.missing_links import MissingLinks
from reasoning.evaluation.settings import graph_digest
from reasoning.evaluation.tally import mean
from reasoning.query.structures import STRUCTURES


class LinkTally:
    """Adds up the hard answers of queries by their least number of missing links."""

    def __init__(self) -> None:
        self._pairs: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        self._queries: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        self._counts: dict[str, int] = defaultdict(int)
        self._mrr: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))

    def add(self, kind: str, links: NDArray[np.int64], ranks: NDArray[np.float64] | None = None) -> None:
        """Count one query.

        Args:
            kind: its type.
            links: the missing links of each hard answer, shape (h,).
            ranks: the filtered rank of each, of the same shape, where it was ranked.
        """
        self._counts[kind] += 1
        for number in np.unique(links).tolist():
            chosen = links == number
            self._queries[kind][number] += 1
            self._pairs[kind][number] += int(chosen.sum())
            if ranks is not None:
                self._mrr[kind][number].append(float(np.mean(1 / ranks[chosen])))

    def summary(self) -> dict[str, Any]:
        """`per_type` (type -> `queries`, `pairs`, `links`), the latter by number: `pairs`, `share`, `queries`, `mrr`.

        `mrr` is the mean over the queries that have such pairs, of the mean over these pairs; absent without ranks.
        """
        return {"per_type": {kind: self._row(kind) for kind in STRUCTURES if kind in self._counts}}

    def _row(self, kind: str) -> dict[str, Any]:
        total = sum(self._pairs[kind].values())
        links: dict[str, dict[str, float]] = {}
        for number, pairs in sorted(self._pairs[kind].items()):
            links[str(number)] = {"pairs": pairs, "share": pairs / total, "queries": self._queries[kind][number]}
            if values := self._mrr[kind].get(number):
                links[str(number)]["mrr"] = mean(values)
        return {"queries": self._counts[kind], "pairs": total, "links": links}


def shares_table(summary: Mapping[str, Any]) -> str:
    """A row per type: how many pairs lack one link, two, three; and the MRR of each kind where they were ranked."""
    per_type: Mapping[str, Any] = summary["per_type"]
    numbers = sorted({number for row in per_type.values() for number in row["links"]}, key=int)
    ranked = any("mrr" in cell for row in per_type.values() for cell in row["links"].values())
    header = ["type", "queries", "pairs", *(f"{number} missing" for number in numbers)]
    header += [f"mrr {number}" for number in numbers] if ranked else []
    rows = []
    for kind, row in per_type.items():
        links = row["links"]
        cells = [f"{links[number]['share']:.1%}" if number in links else "-" for number in numbers]
        if ranked:
            cells += [f"{links[number]['mrr']:.4f}" if number in links else "-" for number in numbers]
        rows.append([kind, f"{row['queries']:,}", f"{row['pairs']:,}", *cells])
    return aligned(header, rows)


def classify_queries(
    kg: str | Path, queries: Path, split: str | None = None, results: Path | None = None
) -> dict[str, Any]:
    """Count the missing links of every query-answer pair of a file or folder.

    Args:
        kg: name or folder of a data set with the splits train, valid (and test).
        queries: a file of records, or a folder of files named `<split>-<type>.jsonl`.
        split: "valid" or "test", where the files' names do not say it or there are files of both.
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
        if record.kind not in STRUCTURES:
            raise EvaluationError(
                f"the query {record.identifier} is of the structure {record.kind}; missing links are counted of "
                f"{', '.join(STRUCTURES)} alone"
            )
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
