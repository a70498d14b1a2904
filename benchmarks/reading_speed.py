"""How long the language model takes to read questions, one at a time and in batches, and what memory it needs.

    python -m benchmarks.reading_speed [--adapter DIR]

Reads questions of the list `world.final` about `world`: each alone, after one that loads the weights, then all again
in batches of 32, several of which share a pass; nothing is remembered. Also says how many best readings are the same
either way, and how far their probabilities differ at most. Writes `results/reading_speed.json` and `.md`.
"""

from __future__ import annotations

import argparse
import datetime
import json
import resource
import statistics
import time
from pathlib import Path

from benchmarks.machine import machine, machine_words
from reasoning.graph.store import KnowledgeGraph
from reasoning.lm.calls import concurrent_map
from reasoning.lm.generation import MOST_ROWS, BeamWriter, load_writer
from reasoning.parsing.reader import JOB, PACKAGED, Confidence, QuestionReader
from reasoning.parsing.schema import schema_of

HERE = Path(__file__).resolve().parent
BATCH = 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--adapter", type=Path, default=PACKAGED, help="its folder; default: the packaged one")
    adapter = parser.parse_args().adapter
    lines = (HERE / "lists" / "questions.world.final.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line)["question"] for line in lines][: 2 * BATCH]
    began = time.perf_counter()
    beams = BeamWriter(load_writer(adapter, JOB), remembered=0)
    reader = QuestionReader(schema_of(KnowledgeGraph.load("world")), beams, Confidence.read(adapter))
    reader.read(questions[0])
    first = time.perf_counter() - began
    alone, times = [], []
    for question in questions:
        began = time.perf_counter()
        alone.append(reader.read(question))
        times.append(time.perf_counter() - began)
    began = time.perf_counter()
    together = [
        readings
        for at in range(0, len(questions), BATCH)
        for readings in concurrent_map(reader.read, questions[at : at + BATCH], MOST_ROWS)
    ]
    shared = (time.perf_counter() - began) / len(questions)
    best = [(one[0], other[0]) for one, other in zip(alone, together, strict=True) if one and other]
    same = [(one, other) for one, other in best if one.query == other.query]
    report = {
        "command": "python -m benchmarks.reading_speed",
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "questions": len(questions),
        "first_seconds": round(first, 2),
        "median_seconds_alone": round(statistics.median(times), 3),
        "mean_seconds_alone": round(statistics.mean(times), 3),
        "mean_seconds_in_batches": round(shared, 3),
        "same_best": len(same) + sum(not one and not other for one, other in zip(alone, together, strict=True)),
        "largest_difference": round(max(abs(one.probability - other.probability) for one, other in same), 3),
        "peak_memory_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
    }
    text = (
        "# Reading questions: alone and in batches\n\n"
        f"`{report['command']}`, on {machine_words(machine())}.\n\n"
        f"{len(questions)} questions about `world`. Alone {report['median_seconds_alone']} s at the median and "
        f"{report['mean_seconds_alone']} s on average; in batches of {BATCH}, whose passes are shared, "
        f"{report['mean_seconds_in_batches']} s a question. The first, with the loading of graph and weights, "
        f"{report['first_seconds']} s. Peak memory {report['peak_memory_gib']} GiB.\n\n"
        f"The best reading is the same either way for {report['same_best']} of them; its probability differs by "
        f"at most {report['largest_difference']} (sixteen-bit numbers).\n"
    )
    print(text)
    (HERE / "results" / "reading_speed.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    (HERE / "results" / "reading_speed.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
