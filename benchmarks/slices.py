"""Slices: how many more of the small things are found with them, what they cost, and sahi beside them.

    python -m benchmarks.slices [--sahi PYTHON] [--data DIR] [--rounds N]

Four measurements, in which whatever is compared takes turns image by image, so that a slow minute is everybody's:

- `aerial_cars`, class car, all images, the embedded detector: average precision and seconds from the file to the boxes
  of `Vision.detect` as it is, with `slices="auto"`, and with the pieces of cut objects merged ("nmm"). Of each image
  the least of its times counts. PYTHON, an environment with sahi 0.12.8, onnxruntime and OpenCV
  (`python -m venv ENV && ENV/bin/pip install sahi onnxruntime opencv-python-headless`), runs the same network with the
  same decoding behind sahi (`benchmarks/sahi_slices.py`): whole, which has to agree with the detector, and in slices of
  the same size and overlap, merged as sahi does it by itself at such scores, and by its greedy merging.
- The same on large pictures that are made of 12 photographs each (of `voc2007`, 20 classes), where large objects are
  cut: this is what the way of merging was chosen on, beside the cars.
- `coco128`, all classes, with `slices="auto"` and without: pictures of up to 640 pixels are not to be cut.
- A folder of 200 images (photographs of `voc2007`, made 1,000 pixels large): `Vision.detect_many` beside one image at a
  time, and beside one slice at a time.

Writes `results/slices.json` and `.md` beside this file.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime  # type: ignore[import-untyped]

import kg_data
from benchmarks.exact_executor import RESULTS
from benchmarks.machine import machine, machine_words
from skylark.models import usable_cores
from vision import Detections, Slicing, Vision
from vision.classes.lexicon import COCO_CLASSES
from vision.detectors.detector import Request
from vision.detectors.embedded import MODEL_FILE, SIDE
from vision.detectors.slices import Look, SlicedDetector, merged
from vision.evaluation.annotations import AnnotatedImage, AnnotatedSet, Annotation, read_annotations
from vision.evaluation.runs import MAX_DETECTIONS, Detection, average_precision
from vision.images import load_image
from vision.task import Limit, Target, Task

HELPER = Path(__file__).with_name("sahi_slices.py")
FIGURES = ("AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large")
CAR = "car"
MOST_AP_LOST, LEAST_TIMES_AP, LEAST_AP_SMALL, MOST_TIMES_SECONDS = 0.003, 4.0, 0.22, 8.0
FOLDER_IMAGES, FOLDER_SIDE, FOLDER_PART = 200, 1000, 20
"""How many, pixels of the longer side, and how many before another way takes its turn."""
MOSAICS, COLUMNS, ROWS = 20, 4, 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sahi", type=Path, metavar="PYTHON", help="of an environment with sahi and onnxruntime")
    parser.add_argument("--data", type=Path, default=kg_data.data_root(), help="the data folder, which holds vision/")
    parser.add_argument("--rounds", type=int, default=3, help="how often each time is taken; the least of them counts")
    options = parser.parse_args()
    folder = options.data / "vision"
    for name in ("aerial_cars", "coco128", "voc2007"):
        if not (folder / name / "instances.json").is_file():
            parser.error(f"{folder / name} holds no images; set SKYLARK_DATA or pass --data")
    report: dict[str, Any] = {
        "command": f"python -m benchmarks.slices{' --sahi PYTHON' if options.sahi else ''} --rounds {options.rounds}",
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "load_at_start": round(os.getloadavg()[0], 2),
        "onnxruntime": onnxruntime.__version__,
        "sahi": sahi_version(options.sahi) if options.sahi else None,
    }
    report["aerial_cars"] = aerial(folder / "aerial_cars", options.sahi, options.rounds)
    with tempfile.TemporaryDirectory() as place:
        report["mosaics"] = by_ways(mosaics(folder / "voc2007", Path(place)), plain_ways())
    report["coco128"] = by_ways(annotated_set(folder / "coco128"), plain_ways())
    with tempfile.TemporaryDirectory() as place:
        report["folder"] = many(folder / "voc2007" / "images", Path(place), options.rounds)
    report["load_at_end"] = round(os.getloadavg()[0], 2)
    text = as_markdown(report)
    (RESULTS / "slices.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    (RESULTS / "slices.md").write_text(text, encoding="utf-8")
    print(text)


def sahi_version(python: Path) -> str:
    code = "import importlib.metadata as m; print(m.version('sahi'))"
    return subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def annotated_set(folder: Path) -> AnnotatedSet:
    return read_annotations([(folder / "images", folder / "instances.json")])


Rows = list[tuple[str, tuple[float, float, float, float], float]]
"""Of each box its class, corners x0 y0 x1 y1 in pixels, and score."""

Way = Callable[[Path, Sequence[str]], tuple[Rows, float, float, int]]
"""Looks at a file for classes: boxes, seconds, seconds of processor time, and in how many slices."""


def plain_ways() -> dict[str, Way]:
    return {"whole": skylark(None), "slices": skylark(Slicing())}


def skylark(slicing: Slicing | None) -> Way:
    """`Vision.detect`, from the file to the best hundred boxes whatever their score, as an evaluation asks it."""
    vision = Vision("embedded", slices=slicing)

    def look(path: Path, classes: Sequence[str]) -> tuple[Rows, float, float, int]:
        targets = tuple(Target(name, (name,)) for name in classes)
        task = Task(targets=targets, limit=Limit(MAX_DETECTIONS, "score"), min_score=0.0)
        began, processor = time.perf_counter(), time.process_time()
        found = vision.detect(path, task)
        seconds, processor = time.perf_counter() - began, time.process_time() - processor
        slices = 0 if slicing is None else len(slicing.slices_of(found.image_size, SIDE))
        return rows_of(found), seconds, processor, slices

    return look


def rows_of(found: Detections) -> Rows:
    assert found.scores is not None
    boxes = found.xyxy.tolist()
    return [
        (name, (x0, y0, x1, y1), score)
        for name, (x0, y0, x1, y1), score in zip(found.class_names, boxes, found.scores.tolist(), strict=True)
    ]


def sahi(helper: subprocess.Popen[str], sliced: bool, greedy: bool = False) -> Way:
    """sahi in its own process, with slices of the size that ours have."""

    def look(path: Path, classes: Sequence[str]) -> tuple[Rows, float, float, int]:
        (name,) = classes
        size = None
        if sliced and (parts := Slicing().slices_of(load_image(path).size, SIDE)):
            left, top, right, bottom = parts[0]
            size = [right - left, bottom - top]
        asked = {
            "path": str(path), "slice": size, "overlap": Slicing().overlap, "class": COCO_CLASSES.index(name),
            "greedy": greedy,
        }  # fmt: skip
        assert helper.stdin is not None and helper.stdout is not None
        helper.stdin.write(json.dumps(asked) + "\n")
        helper.stdin.flush()
        answer = json.loads(helper.stdout.readline())
        boxes = sorted(answer["boxes"], key=lambda box: -box[4])[:MAX_DETECTIONS]
        rows: Rows = [(name, (x0, y0, x1, y1), score) for x0, y0, x1, y1, score in boxes]
        return rows, answer["seconds"], answer["processor_seconds"], answer["slices"]

    return look


def aerial(folder: Path, python: Path | None, rounds: int) -> dict[str, Any]:
    ways = {**plain_ways(), "slices, merged": skylark(Slicing(merge="nmm"))}
    with ExitStack() as stack:
        if python is not None:
            command = [str(python), str(HELPER), str(MODEL_FILE), str(usable_cores())]
            helper = stack.enter_context(
                subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
                )
            )
            stack.callback(helper.terminate)
            ways |= {
                "sahi, whole": sahi(helper, sliced=False),
                "sahi, slices": sahi(helper, sliced=True),
                "sahi, slices, greedy merging": sahi(helper, sliced=True, greedy=True),
            }
        return by_ways(annotated_set(folder), ways, [CAR], rounds)


def by_ways(
    annotated: AnnotatedSet, ways: Mapping[str, Way], classes: Sequence[str] = (), rounds: int = 1
) -> dict[str, Any]:
    """Average precision of each way over a set, and what it took: each image's least time, added up."""
    classes = list(classes) or [name for name in annotated.categories if name in COCO_CLASSES]
    found: dict[str, list[Detection]] = {name: [] for name in ways}
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    slices = dict.fromkeys(ways, 0)
    sizes = []
    for look in ways.values():  # what opens with the first image
        look(annotated.images[0].path, classes)
    for place, image in enumerate(annotated.images):
        sizes.append(load_image(image.path).size)
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for number in range(rounds):
            for name, look in ways.items():
                rows, seconds, processor, count = look(image.path, classes)
                times[name].append((seconds, processor))
                if number == 0:
                    slices[name] += count
                    found[name] += [
                        Detection(place, label, (x0, y0, x1 - x0, y1 - y0), score)
                        for label, (x0, y0, x1, y1), score in rows
                    ]
        for name, of_image in times.items():
            taken[name].append((min(wall for wall, _ in of_image), min(processor for _, processor in of_image)))
    results = {}
    for name in ways:
        figures = average_precision(annotated, found[name], classes, sizes)
        results[name] = {
            **{figure: figures[figure] for figure in FIGURES},
            "seconds": sum(wall for wall, _ in taken[name]),
            "processor_seconds": sum(processor for _, processor in taken[name]),
            "slices": slices[name],
        }
    objects = sum(row.category in classes for row in annotated.annotations)
    return {"images": len(sizes), "objects": objects, "rounds": rounds, "ways": results}


