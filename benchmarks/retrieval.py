"""What the retriever shows a language model for each step of the official NELL queries, beside breadth-first search.

    python -m benchmarks.retrieval [--data DIR] [--limit N] [--readable 10]

For every projection step of every query, its inputs taken from exact execution: whether all its answer triples (the
edges that the step follows) are in its context, where they fit the budget; the same of breadth-first search from the
same entities cut at the same budget; and into how many parts a step goes that does not fit. Then how long the 3-hop
neighbourhood of a whole query takes, names and all. Tokens are SmolLM2's own.
Writes `results/retrieval.json` and `.md` beside this file; takes six to eight minutes on two cores.
"""

from __future__ import annotations

import argparse
import datetime
import json
import random
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm  # type: ignore[import-untyped]

import kg_data
from benchmarks.exact_executor import RESULTS
from benchmarks.machine import machine, machine_words
from reasoning import GraphRetriever, KnowledgeGraph, LarkOptions
from reasoning.evaluation.query_files import GRAPH_SPLITS, EntityTable, QueryRecord, find_files, read_records
from reasoning.execution.exact import execute
from reasoning.execution.step_result import inputs_of
from reasoning.graph.index import Ids
from reasoning.lark.prompts import NamingKind
from reasoning.lark.steps import TokenCost, make_naming, named_triple
from reasoning.lm import load_llm
from reasoning.lm.replies import count_tokens
from reasoning.query.binding import BoundStep, bind
from reasoning.query.records import STRUCTURES
from reasoning.retrieval import TripleCost, retrieve
from skylark.installation import version
from skylark.text import aligned

DATASET = "nell995-betae"
BUDGET = 2048
EVERY_PART = 100_000
HOPS = 3
PER_TYPE = 100
"""Queries of each type whose neighbourhood is searched."""

Tokens = Callable[[Sequence[Ids], random.Random], list[int]]


@dataclass
class Tally:
    """The steps of one query type.

    Attributes:
        steps: projection steps that have answer triples.
        fitting: those whose answer triples fit the budget together.
        complete, breadth_first: of the fitting ones, those with all of them in the context.
        parts: of each other step, in how many parts it goes.
        as_drawn: of the others, those whose answer triples, rendered alone and counted, are within the budget.
        parted_completely: of the others, those whose parts hold each answer triple exactly once.
        relevant, distractors: triples shown.
        largest: most tokens of one rendered context.
        own_ms, peer_ms: of each retrieval.
    """

    steps: int = 0
    fitting: int = 0
    complete: int = 0
    breadth_first: int = 0
    as_drawn: int = 0
    parted_completely: int = 0
    relevant: int = 0
    distractors: int = 0
    largest: int = 0
    parts: list[int] = field(default_factory=list)
    own_ms: list[float] = field(default_factory=list)
    peer_ms: list[float] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=kg_data.data_root(), help="the data folder, which holds kg/")
    parser.add_argument("--limit", type=int, help="only the first N queries of each type")
    parser.add_argument(
        "--readable", type=int, default=10, metavar="N", help="queries of each type with names, not ids"
    )
    options = parser.parse_args()
    folder = options.data / "kg" / DATASET
    if not (folder / "queries").is_dir():
        parser.error(f"{options.data} does not hold kg/{DATASET}/queries; set SKYLARK_DATA or pass --data")
    files, split = find_files(folder / "queries", None)
    kg = KnowledgeGraph.load(folder, GRAPH_SPLITS["reading", split])
    table = EntityTable(kg)
    began = time.perf_counter()
    limits: dict[NamingKind, int | None] = {"abstract": options.limit, "readable": options.readable}
    figures = {names: measure(kg, read_records(files, kg, table, limit), names) for names, limit in limits.items()}
    report = {
        "command": "python -m benchmarks.retrieval" + (f" --limit {options.limit}" if options.limit else ""),
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "version": version(),
        "budget": BUDGET,
        "seconds": time.perf_counter() - began,
        "readable_per_type": options.readable,
        "figures": figures,
        "neighbourhood": neighbourhoods(kg, read_records(files, kg, table, PER_TYPE)),
    }
    text = as_markdown(report)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "retrieval.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "retrieval.md").write_text(text, encoding="utf-8")
    print(text)


