"""Written questions about `world` and about graphs that the reader was not built on, read without a language model.

    python -m benchmarks.question_lists [--final] [--only world|other]
    python -m benchmarks.question_lists --unseen rules [model | FOLDER ...]

The lists were written before the reader, by someone who had not seen it. Without arguments the halves that the reader
was built with are read and every miss is printed; `--final` reads both halves and writes `results/question_lists.json`
and `.md` beside this file. A question is right where the query that was read gives the answers or the value of the
list's query, or of one that the list accepts. One that the graph cannot answer, or that may mean several things, is
right where no single answer was given with confidence.

`--unseen` reads the lists that nobody had read the code for, with one reader after the other, and writes
`results/unseen_questions.json` and `.md`.
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
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.machine import machine, machine_words
from kg_data.errors import SkylarkError
from reasoning.execution.outcome import outcome
from reasoning.graph.store import KnowledgeGraph
from reasoning.language.readers import MODEL, RULES
from reasoning.query.tree import Query
from reasoning.reading import ReadingOptions, ReadQuestion, understand

HERE = Path(__file__).resolve().parent
NAMES = ("world", "other")
HALVES = ("development", "final")
UNSEEN = ("world", "measures", "own")
OPEN = ("unanswerable", "ambiguous")
"""Kinds of questions to which no single answer is right."""


def judged(record: dict[str, Any], found: ReadQuestion, kg: KnowledgeGraph) -> tuple[bool, str]:
    """Whether what was read is right, and if not, why."""
    if record["kind"] in OPEN:
        return found.query is None, "" if found.query is None else f"answered with {found.query}"
    if found.query is None:
        return False, found.problem
    try:
        given = outcome(found.query, kg)
    except SkylarkError as error:
        return False, f"{found.query}: {error}"
    for text in (record["query"], *record.get("accept", ())):
        if given == outcome(Query.parse(text), kg):
            return True, ""
    return False, f"read as {found.query}"


def graph_named(name: str, data: Path) -> KnowledgeGraph:
    """`world`, a data set's folder, or a file beside the lists."""
    beside = HERE / "lists" / name
    return KnowledgeGraph.load(beside if beside.is_file() else name if name == "world" else data / "kg" / name)


def run(path: Path, graphs: dict[str, KnowledgeGraph], data: Path, reader: str = RULES) -> list[dict[str, Any]]:
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
        lines.append(
            {
                "id": f"{path.stem}:{number}",
                "graph": name,
                "kind": record["kind"],
                "question": record["question"],
                "right": right,
                "read": None if found.query is None else str(found.query),
                "expected": record["query"],
                "confidence": round(found.confidence, 4),
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
    parser.add_argument("--final", action="store_true", help="read both halves and write the results")
    parser.add_argument("--only", choices=NAMES, help="one list alone")
    parser.add_argument("--unseen", nargs="+", metavar="READER", help="read the unseen lists with these readers")
    arguments = parser.parse_args()
    data = Path(os.environ.get("SKYLARK_DATA", HERE.parent.parent / "shared" / "data"))
    graphs: dict[str, KnowledgeGraph] = {}
    if arguments.unseen:
        write_unseen(arguments.unseen, graphs, data)
        return
    results: dict[str, Any] = {}
    misses: list[dict[str, Any]] = []
    for name in [arguments.only] if arguments.only else NAMES:
        for half in HALVES if arguments.final else HALVES[:1]:
            lines = run(HERE / "lists" / f"questions.{name}.{half}.jsonl", graphs, data)
            results[f"{name}, {half}"] = summary(lines)
            misses += [line for line in lines if not line["right"]]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    for line in misses:
        print(
            f"{line['id']} [{line['graph']}, {line['kind']}] {line['question']}\n"
            f"    wanted {line['expected']}\n    {line['reason']}"
        )
    text = table(results, memory)
    print(text)
    if arguments.final:
        report: dict[str, Any] = {
            "date": datetime.date.today().isoformat(),
            "machine": machine(),
            "peak_memory_gib": round(memory, 2),
            "results": results,
            "misses": misses,
        }
        (HERE / "results" / "question_lists.json").write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
        (HERE / "results" / "question_lists.md").write_text(f"{text}\n{machine_words(report['machine'])}\n")


def write_unseen(readers: Sequence[str], graphs: dict[str, KnowledgeGraph], data: Path) -> None:
    """Read the unseen lists with each reader, and write what came of it."""
    results, lines = {}, {}
    for reader in readers:
        name = reader if reader in (RULES, MODEL) else Path(reader).name
        for of in UNSEEN:
            found = run(HERE / "lists" / f"questions.{of}.unseen.jsonl", graphs, data, reader)
            lines[f"{of}, {name}"] = found
            results[f"{of}, {name}"] = summary(found)
            print(f"{of}, {name}: {results[f'{of}, {name}']['right']} of {len(found)}", file=sys.stderr, flush=True)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    text = table(results, memory)
    report: dict[str, Any] = {
        "command": f"python -m benchmarks.question_lists --unseen {' '.join(Path(reader).name for reader in readers)}",
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
    print(text)


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
