"""Questions that follow an answer, and whether new questions after an answer are read as without it.

    python -m benchmarks.follow_ups [--list FILE] [--limit N]

A line of a list has `question` and `first` (the question before and its query, which is answered exactly), `follow_up`,
`query` (what the follow-up means; null where it refers to nothing and has to be refused or asked back), `accept`,
`kind` and `kg`. It is right where the query that was read gives what the list's query gives, wrong though sure where it
gives something else, refused where it was asked back.

Then each question of four lists about `world`, all of which stand by themselves, is put after an unrelated answer:
what is read has to be what is read without. Where no word of it may refer to anything it is the same reading; the
others are read both ways. Of the whole list it writes `results/follow_ups.json` and `.md` beside this file.
"""

from __future__ import annotations

import argparse
import datetime
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.machine import machine, machine_words
from benchmarks.question_lists import HERE, graph_named, result_of
from kg_data.registry import data_root
from reasoning import Answer, KnowledgeGraph, Query, Reasoner
from reasoning.lm.calls import concurrent_map
from reasoning.parsing import ReadQuestion, understand
from reasoning.parsing.follow_up_references import may_follow
from reasoning.parsing.linking import LinkedQuestion
from reasoning.parsing.schema import schema_of
from skylark.errors import SkylarkError
from skylark.text import aligned

LIST = HERE / "lists" / "follow_ups" / "development.jsonl"
AT_ONCE = 16
OUTCOMES = ("right", "wrong though sure", "refused")

FRESH = ("questions.world.final", "questions.world.unseen", "questions.world.former", "questions.measures.unseen")
BEFORE = (
    'borders("France")', 'capital("Peru")', 'language("Switzerland")', 'population("Norway")', 'currency("Chile")',
    'top(3, population, ~continent("Africa"))', '~serves("Tokyo")', 'count(~continent("Asia"))',
)  # fmt: skip
"""Queries whose answers new questions are put after: countries, a city, languages, numbers, a currency, airports."""


def judged(record: dict[str, Any], found: ReadQuestion, kg: KnowledgeGraph) -> str:
    """One of `OUTCOMES`."""
    if record["query"] is None:
        return "right" if found.query is None else "wrong though sure"
    if found.query is None:
        return "refused"
    try:
        given = result_of(found.query, kg)
    except SkylarkError:
        return "wrong though sure"
    wanted = (record["query"], *record.get("accept", ()))
    return "right" if any(given == result_of(Query.parse(text), kg) for text in wanted) else "wrong though sure"


def followed(path: Path, graphs: dict[str, KnowledgeGraph], limit: int | None) -> list[dict[str, Any]]:
    """A line for each line of a list: its outcome, what was read and what was referred to, seconds."""
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()][:limit]
    for record in records:
        opened(record.get("kg", "world"), graphs)

    def one(record: dict[str, Any]) -> dict[str, Any]:
        kg = graphs[record.get("kg", "world")]
        last = Reasoner(kg, method="exact").answer(Query.parse(record["first"]))
        started = time.perf_counter()
        found = understand(record["follow_up"], kg, previous=last)
        outcome = judged(record, found, kg)
        print(f"{outcome}: {record['question']} {record['follow_up']}", file=sys.stderr, flush=True)
        return {
            **{key: record[key] for key in ("kind", "question", "follow_up", "query")},
            "kg": record.get("kg", "world"),
            "outcome": outcome,
            "read": None if found.query is None else str(found.query),
            "confidence": round(found.confidence, 4),
            "referred": found.referred,
            "problem": found.problem,
            "alternatives": [[str(other.query), round(other.probability, 4)] for other in found.alternatives],
            "seconds": round(time.perf_counter() - started, 2),
        }

    return list(concurrent_map(one, records, AT_ONCE))


def undisturbed(graphs: dict[str, KnowledgeGraph]) -> tuple[int, list[dict[str, Any]]]:
    """How many questions there are, and a line for each that has words which may refer to something."""
    kg = opened("world", graphs)
    rng = random.Random(0)
    lasts = [Reasoner(kg, method="exact").answer(Query.parse(text)) for text in BEFORE]
    paths = [HERE / "lists" / f"{name}.jsonl" for name in FRESH]
    questions = [json.loads(line)["question"] for path in paths for line in path.read_text("utf-8").splitlines()]
    schema = schema_of(kg)
    pairs = [(question, rng.choice(lasts)) for question in questions]
    unsure = [(question, last) for question, last in pairs if may_follow(LinkedQuestion.of(question, schema))]

    def one(pair: tuple[str, Answer]) -> dict[str, Any]:
        question, last = pair
        alone, after = understand(question, kg), understand(question, kg, previous=last)
        same = alone.query == after.query
        print(f"{'same' if same else 'other'}: {question}", file=sys.stderr, flush=True)
        return {
            "question": question,
            "before": str(last.query),
            "same": same,
            "alone": None if alone.query is None else str(alone.query),
            "after": None if after.query is None else str(after.query),
            "referred": after.referred,
        }

    return len(questions), list(concurrent_map(one, unsure, AT_ONCE))


def opened(name: str, graphs: dict[str, KnowledgeGraph]) -> KnowledgeGraph:
    """A graph, kept."""
    if name not in graphs:
        graphs[name] = graph_named(name, data_root())
    return graphs[name]


def table(lines: Sequence[dict[str, Any]]) -> str:
    """Outcomes by graph and kind, and over all."""
    groups = sorted({(line["kg"], line["kind"]) for line in lines})
    rows = []
    for kg, kind in groups:
        counts = Counter(line["outcome"] for line in lines if (line["kg"], line["kind"]) == (kg, kind))
        rows.append((Path(kg).stem, kind, *(str(counts[outcome]) for outcome in OUTCOMES)))
    counts = Counter(line["outcome"] for line in lines)
    rows.append(("all", "", *(str(counts[outcome]) for outcome in OUTCOMES)))
    return aligned(("graph", "kind", *OUTCOMES), rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--list", type=Path, default=LIST, help="dialogues, one a line")
    parser.add_argument("--limit", type=int, metavar="N", help="the first N dialogues; nothing is written then")
    options = parser.parse_args()
    graphs: dict[str, KnowledgeGraph] = {}
    lines = followed(options.list, graphs, options.limit)
    count, fresh = undisturbed(graphs)
    same = count - sum(not line["same"] for line in fresh)
    text = (
        f"{table(lines)}\n\nNew questions after an unrelated answer, read as without it: {same} of {count} "
        f"({len(fresh)} have words that may refer to something)"
    )
    print(text)
    if options.limit is not None:
        return
    command = "python -m benchmarks.follow_ups"
    if options.list != LIST:
        command += f" --list {options.list.name}"
    report: dict[str, Any] = {
        "command": command,
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "outcomes": dict(Counter(line["outcome"] for line in lines)),
        "fresh": {"count": count, "same": same, "with_words_that_may_refer": len(fresh)},
        "lines": lines,
        "fresh_lines": fresh,
    }
    name = "follow_ups" if options.list == LIST else f"follow_ups.{options.list.stem}"
    path = HERE / "results" / f"{name}.json"
    path.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    words = f"`{command}`\n\n```\n{text}\n```\n\n{machine_words(report['machine'])}\n"
    path.with_suffix(".md").write_text(words, encoding="utf-8")


if __name__ == "__main__":
    main()
