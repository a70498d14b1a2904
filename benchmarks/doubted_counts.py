"""How often a count of things in a photograph is right, and how surely it is told.

    python -m benchmarks.doubted_counts [--data DIR] [--voc N]

Of every class that annotators marked in a photograph of coco128 and coco_mini_train, and in N of VOC 2007, the embedded
detector counts the things, as "how many dogs are there?" does, once with one look at each photograph and once with its
mirror image too, as the demo does; photographs in which a crowd of the class is marked are left out. A count is exact
or wrong. It is told surely where each thing's score is trusted (`Detector.trusted_score`) and nothing may be there too
(`Detections.perhaps`), else with "I think" or "perhaps"; or nothing is found. The trusted score, the share of the score
down to which things may be there, and how much boxes of one thing have in common (`LOW_CONFIDENCE` and `COVERED` of
`vision.selection`) were chosen on these photographs.
Writes `results/doubted_counts.json` and `.md` beside this file; takes two minutes.
"""

from __future__ import annotations

import argparse
import datetime
import json
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kg_data
from benchmarks.exact_executor import RESULTS
from benchmarks.machine import machine, machine_words
from skylark.text import aligned
from vision import Task, Vision
from vision.images import load_image
from vision.selection import LOW_CONFIDENCE
from vision.task import Target

SETS = {"COCO": ("coco128", "coco_mini_train"), "VOC 2007": ("voc2007",)}
FEW = 5
"""Things of which people count the number at a glance."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=kg_data.data_root(), help="the shared data folder")
    parser.add_argument("--voc", type=int, default=400, help="photographs of VOC 2007")
    options = parser.parse_args()
    looks = {"one": Vision(), "and mirrored": Vision(mirrored=True)}
    rows = [
        {"set": name, "there": there, "looks": look, **figures([count for count in counts if count.there <= most])}
        for name, folders in SETS.items()
        for look, vision in looks.items()
        for counts in [
            [one for folder in folders for one in counted(vision, options.data / "vision" / folder, options.voc)]
        ]
        for there, most in ((f"1 to {FEW}", FEW), ("any number", 10**6))
    ]
    vision = looks["one"]
    results = {
        "command": "python -m benchmarks.doubted_counts",
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "model": vision.detector.name,
        "sure_score": vision.min_score,
        "trusted_score": vision.detector.trusted_score,
        "share": LOW_CONFIDENCE,
        "rows": rows,
    }
    report = as_markdown(results)
    print(report)
    (RESULTS / "doubted_counts.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "doubted_counts.md").write_text(report, encoding="utf-8")


@dataclass(frozen=True)
class Count:
    """Of a class in a photograph: how many are there, are found, may be there too, and whether all are trusted."""

    there: int
    found: int
    perhaps: int
    trusted: bool

    @property
    def exact(self) -> bool:
        """Whether all are found, and no more."""
        return self.there == self.found

    @property
    def sure(self) -> bool:
        """Whether it is told surely."""
        return self.trusted and not self.perhaps


def counted(vision: Vision, folder: Path, most: int) -> Iterator[Count]:
    """The counts of each class that is marked in a folder's photographs, at most so many of these."""
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
                assert found.scores is not None and vision.detector.trusted_score is not None
                trusted = bool((found.scores >= vision.detector.trusted_score).all())
                yield Count(there, len(found), 0 if found.perhaps is None else len(found.perhaps), trusted)


def figures(counts: Sequence[Count]) -> dict[str, Any]:
    """What answers come to, as shares of all."""

    def share(of: Callable[[Count], bool]) -> float:
        return sum(map(of, counts)) / len(counts)

    return {
        "questions": len(counts),
        "exact": share(lambda count: count.exact),
        "sure_and_exact": share(lambda count: count.found > 0 and count.sure and count.exact),
        "sure_and_wrong": share(lambda count: count.found > 0 and count.sure and not count.exact),
        "unsure_and_exact": share(lambda count: not count.sure and count.exact),
        "unsure_and_wrong": share(lambda count: not count.sure and not count.exact),
        "nothing_found": share(lambda count: not count.found and count.sure),
    }


KEYS = ("exact", "sure_and_exact", "sure_and_wrong", "unsure_and_exact", "unsure_and_wrong", "nothing_found")


def as_markdown(results: dict[str, Any]) -> str:
    header = [
        "photographs",
        "things there",
        "looks",
        "questions",
        *(key.replace("_and_", ", ").replace("_", " ") for key in KEYS),
    ]
    rows = [
        [row["set"], row["there"], row["looks"], f"{row['questions']:,}", *(f"{row[key]:.3f}" for key in KEYS)]
        for row in results["rows"]
    ]
    return (
        "# Counts, and how surely they are told\n\n"
        f"`{results['command']}`, {results['date']}, {machine_words(results['machine'])}, {results['model']}: things "
        f"count from a score of {results['sure_score']:g}, are trusted from {results['trusted_score']:g}, and may be "
        f"there from {results['share']:g} of the first.\n\n"
        f"```\n{aligned(header, rows)}\n```\n\n"
        "`exact` is the share of questions whose number is that of the annotators, whatever is said beside it; the "
        "others are parts of all. A count is told surely where all that is counted is trusted and "
        'nothing may be there too; of unsure ones the demo says "I think" or "perhaps". Where nothing is found, and '
        "nothing may be there, it says that it found none.\n"
    )


if __name__ == "__main__":
    main()
