"""How sure the reader of questions is, fitted to questions that it was not taught.

    python -m benchmarks.reading_confidence ADAPTER [--every N]

Of the lists that are taught every eighth question is kept back; these are read, and those of the lists that are not
taught. A logistic regression is fitted to whether each reading is right, and `sure` is the lowest probability from
which at most `MOST_WRONG` of the questions are answered wrongly. Both are written to `confidence.json` in the adapter's
folder.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize  # type: ignore[import-untyped]

from benchmarks.question_lists import HERE, graph_named, judged
from kg_data.errors import SkylarkError
from reasoning.language.concurrent_map import concurrent_map
from reasoning.language.teaching.examining import expected_calibration_error
from reasoning.language.writing.beams import MOST_ROWS
from reasoning.query.read_question import ReadQuestion
from reasoning.reading.model.choosing import WeighedReading
from reasoning.reading.model.confidence import FEATURES, Confidence
from reasoning.reading.model.loading import reader_of
from reasoning.reading.teaching.lists import KEPT_BACK, packaged_lists

MOST_WRONG = 0.04
"""Share of the questions that may be answered wrongly."""
RIDGE = 1e-2
TAUGHT = ("world.development", "other.development", "world.former", "measures.former")
NOT_TAUGHT = ("world.final", "other.final", "own.former")
"""Lists that questions are read of, beside those that the project teaches from."""


def records() -> list[dict[str, Any]]:
    """Lines of the lists that were not taught."""
    found = []
    for path in (*(HERE / "lists" / f"questions.{name}.jsonl" for name in (*TAUGHT, *NOT_TAUGHT)), *packaged_lists()):
        lines = path.read_text(encoding="utf-8").splitlines()
        whole = any(path.name == f"questions.{name}.jsonl" for name in NOT_TAUGHT)
        kept = [json.loads(line) for number, line in enumerate(lines) if whole or not number % KEPT_BACK]
        for record in kept:
            if (beside := path.parent / record.get("kg", "world")).is_file():
                record["kg"] = str(beside)
        found += kept
    return found


def fitted(features: NDArray[np.float64], right: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Weights of the features and the bias, by logistic regression with a small ridge."""
    inputs = np.hstack([features, np.ones((len(features), 1))])

    def surprise(weights: NDArray[np.float64]) -> float:
        odds = inputs @ weights
        return float(np.logaddexp(0, odds).sum() - odds[right].sum() + RIDGE * (weights[:-1] ** 2).sum())

    return np.asarray(minimize(surprise, np.zeros(inputs.shape[1]), method="BFGS").x)


def threshold(probabilities: NDArray[np.float64], right: NDArray[np.bool_], most: float) -> float:
    """The lowest probability from which at most so many answers are wrong."""
    tried = np.linspace(0.3, 0.95, 66)
    return float(next((at for at in tried if (~right[probabilities >= at]).sum() <= most), tried[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("adapter", type=Path)
    parser.add_argument("--every", type=int, default=1, metavar="N", help="of these questions, every Nth; default: 1")
    options = parser.parse_args()
    folder = options.adapter
    data = Path(os.environ.get("SKYLARK_DATA", HERE.parent.parent / "shared" / "data"))
    asked = records()[:: options.every]
    graphs = {name: graph_named(name, data) for name in dict.fromkeys(record.get("kg", "world") for record in asked)}

    def read(record: dict[str, Any]) -> list[WeighedReading]:
        try:
            return reader_of(graphs[record.get("kg", "world")], folder).read(record["question"])
        except SkylarkError as error:
            print(f"{record['question']}: {error}", file=sys.stderr)
            return []

    features, right, answering, question_of = [], [], [], []
    lines = []
    for number, (record, readings) in enumerate(zip(asked, concurrent_map(read, asked, MOST_ROWS), strict=True)):
        name = record.get("kg", "world")
        for reading in readings:
            features.append([reading.features[name] for name in FEATURES])
            right.append(judged(record, ReadQuestion(record["question"], reading.query), graphs[name])[0])
            question_of.append(number)
            answering.append(reading.query is not None)
            lines.append({"number": number, "question": record["question"], "kind": record["kind"], "graph": name,
                          "right": right[-1], "read": str(reading.query), "wanted": record["query"],
                          **reading.features})  # fmt: skip
        if number % 20 == 19:
            print(f"{number + 1} read", file=sys.stderr, flush=True)
    known, every_hit = np.array(features), np.array(right)
    weights = fitted(known, every_hit)
    confidence = Confidence(dict(zip((*FEATURES, "bias"), weights.tolist(), strict=True)), 0.5, 0.1)
    of_each = np.array([confidence.probability(dict(zip(FEATURES, row, strict=True))) for row in known])
    order = np.lexsort((-of_each, np.array(question_of)))
    best = order[np.unique(np.array(question_of)[order], return_index=True)[1]]
    probabilities, hits = of_each[best], every_hit[best]
    answers = np.array(answering)[best]
    sure = threshold(probabilities[answers], hits[answers], MOST_WRONG * len(hits))
    replace(confidence, sure=round(sure, 3)).write(folder)
    Path(os.environ.get("CONFIDENCE_LINES", os.devnull)).write_text("\n".join(map(json.dumps, lines)))
    missed = expected_calibration_error(probabilities, hits)
    print(f"{len(hits)} questions, {hits.mean():.3f} right, sure from {sure:.2f}, calibration error {missed:.3f}")


if __name__ == "__main__":
    main()
