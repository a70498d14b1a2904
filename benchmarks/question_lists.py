"""Written questions about `world` and about graphs of one's own, in wordings that nobody worked with.

    python -m benchmarks.question_lists [READER ...]

READER is `model` (default) or the folder of an adapter. A question is right where the query that was read gives the
answers or the value of the list's query, or of one that the list accepts. One that the graph cannot answer, or that may
mean several things, is right where no single answer was given with confidence. Of the packaged model alone it writes
`results/unseen_questions.json` and `.md` beside this file.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import resource
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.machine import machine, machine_words
from reasoning.execution.exact import outcome
from reasoning.graph.store import KnowledgeGraph
from reasoning.lm.calls import MODEL
from reasoning.parsing import ReadingOptions, ReadQuestion, understand
from reasoning.query.tree import Query
from skylark.errors import SkylarkError

HERE = Path(__file__).resolve().parent
UNSEEN = ("world", "measures", "own")
OPEN = ("unanswerable", "ambiguous")
"""Kinds of questions to which no single answer is right."""


def result_of(query: Query, kg: KnowledgeGraph) -> Hashable:
    """What a query gives, the value of one thing being the value alone."""
    given = outcome(query, kg)
    pair = next(iter(given)) if isinstance(given, frozenset) and len(given) == 1 else None
    return pair[1] if isinstance(pair, tuple) else given


def judged(record: dict[str, Any], found: ReadQuestion, kg: KnowledgeGraph) -> tuple[bool, str]:
    """Whether what was read is right, and if not, why."""
    if record["kind"] in OPEN:
        return found.query is None, "" if found.query is None else f"answered with {found.query}"
    if found.query is None:
        return False, found.problem
    try:
        given = result_of(found.query, kg)
    except SkylarkError as error:
        return False, f"{found.query}: {error}"
    for text in (record["query"], *record.get("accept", ())):
        if given == result_of(Query.parse(text), kg):
            return True, ""
    return False, f"read as {found.query}"


def graph_named(name: str, data: Path) -> KnowledgeGraph:
    """`world`, a data set's folder, or a file beside the lists."""
    beside = HERE / "lists" / name
    return KnowledgeGraph.load(beside if beside.is_file() else name if name == "world" else data / "kg" / name)


def run(path: Path, graphs: dict[str, KnowledgeGraph], data: Path, reader: str = MODEL) -> list[dict[str, Any]]:
    """One line a question: its id, kind, whether it is right, what was read and why it is not right, seconds."""
    options = ReadingOptions(reader=reader)
    lines = []
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines()):
        record = json.loads(text)
        name = record.get("kg", "world")
        if name not in graphs:
            graphs[name] = graph_named(name, data)
        started = time.perf_counter()
        found = understand(record["question"], graphs[name], options=options)
        seconds = time.perf_counter() - started
        right, reason = judged(record, found, graphs[name])
        likeliest = next(iter(found.readings), None)
        lines.append(
            {
                "id": f"{path.stem}:{number}",
                "graph": name,
                "kind": record["kind"],
                "question": record["question"],
                "right": right,
                "read": None if found.query is None else str(found.query),
                "expected": record["query"],
                "weighed": None
                if likeliest is None
                else [
                    round(likeliest.probability, 4),
                    judged(record, ReadQuestion(record["question"], likeliest.query), graphs[name])[0],
                ],
                "reason": reason,
                "seconds": round(seconds, 4),
            }
        )
    return lines


def summary(lines: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Counts of right answers over all and by kind and graph, wrong confident answers, and the median time."""
    groups: dict[str, dict[str, list[bool]]] = {"kind": defaultdict(list), "graph": defaultdict(list)}
    for line in lines:
        for by in groups:
            groups[by][line[by]].append(line["right"])
    return {
        "count": len(lines),
        "right": sum(line["right"] for line in lines),
        "wrong_answers": sum(not line["right"] and line["read"] is not None for line in lines),
        "wrong_answers_to_open": sum(not line["right"] for line in lines if line["kind"] in OPEN),
        "by_kind": {kind: [sum(found), len(found)] for kind, found in groups["kind"].items()},
        "by_graph": {graph: [sum(found), len(found)] for graph, found in groups["graph"].items()},
        "median_seconds": statistics.median(line["seconds"] for line in lines),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("readers", nargs="*", default=[MODEL], metavar="READER", help="model, or an adapter's folder")
    readers = parser.parse_args().readers
    data = Path(os.environ.get("SKYLARK_DATA", HERE.parent.parent / "shared" / "data"))
    graphs: dict[str, KnowledgeGraph] = {}
    results, lines = {}, {}
    for reader in readers:
        for of in UNSEEN:
            name = f"{of}, {reader}"
            lines[name] = run(HERE / "lists" / f"questions.{of}.unseen.jsonl", graphs, data, reader)
            results[name] = summary(lines[name])
            print(f"{name}: {results[name]['right']} of {len(lines[name])}", file=sys.stderr, flush=True)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    text = table(results, memory)
    print(text)
    if readers != [MODEL]:
        return
    report: dict[str, Any] = {
        "command": "python -m benchmarks.question_lists",
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "peak_memory_gib": round(memory, 2),
        "results": results,
        "lines": lines,
    }
    path = HERE / "results" / "unseen_questions.json"
    path.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    words = f"`{report['command']}`\n\n{text}\n{machine_words(report['machine'])}\n"
    path.with_suffix(".md").write_text(words, encoding="utf-8")


def table(results: dict[str, Any], memory: float) -> str:
    """The summaries as a Markdown table."""
    rows = [
        "| list | right | of | share | wrong answers given | to open questions | median s |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, found in results.items():
        share = found["right"] / found["count"]
        rows.append(
            f"| {name} | {found['right']} | {found['count']} | {share:.1%} | {found['wrong_answers']} "
            f"| {found['wrong_answers_to_open']} | {found['median_seconds']:.3f} |"
        )
    return "\n".join([*rows, "", f"Peak memory of the whole run: {memory:.2f} GiB."])


if __name__ == "__main__":
    main()
