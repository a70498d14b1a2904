"""Options that several commands share, and the folder that results are written to.

`detections.jsonl` in the folder records each image under the name that its files have. A line is written before its
files, so a stopped run goes on, images of the same name from different folders never overwrite one another, and no
file is replaced that this folder's runs did not write. A line holds the image's digest: a changed image is done
again.
"""

from __future__ import annotations

import argparse
import glob
import json
import math
import os
import sys
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from kg_data.batches.shards import ShardFolder, read_line
from reasoning.lm.calls import MODEL, add_reader
from skylark.command_line import positive
from skylark.errors import DataError, ResultsError
from skylark.files import Line, encoded, files_like, whole_lines, write_whole
from vision.detections.boxes import is_score
from vision.detections.detections import Detections
from vision.errors import ArgumentError
from vision.evaluation.runs import RunLines, images_digest
from vision.images import left_out, list_images
from vision.task import FormatName
from vision.vision import Vision

RECORD = "detections.jsonl"
INSTANCES = "instances.json"
CLASSES = "classes.txt"
DATA = "data.yaml"
DRAWN = ".drawn.jpg"

SUFFIXES: Mapping[FormatName, str] = {
    "tuple": ".txt", "tokens": ".txt", "json": ".json", "yolo": ".txt", "voc": ".xml",
}  # fmt: skip
"""What an image's file ends in; COCO has one file for all."""

EARLIER = "earlier"
"""The record's first line names under it what runs before one that does all images again called their files."""

_TAKEN = {name.split(".")[0] for name in (RECORD, INSTANCES, CLASSES)}


