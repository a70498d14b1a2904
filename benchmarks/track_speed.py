"""What following things costs: frames a second beside those of the raw detector, and memory over a long video.

    python -m benchmarks.track_speed [--data DIR] [--rounds N]

- `Vision.track` beside the detector alone on the same frames: both decode the same video in the same way, and the
  detector looks at several frames at once. They take turns, so that a slow minute of the machine is everybody's; a
  round's ratio is of two that ran one after the other. At least 0.9 was asked for.
- The most memory that a process of its own takes for ten seconds of video and for ten minutes, which are the same
  seconds over and over at a quarter of their width and height. At most 50 MB more was asked for.

DIR is the data folder. Writes `results/track_speed.json` and `.md` beside this file; takes half an hour.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import kg_data
from benchmarks.machine import machine, machine_words
from vision import Vision
from vision.classes import COCO_CLASSES
from vision.detectors.detector import Found, Request
from vision.errors import DetectorError
from vision.task import Target, Task
from vision.video.drawing import VideoWriter
from vision.video.frames import open_frames

RESULTS = Path(__file__).with_name("results")
COMMAND = "python -m benchmarks.track_speed"
VIDEOS = ("01_dog.mp4", "04_coffee.mp4")
TASKS = {
    "one class": Task("every person", targets=(Target("person", ("person",)),), class_set=("person",)),
    "everything": Task("everything"),
}
LEAST_RATIO, MOST_MIB = 0.9, 50
SECONDS = {"ten seconds": 10, "ten minutes": 600}
SHRUNK = 4


@dataclass(frozen=True)
class Pace:
    """How fast the frames of a video went by.

    Attributes:
        rate: frames a second.
        processor_ms: milliseconds of processor time a frame, of all threads.
    """

    rate: float
    processor_ms: float

    @classmethod
    def of(cls, frames: Iterable[object]) -> Pace:
        """Go through the frames."""
        began, spent = time.perf_counter(), time.process_time()
        count = sum(1 for _ in frames)
        return cls(count / (time.perf_counter() - began), 1e3 * (time.process_time() - spent) / count)


def detected(vision: Vision, video: Path, classes: tuple[str, ...]) -> Iterator[Found]:
    """Decoding and detection, nothing else."""
    with open_frames(video) as frames:
        request = Request(classes, vision.min_score)
        for found in vision.detector.detect_each((frame.image for frame in frames), request):
            if isinstance(found, DetectorError):
                raise found
            yield found


def speeds(videos: list[Path], rounds: int) -> dict[str, dict[str, Any]]:
    vision, rows = Vision(), {}
    for video in videos:
        for name, task in TASKS.items():
            classes = COCO_CLASSES if task.targets is None else task.targets[0].classes
            # Once before: sessions are opened, packages imported.
            pairs = [
                (Pace.of(detected(vision, video, classes)), Pace.of(vision.track(video, task)))
                for _ in range(rounds + 1)
            ][1:]
            ratios = [ours.rate / raw.rate for raw, ours in pairs]
            rows[f"{video.name}, {name}"] = {
                "raw": max(raw.rate for raw, _ in pairs),
                "track": max(ours.rate for _, ours in pairs),
                "ratio": statistics.median(ratios),
                "ratios": ratios,
                "raw_processor_ms": min(raw.processor_ms for raw, _ in pairs),
                "track_processor_ms": min(ours.processor_ms for _, ours in pairs),
            }
            print(video.name, name, [round(ratio, 3) for ratio in ratios], file=sys.stderr)
    return rows


def looped(video: Path, path: Path, seconds: int) -> None:
    """A small video of so many seconds: the frames of another over and over."""
    with open_frames(video) as frames:
        width, height = (side // SHRUNK for side in frames.size)
        small = [cv2.resize(frame.image.pixels, (width, height), interpolation=cv2.INTER_AREA) for frame in frames]
        rate = frames.rate
    with VideoWriter(path, (width, height), rate) as writer:
        for place in range(round(seconds * rate)):
            writer.write(np.asarray(small[place % len(small)], np.uint8))


def memory(video: Path) -> dict[str, dict[str, Any]]:
    """What a process of its own takes to track each of the videos."""
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, seconds in SECONDS.items():
            path = Path(folder) / f"{seconds}.mp4"
            looped(video, path, seconds)
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.track_speed", "--memory-of", str(path)],
                check=True,
                capture_output=True,
                text=True,
            )
            rows[name] = json.loads(done.stdout)
            print(name, rows[name], file=sys.stderr)
    return rows


def memory_of(video: Path) -> dict[str, Any]:
    """Track everything in a video; the frames, the ids and the most memory of this process in MiB."""
    frames, ids = 0, 0
    for frame in Vision().track(video, TASKS["everything"]):
        frames += 1
        ids = max((one.track_id or 0 for one in frame.detections), default=ids)
    return {"frames": frames, "last_id": ids, "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def as_markdown(content: Mapping[str, Any]) -> str:
    rows, held = content["speed"], content["memory"]
    more = held["ten minutes"]["peak_mib"] - held["ten seconds"]["peak_mib"]
    return (
        "\n".join(
            [
                "# What tracking costs",
                "",
                f"`{COMMAND}`, {content['date']}, trackers {content['trackers']}, {machine_words(content['machine'])}, "
                f"load at the start {content['load_at_start']}.",
                "",
                "## Frames a second",
                "",
                "| | detector and decoding | `Vision.track` | ratio, the middle round | lowest to highest | "
                "processor ms a frame |",
                "| --- | ---: | ---: | ---: | ---: | ---: |",
                *(
                    f"| {name} | {row['raw']:.1f} | {row['track']:.1f} | {row['ratio']:.2f} | "
                    f"{min(row['ratios']):.2f} to {max(row['ratios']):.2f} | "
                    f"{row['raw_processor_ms']:.1f}, {row['track_processor_ms']:.1f} |"
                    for name, row in rows.items()
                ),
                "",
                f"The best of {content['rounds']} rounds each, which take turns. At least {LEAST_RATIO} was asked for. "
                "Processor time is that of all threads: first the detector and decoding, "
                "then `Vision.track`.",
                "",
                "## Memory",
                "",
                "| | frames | last id | most memory of the process, MiB |",
                "| --- | ---: | ---: | ---: |",
                *(
                    f"| {name} | {row['frames']:,} | {row['last_id']:,} | {row['peak_mib']:.0f} |"
                    for name, row in held.items()
                ),
                "",
                f"Ten minutes take {more:.1f} MiB more than ten seconds; at most {MOST_MIB} MB were asked for.",
            ]
        )
        + "\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=kg_data.data_root(), help="the data folder, which holds vision/")
    parser.add_argument("--rounds", type=int, default=5, help="how often each time is taken")
    parser.add_argument("--memory-of", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory_of:
        print(json.dumps(memory_of(options.memory_of)))
        return
    load = os.getloadavg()[0]
    if load > 0.3:
        print(f"the machine is busy (load {load:.1f}): only the ratios mean something", file=sys.stderr)
    videos = [options.data / "vision" / "video" / name for name in VIDEOS]
    content = {
        "command": COMMAND,
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "trackers": version("trackers"),
        "load_at_start": round(load, 2),
        "rounds": options.rounds,
        "speed": speeds(videos, options.rounds),
        "memory": memory(videos[0]),
    }
    text = as_markdown(content)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "track_speed.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    (RESULTS / "track_speed.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
