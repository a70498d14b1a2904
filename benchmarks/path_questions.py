"""PathQuestion, PQL and WorldCup2014 as the model reads them, beside controls: a random path, shared words.

    python -m benchmarks.path_questions [--sample N] [--adapter DIR]

The questions of `pathquestion`, `pql` (Zhou, Huang & Zhu 2018) and `wc2014` (Zhang, Winn & Tomioka 2016) of the data
folder, none of which is taught: N of each number of hops (seed 0), without the brackets around their topics. The
controls know the topics and the number of hops, and choose among the paths that lead anywhere: one by chance, and the
one whose relations share most words with the question (by chance among equals). Writes `results/path_questions.md`
and `.json`, with another adapter nothing.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import random
import re
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks.likeliest import measure
from benchmarks.machine import machine, machine_words
from benchmarks.metaqa_questions import without_brackets
from reasoning.evaluation.question_files import QuestionRecord, RelationPath, read_questions, walk
from reasoning.evaluation.runs import relations_along
from reasoning.graph.store import KnowledgeGraph
from reasoning.lm.calls import MODEL

HERE = Path(__file__).resolve().parent
GRAPHS = ("pathquestion", "pql", "wc2014")
SAMPLE = 100
KEPT = ("not_read", "asked_back", "seconds_per_question", "misses_by_reason")
"""What the results keep of the reader beside its figures."""

Found = dict[str, float]
"""`path_match` and `hits@1`, means over the questions of one file."""

_TOPIC = re.compile(r"\[([^\[\]]+)\]")


def control(kg: KnowledgeGraph, records: Sequence[QuestionRecord], by_words: bool) -> Found:
    """The figures of paths chosen by chance, or by the words that they share with the question."""
    rng = random.Random(0)
    matches, hits = [], []
    for record in records:
        topics = [kg.entity_by_id(topic) for topic in _TOPIC.findall(record.question)]
        known = [record.path] if record.query is None else [relations_along(part, kg) for part in record.query.children]
        gold = [path for path in known if path is not None]
        choices = list(product(*(paths_from(kg, topic, len(path)) for topic, path in zip(topics, gold, strict=False))))
        rng.shuffle(choices)
        if by_words:
            choices.sort(key=lambda paths: -_shared(kg, paths, record.question))
        chosen = choices[0]
        sets = [set(walk(kg, topic, path, True).tolist()) for topic, path in zip(topics, chosen, strict=False)]
        found = sorted(set.intersection(*sets))
        matches.append(list(chosen) == gold)
        hits.append(bool(found) and frozenset((rng.choice(found),)) in record.gold)
    return {"path_match": sum(matches) / len(matches), "hits@1": sum(hits) / len(hits)}


def paths_from(kg: KnowledgeGraph, topic: int, hops: int) -> list[RelationPath]:
    """All chains of so many relations, each forwards or backwards, that lead anywhere from a topic."""
    steps = [(relation, inverse) for relation in range(kg.relation_count) for inverse in (False, True)]
    found: list[RelationPath] = [()]
    for _ in range(hops):
        found = [(*path, step) for path in found for step in steps if len(walk(kg, topic, (*path, step), True))]
    return found


def _shared(kg: KnowledgeGraph, paths: Sequence[RelationPath], question: str) -> int:
    """How many words the relations of paths have in common with a question, each as often as it is in both."""
    words = re.findall(r"\w+", _TOPIC.sub(" ", question).lower())
    shared = 0
    for path in paths:
        left = list(words)
        for relation, _ in path:
            for word in re.findall(r"[^\W_]+", kg.relation_label(relation).lower()):
                if word in left:
                    left.remove(word)
                    shared += 1
    return shared


def measured(sample: int, reader: str) -> dict[str, dict[str, Any]]:
    """By file the figures of the reader and of the controls."""
    root = Path(os.environ.get("SKYLARK_DATA", HERE.parent.parent / "shared" / "data")) / "kg"
    results: dict[str, dict[str, Any]] = {}
    for name in GRAPHS:
        kg = KnowledgeGraph.load(root / name)
        for folder in sorted(path.parent for path in (root / name).glob("*/qa_dev.txt")):
            records, _ = read_questions(folder / "qa_dev.txt", kg, None)
            records = random.Random(0).sample(records, min(sample, len(records)))
            read = measure(kg, [without_brackets(record) for record in records], reader)
            results[f"{name} {folder.name}"] = {
                "count": len(records),
                **{key: read[key] for key in KEPT},
                "ways": {
                    "model": read["likeliest"],
                    "model, where it is sure": read["sure"],
                    "random path": control(kg, records, by_words=False),
                    "shared words": control(kg, records, by_words=True),
                },
            }
            print(name, folder.name, json.dumps(results[f"{name} {folder.name}"]), flush=True)
    return results


def asked(results: dict[str, dict[str, Any]]) -> int:
    """How many questions there were."""
    return sum(int(found["count"]) for found in results.values())


def table(results: dict[str, dict[str, Any]]) -> str:
    """Exact path and Hits@1 of the reader and each control, with the mean over the files."""
    figures = {name: found["ways"] for name, found in results.items()}
    ways = list(next(iter(figures.values())))
    counts = {name: found["count"] for name, found in results.items()} | {"mean": asked(results)}
    figures["mean"] = {
        way: {
            name: sum(found[way][name] for found in figures.values()) / len(figures)
            for name in ("path_match", "hits@1")
        }
        for way in ways
    }
    rows = [f"| questions | count | {' | '.join(ways)} |", "|---|---|" + "---|" * len(ways)]
    for name, found in figures.items():
        cells = " | ".join(f"{found[way]['path_match']:.2f} / {found[way]['hits@1']:.2f}" for way in ways)
        rows.append(f"| {name} | {counts[name]} | {cells} |")
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sample", type=int, default=SAMPLE, metavar="N", help=f"of each file; default: {SAMPLE}")
    parser.add_argument("--adapter", default=MODEL, metavar="DIR", help="of the model; default: the packaged one")
    options = parser.parse_args()
    results = measured(options.sample, options.adapter)
    text = table(results)
    print(text)
    if options.adapter != MODEL:
        return
    command = "python -m benchmarks.path_questions" + (f" --sample {options.sample}" * (options.sample != SAMPLE))
    seconds = sum(found["seconds_per_question"] * found["count"] for found in results.values()) / asked(results)
    asked_back, not_read = (
        sum(found[name] for found in results.values()) / len(results) for name in ("asked_back", "not_read")
    )
    report = {"command": command, "date": datetime.date.today().isoformat(), "machine": machine(), "results": results}
    (HERE / "results" / "path_questions.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    head = (
        "# PathQuestion, PQL and WorldCup2014\n\n"
        f"`{command}`, on {machine_words(machine())}. Exact path / Hits@1; a question that is not answered counts as "
        "wrong. `model` takes the likeliest reading, as the controls answer everything; where it is sure is what it "
        f"answers as it comes: {asked_back:.2f} are asked back and {not_read:.2f} not read. None of these sets is "
        "taught. The controls read nothing: they know the topics and the number of hops and choose one of the paths "
        "that lead anywhere, by chance or by the words that its relations share with the question. "
        f"{seconds:.2f} s a question.\n\n"
    )
    (HERE / "results" / "path_questions.md").write_text(f"{head}{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
