"""`detect`: one instruction done with images, printed or written to a folder."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm  # type: ignore[import-untyped]

from kg_data.command_line import FAILURE, OK, as_json
from kg_data.errors import SkylarkError
from vision.cli.options import add_min_score, add_model, images_of, opened
from vision.cli.output_folder import OutputFolder
from vision.detections.detections import Detections
from vision.errors import ArgumentError, FormatError
from vision.task import Task
from vision.vision import Vision

FORMATS = ("json", "coco", "yolo", "voc", "tokens", "tuple")


def add_commands(commands: Any) -> None:
    """Offer `detect`."""
    about = "do what an instruction says with images"
    sub = commands.add_parser("detect", help=about, description=about)
    sub.add_argument("images", nargs="+", metavar="IMAGE", help="files, folders, or quoted patterns such as 'a/*.jpg'")
    sub.add_argument(
        "--instruction", required=True, metavar="TEXT", help='such as "the two largest dogs as boxes in JSON"'
    )
    sub.add_argument("--format", choices=FORMATS, help="in place of the format that the instruction asks for")
    add_min_score(sub)
    sub.add_argument("--json", action="store_true", help="print a JSON object; of several images one a line")
    folder = sub.add_argument_group("to a folder")
    folder.add_argument("--out", type=Path, metavar="DIR", help="write a file an image; with coco one instances.json")
    folder.add_argument("--draw", action="store_true", help="write pictures with the objects drawn too")
    folder.add_argument("--overwrite", action="store_true", help="do images again that DIR has already")
    add_model(sub)
    sub.set_defaults(command=detect)


def detect(options: argparse.Namespace) -> int:
    """Do what an instruction says with images."""
    if options.out is None and (options.draw or options.overwrite):
        raise ArgumentError("--draw and --overwrite need --out DIR, the folder that is written to")
    images = images_of(options.images)
    vision = opened(options)
    task = vision.read(options.instruction)
    if options.format is not None:
        task = replace(task, output=replace(task.output, format=options.format))
    if options.out is None:
        return _printed(options, vision, task, images)
    return _written(options, vision, task, images)


def value_text(value: str | float | bool) -> str:
    """A number, a truth value or words, as a person writes them."""
    return str(value) if not isinstance(value, bool) else "yes" if value else "no"


def _printed(options: argparse.Namespace, vision: Vision, task: Task, images: Sequence[Path]) -> int:
    run = _Run(vision, task, images, progress=False)
    for image, detections in run.detections():
        # Who names a format wants the objects in it, even where a number or words would answer.
        text = detections.text if options.format is None else detections.written()
        if options.json:
            row = {"image": str(image), **detections.to_dict(), "text": text}
            print(as_json(row, indent=2 if len(images) == 1 else None), flush=True)
        else:
            if len(images) > 1:
                print(f"== {image}")
            print(text, flush=True)
    return FAILURE if run.failed else OK


def _written(options: argparse.Namespace, vision: Vision, task: Task, images: Sequence[Path]) -> int:
    settings = {
        "instruction": task.instruction,
        "model": vision.detector.name,
        "min_score": vision.min_score,
        "slices": vision.slicing and asdict(vision.slicing),
        "llm": options.llm,
        "output": asdict(task.output),
    }
    objects = written = 0
    with OutputFolder(options.out, task.output.format, options.draw, settings, options.overwrite) as folder:
        todo = [image for image in images if options.overwrite or not folder.has(image)]
        run = _Run(vision, task, todo, progress=len(images) > 1, before=len(images) - len(todo))
        for image, detections in run.detections():
            try:
                folder.add(image, detections)
            except FormatError as error:
                run.fail(image, error)
                continue
            objects += len(detections)
            written += 1
    before = len(images) - len(todo)
    if options.json:
        failed = [str(image) for image in run.failed]
        done = {"written": written, "objects": objects, "there_before": before, "failed": failed}
        print(as_json({"out": str(options.out), **done}))
    else:
        done_before = f", {before:,} there before" if before else ""
        wrong = f", {len(run.failed):,} failed" if run.failed else ""
        print(f"{options.out}: {written:,} images with {objects:,} objects{done_before}{wrong}")
    return FAILURE if run.failed else OK


class _Run:
    """Looks at images in order, with a bar and with what has to be said of them on stderr.

    Args:
        vision: what looks at them.
        task: what is done.
        images: their files.
        progress: show a bar.
        before: how many were done before, for the bar.
    """

    def __init__(self, vision: Vision, task: Task, images: Sequence[Path], progress: bool, before: int = 0) -> None:
        self._vision, self._task, self._images = vision, task, images
        self._bar = tqdm(
            total=before + len(images), initial=before, unit="image", disable=not progress, file=sys.stderr,
            mininterval=0.5 if sys.stderr.isatty() else 30.0, dynamic_ncols=True,
        )  # fmt: skip
        self._noted: set[str] = set()
        self.failed: list[Path] = []

    def detections(self) -> Iterator[tuple[Path, Detections]]:
        """Each image that could be read with what was found in it; of the others the reason is said."""
        with self._bar:
            results = self._vision.detect_many(self._images, self._task)
            for image, (_, detections) in zip(self._images, results, strict=True):
                if isinstance(detections, SkylarkError):
                    self.fail(image, detections)
                else:
                    self._note(image, detections.notes)
                    yield image, detections
                self._bar.update()

    def fail(self, image: Path, error: SkylarkError) -> None:
        """Say that an image failed; the others go on."""
        self.failed.append(image)
        message = str(error)
        self._say(f"error: {message}" if str(image) in message else f"error: {image}: {message}")

    def _note(self, image: Path, notes: Sequence[str]) -> None:
        # Most notes are about the instruction and come with every image: each is said once.
        for note in notes:
            if note not in self._noted:
                self._noted.add(note)
                self._say(f"note: {note}" if len(self._images) == 1 else f"note: {note} (first with {image})")

    def _say(self, text: str) -> None:
        self._bar.write(text, file=sys.stderr)
