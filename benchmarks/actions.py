"""Actions over time: DTGRM's network against its own parts, trained on some splits' scores and tested on another's.

    python -m benchmarks.actions RUNS_FOLDER [--data DIR] [--sets NAME ...] [--seeds N ...]

50 Salads (mid-level actions) and GTEA as in `DIR/actions`: per-frame SVM scores, all splits in turn, graph layers or
plain convolutions, with and without self-supervision, by several seeds. Each training is a line in RUNS_FOLDER, so that
a run that was killed goes on; the first seed of everything comes first. Writes `results/actions.json` and `.md`, of
what is there when it is done or stopped.

The scores of a split's videos come from classifiers that were trained on all other splits' videos. So the test videos'
scores are of a classifier that never saw them, but the scores that a network learns from are of classifiers that saw
the test videos and their truth.
"""

from __future__ import annotations

import argparse
import datetime
import itertools
import json
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

import kg_data
from benchmarks.exact_executor import RESULTS
from benchmarks.machine import machine, machine_words
from skylark.text import aligned
from vision.evaluation.runs import RunLines
from vision.video.actions.features import ActionFigures, Recipe, VideoFeatures, measured, read_classes, read_features
from vision.video.actions.learning import BACKGROUND, learn

SETS = ("50salads-mid", "gtea")
SCORES = "SVM"
BASELINES = {"50salads-mid": ("SVM", "tCNN", "DilatedTCN", "ED-TCN"), "gtea": ("SVM", "DilatedTCN", "ED-TCN")}
MEASURES = ("acc", "edit", "F1@10", "F1@25", "F1@50")
VARIANTS = tuple(
    {"graph": graph, "self_supervision": supervised} for supervised in (True, False) for graph in (True, False)
)

Split = list[VideoFeatures]