@dataclass(frozen=True)
class Entry:
    """What is written of one image, whatever its files will be called.

    Attributes:
        objects: how many.
        text: the file's, in the folder's format.
        classes: the set that numbers of classes count in.
        value: the number or words that the instruction asks for, where it asks for some.
        drawn: a JPEG with the objects drawn, where one is wanted.
    """

    objects: int
    text: str
    classes: tuple[str, ...]
    value: Any = None
    drawn: bytes = b""

    @classmethod
    def of(cls, detections: Detections, form: FormatName, draw: bool) -> Entry:
        """That of detections.

        Raises:
            FormatError: they cannot be written in the format.
        """
        # The files hold objects; a count or a description stands in the record.
        text = replace(detections, output=replace(detections.output, format=form)).written()
        drawn = _jpeg(detections) if draw else b""
        return cls(len(detections), text, detections.classes, detections.value, drawn)

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable."""
        return {**asdict(self), "drawn": b64encode(self.drawn).decode()}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Entry:
        """What `to_dict` gave."""
        return cls(**{**stored, "classes": tuple(stored["classes"]), "drawn": b64decode(stored["drawn"])})


class OutputFolder:
    """Takes the detections of images, one by one (a context manager).

    Args:
        folder: where to; made if it is not there.
        form: the format of the files.
        draw: whether a picture with the objects drawn is written too.
        settings: what decides the files' content; a folder that holds another run's files is refused.
        overwrite: do all images again, whatever the folder holds.

    Raises:
        EvaluationError: the folder holds files of a run with other settings.
        ResultsError: it cannot be written.
    """

    def __init__(
        self, folder: Path, form: FormatName, draw: bool, settings: Mapping[str, Any], overwrite: bool = False
    ) -> None:
        self.folder, self.form, self.draw = folder, form, draw
        self._overwrite = overwrite
        otherwise = "choose another folder for these, or add --overwrite to do all images again"
        # What earlier runs called their files is kept when all is done again: one that is stopped can go on.
        first = {EARLIER: _names_in(folder / RECORD)} if overwrite else {}
        self._record = RunLines(folder / RECORD, settings, True, overwrite, otherwise, first)
        self._lines: dict[str, dict[str, Any]] = {}
        """An image's full path to its line."""

    def __enter__(self) -> Self:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ResultsError(f"cannot make the folder {self.folder}: {error.strerror or error}") from None
        self._record.__enter__()
        self._lines = {line["image"]: line for line in self._record.done}
        self._earlier = set(self._record.first.get(EARLIER, ()))
        self._names = {line["name"].casefold() for line in self._record.done} | _TAKEN
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self.form == "coco" and self._lines:
                write_whole(self.folder / INSTANCES, encoded(json.dumps(self._merged(), ensure_ascii=False)))
        except ResultsError:
            if error is None:
                raise
        finally:
            self._record.__exit__(kind, error, trace)

    @property
    def shards(self) -> ShardFolder:
        """Where several processes write what they make of images."""
        return self._record.shards

    @property
    def kept(self) -> Mapping[str, Line]:
        """What such processes made of images in an earlier part of the run, by the images' full paths."""
        return self._record.kept

    def has(self, image: Path) -> bool:
        """Whether an image's files are all there, made of the image as it is."""
        line = self._lines.get(str(image.resolve()))
        if line is None or line.get("digest") != images_digest([image]):
            return False
        return all(path.is_file() for path in self._files(line["name"]))

    def add(self, image: Path, entry: Entry) -> None:
        """Write an image's files.

        Raises:
            ResultsError: a file cannot be written, or one of another origin has its name.
        """
        name = self._name(image)
        line: dict[str, Any] = {"image": str(image.resolve()), "name": name, "digest": images_digest([image])}
        line["objects"] = entry.objects
        if entry.value is not None:
            line["value"] = entry.value
        if self.form == "coco":
            line["coco"] = json.loads(entry.text)
        is_own = self._overwrite or line["image"] in self._lines or name in self._earlier
        for path in self._files(name):
            if path.exists() and not is_own:
                said = "is there already, and not of this run; choose another folder or --overwrite"
                raise ResultsError(f"{path} {said}")
        self._record.append(line)
        self._lines[line["image"]] = line
        self._names.add(name.casefold())
        if self.form != "coco":
            write_whole(self.folder / f"{name}{SUFFIXES[self.form]}", encoded(entry.text) if entry.text else b"")
        if self.form == "yolo":
            write_whole(self.folder / CLASSES, encoded("\n".join(entry.classes)))
            write_whole(self.folder / DATA, encoded(_data_set(entry.classes)))
        if self.draw:
            write_whole(self.folder / f"{name}{DRAWN}", entry.drawn)

    def _files(self, name: str) -> list[Path]:
        text = [] if self.form == "coco" else [self.folder / f"{name}{SUFFIXES[self.form]}"]
        return [*text, self.folder / f"{name}{DRAWN}"] if self.draw else text

    def _name(self, image: Path) -> str:
        """What an image's files are called: its own name, with its folder's before it where another has that."""
        path = image.resolve()
        if str(path) in self._lines:
            return str(self._lines[str(path)]["name"])
        candidates = [path.stem, f"{path.parent.name}_{path.stem}", f"{path.parent.name}_{path.name}"]
        candidates += [f"{candidates[-1]}_{number}" for number in range(2, len(self._names) + 3)]
        return next(name for name in candidates if name.casefold() not in self._names)

    def _merged(self) -> dict[str, Any]:
        names = _file_names([Path(image) for image in self._lines])
        images: list[dict[str, Any]] = []
        annotations: list[dict[str, Any]] = []
        categories: dict[str, dict[str, Any]] = {}
        for number, (name, line) in enumerate(zip(names, self._lines.values(), strict=True), start=1):
            part = line["coco"]
            for category in part["categories"]:
                if category["name"] not in categories:
                    used = {annotation["id"] for annotation in categories.values()}
                    number_of = category["id"] if category["id"] not in used else max(used) + 1
                    categories[category["name"]] = {**category, "id": number_of}
            ids = {category["id"]: categories[category["name"]]["id"] for category in part["categories"]}
            images.append({**part["images"][0], "id": number, "file_name": name})
            for annotation in part["annotations"]:
                own = {"id": len(annotations) + 1, "image_id": number, "category_id": ids[annotation["category_id"]]}
                annotations.append({**annotation, **own})
        return {"images": images, "annotations": annotations, "categories": list(categories.values())}


def _names_in(record: Path) -> list[str]:
    """What files are called by a record, [] where there is none; of a damaged one by the lines that are whole."""
    try:
        content = record.read_bytes()
    except OSError:
        return []
    names: dict[str, None] = {}
    for number, text in enumerate(whole_lines(content).splitlines(), start=1):
        with suppress(DataError):
            line = read_line(record, text, number)
            names |= dict.fromkeys(map(str, [*line.get(EARLIER, ()), *([line["name"]] if "name" in line else [])]))
    return list(names)


def _file_names(images: Sequence[Path]) -> list[str]:
    """The images' file names, or their paths below the folder that holds them all where two have the same name."""
    names = [image.name for image in images]
    if len(set(names)) == len(names):
        return names
    common = Path(os.path.commonpath([image.parent for image in images]))
    return [image.relative_to(common).as_posix() for image in images]


