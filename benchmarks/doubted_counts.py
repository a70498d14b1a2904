"""How often a count of things in a photograph is right, and what is said of things that may be there too.

    python -m benchmarks.doubted_counts [--data DIR] [--voc N]

Of every class that annotators marked in a photograph of coco128 and coco_mini_train, and in N of VOC 2007, the embedded
detector counts the things, as "how many dogs are there?" does; photographs in which a crowd of the class is marked are
left out. An answer is exact, or it is wrong; it is sure, or it says that there may be more (`Detections.perhaps`), and
the true number is then within what it says or outside. The share of the score down to which things may be there,
`vision.selection.DOUBTED`, was chosen on these photographs.
Writes `results/doubted_counts.json` and `.md` beside this file; takes a minute.
"""

from __future__ import annotations

import argparse
import datetime
import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import kg_data
from benchmarks.exact_executor import RESULTS
from benchmarks.machine import machine, machine_words
from kg_data.text_table import aligned
from vision import Task, Vision
from vision.images.loading import load_image
from vision.selection import DOUBTED
from vision.task import Target

SETS = {"COCO": ("coco128", "coco_mini_train"), "VOC 2007": ("voc2007",)}
FEW = 5
"""Things of which people count the number at a glance."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=kg_data.data_root(), help="the shared data folder")
    parser.add_argument("--voc", type=int, default=400, help="photographs of VOC 2007")
    options = parser.parse_args()
    vision = Vision()
    counts = {
        name: [count for folder in folders for count in counted(vision, options.data / "vision" / folder, options.voc)]
        for name, folders in SETS.items()
    }
    rows = [
        {"set": name, "there": there, **figures([count for count in counts[name] if count[0] <= most])}
        for name in SETS
        for there, most in ((f"1 to {FEW}", FEW), ("any number", 10**6))
    ]
    results = {
        "command": "python -m benchmarks.doubted_counts",
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "model": vision.detector.name,
        "sure_score": vision.min_score,
        "share": DOUBTED,
        "rows": rows,
    }
    report = as_markdown(results)
    print(report)
    (RESULTS / "doubted_counts.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "doubted_counts.md").write_text(report, encoding="utf-8")


def counted(vision: Vision, folder: Path, most: int) -> Iterator[tuple[int, int, int]]:
    """Of each class that is marked in a photograph: how many are there, are found, and may be there too."""
    annotations = json.loads((folder / "instances.json").read_text(encoding="utf-8"))
    names = {category["id"]: category["name"] for category in annotations["categories"]}
    marked, crowded = defaultdict[int, Counter[str]](Counter), set()
    for one in annotations["annotations"]:
        name = names[one["category_id"]]
        if one.get("iscrowd"):
            crowded.add((one["image_id"], name))
        marked[one["image_id"]][name] += 1
    images = annotations["images"]
    random.Random(0).shuffle(images)
    for image in images[:most]:
        pixels = load_image(folder / "images" / image["file_name"]).pixels
        for name, there in sorted(marked[image["id"]].items()):
            if (image["id"], name) not in crowded:
                found = vision.detect(pixels, Task(kind="count", targets=(Target(name, (name,)),)))
                yield there, len(found), 0 if found.perhaps is None else len(found.perhaps)


def figures(counts: Sequence[tuple[int, int, int]]) -> dict[str, Any]:
    """What answers come to, as shares of all, the last two of those that are not sure."""
    total = len(counts)
    doubted = [(there, found, more) for there, found, more in counts if more]
    within = sum(found <= there <= found + more for there, found, more in doubted)
    return {
        "questions": total,
        "exact": sum(there == found for there, found, _ in counts) / total,
        "sure_and_exact": sum(there == found and not more for there, found, more in counts) / total,
        "sure_and_wrong": sum(there != found and not more for there, found, more in counts) / total,
        "not_sure": len(doubted) / total,
        "within": within / len(doubted) if doubted else None,
    }


def as_markdown(results: dict[str, Any]) -> str:
    header = ["photographs", "things there", "questions", "exact", "sure, exact", "sure, wrong", "not sure", "within"]
    rows = [
        [row["set"], row["there"], f"{row['questions']:,}",
         *(f"{row[key]:.3f}" for key in ("exact", "sure_and_exact", "sure_and_wrong", "not_sure", "within"))]
        for row in results["rows"]
    ]  # fmt: skip
    return (
        "# Counts, and what may be there too\n\n"
        f"`{results['command']}`, {results['date']}, {machine_words(results['machine'])}, {results['model']}: things "
        f"count from a score of {results['sure_score']:g}, and may be there from {results['share']:g} of that.\n\n"
        f"```\n{aligned(header, rows)}\n```\n\n"
        "`exact` is the share of questions whose number is that of the annotators, whatever is said beside it: all "
        "others would be wrong though sure if nothing were. `within` is the share of answers that are not sure in "
        "which the true number is one of those that they leave open.\n"
    )


if __name__ == "__main__":
    main()
