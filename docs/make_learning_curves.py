"""Draw the logs of the embedded model's adapters: the loss, and how held-out lessons are done, over their tokens.

    python docs/make_learning_curves.py

Writes `learning.png` (steps), `learning-to-read.png` (questions) and `learning-to-write-boxes.png` into `docs/images`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from reasoning.evaluation.plot import COLOURS  # noqa: E402
from reasoning.lm.candidate_scoring import PACKAGED_ADAPTER  # noqa: E402
from reasoning.parsing.reader import PACKAGED  # noqa: E402
from vision.decoder.detector import PACKAGED as BOXES  # noqa: E402

DASHES = ("-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 2)))
"""For print without colours."""

QUESTIONS = {
    "one relation": ("1 steps", "labels"),
    "chains": ("2 steps", "3 steps"),
    "sets: and, or, not, every": ("and", "or", "not", "every"),
    "numbers: count, reckon, sum": ("count", "arithmetic", "aggregate", "measure"),
    "order: compare, rank": ("compare", "rank"),
    "what the graph lacks": ("none",),
}
"""Kinds of questions that are drawn as one line: of each a few are held out."""

BINDING = {
    "any words": ("binding of any words",),
    "any words, slots see others": ("binding of any words among others",),
    "COCO's classes": ("binding of classes",),
    "image tokens: as the detector": ("images",),
}
"""What is drawn of the decoder of boxes: class tokens that are written rightly, of 80."""

SMOOTHED = 7
"""Examinations that a point of a question's line is the mean of."""


def main() -> None:
    """All pictures."""
    steps = _log(PACKAGED_ADAPTER)
    draw(
        steps,
        {kind: (kind,) for kind in steps[0]["held_out_exact"]},
        1,
        "held-out steps marked without fault",
        "learning",
    )
    draw(_log(PACKAGED), QUESTIONS, SMOOTHED, "held-out questions, every token right", "learning-to-read")
    draw(_log(BOXES), BINDING, 1, "examined: the right class token, of 80", "learning-to-write-boxes")


def _log(adapter: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (adapter / "log.jsonl").read_text(encoding="utf-8").splitlines()]


def draw(
    lines: Sequence[Mapping[str, Any]], groups: Mapping[str, Sequence[str]], smoothed: int, label: str, name: str
) -> None:
    """Runs follow each other on one axis; a line stands where one ended."""
    before, at, ends = 0, [], []
    for line, following in zip(lines, [*lines[1:], None], strict=True):
        at.append((before + line["tokens"]) / 1000)
        if following is None or following["tokens"] < line["tokens"] or following["seconds"] <= line["seconds"]:
            before += line["tokens"]
            ends.append(at[-1])
    figure = Figure(figsize=(10.5, 3.6), layout="constrained", facecolor="white")
    losses, exact = figure.subplots(1, 2, width_ratios=(2, 3))
    losses.plot(at, [line["loss"] for line in lines], color="#222222", linewidth=1.4)
    losses.set_yscale("log")
    losses.set_ylabel("loss in teaching")
    for (group, kinds), dashes, colour in zip(groups.items(), DASHES, COLOURS, strict=False):
        found = [[line["held_out_exact"][kind] for kind in kinds if kind in line["held_out_exact"]] for line in lines]
        means = np.array([np.mean(values) if values else np.nan for values in found])
        near = [means[max(0, place - smoothed // 2) : place + smoothed // 2 + 1] for place in range(len(at))]
        around = [np.nan if np.isnan(some).all() else np.nanmean(some) for some in near]
        exact.plot(at, around, color=colour, linestyle=dashes, linewidth=1.4, label=group)
    exact.set_ylabel(label)
    exact.set_ylim(0, 1.03)
    figure.legend(frameon=False, fontsize=8, loc="outside right upper")
    for axes in (losses, exact):
        axes.set_xlabel("thousand tokens")
        axes.set_xlim(0, at[-1])
        axes.grid(axis="y", color="#dddddd", linewidth=0.7)
        axes.spines[["top", "right"]].set_visible(False)
        for end in ends[:-1]:
            axes.axvline(end, color="#999999", linewidth=0.8, linestyle=":")
    figure.savefig(ROOT / "docs" / "images" / f"{name}.png", dpi=100)


if __name__ == "__main__":
    main()