def _data_set(classes: Sequence[str]) -> str:
    """What YOLO's tools read, see https://docs.ultralytics.com/datasets/detect/; JSON's strings are YAML's."""
    names = [f"  {number}: {json.dumps(name)}" for number, name in enumerate(classes)]
    where = "# To train, put the images into images/ beside this file and the .txt files of labels into labels/."
    return "\n".join([where, "path: .", "train: images", "val: images", f"nc: {len(classes)}", "names:", *names])


def _jpeg(detections: Detections) -> bytes:
    content = BytesIO()
    detections.draw().convert("RGB").save(content, "JPEG", quality=92)
    return content.getvalue()


def add_model(parser: argparse.ArgumentParser, instructions: bool = True) -> None:
    """Offer `--model` and how it runs; `instructions` says whether the command reads any, by `--llm` then."""
    models = '"embedded" (default), visionllm, onnx:PATH, or the hub name or folder of a transformers model'
    parser.add_argument("--model", default="embedded", metavar="M", help=models)
    if instructions:
        what = "provider:model that reads the instruction in place of the embedded one"
        parser.add_argument("--llm", metavar="L", help=what)
        add_reader(parser, "instructions")
    parser.add_argument("--device", metavar="D", help="of a transformers model: cpu, cuda, cuda:N or mps")
    parser.add_argument("--dtype", metavar="T", help="of a transformers model: float32, bfloat16 or float16")
    parser.add_argument("--threads", type=positive, metavar="N", help="of the embedded detector; default: one a core")
    parser.add_argument(
        "--mirrored", action="store_true", help="look at the mirror image too: finds more that is right, and is slower"
    )
    parser.add_argument(
        "--slice", metavar="auto|WxH",
        help="look at large images in slices too, for small things: as the model sees best, or of W x H",
    )  # fmt: skip


def add_min_score(parser: argparse.ArgumentParser) -> None:
    """Offer `--min-score`."""
    parser.add_argument(
        "--min-score", type=share, metavar="S", help="drop boxes that score less, 0 to 1; default: the detector's own"
    )


def opened(options: argparse.Namespace) -> Vision:
    """The `Vision` that the command line asks for.

    Raises:
        DetectorError: there is no such model, it cannot be opened, or it gives no scores and is to be mirrored.
        SlicingError: the slices are none.
    """
    return Vision(
        options.model,
        llm=getattr(options, "llm", None),
        reader=getattr(options, "reader", None) or MODEL,
        min_score=getattr(options, "min_score", None),
        slices=options.slice,
        mirrored=options.mirrored,
        **{name: getattr(options, name) for name in ("device", "dtype", "threads")},
    )


def share(text: str) -> float:
    """A number from 0 to 1."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not is_score(number):
        raise argparse.ArgumentTypeError(f"expected a number from 0 to 1, not {text!r}")
    return number


def images_of(arguments: Sequence[str]) -> list[Path]:
    """The image files that arguments name, each once, in the arguments' order; a folder's in the order of its names.

    Pictures that an earlier run drew are left out of folders.

    Raises:
        ArgumentError: an argument names nothing.
        ImageError: a folder holds no image.
    """
    matches: dict[Path, Path] = {}
    for argument in arguments:
        for path in _named(argument):
            matches.setdefault(path.resolve(), path)
    return list(matches.values())


def _named(argument: str) -> list[Path]:
    path = Path(argument)
    if path.is_dir():
        _tell_left_out(path)
        return [image for image in list_images(path) if not image.name.endswith(DRAWN)]
    if path.exists():
        return [path]
    matches = sorted(Path(match) for match in glob.glob(argument, recursive=True))  # noqa: PTH207 - not from a folder
    if files := [match for match in matches if match.is_file() and not match.name.endswith(DRAWN)]:
        return files
    raise ArgumentError(f"there is no image, folder or match of {argument}{_nearest(path)}")


def _tell_left_out(folder: Path) -> None:
    folders, others = left_out(folder)
    parts = [f"{folders:,} subfolder{'' if folders == 1 else 's'}"] if folders else []
    if others:
        parts.append(f"{others:,} {'file that is no image' if others == 1 else 'files that are no images'}")
    if parts:
        print(f"note: {folder}: left out {' and '.join(parts)}", file=sys.stderr)


def _nearest(path: Path) -> str:
    if not path.absolute().parent.is_dir():
        return f": there is no folder {path.parent}"
    near = files_like(path)
    return f"; the nearest name is {near[0]}" if near else ""
