"""From which probability on a reading of an instruction or expression is taken: on texts that were not taught.

    python -m benchmarks.image_reading_thresholds [--adapter DIR] [--temperature T]

Reads the tenth of the taught lists that is kept back from teaching and the `former` lists, and prints for some
thresholds how many of the readings are at least so probable, and how many of these are right; and the expected
calibration error of the probability. `SURE` of `vision.parsing.reader` and `LEAST_SURE` of
`vision.grounding.grounding` are chosen by it. Writes `results/image_reading_thresholds.md`. `--temperature` is written
into the adapter before it reads: teaching ends with one that is fitted to single tokens without their constraint.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm  # type: ignore[import-untyped]

from benchmarks.expressions import same
from benchmarks.instructions import as_form, differences, filled
from benchmarks.machine import machine, machine_words
from reasoning.lm.calls import concurrent_map
from reasoning.lm.generation import MOST_ROWS, Writing
from training.instructions import FOLDER, VIDEO_LIST, is_kept_back, sentence_of
from training.loop import expected_calibration_error
from vision.classes import COCO_CLASSES, COCO_SUPERCATEGORIES, ClassMatcher
from vision.errors import InstructionError
from vision.parsing.prompt import Sentence, TextPrompt
from vision.parsing.reader import JOB, PACKAGED, readers

LISTS = Path(__file__).parent / "lists"
MATCHER = ClassMatcher(COCO_CLASSES, COCO_SUPERCATEGORIES)

Judged = list[tuple[float, bool]]
"""The probability of the likeliest reading, and whether it is right."""


def instructions(adapter: Path) -> Judged:
    """Of every instruction that was not taught."""
    paths = (*sorted(FOLDER.glob("*.json")), LISTS / "instructions.development.json")
    entries = [entry for path in paths for entry in json.loads(path.read_text(encoding="utf-8"))]
    entries = [entry for entry in entries if is_kept_back(entry["instruction"])]
    entries += json.loads((LISTS / "instructions.former.json").read_text(encoding="utf-8"))
    texts = [entry["instruction"] for entry in entries]
    return list(map(_judged_task, entries, _all_read(readers(adapter).instructions, texts)))


def _judged_task(entry: dict[str, Any], readings: Sequence[Any]) -> tuple[float, bool]:
    if not readings:
        return 0.0, False
    best = readings[0]
    if isinstance(best.task, InstructionError):
        return best.probability, bool(entry["task"].get("contradiction"))
    golds = [entry["task"], *({**entry["task"], **one} for one in entry.get("accept", ()))]
    return best.probability, any(not differences(filled(gold), as_form(best.task)) for gold in golds)


def expressions(adapter: Path) -> Judged:
    """Of every expression that was not taught."""
    of_pictures = [path for path in sorted(FOLDER.glob("*.jsonl")) if not path.name.endswith(VIDEO_LIST)]
    paths = (*of_pictures, LISTS / "expressions.jsonl")
    entries = [entry for path in paths for entry in _lines(path) if is_kept_back(entry["expression"])]
    entries += _lines(LISTS / "expressions.former.jsonl")
    found = _all_read(readers(adapter).expressions, [entry["expression"] for entry in entries])
    return [
        (readings[0].probability, any(same(gold, readings[0].sentence) for gold in _golds(entry)))
        if readings
        else (0.0, False)
        for entry, readings in zip(entries, found, strict=True)
    ]


def _golds(entry: dict[str, Any]) -> Iterator[Sentence]:
    yield from (sentence_of({**entry, "query": query}) for query in (entry["query"], *entry.get("accept", ())))


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _all_read(reader: Any, texts: Sequence[str]) -> list[Sequence[Any]]:
    """The readings of texts, which share passes."""

    def read(text: str) -> Sequence[Any]:
        try:
            return list(reader.read(TextPrompt(text), MATCHER))
        except InstructionError:
            return ()

    return list(tqdm(concurrent_map(read, texts, MOST_ROWS), total=len(texts)))


def table(name: str, judged: Judged) -> str:
    """A line a threshold."""
    probabilities, right = np.array([of for of, _ in judged]), np.array([hit for _, hit in judged])
    rows = [
        f"| {at:.1f} | {int((probabilities >= at).sum())} | {int(right[probabilities >= at].sum())} |"
        for at in np.arange(0.0, 0.95, 0.1)
    ]
    missed = expected_calibration_error(probabilities, right)
    return "\n".join([
        f"## {name}", "",
        f"{len(judged)} texts, {right.mean():.3f} right, calibration error {missed:.3f}.", "",
        "| at least | readings | right |", "|---|---|---|", *rows,
    ])  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--adapter", type=Path, default=PACKAGED, help="its folder; default: the packaged one")
    parser.add_argument("--temperature", type=float, metavar="T", help="set the adapter's temperature first")
    options = parser.parse_args()
    adapter, command = options.adapter, "python -m benchmarks.image_reading_thresholds"
    if options.temperature is not None:
        replace(Writing.read(adapter, JOB), temperature=options.temperature).write(adapter)
        command += f" --temperature {options.temperature:g}"
    text = "\n\n".join([
        "# How probable readings of instructions and expressions are, and how many are right",
        f"`{command}`, on {machine_words(machine())}.",
        table("Instructions", instructions(adapter)),
        table("Expressions", expressions(adapter)),
    ])  # fmt: skip
    print(text)
    (Path(__file__).parent / "results" / "image_reading_thresholds.md").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
