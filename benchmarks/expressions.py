"""Referring expressions and questions about a scene, read to logical queries.

    python -m benchmarks.expressions [--adapter DIR] [FILE]
    python -m benchmarks.expressions --unseen

Each line of a list has an expression, what is asked of it, how many things are wanted ("one", a number, or "all"), and
the query in the scene's relations. It is right where the likeliest reading asks for the same, and its query gives the
same things in each of `SCENES` pictures that are drawn at random around the classes that the query names. Prints every
miss; `--unseen` reads the list that nobody worked with, and writes `results/unseen_expressions.json` and `.md`.
"""

from __future__ import annotations

import argparse
import datetime
import json
import random
import re
import statistics
import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import machine, machine_words
from reasoning import Query
from training.instructions import sentence_of
from vision.classes import COCO_CLASSES, COCO_SUPERCATEGORIES, ClassMatcher
from vision.detections.detections import Detections
from vision.errors import InstructionError
from vision.grounding.grounding import LEAST_SURE
from vision.images import LoadedImage
from vision.parsing.prompt import NUMBERED, Sentence, TextPrompt
from vision.parsing.reader import PACKAGED, readers
from vision.scene import Scene

LISTS = Path(__file__).parent / "lists"
RESULTS = Path(__file__).parent / "results"
SCENES, OBJECTS = 24, 14
WIDTH, HEIGHT = 640, 480
PAINTS = (
    (20, 20, 20), (240, 240, 240), (128, 128, 128), (200, 30, 30), (240, 140, 20), (235, 220, 40), (40, 150, 50),
    (30, 60, 200), (130, 40, 160), (250, 150, 190), (110, 70, 30),
)  # fmt: skip
"""One of each basic colour."""


@lru_cache(maxsize=1024)
def scenes(classes: tuple[str, ...]) -> list[Scene]:
    """Pictures with things of some classes, and of others, many of them beside, in or on one another."""
    return [_scene(classes, random.Random(f"{number}|{classes}")) for number in range(SCENES)]


def _scene(classes: Sequence[str], rng: random.Random) -> Scene:
    pixels = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    boxes: list[tuple[int, int, int, int]] = []
    names: list[str] = []
    for _ in range(OBJECTS):
        box = _beside(rng.choice(boxes), rng) if boxes and rng.random() < 0.7 else _anywhere(rng)
        x1, y1, x2, y2 = box
        pixels[y1:y2, x1:x2] = rng.choice(PAINTS)
        boxes.append(box)
        names.append(rng.choice(classes) if rng.random() < 0.85 else rng.choice(COCO_CLASSES))
    return Scene.from_detections(Detections((WIDTH, HEIGHT), np.array(boxes, np.float32), tuple(names)),
                                 LoadedImage(pixels))  # fmt: skip


def _anywhere(rng: random.Random) -> tuple[int, int, int, int]:
    return _within(rng.randrange(WIDTH), rng.randrange(HEIGHT), rng.randint(15, 260), rng.randint(15, 260))


