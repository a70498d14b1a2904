"""Whether the probabilities of readings are true, over all lists that nobody had read before.

    python -m benchmarks.calibration

Reads what `benchmarks.question_lists`, `benchmarks.instructions --unseen model` and `benchmarks.expressions --unseen`
wrote of their likeliest readings: the probability of each, and whether it is right. What has no reading is left out.
The error is that of Guo et al. 2017 (arXiv 1706.04599), over fifteen bins of equal width. Writes
`results/calibration.md`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from benchmarks.exact_executor import RESULTS
from skylark.text import aligned
from training.loop import expected_calibration_error

BINS = 5
"""Of the table that shows them."""

Weighed = Sequence[tuple[float, bool]]


def weighed() -> dict[str, Weighed]:
    """By list, the likeliest readings: probability, and whether it is right."""
    questions, instructions, expressions = (
        json.loads((RESULTS / f"unseen_{name}.json").read_text(encoding="utf-8"))
        for name in ("questions", "instructions", "expressions")
    )
    found: dict[str, Weighed] = {
        f"questions, {name.split(',')[0]}": [line["weighed"] for line in lines if line["weighed"] is not None]
        for name, lines in questions["lines"].items()
    }
    return {**found, "instructions": instructions["results"]["model"]["weighed"], "expressions": expressions["weighed"]}


def error_of(readings: Weighed) -> float:
    """The expected calibration error."""
    return expected_calibration_error(
        np.array([one for one, _ in readings]), np.array([right for _, right in readings])
    )


def as_markdown(lists: dict[str, Weighed]) -> str:
    """The errors of each list and of all, and how often readings of each probability are right."""
    everything = [one for readings in lists.values() for one in readings]
    rows = [(name, f"{len(of):,}", f"{error_of(of):.3f}") for name, of in (*lists.items(), ("all", everything))]
    bins: list[tuple[str, ...]] = []
    for at in range(BINS):
        low, high = at / BINS, (at + 1) / BINS
        inside = [(one, right) for one, right in everything if low <= one and (one < high or at == BINS - 1)]
        said, came = (np.mean([pair[part] for pair in inside]) if inside else float("nan") for part in (0, 1))
        bins.append((f"{low:.1f} to {high:.1f}", str(len(inside)), f"{said:.2f}", f"{came:.2f}"))
    return (
        "# Probabilities of readings\n\n`python -m benchmarks.calibration`, of the likeliest readings of all lists "
        "that nobody had read before.\n\n"
        f"```\n{aligned(('list', 'readings', 'expected calibration error'), rows)}\n```\n\n"
        f"```\n{aligned(('probability', 'readings', 'mean', 'right'), bins)}\n```\n"
    )


def main() -> None:
    text = as_markdown(weighed())
    (RESULTS / "calibration.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