def measure(kg: KnowledgeGraph, records: Sequence[QueryRecord], names: NamingKind) -> dict[str, dict[str, Any]]:
    """The figures of each type, and of all together."""
    llm = load_llm("embedded")
    cost = TokenCost(kg, llm, LarkOptions(token_budget=BUDGET, names=names))
    tallies: dict[str, Tally] = defaultdict(Tally)

    def tokens(contexts: Sequence[Ids], rng: random.Random) -> list[int]:
        return count_tokens(llm, [rendered(kg, triples, names, rng) for triples in contexts])

    for record in tqdm(records, desc=names, unit="query"):
        for step, sources in projections(kg, record):
            rng = random.Random(f"{record.identifier} {step.position}")
            look_at(kg, step, sources, cost, rng, tallies[record.kind], tokens)
    figures = {kind: summed([tallies[kind]]) for kind in STRUCTURES if kind in tallies}
    return {**figures, "all": summed(list(tallies.values()))}


def projections(kg: KnowledgeGraph, record: QueryRecord) -> Iterator[tuple[BoundStep, Ids]]:
    """The projection steps of a query with their exact input sets."""
    chain = bind(record.query, kg)
    results = execute(kg, chain)
    for step in chain:
        if step.step.operation == "project":
            yield step, inputs_of(step, results)[0]


def look_at(
    kg: KnowledgeGraph,
    step: BoundStep,
    sources: Ids,
    cost: TripleCost,
    rng: random.Random,
    tally: Tally,
    tokens: Tokens,
) -> None:
    """Retrieve one step both ways and count."""
    relation = step.relation
    assert relation is not None
    left, right = kg.index.edges(sources, relation.index, relation.inverse)
    heads, tails = (right, left) if relation.inverse else (left, right)
    about = np.column_stack((heads, np.full(len(heads), relation.index), tails))
    if not len(about):
        return
    wanted = as_set(about)
    began = time.perf_counter()
    found = retrieve(kg, sources, relation, BUDGET, cost, rng, EVERY_PART)
    own = time.perf_counter()
    peer = breadth_first(kg, sources, cost)
    tally.own_ms.append((own - began) * 1000)
    tally.peer_ms.append((time.perf_counter() - own) * 1000)
    tally.steps += 1
    if cost.together(about) <= BUDGET:
        tally.fitting += 1
        tally.complete += len(found.parts) == 1 and wanted <= as_set(found.parts[0].triples)
        tally.breadth_first += wanted <= peer
    else:
        shared_out = [triple for part in found.parts for triple in as_set(part.triples[part.about])]
        tally.parts.append(len(found.parts))
        tally.as_drawn += len(about) < BUDGET // 8 and tokens([about], rng)[0] <= BUDGET
        tally.parted_completely += sorted(shared_out) == sorted(wanted)
    tally.relevant += sum(part.relevant for part in found.parts)
    tally.distractors += sum(part.distractors for part in found.parts)
    tally.largest = max(tally.largest, *tokens([part.triples for part in found.parts], rng))


def as_set(triples: Ids) -> set[tuple[int, int, int]]:
    return {(head, relation, tail) for head, relation, tail in triples.tolist()}


def breadth_first(kg: KnowledgeGraph, sources: Ids, cost: TripleCost) -> set[tuple[int, int, int]]:
    """The peer: edges out of and into the sources, then those of what they lead to, until the budget is spent."""
    found: set[tuple[int, int, int]] = set()
    queue, seen, left = deque(sources.tolist()), set(sources.tolist()), BUDGET
    while queue:
        entity = queue.popleft()
        for incoming in (False, True):
            triples = kg.index.triples(kg.index.around(entity, incoming)[:BUDGET])
            for (head, relation, tail), price in zip(triples.tolist(), cost.at_most(triples), strict=True):
                if (head, relation, tail) in found:
                    continue
                if price > left:
                    return found
                left -= price
                found.add((head, relation, tail))
                other = head if incoming else tail
                if other not in seen:
                    seen.add(other)
                    queue.append(other)
    return found


def neighbourhoods(kg: KnowledgeGraph, records: Sequence[QueryRecord]) -> dict[str, Any]:
    """How long the guided neighbourhood of each query takes, from the query to its documents."""
    retriever = GraphRetriever(kg=kg, llm=load_llm("embedded"), hops=HOPS, token_budget=BUDGET)
    milliseconds, documents = [], []
    for record in tqdm(records, desc="neighbourhoods", unit="query"):
        began = time.perf_counter()
        documents.append(len(retriever.invoke(record.query)))
        milliseconds.append((time.perf_counter() - began) * 1000)
    return {
        "queries": len(records),
        "documents": float(np.mean(documents)),
        "ms": float(np.mean(milliseconds)),
        "ms_95th": float(np.percentile(milliseconds, 95)),
        "ms_most": max(milliseconds),
    }


