"""Graphs that change: what a change costs, and what a query costs on the changed graph.

    python -m benchmarks.graph_changes [--data DIR] [--triples N] [--changes N] [--per-type N] [--rounds N]

The first part makes a graph of 20 million triples with a fixed seed, writes it as the cache does, opens it mapped into
memory and changes it a thousand times, each change giving a new graph: facts of entities that are there and of new
ones, values, and facts taken away. Beside it stand the same changes with a query after each, the memory that all the
graphs take together, and the seconds of merging. The second part moves some of the triples of NELL995 out of the graph
and adds them again as changes, in one and in a thousand, and asks the 14 types of queries of both: of the changed graph
and of the graph built anew, in turn, the best of some rounds. DIR is the data folder, by default `$SKYLARK_DATA`. Takes
about 2 minutes and 4 GB. Writes `results/graph_changes.json` and `.md` beside this file.
"""

from __future__ import annotations

import argparse
import datetime
import itertools
import json
import multiprocessing
import random
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import kg_data
from benchmarks.exact_executor import RESULTS
from benchmarks.machine import machine, machine_words
from benchmarks.sparql_engines import from_files
from kg_data.columns import GraphColumns, LiteralColumn
from reasoning import KnowledgeGraph, Query, Reasoner
from reasoning.errors import UnknownEntityError
from reasoning.execution.exact import execute
from reasoning.graph import cache
from reasoning.graph.content import GraphContent
from reasoning.graph.index import Ids
from reasoning.graph.updates.changes import merged
from reasoning.query.binding import bind
from reasoning.query.records import STRUCTURES
from skylark.installation import version
from skylark.text import aligned
from tests.reasoning.deep_queries import RandomQueries

NELL = "nell995-betae"
SHARES = (0.01, 0.02, 0.05, 0.1, 0.2)
"""Parts of the triples that are moved into changes; the bound is for 0.05."""
MOVED = 0.05
SEED = 23


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=kg_data.data_root(), help="the data folder, which holds kg/")
    parser.add_argument("--triples", type=int, default=20_000_000)
    parser.add_argument("--changes", type=int, default=1_000)
    parser.add_argument("--per-type", type=int, default=50, help="queries of each type")
    parser.add_argument("--rounds", type=int, default=7, help="the best of so many counts")
    options = parser.parse_args()
    began = time.perf_counter()
    queries = on_nell(options.data / "kg" / NELL, options.changes, options.per_type, options.rounds)
    large = on_a_large_graph(options.triples, options.changes)
    report = {
        "command": "python -m benchmarks.graph_changes",
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "version": version(),
        "seconds": round(time.perf_counter() - began, 1),
        "large": large,
        "queries": queries,
    }
    text = as_markdown(report)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "graph_changes.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    (RESULTS / "graph_changes.md").write_text(text, encoding="utf-8")
    print(text)


# A large graph ------------------------------------------------------------------------------------------------------


def made(triples: int, entities: int, relations: int = 200) -> GraphColumns:
    """A graph of made facts: heads evenly, tails by a power law, relations by Zipf's law, and a column of values."""
    rng = np.random.default_rng(SEED)
    weights = 1.0 / np.arange(1, relations + 1)
    table = np.empty((triples, 3), dtype=np.int32)
    table[:, 0] = rng.integers(0, entities, triples)
    table[:, 1] = rng.choice(relations, triples, p=weights / weights.sum())
    table[:, 2] = (rng.pareto(0.8, triples) * entities / 1000).astype(np.int64) % entities
    names = [f"e{number}" for number in range(entities)]
    those = np.arange(0, entities, 2, dtype=np.int32)
    values = LiteralColumn("size", "integer", those, rng.integers(0, 1000, len(those)).astype(np.float64))
    labels = [f"r{number}" for number in range(relations)]
    return GraphColumns("made", names, names, labels, labels, {"graph": table}, literals=[values])


