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
import re
import resource
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.machine import machine, machine_words
from kg_data.errors import SkylarkError
from reasoning import Reasoner
from reasoning.evaluation.method import MethodReply
from reasoning.evaluation.metrics import QUESTION_METRICS
from reasoning.evaluation.question_files import QuestionRecord, read_questions
from reasoning.evaluation.question_run import line_of, reason_of
from reasoning.graph.store import KnowledgeGraph

HERE = Path(__file__).resolve().parent
HOPS = (1, 2, 3)
SAMPLE = 200
SHOWN_MISSES = 100
"""Misses that the results keep of each run; their reasons are counted over all."""


def measure(reasoner: Reasoner, records: Sequence[QuestionRecord]) -> dict[str, Any]:
    """Means of the metrics, the misses by reason, seconds a question."""
    began = time.perf_counter()
    lines = []
    for record in records:
        try:
            reply = MethodReply(reasoner.answer(record.question), None, True)
        except SkylarkError as error:
            reply = MethodReply(None, str(error), True)
        lines.append(line_of(record, reply, reasoner.kg))
    seconds = time.perf_counter() - began
    reasons = [(line, reason) for line in lines if (reason := reason_of(line)) is not None]
    return {
        "count": len(lines),
        **{name: sum(line[name] for line in lines) / len(lines) for name in QUESTION_METRICS},
        "seconds_per_question": seconds / len(lines),
        "misses_by_reason": Counter(re.split("[:;]", reason)[0] for _, reason in reasons),
        "misses": [
            {"question": line["question"], "query": line["query"], "reason": reason}
            for line, reason in reasons[:SHOWN_MISSES]
        ],
    }


def without_brackets(record: QuestionRecord) -> QuestionRecord:
    """The same question with nothing that says which words are a name."""
    return replace(record, question=record.question.replace("[", "").replace("]", ""))


def table(results: dict[str, Any]) -> str:
    """The figures as a Markdown table."""
    rows = [
        "| questions | count | left out | Hits@1 | F1 | answers exact | path | ms each |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, found in results.items():
        rows.append(
            f"| {name} | {found['count']:,} | {found['left_out']} | {found['hits@1']:.4f} | {found['f1']:.4f} "
            f"| {found['exact_match']:.4f} | {found['path_match']:.4f} | {1000 * found['seconds_per_question']:.1f} |"
        )
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sample", type=int, default=SAMPLE, metavar="N", help=f"of each kind; default: {SAMPLE}")
    sample = parser.parse_args().sample
    folder = Path(os.environ.get("SKYLARK_DATA", HERE.parent.parent / "shared" / "data")) / "kg" / "metaqa"
    reasoner = Reasoner(KnowledgeGraph.load(folder), method="exact")
    results: dict[str, Any] = {}
    for hops in HOPS:
        records, left_out = read_questions(folder / f"{hops}-hop" / "qa_dev.txt", reasoner.kg, None)
        records = random.Random(0).sample(records, min(sample, len(records)))
        for name, asked in (("", records), (", without brackets", [without_brackets(record) for record in records])):
            results[f"{hops} hop{'s' * (hops > 1)}{name}"] = {**measure(reasoner, asked), "left_out": left_out}
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
        f"`{report['command']}`, on {machine_words(here)}, peak memory {memory:.2f} GiB. A question that was not "
        "understood counts as wrong in every column.\n\n"
    )
    (HERE / "results" / "metaqa_questions.md").write_text(f"{head}{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