def rendered(kg: KnowledgeGraph, triples: Ids, names: NamingKind, rng: random.Random) -> str:
    """A context as its prompt writes it."""
    naming = make_naming(kg, names, triples[:, [0, 2]].ravel().tolist(), triples[:, 1].tolist(), rng)
    return "\n".join(named_triple(kg, naming, triple) for triple in triples.tolist())


def summed(tallies: Sequence[Tally]) -> dict[str, Any]:
    """Figures of several tallies together."""
    parts = [number for tally in tallies for number in tally.parts]
    own, peer = ([ms for tally in tallies for ms in getattr(tally, name)] for name in ("own_ms", "peer_ms"))
    total = {
        name: sum(getattr(tally, name) for tally in tallies)
        for name in (
            "steps",
            "fitting",
            "complete",
            "breadth_first",
            "as_drawn",
            "parted_completely",
            "relevant",
            "distractors",
        )
    }
    return {
        **{name: total[name] for name in total if name not in ("relevant", "distractors")},
        "split": len(parts),
        "parts_mean": float(np.mean(parts)) if parts else 0.0,
        "parts_most": max(parts, default=0),
        "distractor_share": total["distractors"] / max(1, total["relevant"] + total["distractors"]),
        "largest_context": max(tally.largest for tally in tallies),
        "ms": float(np.mean(own)),
        "ms_95th": float(np.percentile(own, 95)),
        "breadth_first_ms": float(np.mean(peer)),
    }


def as_markdown(report: Mapping[str, Any]) -> str:
    """The report as a page."""
    sections = {
        "abstract": "Ids in place of names",
        "readable": f"Readable names, the first {report['readable_per_type']} queries of each type",
    }
    parts = [
        "# Retrieval for single steps, NELL995",
        f"`{report['command']}`, {report['date']}, Skylark {report['version']}, {machine_words(report['machine'])}, "
        f"{report['seconds']:.0f} s.",
        f"Every projection step of the official test queries, inputs from exact execution, graph of all splits; a "
        f"budget of {report['budget']:,} tokens by SmolLM2's tokenizer. A step fits where its answer triples alone, as "
        "the prompt writes them, are within the budget. Complete: all of them are in one context, in % of the steps "
        "that fit. Breadth-first: the same of edges out of and into the same "
        "entities and onwards, cut at the same budget. The other steps go in parts of half the budget, the other half "
        "of each for distractors.",
    ]
    heads = ["type", "steps", "fit", "complete %", "breadth-first %", "in parts", "parts: mean", "most",
             "distractors %", "largest context", "ms", "ms, 95th", "breadth-first ms"]  # fmt: skip
    for names, title in sections.items():
        rows = [
            [
                kind, f"{row['steps']:,}", f"{row['fitting']:,}", percent(row["complete"], row["fitting"]),
                percent(row["breadth_first"], row["fitting"]), f"{row['split']:,}", f"{row['parts_mean']:.1f}",
                str(row["parts_most"]), f"{100 * row['distractor_share']:.1f}", f"{row['largest_context']:,}",
                f"{row['ms']:.2f}", f"{row['ms_95th']:.2f}", f"{row['breadth_first_ms']:.2f}",
            ]
            for kind, row in report["figures"][names].items()
        ]  # fmt: skip
        total = report["figures"][names]["all"]
        parts.append(f"## {title}\n\n```\n{aligned(heads, rows)}\n```")
        parts.append(
            f"In {total['parted_completely']:,} of {total['split']:,} steps in parts, each answer triple is in exactly "
            f"one part. Rendered alone and counted, the answer triples of {total['as_drawn']:,} of these are within "
            "the budget."
        )
    around = report["neighbourhood"]
    parts.append(
        f"## Neighbourhoods\n\n`GraphRetriever` over {HOPS} hops at the same budget, names quoted, for "
        f"{around['queries']:,} queries: {around['documents']:.0f} documents each, {around['ms']:.1f} ms on average, "
        f"95th percentile {around['ms_95th']:.1f} ms, most {around['ms_most']:.1f} ms."
    )
    return "\n\n".join(parts) + "\n"


def percent(part: int, whole: int) -> str:
    """E.g. "99.9"; never rounded up to 100."""
    return f"{int(1000 * part / whole) / 10:.1f}" if whole else "-"


if __name__ == "__main__":
    main()
