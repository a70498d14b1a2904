"""Trackers on the two sequences of MOT15 that are at hand, with the detections that come with them.

    python -m benchmarks.mot15 [--data DIR] [--trackeval PYTHON]

Each tracker gets the detections of every frame, and no pixels, since there are none. Their boxes go the project's way
(`Tracker`, MOT text, `evaluate-tracks`), and to the package `trackers` called directly, with nothing of ours between;
`trackers.eval` reads those. The truth is read as MOT15, whose columns 8 to 10 are coordinates in the world; read as
MOT17 it has no pedestrian, and every figure is 0. With `--trackeval` the same files are given to TrackEval too, by the
Python of an environment that has it. Writes `results/mot15.json` and `.md` beside this file; takes half a minute.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import supervision
from trackers.eval import box_iou, compute_hota_metrics, compute_identity_metrics

import kg_data
from benchmarks.machine import machine, machine_words
from vision.detections.detections import Detections
from vision.evaluation.tracks import evaluate_tracks
from vision.video.files import MotRows, by_frame, mot_text, read_mot
from vision.video.tracker import TRACKERS, Tracker, tracker_class

RESULTS = Path(__file__).with_name("results")
COMMAND = "python -m benchmarks.mot15 --trackeval PYTHON"
SIZE = (640, 480)
RATE = 30.0
"""Frames a second: what the package takes where nobody says it, as the sequences' `seqinfo.ini` do not."""

FIGURES = ("HOTA", "DetA", "AssA", "LocA", "IDF1", "MOTA", "IDSW", "MT", "ML", "FP", "FN")
TRACKEVAL_NAMES = {"FP": "CLR_FP", "FN": "CLR_FN"}
DIRECT = ("HOTA", "IDF1")


def of_ours(rows: MotRows, name: str, frames: int) -> str:
    """MOT text of a tracker, by the project's own way."""
    tracker, places = Tracker(name, RATE), by_frame(rows)
    lines = []
    for frame in range(1, frames + 1):
        here = places.get(frame, np.zeros(0, np.intp))
        found = Detections(
            image_size=SIZE,
            xyxy=rows.xyxy[here].astype(np.float32),
            class_names=("person",) * len(here),
            scores=rows.scores[here].astype(np.float32),
        )
        lines.append(mot_text(frame - 1, tracker.update(found)))
    return "".join(lines)


def of_library(rows: MotRows, name: str, frames: int) -> list[tuple[Any, Any]]:
    """Ids and boxes of each frame, from the package called directly with its own defaults."""
    tracker, places = tracker_class(name)(frame_rate=RATE), by_frame(rows)
    tracked = []
    for frame in range(1, frames + 1):
        here = places.get(frame, np.zeros(0, np.intp))
        given = supervision.Detections(
            xyxy=rows.xyxy[here].astype(np.float32), confidence=rows.scores[here].astype(np.float32)
        )
        found = tracker.update(given)
        known = found.tracker_id >= 0
        tracked.append((found.tracker_id[known], found.xyxy[known]))
    return tracked


def library_figures(truth: MotRows, tracked: list[tuple[Any, Any]]) -> dict[str, float]:
    """HOTA and IDF1 of one sequence, from the package's own functions alone."""
    places = by_frame(truth)
    truth_ids, ids, overlaps = [], [], []
    for frame, (found, boxes) in enumerate(tracked, start=1):
        here = places.get(frame, np.zeros(0, np.intp))
        truth_ids.append(truth.ids[here])
        ids.append(found)
        overlaps.append(box_iou(truth.xyxy[here], boxes))
    hota = compute_hota_metrics(truth_ids, ids, overlaps)
    return {"HOTA": hota["HOTA"], "IDF1": compute_identity_metrics(truth_ids, ids, overlaps)["IDF1"]}


def measured(data: Path, work: Path) -> dict[str, Any]:
    """Figures of all trackers; their MOT texts lie in folders of `work`."""
    sequences = sorted(path.parent.name for path in data.glob("*/gt.txt"))
    rows = {}
    for name in TRACKERS:
        folder, direct = work / name, {}
        folder.mkdir()
        spent = 0.0
        for sequence in sequences:
            detections = read_mot(data / sequence / "det.txt", "results")
            truth = read_mot(data / sequence / "gt.txt", "mot15")
            frames = int(max(truth.frames.max(), detections.frames.max()))
            began = time.process_time()
            text = of_ours(detections, name, frames)
            spent += time.process_time() - began
            (folder / f"{sequence}.txt").write_text(text, encoding="utf-8")
            direct[sequence] = library_figures(truth, of_library(detections, name, frames))
        figures = evaluate_tracks(data, folder, form="mot15")
        rows[name] = {
            "all": {figure: figures[figure] for figure in FIGURES},
            "per_sequence": {
                sequence: {figure: row[figure] for figure in FIGURES}
                for sequence, row in figures["per_sequence"].items()
            },
            "library": direct,
            "ms_per_frame": round(1000 * spent / figures["frames"], 3),
        }
    return rows