def mosaics(folder: Path, place: Path) -> AnnotatedSet:
    """Pictures of 12 photographs each, as large as they are, row by row, with their annotations."""
    annotated = annotated_set(folder)
    of_image: dict[int, list[Annotation]] = {}
    for row in annotated.annotations:
        of_image.setdefault(row.image, []).append(row)
    images: list[AnnotatedImage] = []
    rows: list[Annotation] = []
    for number in range(MOSAICS):
        part = range(number * COLUMNS * ROWS, (number + 1) * COLUMNS * ROWS)
        pixels = {at: load_image(annotated.images[at].path).pixels for at in part}
        order = sorted(part, key=lambda at: (pixels[at].shape[0], at))  # photographs of a row are about as high
        lines = [order[start : start + COLUMNS] for start in range(0, len(order), COLUMNS)]
        width = max(sum(pixels[at].shape[1] for at in line) for line in lines)
        heights = [max(pixels[at].shape[0] for at in line) for line in lines]
        whole = np.full((sum(heights), width, 3), 114, np.uint8)
        for line, top in zip(lines, np.cumsum([0, *heights]).tolist(), strict=False):
            left = 0
            for at in line:
                high, wide = pixels[at].shape[:2]
                whole[top : top + high, left : left + wide] = pixels[at]
                for row in of_image.get(at, ()):
                    x, y, w, h = row.xywh
                    rows.append(replace(row, image=number, xywh=(x + left, y + top, w, h), segmentation=None))
                left += wide
        path = place / f"{number:03d}.png"
        cv2.imwrite(str(path), whole[:, :, ::-1])
        images.append(replace(annotated.images[part[0]], path=path, size=(width, sum(heights))))
    return replace(annotated, images=tuple(images), annotations=tuple(rows))