WHAT_THE_SCORES_HAVE_SEEN = (
    "**What the scores have seen.** The input is the margins of an SVM for each frame by itself. Those of a split come "
    "from an SVM that was trained on all other splits' videos. So the SVM that scores the test videos has not seen "
    "them; but the SVMs that score the videos that a network learns from have seen the test videos and their truth. "
    "The network gets no label of a test video, and a trace of them in its input is possible. The published baselines "
    "were trained on features, of all other splits' videos; of 50 Salads' five splits these files hold four, so that "
    "the networks here learn from 30 videos and those from 40."
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("runs", type=Path, help="the folder of the trainings' lines")
    parser.add_argument("--data", type=Path, default=kg_data.data_root(), help="the data folder, which holds actions/")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.runs.mkdir(parents=True, exist_ok=True)
    settings = {
        "recipe": {name: value for name, value in asdict(Recipe()).items() if name not in (*VARIANTS[0], "seed")}
    }
    data = {name: Data(options.data / "actions" / name) for name in options.sets}
    with RunLines(options.runs / "trainings.jsonl", settings, resume=True) as kept:
        lines = list(kept.done)
        try:
            for seed, variant, name in itertools.product(options.seeds, VARIANTS, options.sets):
                for split in data[name].splits:
                    what = {"set": name, "split": split, **variant, "seed": seed}
                    if not any(what.items() <= line.items() for line in lines):
                        line = {**what, **data[name].trained(split, Recipe(**variant, seed=seed))}
                        kept.append(line)
                        lines.append(line)
                        print(line, flush=True)
        except KeyboardInterrupt:
            print("stopped; the results are of what is there")
    write(options, data, lines)


class Data:
    """One data set: its classes and the videos of each split."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.classes = read_classes(folder / "classes.txt")
        self.background = self.classes.index(BACKGROUND)
        paths = sorted(folder.glob("split_*.npz"))
        self.splits: dict[str, Split] = {path.stem: read_features([path], SCORES) for path in paths}

    def trained(self, split: str, recipe: Recipe) -> dict[str, Any]:
        """Teach with all splits but one, and test on that one: the figures, the predictions and the seconds."""
        began, cpu = time.time(), time.process_time()
        teaching = [video for name, videos in self.splits.items() if name != split for video in videos]
        model = learn(teaching, self.classes, recipe)
        predicted = [model.labels(video) for video in self.splits[split]]
        return {
            "layers": model.network.shape.layers,
            "seconds": round(time.time() - began),
            "cpu_seconds": round(time.process_time() - cpu),
            **self._figures(split, predicted).to_dict(),
            "predicted": ["".join(chr(97 + label) for label in labels) for labels in predicted],
        }

    def _figures(self, split: str, predicted: Sequence[Any]) -> ActionFigures:
        truth = [video.labels for video in self.splits[split] if video.labels is not None]
        return measured(truth, predicted, self.background)

    def baseline(self, name: str) -> dict[str, float]:
        """The mean over splits of a published baseline's own predictions."""
        figures = []
        for split in self.splits:
            with np.load(self.folder / f"{split}.npz") as arrays:
                bounds = np.cumsum(arrays[f"{name}/lengths"])[:-1]
                truth, predicted = (np.split(arrays[f"{name}/{kind}"], bounds) for kind in "YP")
            figures.append(measured(truth, predicted, self.background).to_dict())
        return mean_of(figures)


def mean_of(figures: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: statistics.fmean(row[name] for row in figures) for name in MEASURES}


def write(options: argparse.Namespace, data: Mapping[str, Data], lines: Sequence[Mapping[str, Any]]) -> None:
    rows: list[dict[str, Any]] = []
    for name, of in data.items():
        rows += [
            {"set": name, "what": f"{baseline}, published", **of.baseline(baseline)} for baseline in BASELINES[name]
        ]
        for variant in VARIANTS:
            by_seed = {}
            for seed in options.seeds:
                what = {"set": name, **variant, "seed": seed}
                found = {line["split"]: line for line in lines if what.items() <= line.items()}
                if found.keys() == of.splits.keys():
                    by_seed[seed] = mean_of(list(found.values()))
            if by_seed:
                spread = (
                    {m: statistics.stdev(f[m] for f in by_seed.values()) for m in MEASURES} if len(by_seed) > 1 else {}
                )
                mean = mean_of(list(by_seed.values()))
                rows.append({"set": name, "what": words(variant), **mean, "seeds": by_seed, "deviation": spread})
    report = {
        "command": f"python -m benchmarks.actions RUNS --sets {' '.join(options.sets)} "
        f"--seeds {' '.join(map(str, options.seeds))}",
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "torch": torch.__version__,
        "recipe": asdict(Recipe()),
        "trainings": [{key: value for key, value in line.items() if key != "predicted"} for line in lines],
        "rows": rows,
    }
    text = as_markdown(report, data)
    (RESULTS / "actions.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "actions.md").write_text(text, encoding="utf-8")
    print(text)


def winner(rows: Sequence[Mapping[str, Any]]) -> str:
    """Which variant is best by the mean of edit score and F1@50 over the data sets."""
    values: dict[str, list[float]] = {}
    for row in rows:
        if "seeds" in row:
            values.setdefault(row["what"], []).append((row["edit"] + row["F1@50"]) / 2)
    order = sorted(((statistics.fmean(found), what) for what, found in values.items()), reverse=True)
    ranked = ", ".join(f"{what} {value:.1f}" for value, what in order)
    return (
        f"By the mean of edit score and F1@50 over the data sets: {ranked}. The default was chosen by these very "
        "figures, so they flatter it a little beside the others."
    )


def words(variant: Mapping[str, bool]) -> str:
    kind = "graph layers" if variant["graph"] else "convolutions"
    return f"{kind}, self-supervision" if variant["self_supervision"] else kind


def as_markdown(report: Mapping[str, Any], data: Mapping[str, Data]) -> str:
    tables = []
    for name, of in data.items():
        rows = []
        for row in report["rows"]:
            if row["set"] == name:
                deviation = row.get("deviation") or {}
                cells = [f"{row[m]:.1f}" + (f" ± {deviation[m]:.1f}" if m in deviation else "") for m in MEASURES]
                rows.append([row["what"], str(len(row["seeds"])) if "seeds" in row else "", *cells])
        videos = [video for split in of.splits.values() for video in split]
        about = (
            f"## {name}\n\n{len(of.splits)} splits, {len(videos)} videos of {min(map(len, videos))} to "
            f"{max(map(len, videos))} frames, {len(of.classes)} classes; mean over the splits."
        )
        tables.append(f"{about}\n\n```\n{aligned(['', 'seeds', *MEASURES], rows)}\n```")
    recipe = report["recipe"]
    seconds: dict[str, list[float]] = {}
    for line in report["trainings"]:
        if line["set"] == next(iter(data)):
            seconds.setdefault(words(line), []).append(line["cpu_seconds"])
    times = ", ".join(f"{what} {statistics.fmean(values):.0f} s" for what, values in seconds.items())
    paragraphs = [
        "# Actions over time",
        f"`{report['command']}`, {report['date']}, one thread of {machine_words(report['machine'])}, torch "
        f"{report['torch']}; {len(report['trainings'])} trainings.",
        "Each split is tested on by networks that learned from the other splits' videos; ± is the deviation over "
        "seeds. Percent; background is left out of edit score and F1.",
        *tables,
        f"A training's processor time on {next(iter(data))}, mean: {times}. Recipe: {recipe['stages']} stages of up to "
        f"{recipe['layers']} layers ({recipe['width']} channels), Adam {recipe['learning_rate']:g}, "
        f"{recipe['epochs']} epochs, one video an update.",
        winner(report["rows"]),
        WHAT_THE_SCORES_HAVE_SEEN,
    ]
    return "\n\n".join(paragraphs) + "\n"


if __name__ == "__main__":
    main()
