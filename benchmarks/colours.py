"""How often the colour of a thing in a photograph is told right.

    python -m benchmarks.colours [--data DIR] [--fit]

`lists/colours.json` holds 225 annotated boxes of the COCO and VOC images of the shared data, with the basic colours
that somebody who looked at the boxes would call the thing; none where it has several or none, as a zebra or a wine
glass. What `vision/detections/colours.py` does was made and fitted with 150 of them, called development; nothing was
run on the other 75 before. A sure answer is right if it is one of the colours; of a thing of several colours or none
"unsure" is the right answer.
Writes `results/colours.json` and `.md` beside this file, every miss in both; takes some seconds. With `--fit` it prints
weights fitted to the development boxes instead, and what each least likelihood comes to when nine tenths of them are
fitted and the rest is told.
"""

from __future__ import annotations

import argparse
import datetime
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize  # type: ignore[import-untyped]
from scipy.special import expit, log_expit  # type: ignore[import-untyped]

import kg_data
from benchmarks.exact_executor import RESULTS
from vision.detections.colours import EVIDENCE, colouring, counted, evidence
from vision.images import load_image

BOXES = Path(__file__).parent / "lists" / "colours.json"
LISTS = ("development", "unseen")
KINDS = ("right", "rightly unsure", "unsure", "wrong")
PENALTY = 3.0
"""Of a weight's square, the evidence in units of its spread."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=kg_data.data_root(), help="the shared data folder")
    parser.add_argument("--fit", action="store_true", help="print weights fitted to the development boxes")
    options = parser.parse_args()
    boxes = json.loads(BOXES.read_text(encoding="utf-8"))
    corners = _xyxy(boxes, options.data / "vision")
    if options.fit:
        rows = [(row, box) for row, box in zip(boxes, corners, strict=True) if row["list"] == "development"]
        print(_fitted(rows, options.data / "vision"))
        return
    told = [_told(row, box, options.data / "vision") for row, box in zip(boxes, corners, strict=True)]
    results = {
        "date": datetime.date.today().isoformat(),
        "lists": {name: _figures([row for row in told if row["list"] == name]) for name in LISTS},
    }
    report = as_markdown(results)
    print(report)
    (RESULTS / "colours.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "colours.md").write_text(report, encoding="utf-8")


def _xyxy(boxes: Sequence[Mapping[str, Any]], folder: Path) -> list[NDArray[np.float32]]:
    """Each annotation's box, shape (4,), in pixels."""
    sets = {}
    for name in dict.fromkeys(row["set"] for row in boxes):
        annotations = json.loads((folder / name / "instances.json").read_text(encoding="utf-8"))["annotations"]
        sets[name] = {annotation["id"]: annotation["bbox"] for annotation in annotations}
    corners = []
    for row in boxes:
        x, y, width, height = sets[row["set"]][row["annotation"]]
        corners.append(np.array([x, y, x + width, y + height], np.float32))
    return corners


def _pixels(row: Mapping[str, Any], folder: Path) -> NDArray[np.uint8]:
    return load_image(folder / row["set"] / "images" / row["image"]).pixels


def _told(row: Mapping[str, Any], box: NDArray[np.float32], folder: Path) -> dict[str, Any]:
    """A row with what is told of its box."""
    found = colouring(_pixels(row, folder), box)
    if found.sure is not None:
        kind = "right" if found.sure in row["colours"] else "wrong"
    else:
        kind = "unsure" if row["colours"] else "rightly unsure"
    return {**row, "told": found.sure, "doubt": found.doubt, "kind": kind}


def _fitted(rows: Sequence[tuple[Mapping[str, Any], NDArray[np.float32]]], folder: Path) -> str:
    """The weights, and what they come to on boxes that they were not fitted to."""
    votes = [counted(_pixels(row, folder), box) for row, box in rows]
    facts = np.array([evidence(one) for one in votes if one is not None])
    right = np.array([one.likeliest in row["colours"] for one, (row, _) in zip(votes, rows, strict=True) if one], bool)
    weights, intercept = _weights(facts, right)
    lines = [f"{name} {weight:.2f}" for name, weight in zip(EVIDENCE, weights.tolist(), strict=True)]
    lines.append(f"intercept {intercept:.2f}")
    likely = np.zeros(len(right))
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(len(right))
        for part in np.array_split(order, 10):
            rest = np.setdiff1d(order, part)
            fitted, offset = _weights(facts[rest], right[rest])
            likely[part] += expit(facts[part] @ fitted + offset) / 5
    for least in (0.65, 0.7, 0.75, 0.8):
        sure = likely >= least
        lines.append(f"from {least}: {(sure & right).sum()} right, {(sure & ~right).sum()} wrong of {len(right)}")
    return "\n".join(lines)


def _weights(facts: NDArray[np.float64], right: NDArray[np.bool_]) -> tuple[NDArray[np.float64], float]:
    """Logistic regression: a weight for each column, and the intercept."""
    mean, spread = facts.mean(axis=0), facts.std(axis=0) + 1e-9
    scaled, sign = (facts - mean) / spread, np.where(right, 1, -1)

    def loss(values: NDArray[np.float64]) -> float:
        odds = scaled @ values[:-1] + values[-1]
        return float(PENALTY * (values[:-1] ** 2).sum() - log_expit(sign * odds).sum())

    values = minimize(loss, np.zeros(facts.shape[1] + 1)).x
    weights = values[:-1] / spread
    return weights, float(values[-1] - weights @ mean)


def _figures(told: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    counts = Counter(row["kind"] for row in told)
    keys = ("set", "image", "class", "colours", "told", "doubt")
    return {
        "boxes": len(told),
        **{kind: counts[kind] for kind in KINDS},
        "right_or_unsure": round(1 - counts["wrong"] / len(told), 3),
        "wrong_though_sure": round(counts["wrong"] / len(told), 3),
        "misses": [{key: row[key] for key in keys} for row in told if row["kind"] in ("wrong", "unsure")],
    }


def as_markdown(results: Mapping[str, Any]) -> str:
    """The figures and misses as a page."""
    lists: Mapping[str, Any] = results["lists"]
    lines = [
        "# Colours of things",
        "",
        f"{sum(one['boxes'] for one in lists.values())} annotated boxes of photographs, "
        f"`benchmarks/lists/colours.json`; {results['date']}.",
        "",
        "`python -m benchmarks.colours`",
        "",
        "| boxes | " + " | ".join(KINDS) + " | right or unsure | wrong though sure |",
        "|---|" + "---|" * (len(KINDS) + 2),
    ]
    for name, one in lists.items():
        cells = [str(one[kind]) for kind in KINDS]
        cells += [f"{one['right_or_unsure']:.3f}", f"{one['wrong_though_sure']:.3f}"]
        lines.append(f"| {name}, {one['boxes']} | {' | '.join(cells)} |")
    for name, one in lists.items():
        lines += ["", f"## Misses, {name}", ""]
        for row in one["misses"]:
            colours = " or ".join(row["colours"]) or "several or none"
            said = f"told {row['told']}" if row["told"] else f"unsure: {row['doubt']}"
            lines.append(f"- {row['class']} in {row['set']}/{Path(row['image']).name}, {colours}: {said}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