def many(images: Path, place: Path, rounds: int) -> dict[str, Any]:
    """What a folder in slices takes: together, one by one, and slice by slice; each part's least time, added up."""
    paths = []
    for path in sorted(images.iterdir())[:FOLDER_IMAGES]:
        pixels = load_image(path).pixels
        factor = FOLDER_SIDE / max(pixels.shape[:2])
        size = (round(pixels.shape[1] * factor), round(pixels.shape[0] * factor))
        paths.append(place / f"{path.stem}.jpg")
        cv2.imwrite(str(paths[-1]), cv2.resize(pixels, size, interpolation=cv2.INTER_CUBIC)[:, :, ::-1])
    vision = Vision("embedded", slices="auto")
    assert isinstance(vision.detector, SlicedDetector)
    inner, slicing = vision.detector.detector, vision.detector.slicing
    task = Task(targets=(Target("person", ("person",)),))
    request = Request(("person",), vision.min_score)

    def together(part: Sequence[Path]) -> int:
        return sum(len(found) for _, found in vision.detect_many(part, task) if isinstance(found, Detections))

    def one_by_one(part: Sequence[Path]) -> int:
        return sum(len(vision.detect(path, task)) for path in part)

    def slice_by_slice(part: Sequence[Path]) -> int:
        objects = 0
        for path in part:
            image = load_image(path)
            looks = []
            for left, top, right, bottom in [(0, 0, *image.size), *slicing.slices_of(image.size, inner.side)]:
                pixels = np.ascontiguousarray(image.pixels[top:bottom, left:right])
                (found,) = inner.detect([load_image(pixels)], request)
                looks.append(Look((left, top, right, bottom), found))
            objects += len(merged(looks, image.size, slicing.merge).labels)
        return objects

    ways = {"together": together, "one image at a time": one_by_one, "one slice at a time": slice_by_slice}
    wall, processor, objects = dict.fromkeys(ways, 0.0), dict.fromkeys(ways, 0.0), dict.fromkeys(ways, 0)
    for start in range(0, len(paths), FOLDER_PART):
        part = paths[start : start + FOLDER_PART]
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for number in range(rounds):
            for name, look in ways.items():
                began = time.perf_counter(), time.process_time()
                count = look(part)
                times[name].append((time.perf_counter() - began[0], time.process_time() - began[1]))
                objects[name] += count if number == 0 else 0
        for name, of_part in times.items():
            wall[name] += min(seconds for seconds, _ in of_part)
            processor[name] += min(seconds for _, seconds in of_part)
    slices = sum(len(slicing.slices_of(load_image(path).size, inner.side)) for path in paths)
    return {
        "images": len(paths), "slices": slices, "rounds": rounds,
        "ways": {
            name: {"objects": objects[name], "seconds": wall[name], "processor_seconds": processor[name]}
            for name in ways
        },
    }  # fmt: skip


