"""`detect`: one instruction done with images, printed or written to a folder."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from tqdm import tqdm  # type: ignore[import-untyped]

from kg_data.batches.lines import lines_of, progress_bar
from kg_data.batches.shards import Work, Workers, add_workers, workers_of
from skylark.command_line import FAILURE, OK, as_json
from skylark.errors import SkylarkError
from skylark.files import Line
from vision.cli.options import Entry, OutputFolder, add_min_score, add_model, images_of, opened
from vision.detections.detections import Detections
from vision.errors import ArgumentError
from vision.evaluation.runs import images_digest
from vision.task import FormatName, Task
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
    add_workers(sub)
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
    # Who names a format wants the objects in it, even where a number or words would answer.
    shown = partial(_shown, options.format is not None, options.json)
    run = _Run(partial(_seen, vision, task, shown), images, workers_of(options))
    for image, row in run.results():
        if options.json:
            print(as_json({"image": str(image), **row}, indent=2 if len(images) == 1 else None), flush=True)
        else:
            if len(images) > 1:
                print(f"== {image}")
            print(row["text"], flush=True)
    return FAILURE if run.failed else OK


def _written(options: argparse.Namespace, vision: Vision, task: Task, images: Sequence[Path]) -> int:
    form = task.output.format
    settings = {
        **vision.deciding(),
        "instruction": task.instruction,
        "task_digest": sha256(repr(task).encode()).hexdigest()[:16],
        "min_score": vision.min_score,
        "llm": options.llm,
        "output": asdict(task.output),
    }
    objects = written = 0
    with OutputFolder(options.out, form, options.draw, settings, options.overwrite) as folder:
        todo = [image for image in images if options.overwrite or not folder.has(image)]
        entry = partial(_entry, form, options.draw)
        run = _Run(partial(_seen, vision, task, entry), todo, workers_of(options), folder, len(images))
        for image, row in run.results():
            done = Entry.from_dict(row)
            folder.add(image, done)
            objects += done.objects
            written += 1
        folder.shards.drop()
    before = len(images) - len(todo)
    if options.json:
        failed = [str(image) for image in run.failed]
        counts = {"written": written, "objects": objects, "there_before": before, "failed": failed}
        print(as_json({"out": str(options.out), **counts}))
    else:
        done_before = f", {before:,} there before" if before else ""
        wrong = f", {len(run.failed):,} failed" if run.failed else ""
        print(f"{options.out}: {written:,} images with {objects:,} objects{done_before}{wrong}")
    return FAILURE if run.failed else OK


def _shown(formatted: bool, whole: bool, detections: Detections) -> dict[str, Any]:
    """What is printed of an image: its text, and the whole of what was found where that is wanted."""
    text = detections.written() if formatted else detections.text
    return {**detections.to_dict(), "text": text} if whole else {"text": text}


def _entry(form: FormatName, draw: bool, detections: Detections) -> dict[str, Any]:
    return Entry.of(detections, form, draw).to_dict()


def _seen(
    vision: Vision, task: Task, result: Callable[[Detections], dict[str, Any]], images: Sequence[Path]
) -> Generator[Line]:
    """What is made of each image, in order, with what has to be said of it; of one that failed the error."""
    for image, (_, found) in zip(images, vision.detect_many(images, task), strict=True):
        try:
            if isinstance(found, SkylarkError):
                raise found
            yield {"notes": list(found.notes), "digest": images_digest([image]), "result": result(found)}
        except SkylarkError as error:
            yield {"error": str(error)}


class _Run:
    """Has images looked at, in order, with a bar and with what has to be said of them on stderr.

    Args:
        work: looks at some of them.
        images: their files.
        workers: who does it.
        folder: where what several processes do is kept; None where it is not.
        of: how many images there are with those that were done before, for the bar; None for no bar.

    Attributes:
        failed: the images that could not be read, or whose objects cannot be written.
    """

    def __init__(
        self,
        work: Work,
        images: Sequence[Path],
        workers: Workers,
        folder: OutputFolder | None = None,
        of: int | None = None,
    ) -> None:
        self._work, self._images, self._workers, self._folder = work, images, workers, folder
        kept = {} if folder is None else folder.kept
        # One that failed is tried again, it may have been mended, and so is one that has changed.
        digests = {str(image.resolve()): images_digest([image]) for image in images} if kept else {}
        sound = {key: line for key, line in kept.items() if "error" not in line}
        self._kept = {key: line for key, line in sound.items() if line.get("digest") == digests.get(key)}
        self._of = of
        self._noted: set[str] = set()
        self.failed: list[Path] = []

    def results(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        """Each image that did not fail with what was made of it; of the others the reason is said."""
        keys = [str(image.resolve()) for image in self._images]
        shards = None if self._folder is None else self._folder.shards
        total = len(self._images) if self._of is None else self._of
        bar = partial(progress_bar, "image", total, self._of is not None and self._of > 1)
        with closing(lines_of(self._work, keys, self._images, self._kept, shards, self._workers, bar)) as lines:
            for image, line in zip(self._images, lines, strict=True):
                if "error" in line:
                    message = line["error"]
                    self.failed.append(image)
                    self._say(f"error: {message}" if str(image) in message else f"error: {image}: {message}")
                    continue
                self._note(image, line["notes"])
                yield image, line["result"]

    def _note(self, image: Path, notes: Sequence[str]) -> None:
        # Most notes are about the instruction and come with every image: each is said once.
        for note in notes:
            if note not in self._noted:
                self._noted.add(note)
                self._say(f"note: {note}" if len(self._images) == 1 else f"note: {note} (first with {image})")

    def _say(self, text: str) -> None:
        tqdm.write(text, file=sys.stderr)
