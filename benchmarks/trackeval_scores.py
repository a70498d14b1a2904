"""What TrackEval gives for tracks, run by the Python of an environment of its own, since it asks for opencv-python.

    PYTHON benchmarks/trackeval_scores.py TRUTH RESULTS [--benchmark MOT15|MOT17|MOT20]

TRUTH has SEQ/gt.txt, RESULTS a folder of SEQ.txt for each tracker. Prints one JSON object: tracker to sequence to
figures, `COMBINED_SEQ` for all sequences together. `python -m venv ENV && ENV/bin/pip install trackeval` makes one.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from pathlib import Path

import trackeval  # type: ignore[import-not-found]

NAMES = {
    "HOTA": ("HOTA", "DetA", "AssA", "LocA"),
    "CLEAR": ("MOTA", "IDSW", "MT", "ML", "CLR_FP", "CLR_FN"),
    "Identity": ("IDF1",),
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("truth", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--benchmark", default="MOT15")
    options = parser.parse_args()
    with contextlib.redirect_stdout(sys.stderr):
        figures = scores(options.truth, options.results, options.benchmark)
    print(json.dumps(figures))


def scores(truth: Path, results: Path, benchmark: str) -> dict[str, dict[str, dict[str, float]]]:
    """Figures by tracker and sequence, the means over the overlaps where there are several."""
    config = trackeval.Evaluator.get_default_eval_config() | {
        "PRINT_CONFIG": False, "PRINT_RESULTS": False, "TIME_PROGRESS": False, "OUTPUT_SUMMARY": False,
        "OUTPUT_DETAILED": False, "PLOT_CURVES": False, "OUTPUT_EMPTY_CLASSES": False, "BREAK_ON_ERROR": True,
    }  # fmt: skip
    sequences = {path.name: length(path) for path in sorted(truth.iterdir())}
    dataset = trackeval.datasets.MotChallenge2DBox(
        trackeval.datasets.MotChallenge2DBox.get_default_dataset_config()
        | {
            "GT_FOLDER": str(truth), "TRACKERS_FOLDER": str(results), "TRACKER_SUB_FOLDER": "", "BENCHMARK": benchmark,
            "GT_LOC_FORMAT": "{gt_folder}/{seq}/gt.txt", "SEQ_INFO": sequences, "SKIP_SPLIT_FOL": True,
            "PRINT_CONFIG": False,
        }
    )  # fmt: skip
    metrics = [trackeval.metrics.HOTA(), trackeval.metrics.CLEAR({"PRINT_CONFIG": False}), trackeval.metrics.Identity()]
    found, _ = trackeval.Evaluator(config).evaluate([dataset], metrics)
    return {
        tracker: {
            sequence: {
                name: mean(classes["pedestrian"][metric][name]) for metric, names in NAMES.items() for name in names
            }
            for sequence, classes in rows.items()
        }
        for tracker, rows in found["MotChallenge2DBox"].items()
    }


def mean(value: object) -> float:
    return float(value.mean()) if hasattr(value, "mean") else float(value)  # type: ignore[arg-type]


def length(folder: Path) -> int:
    """Frames of a sequence: those that its `seqinfo.ini` says, else up to the last of its truth."""
    info = folder / "seqinfo.ini"
    if info.exists():
        lines = info.read_text(encoding="utf-8").splitlines()
        return next(int(line.split("=")[1]) for line in lines if line.lower().startswith("seqlength"))
    lines = (folder / "gt.txt").read_text(encoding="utf-8").splitlines()
    return max(int(line.split(",")[0]) for line in lines)


if __name__ == "__main__":
    main()
