"""How sure the reader of questions is, fitted to questions that it was not taught.

    python -m benchmarks.reading_confidence ADAPTER [--every N] [--lines FILE]

Of the lists that are taught every eighth question is kept back; of these every Nth is read, and all of the lists that
are not taught. A logistic regression is fitted to whether each reading is right, its weights of the sign that each
feature has by its meaning, and `sure` is the lowest probability from which at most `MOST_WRONG` of the questions are
answered wrongly. Both are written to `confidence.json` in the adapter's folder. With `--lines` what was read is kept in
a file, a question a line, and a stopped run goes on from it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize  # type: ignore[import-untyped]
from tqdm import tqdm  # type: ignore[import-untyped]

from benchmarks.question_lists import HERE, graph_named, judged
from reasoning.lm.calls import concurrent_map
from reasoning.lm.generation import MOST_ROWS
from reasoning.parsing.reader import FEATURES, Confidence, reader_of
from reasoning.query.read_question import ReadQuestion
from skylark.errors import SkylarkError
from skylark.files import whole_lines, write_whole
from training.loop import expected_calibration_error
from training.questions import KEPT_BACK, packaged_lists

MOST_WRONG = 0.05
"""Share of the questions that may be answered wrongly."""
RIDGE = 1e-2
TAUGHT = ("world.development", "other.development", "own.development", "world.former", "measures.former")
NOT_TAUGHT = ("world.final", "other.final", "own.former")
"""Lists that questions are read of, beside those that the project teaches from."""


def records(every: int = 1) -> list[dict[str, Any]]:
    """Lines of the lists that are not taught, and every so many of the ones that are kept back of the others."""
    whole, kept_back = [], []
    for path in (*(HERE / "lists" / f"questions.{name}.jsonl" for name in (*TAUGHT, *NOT_TAUGHT)), *packaged_lists()):
        found = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        for record in found:
            if (beside := path.parent / record.get("kg", "world")).is_file():
                record["kg"] = str(beside)
        if any(path.name == f"questions.{name}.jsonl" for name in NOT_TAUGHT):
            whole += found
        else:
            kept_back += found[::KEPT_BACK]
    return whole + kept_back[::every]


def fitted(features: NDArray[np.float64], right: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Weights of the features and the bias, by logistic regression with a small ridge, each of its feature's sign."""
    inputs = np.hstack([features, np.ones((len(features), 1))])

    def surprise(weights: NDArray[np.float64]) -> float:
        odds = inputs @ weights
        return float(np.logaddexp(0, odds).sum() - odds[right].sum() + RIDGE * (weights[:-1] ** 2).sum())

    bounds = [(None if sign <= 0 else 0, None if sign >= 0 else 0) for sign in FEATURES.values()]
    return np.asarray(minimize(surprise, np.zeros(inputs.shape[1]), bounds=[*bounds, (None, None)]).x)


def threshold(probabilities: NDArray[np.float64], right: NDArray[np.bool_], most: float) -> float:
    """The lowest probability from which at most so many answers are wrong."""
    tried = np.linspace(0.3, 0.95, 66)
    return float(next((at for at in tried if (~right[probabilities >= at]).sum() <= most), tried[-1]))


def read_all(asked: Sequence[dict[str, Any]], folder: Path, kept: Path | None) -> Iterator[list[dict[str, Any]]]:
    """Of each question its readings, likeliest first: what was read, its features, whether it is right.

    Args:
        asked: lines of lists.
        folder: the adapter.
        kept: file of lines that were read before, to which the others are added.
    """
    data = Path(os.environ.get("SKYLARK_DATA", HERE.parent.parent / "shared" / "data"))
    graphs = {name: graph_named(name, data) for name in dict.fromkeys(record.get("kg", "world") for record in asked)}
    before = whole_lines(kept.read_bytes()) if kept is not None and kept.exists() else b""
    known = {(line["graph"], line["question"]): line["readings"] for line in map(json.loads, before.splitlines())}
    if kept is not None:
        write_whole(kept, before)

    def read(record: dict[str, Any]) -> list[dict[str, Any]]:
        name = record.get("kg", "world")
        if (name, record["question"]) in known:
            return list(known[name, record["question"]])
        try:
            found = reader_of(graphs[name], folder).read(record["question"])
        except SkylarkError as error:
            print(f"{record['question']}: {error}", file=sys.stderr)
            found = []
        judge = partial(ReadQuestion, record["question"])
        return [{"read": None if reading.query is None else str(reading.query), "features": reading.features,
                 "right": judged(record, judge(reading.query), graphs[name])[0]} for reading in found]  # fmt: skip

    with kept.open("a", encoding="utf-8") if kept is not None else nullcontext() as lines:
        readings = zip(asked, concurrent_map(read, asked, MOST_ROWS), strict=True)
        for record, found in tqdm(readings, total=len(asked), unit="question", disable=None):
            name = record.get("kg", "world")
            if lines is not None and (name, record["question"]) not in known:
                line = {"graph": name, "question": record["question"], "wanted": record["query"], "readings": found}
                print(json.dumps(line), file=lines, flush=True)
            yield found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("adapter", type=Path)
    parser.add_argument("--every", type=int, default=1, metavar="N", help="of those kept back, every Nth; default: 1")
    parser.add_argument("--lines", type=Path, metavar="FILE", help="what was read, to go on from; default: not kept")
    options = parser.parse_args()
    found = list(read_all(records(options.every), options.adapter, options.lines))
    weights = fitted(
        np.array([[reading["features"][name] for name in FEATURES] for of_one in found for reading in of_one]),
        np.array([reading["right"] for of_one in found for reading in of_one]),
    )
    confidence = Confidence(dict(zip((*FEATURES, "bias"), weights.tolist(), strict=True)), 0.5, 0.1)
    best = [max(((confidence.probability(one["features"]), one["right"], one["read"] is not None) for one in of_one),
                default=(0.0, False, False)) for of_one in found]  # fmt: skip
    probabilities, hits, answers = map(np.array, zip(*best, strict=True))
    sure = threshold(probabilities[answers], hits[answers], MOST_WRONG * len(hits))
    replace(confidence, sure=round(sure, 3)).write(options.adapter)
    answered = answers & (probabilities >= sure)
    print(
        f"{len(hits)} questions, the likeliest reading right in {hits.mean():.3f}, sure from {sure:.2f}: "
        f"{(answered & hits).sum()} answered right, {(answered & ~hits).sum()} wrong; "
        f"calibration error {expected_calibration_error(probabilities, hits):.3f}"
    )


if __name__ == "__main__":
    main()