def trackeval_figures(python: str, data: Path, work: Path) -> dict[str, Any]:
    """TrackEval's figures of the same files."""
    with tempfile.TemporaryDirectory() as folder:
        for sequence in data.glob("*/gt.txt"):
            (Path(folder) / sequence.parent.name).symlink_to(sequence.parent.resolve(), target_is_directory=True)
        program = Path(__file__).with_name("trackeval_scores.py")
        done = subprocess.run(
            [python, str(program), folder, str(work), "--benchmark", "MOT15"], capture_output=True, text=True
        )
    if done.returncode:
        raise SystemExit(f"TrackEval failed:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout)
    return {
        tracker: {
            "all" if sequence == "COMBINED_SEQ" else sequence: {
                figure: row[TRACKEVAL_NAMES.get(figure, figure)] for figure in FIGURES
            }
            for sequence, row in rows.items()
        }
        for tracker, rows in found.items()
    }


def largest_difference(rows: Mapping[str, Any], theirs: Mapping[str, Any]) -> float:
    """Between our figures and TrackEval's, over all trackers, sequences and figures."""
    differences = [
        abs(ours[figure] - theirs[tracker][sequence][figure])
        for tracker, row in rows.items()
        for sequence, ours in {"all": row["all"], **row["per_sequence"]}.items()
        for figure in FIGURES
    ]
    return float(max(differences))


def direct_difference(rows: Mapping[str, Any]) -> float:
    """Between our path's HOTA and IDF1 and those of the package called directly."""
    differences = [
        abs(row["per_sequence"][sequence][figure] - direct[figure])
        for row in rows.values()
        for sequence, direct in row["library"].items()
        for figure in DIRECT
    ]
    return float(max(differences))


def as_markdown(content: Mapping[str, Any]) -> str:
    lines = [
        "# Trackers on MOT15, with the given detections",
        "",
        f"`{COMMAND}`, on {machine_words(content['machine'])}, trackers {content['trackers']}.",
        "",
        "TUD-Campus and TUD-Stadtmitte, 250 frames with 18 people, the detections that come with them, no pixels (so",
        "none of BoT-SORT's compensation for the camera, which stands still here). The package's own bounds on scores.",
        "",
        "| tracker | sequence | " + " | ".join(FIGURES) + " |",
        "| --- | --- |" + " ---: |" * len(FIGURES),
    ]
    for name, row in content["rows"].items():
        for sequence, figures in {"both": row["all"], **row["per_sequence"]}.items():
            cells = [f"{figures[figure]:.3f}" if figure in FIGURES[:6] else f"{figures[figure]}" for figure in FIGURES]
            lines.append(f"| {name} | {sequence} | " + " | ".join(cells) + " |")
    spent = ", ".join(f"{name} {row['ms_per_frame']:.2f}" for name, row in content["rows"].items())
    lines += [
        "",
        f"Milliseconds of processor time a frame: {spent}.",
        "",
        "The largest difference of HOTA and IDF1 from the package called directly is "
        f"{content['direct_difference']:.1g}.",
    ]
    if content.get("trackeval_difference") is not None:
        lines.append(
            f"The largest difference of any figure from TrackEval's is {content['trackeval_difference']:.1g}, over "
            f"{len(FIGURES)} figures, four trackers, each sequence and both."
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=kg_data.data_root() / "vision" / "mot15")
    parser.add_argument("--trackeval", metavar="PYTHON", help="of an environment with TrackEval")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        rows = measured(options.data, work)
        content: dict[str, Any] = {
            "command": COMMAND,
            "machine": machine(),
            "trackers": version("trackers"),
            "rate": RATE,
            "direct_difference": direct_difference(rows),
            "rows": rows,
        }
        if options.trackeval:
            theirs = trackeval_figures(options.trackeval, options.data, work)
            content |= {"trackeval_difference": largest_difference(rows, theirs), "trackeval": theirs}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "mot15.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    (RESULTS / "mot15.md").write_text(as_markdown(content), encoding="utf-8")
    print(as_markdown(content))


if __name__ == "__main__":
    main()
