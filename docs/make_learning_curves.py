"""Draw the log of the embedded model's adapter: the loss, and held-out steps by kind, over the tokens of its runs.

    python docs/make_learning_curves.py

Writes `learning.png` into `docs/images`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from matplotlib.figure import Figure

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from reasoning.evaluation.plot import COLOURS  # noqa: E402
from reasoning.language.marking.adapters import PACKAGED_ADAPTER  # noqa: E402

DASHES = ("-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 2)))
"""For print without colours."""


def main() -> None:
    """Runs follow each other on one axis; a line stands where one ended."""
    lines = [json.loads(line) for line in (PACKAGED_ADAPTER / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    before, at, ends = 0, [], []
    for line, following in zip(lines, [*lines[1:], None], strict=True):
        at.append((before + line["tokens"]) / 1000)
        if following is None or following["run"] != line["run"]:
            before += line["tokens"]
            ends.append(at[-1])
    figure = Figure(figsize=(9, 3.6), layout="constrained", facecolor="white")
    losses, exact = figure.subplots(1, 2, width_ratios=(2, 3))
    losses.plot(at, [line["loss"] for line in lines], color="#222222", linewidth=1.4)
    losses.set_yscale("log")
    losses.set_ylabel("loss in teaching")
    for (kind, dashes), colour in zip(zip(lines[0]["held_out_exact"], DASHES, strict=True), COLOURS, strict=True):
        values = [line["held_out_exact"][kind] for line in lines]
        exact.plot(at, values, color=colour, linestyle=dashes, linewidth=1.4, label=kind)
    exact.set_ylabel("held-out steps marked without fault")
    exact.set_ylim(0, 1.03)
    exact.legend(frameon=False, fontsize=8, loc="lower right")
    for axes in (losses, exact):
        axes.set_xlabel("thousand tokens")
        axes.set_xlim(0, at[-1])
        axes.grid(axis="y", color="#dddddd", linewidth=0.7)
        axes.spines[["top", "right"]].set_visible(False)
        for end in ends[:-1]:
            axes.axvline(end, color="#999999", linewidth=0.8, linestyle=":")
    figure.savefig(ROOT / "docs" / "images" / "learning.png", dpi=100)


if __name__ == "__main__":
    main()
