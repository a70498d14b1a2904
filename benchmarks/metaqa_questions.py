"""MetaQA's questions (Zhang et al. 2018, arXiv 1709.04071) as the model reads them, answered exactly.

    python -m benchmarks.metaqa_questions [--sample N]

N of the 3,000 dev questions of each number of hops (seed 0), with the brackets around the topic and without them. The
answers that are expected are computed anew on the graph at hand, which lacks a few triples; questions whose gold path
reaches nothing are left out and counted. No question about this graph is taught. Writes `results/metaqa_questions.json`
and `.md` beside this file.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import random
import resource
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.likeliest import measure
from benchmarks.machine import machine, machine_words
from reasoning.evaluation.question_files import QuestionRecord, read_questions
from reasoning.graph.store import KnowledgeGraph

HERE = Path(__file__).resolve().parent
HOPS = (1, 2, 3)
SAMPLE = 200


def without_brackets(record: QuestionRecord) -> QuestionRecord:
    """The same question with nothing that says which words are a name."""
    return replace(record, question=record.question.replace("[", "").replace("]", ""))


def table(results: dict[str, Any]) -> str:
    """The figures as a Markdown table."""
    rows = [
        "| questions | count | left out | Hits@1 | F1 | answers exact | path "
        "| Hits@1 where sure | asked back | not read | ms each |",
        "|---" * 11 + "|",
    ]
    for name, found in results.items():
        best = found["likeliest"]
        rows.append(
            f"| {name} | {found['count']:,} | {found['left_out']} | {best['hits@1']:.3f} | {best['f1']:.3f} "
            f"| {best['exact_match']:.3f} | {best['path_match']:.3f} | {found['sure']['hits@1']:.3f} "
            f"| {found['asked_back']:.3f} | {found['not_read']:.3f} | {1000 * found['seconds_per_question']:.0f} |"
        )
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sample", type=int, default=SAMPLE, metavar="N", help=f"of each kind; default: {SAMPLE}")
    sample = parser.parse_args().sample
    folder = Path(os.environ.get("SKYLARK_DATA", HERE.parent.parent / "shared" / "data")) / "kg" / "metaqa"
    kg = KnowledgeGraph.load(folder)
    results: dict[str, Any] = {}
    for hops in HOPS:
        records, left_out = read_questions(folder / f"{hops}-hop" / "qa_dev.txt", kg, None)
        records = random.Random(0).sample(records, min(sample, len(records)))
        for name, asked in (("", records), (", without brackets", [without_brackets(record) for record in records])):
            results[f"{hops} hop{'s' * (hops > 1)}{name}"] = {**measure(kg, asked), "left_out": left_out}
    text, memory = table(results), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(text)
    here = machine()
    report = {
        "command": "python -m benchmarks.metaqa_questions" + (f" --sample {sample}" * (sample != SAMPLE)),
        "date": datetime.date.today().isoformat(),
        "machine": here,
        "peak_memory_gib": round(memory, 2),
        "results": results,
    }
    (HERE / "results" / "metaqa_questions.json").write_text(
        json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    head = (
        "# MetaQA's dev questions, read by the model\n\n"
        f"`{report['command']}`, on {machine_words(here)}, peak memory {memory:.2f} GiB. By the likeliest reading "
        "of each question, as the set's protocol has it; `sure` counts as wrong what is asked back since no reading "
        "reaches the fitted probability. A question that is not read counts as wrong in every column.\n\n"
    )
    (HERE / "results" / "metaqa_questions.md").write_text(f"{head}{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