def on_a_large_graph(triples: int, count: int) -> dict[str, Any]:
    """What changes of one large graph cost; it is made and changed in processes of their own, whose memory counts."""
    with tempfile.TemporaryDirectory() as folder:
        place, processes = Path(folder) / "graph", multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, processes) as one:
            one.submit(prepared, place, triples).result()
        with ProcessPoolExecutor(1, processes) as other:
            return other.submit(measured, place, count).result()


def prepared(place: Path, triples: int) -> None:
    """Write a made graph as the cache does."""
    cache.save(place, *KnowledgeGraph.from_columns(made(triples, triples // 10)).content.stored())


def measured(place: Path, count: int) -> dict[str, Any]:
    """Open the graph and change it."""
    saved = cache.load(place)
    assert saved is not None
    kg = KnowledgeGraph(GraphContent.of(*saved))
    wanted = list(single_changes(kg, count))
    kg.changed(**wanted[0])
    before = resident()
    graphs, seconds = [kg], []
    for change in wanted:
        start = time.perf_counter()
        graphs.append(graphs[-1].changed(**change))
        seconds.append(time.perf_counter() - start)
    memory = resident() - before
    asked: list[float] = []
    reasoner, query = Reasoner(kg, method="exact"), Query.parse('r1(~r0("e1"))')
    plain = best(lambda: reasoner.answer(query).entities, 20)
    graph = kg
    for change in wanted:
        graph = graph.changed(**change)
        start = time.perf_counter()
        Reasoner(graph, method="exact").answer(query)
        asked.append(time.perf_counter() - start)
    last = Reasoner(graphs[-1], method="exact")
    start = time.perf_counter()
    whole = merged(graphs[-1].content)
    merging = time.perf_counter() - start
    return {
        "triples": len(kg),
        "entities": kg.entity_count,
        "relations": kg.relation_count,
        "changes": count,
        "seconds": round(sum(seconds), 3),
        "median_seconds": round(statistics.median(seconds), 6),
        "slowest_seconds": round(max(seconds), 4),
        "bytes": memory,
        "query_seconds": round(plain, 6),
        "query_after_all_seconds": round(best(lambda: last.answer(query).entities, 20), 6),
        "first_query_after_each_seconds": round(statistics.median(asked), 6),
        "old_graph_is_as_it_was": len(graphs[0]) == len(kg) and len(graphs[-1]) == len(whole.index),
        "merge_seconds": round(merging, 2),
    }


def single_changes(kg: KnowledgeGraph, count: int) -> Sequence[Mapping[str, Any]]:
    """Changes of one fact each, of five kinds in turn."""
    rng = random.Random(SEED)
    removable = iter(kg.index.drawn(count, rng).tolist())
    found: list[Mapping[str, Any]] = []
    for number in range(count):
        one, other = (f"e{rng.randrange(kg.entity_count)}" for _ in range(2))
        relation = f"r{rng.randrange(kg.relation_count)}"
        if number % 5 == 0:
            found.append({"add": [(f"new {number}", relation, one)]})
        elif number % 5 == 1:
            head, place, tail = next(removable)
            fact = (kg.name(head), kg.relation_label(place), kg.name(tail))
            found.append({"remove": [fact]} if {"remove": [fact]} not in found else {"add": [(one, relation, other)]})
        elif number % 5 == 2:
            found.append({"add": [(f"e{2 * rng.randrange(kg.entity_count // 2 - 1) + 1}", "weight", number)]})
        else:
            found.append({"add": [(one, relation, other)]})
    return found


def resident() -> int:
    """Bytes that the process holds in memory of its own."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["RssAnon"].split()[0]) * 1024


# Queries ------------------------------------------------------------------------------------------------------------


def on_nell(folder: Path, changes: int, per_type: int, rounds: int) -> dict[str, Any]:
    """What queries cost on the changed graph, beside the graph built anew."""
    columns = kg_data.load(folder)
    everything = np.unique(np.concatenate(list(columns.splits.values())), axis=0).astype(np.int32)
    anew = of_triples(columns, everything)
    order = np.random.default_rng(SEED).permutation(len(everything))
    queries = {kind: drawn(folder, anew, kind, per_type) for kind in STRUCTURES}
    figures: dict[str, Any] = {"triples": len(anew), "per_type": per_type, "by_share": {}}
    for share in SHARES:
        moved, kept = np.split(order, [round(share * len(order))])
        base, facts = of_triples(columns, everything[kept]), named(anew, everything[moved])
        start = time.perf_counter()
        changed = base.changed(add=facts)
        figures["by_share"][str(share)] = {
            "moved": len(facts),
            "change_seconds": round(time.perf_counter() - start, 3),
            "laid_over": changed.content.changes is not None,
            **compared(changed, anew, queries, rounds),
        }
        if share == MOVED:
            chain = base
            for part in np.array_split(np.arange(len(facts)), changes):
                chain = chain.changed(add=[facts[at] for at in part.tolist()])
            figures["chain"] = {"changes": changes, **compared(chain, anew, queries, rounds)}
            # As many are taken away; what nothing is said of any more cannot be asked about.
            removed = anew.changed(remove=facts)
            still = {kind: [query for query in asked if knows(removed, query)] for kind, asked in queries.items()}
            figures["removed"] = compared(removed, base, still, rounds)
    return figures


def of_triples(columns: GraphColumns, triples: Ids) -> KnowledgeGraph:
    """A graph of some of the triples of columns."""
    return KnowledgeGraph.from_columns(
        GraphColumns(
            columns.name, columns.entity_ids, columns.entity_labels, columns.relation_ids, columns.relation_labels,
            {"graph": triples}, columns.relation_aliases, columns.aliases, columns.types, columns.literals,
        )
    )  # fmt: skip


def named(kg: KnowledgeGraph, triples: Ids) -> list[tuple[str, str, str]]:
    """Triples by ids."""
    return [(kg.identifier(h), kg.relation_ids[r], kg.identifier(t)) for h, r, t in triples.tolist()]


def drawn(folder: Path, kg: KnowledgeGraph, kind: str, most: int) -> list[Query]:
    """The data set's queries of a type, sampled ones where it has none."""
    given = from_files(folder / "queries", kind, most)
    return given or list(itertools.islice(RandomQueries(kg, random.Random(SEED)).structured(kind), most))


def knows(kg: KnowledgeGraph, query: Query) -> bool:
    """Whether a graph has all that a query names."""
    try:
        bind(query, kg)
    except UnknownEntityError:
        return False
    return True


def compared(
    changed: KnowledgeGraph, anew: KnowledgeGraph, queries: Mapping[str, Sequence[Query]], rounds: int
) -> dict[str, Any]:
    """The seconds of all queries of each type on both graphs, and how many answers are the same."""
    rows: dict[str, dict[str, Any]] = {}
    reasoners = Reasoner(changed, method="exact"), Reasoner(anew, method="exact")
    for kind, asked in queries.items():
        answers, steps, same = np.full((2, len(asked)), np.inf), np.full((2, len(asked)), np.inf), 0
        for at, query in enumerate(asked):
            chains = [bind(query, reasoner.kg) for reasoner in reasoners]
            for turn in range(rounds):
                for which in (0, 1) if turn % 2 else (1, 0):
                    start = time.perf_counter()
                    reasoners[which].answer(query)
                    middle = time.perf_counter()
                    execute(reasoners[which].kg, chains[which])
                    steps[which, at] = min(steps[which, at], time.perf_counter() - middle)
                    answers[which, at] = min(answers[which, at], middle - start)
            one, other = (reasoner.answer(query) for reasoner in reasoners)
            same += one.entities == other.entities and one.value == other.value
        rows[kind] = {
            "queries": len(asked),
            "same": same,
            "ratio": ratio(answers),
            "steps_ratio": ratio(steps),
            "changed_seconds": round(float(answers[0].sum()), 6),
            "anew_seconds": round(float(answers[1].sum()), 6),
        }
    return {
        "ratio": round(statistics.geometric_mean(row["ratio"] for row in rows.values()), 3),
        "steps_ratio": round(statistics.geometric_mean(row["steps_ratio"] for row in rows.values()), 3),
        "queries": sum(row["queries"] for row in rows.values()),
        "same": sum(row["same"] for row in rows.values()),
        "types": rows,
    }


def ratio(seconds: NDArray[np.float64]) -> float:
    return round(float(seconds[0].sum() / seconds[1].sum()), 3)


def best(action: Any, rounds: int) -> float:
    """The fewest seconds that something took."""
    found = []
    for _ in range(rounds):
        start = time.perf_counter()
        action()
        found.append(time.perf_counter() - start)
    return min(found)


# Words --------------------------------------------------------------------------------------------------------------


def as_markdown(report: Mapping[str, Any]) -> str:
    large, queries = report["large"], report["queries"]
    moved = queries["by_share"][str(MOVED)]
    types = [
        [kind, str(row["queries"]), str(row["same"]), f"{row['ratio']:.2f}", f"{row['steps_ratio']:.2f}",
         f"{1000 * row['changed_seconds'] / row['queries']:.3f}", f"{1000 * row['anew_seconds'] / row['queries']:.3f}"]
        for kind, row in moved["types"].items()
    ]  # fmt: skip
    shares = [
        [f"{100 * float(share):g}%", f"{row['moved']:,}", f"{row['change_seconds']:.2f}", f"{row['ratio']:.2f}",
         f"{row['steps_ratio']:.2f}", f"{row['same']:,} of {row['queries']:,}"]
        for share, row in queries["by_share"].items()
    ]  # fmt: skip
    chain, removed = queries["chain"], queries["removed"]
    return "\n\n".join(
        [
            "# Graphs that change",
            f"`{report['command']}`, {report['date']}, Skylark {report['version']}, "
            f"{machine_words(report['machine'])}, {report['seconds']} s in all.",
            f"**{large['changes']:,} changes of a graph of {large['triples']:,} triples take {large['seconds']:.2f} s "
            f"together** (the median {1e6 * large['median_seconds']:.0f} µs, the slowest "
            f"{1e3 * large['slowest_seconds']:.1f} ms), each giving a new graph; all of them "
            f"together hold {large['bytes'] / 1e6:.1f} MB. A query takes {1e3 * large['query_seconds']:.2f} ms before, "
            f"{1e3 * large['query_after_all_seconds']:.2f} ms after all of them, and the first one after each change "
            f"{1e3 * large['first_query_after_each_seconds']:.2f} ms (median). Merging the graph with its changes "
            f"takes {large['merge_seconds']:.1f} s.",
            f"**With {100 * MOVED:g}% of the triples of NELL995 in changes a query takes {moved['ratio']:.2f} times as "
            f"long as on the graph built anew** (geometric mean over {len(moved['types'])} types; "
            f"{moved['steps_ratio']:.2f} for the steps alone, without reading names and ordering answers), and "
            f"{moved['same']:,} of {moved['queries']:,} answers are the same. In a chain of {chain['changes']:,} "
            f"changes it is {chain['ratio']:.2f} ({chain['steps_ratio']:.2f}), and {chain['same']:,} of "
            f"{chain['queries']:,} are the same; with as many triples removed {removed['ratio']:.2f} "
            f"({removed['steps_ratio']:.2f}), and {removed['same']:,} of {removed['queries']:,}.",
            _block(["type", "queries", "same", "times", "steps", "changed ms", "anew ms"], types),
            _block(["moved", "triples", "change s", "times", "steps", "same"], shares),
        ]
    ) + "\n"  # fmt: skip


def _block(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return f"```\n{aligned(header, rows)}\n```"


if __name__ == "__main__":
    main()
