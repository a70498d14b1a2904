"""The SPARQL text of queries, run by pyoxigraph over the exported graph, against the exact executor.

    python -m benchmarks.sparql_agreement [--data DIR] [--per-type 50] [--deep 200]

On both benchmark graphs the first queries of each type, where the data set has no queries of a type as many sampled
from its graph, and random deep queries with values over `world`. DIR is the data folder, by default `$SKYLARK_DATA`.
Writes `results/sparql_agreement.json` and `.md` beside this file.
"""

from __future__ import annotations

import argparse
import datetime
import itertools
import json
import random
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyoxigraph

import kg_data
from benchmarks.exact_executor import DATASETS, RESULTS
from benchmarks.machine import machine, machine_words
from kg_data.installation import version
from kg_data.text_table import aligned
from reasoning import KnowledgeGraph, Query
from reasoning.evaluation.query_files import find_files
from reasoning.query.structures import STRUCTURES
from tests.reasoning.deep_queries import RandomQueries
from tests.reasoning.sparql_oracle import by_executor, by_sparql

SEED = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=kg_data.data_root(), help="the data folder, which holds kg/")
    parser.add_argument("--per-type", type=int, default=50, help="queries of each type")
    parser.add_argument("--deep", type=int, default=200, help="random deep queries over world")
    options = parser.parse_args()
    began = time.perf_counter()
    figures: dict[str, dict[str, Any]] = {}
    for name in DATASETS:
        folder = options.data / "kg" / name
        kg = KnowledgeGraph.load(folder)
        store, seconds = exported(kg)
        figures[name] = {"export_and_load_seconds": seconds, "rows": {}}
        for kind in STRUCTURES:
            given = from_files(folder, kind, options.per_type)
            draw = RandomQueries(kg, random.Random(SEED)).structured(kind)
            queries = given or list(itertools.islice(draw, options.per_type))
            figures[name]["rows"][kind] = agreement(store, kg, queries) | {"from": "files" if given else "sampled"}
    kg = KnowledgeGraph.load("world")
    store, seconds = exported(kg)
    deep = itertools.islice(RandomQueries(kg, random.Random(SEED)).deep(), options.deep)
    figures["world"] = {"export_and_load_seconds": seconds, "rows": by_levels(store, kg, list(deep))}
    report = {
        "command": "python -m benchmarks.sparql_agreement",
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "version": version(),
        "pyoxigraph": pyoxigraph.__version__,
        "seed": SEED,
        "seconds": round(time.perf_counter() - began, 1),
        "figures": figures,
    }
    text = as_markdown(report)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "sparql_agreement.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    (RESULTS / "sparql_agreement.md").write_text(text, encoding="utf-8")
    print(text)


def exported(kg: KnowledgeGraph) -> tuple[pyoxigraph.Store, float]:
    """The graph written as N-Triples and read by pyoxigraph into memory, and the seconds that took."""
    began = time.perf_counter()
    store = pyoxigraph.Store()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.nt"
        kg.to_rdf(path)
        store.bulk_load(path=path)
    return store, round(time.perf_counter() - began, 2)


def from_files(folder: Path, kind: str, most: int) -> list[Query]:
    """The data set's first queries of a type, [] where it has none."""
    files, _ = find_files(folder / "queries", None)
    lines = [line for file in files if file.stem.endswith(f"-{kind}") for line in file.read_text("utf-8").splitlines()]
    return [Query.from_record(json.loads(line)) for line in lines[:most]]


def agreement(store: pyoxigraph.Store, kg: KnowledgeGraph, queries: Iterable[Query]) -> dict[str, Any]:
    """How many queries give the same both ways, how many give something, and the seconds of each way."""
    row: dict[str, Any] = {"queries": 0, "agree": 0, "non_empty": 0, "sparql_seconds": 0.0, "executor_seconds": 0.0}
    for query in queries:
        start = time.perf_counter()
        expected = by_executor(query, kg)
        middle = time.perf_counter()
        found = by_sparql(query, kg, store)
        row["sparql_seconds"] += time.perf_counter() - middle
        row["executor_seconds"] += middle - start
        row["queries"] += 1
        row["agree"] += (found, type(found)) == (expected, type(expected))
        row["non_empty"] += bool(expected)
    return row


def by_levels(store: pyoxigraph.Store, kg: KnowledgeGraph, queries: Iterable[Query]) -> dict[str, Any]:
    """`agreement` of the queries of each depth."""
    groups: dict[int, list[Query]] = {}
    for query in queries:
        groups.setdefault(query.depth, []).append(query)
    return {f"{depth} levels": agreement(store, kg, groups[depth]) for depth in sorted(groups)}


def as_markdown(report: Mapping[str, Any]) -> str:
    rows = [row for part in report["figures"].values() for row in part["rows"].values()]
    parts = [
        "# SPARQL text against the exact executor",
        f"`{report['command']}`, {report['date']}, Skylark {report['version']}, pyoxigraph {report['pyoxigraph']}, "
        f"{machine_words(report['machine'])}, {report['seconds']} s in all.",
        f"**{sum(row['agree'] for row in rows):,} of {sum(row['queries'] for row in rows):,} queries agree**, "
        f"{sum(row['non_empty'] for row in rows):,} of them on something other than nothing. Each graph is written "
        "with `kg.to_rdf` and read by pyoxigraph into memory; each query's `to_sparql` text is run there, and the sets "
        "(with the values where the query reads them), counts and truth values are compared. The seconds of SPARQL "
        "include writing the text, those of the executor resolving the names.",
        "`sampled`: the data set has no queries of the type; they were drawn from its graph with seed "
        f"{report['seed']}, each with an answer. The deep queries over `world` were drawn with the same seed and hold "
        "every kind of node.",
    ]
    for name, part in report["figures"].items():
        table = aligned(
            ["type", "queries", "agree", "non-empty", "SPARQL s", "executor s", "from"],
            [
                [
                    kind,
                    str(row["queries"]),
                    str(row["agree"]),
                    str(row["non_empty"]),
                    f"{row['sparql_seconds']:.3f}",
                    f"{row['executor_seconds']:.3f}",
                    row.get("from", "drawn"),
                ]
                for kind, row in part["rows"].items()
            ],
        )
        parts.append(f"## {name}\n\n```\n{table}\n```")
        parts.append(f"Writing and reading the RDF took {part['export_and_load_seconds']} s.")
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    main()
