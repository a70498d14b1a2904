"""How many referring expressions and questions about real images are answered right.

    python -m benchmarks.grounding_accuracy [--data DIR] [--limit N]

`lists/grounding.jsonl` holds expressions that were written by looking at the COCO images of the shared data, each with
the annotations that it means, the number or the truth value that answers it. They are asked twice: with the annotated
boxes as if a detector had found them, which measures the reading and the reasoning alone, and with the embedded
detector. One object, and a set of objects, is right if what is returned matches it one to one at IoU 0.5 or more; a
number or truth value if it is the same. The reader was taught none of them.
Writes `results/grounding_accuracy.json` and `.md` beside this file, every miss in both; takes a minute.
"""

from __future__ import annotations

import argparse
import datetime
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import kg_data
from benchmarks.exact_executor import RESULTS
from benchmarks.machine import machine, machine_words
from skylark.files import Line, write_whole
from vision.classes import COCO_CLASSES, COCO_SUPERCATEGORIES
from vision.detectors.detector import Detector, Found, Request
from vision.evaluation.annotations import AnnotatedSet, read_annotations
from vision.evaluation.grounding import figures_of, grounded_line, read_expressions
from vision.images import LoadedImage
from vision.vision import Vision

EXPRESSIONS = Path(__file__).parent / "lists" / "grounding.jsonl"
SETS = ("coco128", "coco_mini_train")


class AnnotatedBoxes(Detector):
    """Finds what the annotations say, crowds left out: a detector that makes no mistake and gives no score."""

    name = "annotated boxes"
    vocabulary = COCO_CLASSES
    supercategories = COCO_SUPERCATEGORIES
    default_min_score = 0.0
    gives_scores = False

    def __init__(self, annotated: AnnotatedSet) -> None:
        self._found: dict[Path, list[tuple[str, tuple[float, float, float, float]]]] = {
            image.path.resolve(): [] for image in annotated.images
        }
        for row in annotated.annotations:
            if not row.crowd:
                self._found[annotated.images[row.image].path.resolve()].append((row.category, row.xyxy))

    def detect(self, images: Sequence[LoadedImage], request: Request) -> list[Found]:
        """The annotated boxes of the request's classes."""
        return [self._of(image, request) for image in images]

    def _of(self, image: LoadedImage, request: Request) -> Found:
        rows = [row for row in self._found[Path(image.name).resolve()] if row[0] in request.classes]
        boxes = np.array([box for _, box in rows], np.float32).reshape(-1, 4)
        return Found(boxes, tuple(name for name, _ in rows), None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=kg_data.data_root(), help="the shared data folder")
    parser.add_argument("--limit", type=int, help="only the first N expressions; nothing is written")
    arguments = parser.parse_args()
    folder = arguments.data / "vision"
    annotated = read_annotations([(folder / name / "images", folder / name / "instances.json") for name in SETS])
    asked = read_expressions(EXPRESSIONS, [folder], annotated)[: arguments.limit]
    results: dict[str, Any] = {
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "expressions": len(asked),
    }
    for name, vision in {"annotated boxes": Vision(AnnotatedBoxes(annotated)), "embedded": Vision()}.items():
        lines = [grounded_line(vision, one) for one in asked]
        results[name] = figures_of(lines)
    report = as_markdown(results)
    print(report)
    if not arguments.limit:
        for suffix, text in ((".json", json.dumps(results, indent=1, ensure_ascii=False) + "\n"), (".md", report)):
            write_whole(RESULTS / f"grounding_accuracy{suffix}", text.encode())


def as_markdown(results: Mapping[str, Any]) -> str:
    """The figures and misses as a page."""
    names = ("annotated boxes", "embedded")
    lines = [
        "# Grounding accuracy",
        "",
        f"{results['expressions']} expressions and questions about COCO images, `benchmarks/lists/grounding.jsonl`; "
        f"{results['date']}, {machine_words(results['machine'])}.",
        "",
        "`python -m benchmarks.grounding_accuracy`",
        "",
        "| | " + " | ".join(names) + " |",
        "|---|" + "---|" * len(names),
    ]
    kinds = list(dict.fromkeys(kind for name in names for kind in results[name]["per_kind"]))
    rows: list[tuple[str, list[str]]] = [("all", [_share(results[name]) for name in names])]
    rows += [(kind, [_share(results[name]["per_kind"].get(kind)) for name in names]) for kind in kinds]
    rows.append(("not understood", [str(results[name]["not_understood"]) for name in names]))
    lines += [f"| {title} | {' | '.join(cells)} |" for title, cells in rows]
    lines += [
        "",
        "An expression is right if what is returned matches what it means one to one at IoU 0.5 or more (numbers and "
        "truth values: if equal). The reader was taught none of them.",
    ]
    for name in names:
        lines += ["", f"## Misses with {name}", ""]
        lines += [f"- {_miss(line)}" for line in results[name]["misses"]]
    return "\n".join(lines) + "\n"


def _share(figures: Mapping[str, Any] | None) -> str:
    if not figures:
        return "-"
    return f"{figures['accuracy']:.3f} ({round(figures['accuracy'] * figures['count'])} of {figures['count']})"


def _miss(line: Line) -> str:
    expected, found = line["expected"], line["found"]
    wanted = ", ".join(f"{len(item)} boxes" if key == "boxes" else f"{key} {item}" for key, item in expected.items())
    got = found["error"] or (f"{len(found['boxes'])} boxes" if found["value"] is None else f"{found['value']}")
    query = f"; `{found['query']}`" if found["query"] else ""
    return f"{Path(line['image']).name}: {line['expression']}: expected {wanted}, got {got}{query}"


if __name__ == "__main__":
    main()