def _beside(box: tuple[int, int, int, int], rng: random.Random) -> tuple[int, int, int, int]:
    """A box in, on, over or next to another."""
    x1, y1, x2, y2 = box
    width, height = x2 - x1, y2 - y1
    share = rng.uniform(0.2, 0.8)
    wide, tall = max(8, int(width * share)), max(8, int(height * share))
    return rng.choice((
        _within(x1 + (width - wide) // 2, y1 + (height - tall) // 2, wide, tall),
        _within(x1 + (width - wide) // 2, y1 - tall + 2, wide, tall),
        _within(x1 + wide, y1 + tall // 2, width, height),
        _within(x2 + 5, y1, wide, height),
        _within(x1 - wide - 5, y1 + 10, wide, height),
    ))  # fmt: skip


def _within(x: int, y: int, width: int, height: int) -> tuple[int, int, int, int]:
    x, y = min(max(0, x), WIDTH - 10), min(max(0, y), HEIGHT - 10)
    return x, y, min(WIDTH, x + max(8, width)), min(HEIGHT, y + max(8, height))


def same(gold: Sentence, read: Sentence) -> bool:
    """Whether two sentences ask for the same, and give the same in pictures of what the first one names."""
    if (gold.question, gold.denied, gold.bound) != (read.question, read.denied, read.bound):
        return False
    if gold.question in NUMBERED and gold.wanted != read.wanted:
        return False
    if gold.things == read.things:
        return True
    return all(_members(scene, gold.things) == _members(scene, read.things) for scene in scenes(_named(gold.things)))


def _members(scene: Scene, query: Query) -> list[int]:
    return sorted(scene.members(scene.answer(query)))


def _named(query: Query) -> tuple[str, ...]:
    """The classes that a query names, by themselves or by their kind."""
    words = set(re.findall(r'"([^"\\]+)\\*"', str(query).replace("\\", "")))
    kinds = {name for name, kind in COCO_SUPERCATEGORIES.items() if kind in words}
    return tuple(sorted((words & set(COCO_CLASSES)) | kinds)) or ("person", "dog", "car")


def measure(entries: Sequence[dict[str, Any]], adapter: Path) -> dict[str, Any]:
    """What an adapter reads right, refuses and gets wrong."""
    reader, matcher = readers(adapter).expressions, ClassMatcher(COCO_CLASSES, COCO_SUPERCATEGORIES)
    misses: list[dict[str, str]] = []
    weighed: list[tuple[float, bool]] = []
    refused, times = 0, []
    for entry in entries:
        began = time.perf_counter()
        golds = [sentence_of({**entry, "query": query}) for query in (entry["query"], *entry.get("accept", ()))]
        try:
            readings = reader.read(TextPrompt(entry["expression"]), matcher)
        except InstructionError:
            readings = []
        times.append(time.perf_counter() - began)
        sure = readings and readings[0].probability >= LEAST_SURE
        right = bool(readings) and any(same(gold, readings[0].sentence) for gold in golds)
        if readings:
            weighed.append((round(readings[0].probability, 4), right))
        if sure and right:
            continue
        refused += not sure
        read = f"{readings[0].written.strip()} ({readings[0].probability:.2f})" if readings else "nothing"
        misses.append(
            {"expression": entry["expression"], "wanted": f"{entry['wanted']} {entry['query']}", "read": read}
        )
    return {
        "count": len(entries),
        "right": len(entries) - len(misses),
        "refused": refused,
        "median_seconds": statistics.median(times),
        "misses": misses,
        "weighed": weighed,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("file", nargs="?", type=Path, default=LISTS / "expressions.jsonl", help="a list of this form")
    parser.add_argument("--adapter", type=Path, default=PACKAGED, help="its folder; default: the packaged one")
    parser.add_argument("--unseen", action="store_true", help="read the unseen list and write the results")
    options = parser.parse_args()
    path = LISTS / "expressions.unseen.jsonl" if options.unseen else options.file
    entries = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    found = measure(entries, options.adapter)
    for miss in found["misses"]:
        print(f"{miss['expression']}\n    wanted {miss['wanted']}\n    read   {miss['read']}")
    wrong = found["count"] - found["right"] - found["refused"]
    text = (
        f"{found['right']} of {found['count']} right, {wrong} wrong, {found['refused']} refused; "
        f"{found['median_seconds']:.2f} s at the median"
    )
    print(text)
    if options.unseen:
        report = {
            "command": "python -m benchmarks.expressions --unseen", "date": datetime.date.today().isoformat(),
            "machine": machine(), **found,
        }  # fmt: skip
        head = "# Expressions that nobody had read before\n\n"
        (RESULTS / "unseen_expressions.json").write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
        (RESULTS / "unseen_expressions.md").write_text(
            f"{head}`{report['command']}`, on {machine_words(machine())}.\n\n{text[:1].upper()}{text[1:]}.\n"
        )


if __name__ == "__main__":
    main()