def as_markdown(report: Mapping[str, Any]) -> str:
    cars, coco, folder = report["aerial_cars"], report["coco128"], report["folder"]
    large = report["mosaics"]
    whole, cut = cars["ways"]["whole"], cars["ways"]["slices"]
    lost = coco["ways"]["whole"]["AP"] - coco["ways"]["slices"]["AP"]
    lines = [
        "# Slices",
        "",
        f"`{report['command']}`, {report['date']}, onnxruntime {report['onnxruntime']}, "
        f"{machine_words(report['machine'])}, load {report['load_at_start']} at the start and "
        f"{report['load_at_end']} at the end: others used the machine, so the ratios say more than the seconds.",
        "",
        f"## Cars from above: {cars['images']} images, {cars['objects']:,} cars",
        "",
        *table(cars),
        "",
        f"With slices AP is {cut['AP'] / whole['AP']:.1f} times that without (at least {LEAST_TIMES_AP:g} was asked "
        f"for), AP_small {cut['AP_small']:.3f} (at least {LEAST_AP_SMALL:g}), and it takes "
        f"{times(cars, 'seconds'):.1f} times as long ({times(cars, 'processor_seconds'):.1f} times the processor's "
        f"time; at most {MOST_TIMES_SECONDS:g}). Seconds are those of all images from the file to the boxes, of each "
        f"image the least of {cars['rounds']} rounds.",
    ]
    if report["sahi"]:
        other = cars["ways"]["sahi, slices"]
        lines += [
            "",
            f"sahi {report['sahi']} has the same network, decoding, and size and overlap of slices; whole, its AP "
            f"shows that it is the same detector. AP {cut['AP']:.4f} here against {other['AP']:.4f}, "
            f"{cut['seconds']:.1f} seconds against {other['seconds']:.1f} ({cut['processor_seconds']:.1f} against "
            f"{other['processor_seconds']:.1f} of the processor). Where all boxes from a score of 0.02 on are kept, as "
            "average precision wants them, sahi leaves its greedy merging by itself: the last row shows why.",
        ]
    lines += [
        "",
        f"## Pictures of {COLUMNS * ROWS} photographs: {large['images']} images, {large['objects']:,} objects",
        "",
        *table(large),
        "",
        f"## coco128: {coco['images']} images, none of which is cut",
        "",
        *table(coco),
        "",
        f"Lost: {lost:.4f} (at most {MOST_AP_LOST:g}).",
        "",
        f"## A folder of {folder['images']} images in {folder['slices']:,} slices",
        "",
        "| | objects | seconds | of the processor | images a second |",
        "| --- | --- | --- | --- | --- |",
        *(
            f"| {name} | {row['objects']:,} | {row['seconds']:.1f} | {row['processor_seconds']:.1f} | "
            f"{folder['images'] / row['seconds']:.2f} |"
            for name, row in folder["ways"].items()
        ),
        "",
        "An image that is alone has its slices on all cores already; together, files are decoded meanwhile and no core "
        "waits for an image's last slice.",
    ]
    return "\n".join(lines) + "\n"


def table(measured: Mapping[str, Any]) -> list[str]:
    return [
        "| | " + " | ".join(FIGURES) + " | slices | seconds | of the processor |",
        "| --- |" + " --- |" * (len(FIGURES) + 3),
        *(
            f"| {name} | "
            + " | ".join("-" if row[figure] is None else f"{row[figure]:.4f}" for figure in FIGURES)
            + f" | {row['slices']:,} | {row['seconds']:.1f} | {row['processor_seconds']:.1f} |"
            for name, row in measured["ways"].items()
        ),
    ]


def times(measured: Mapping[str, Any], key: str) -> float:
    ways = measured["ways"]
    return float(ways["slices"][key] / ways["whole"][key])


if __name__ == "__main__":
    main()
