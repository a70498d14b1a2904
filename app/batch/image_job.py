"""One job of images: taken in, looked at one after another under one instruction, and packed as a zip.

What is found in an image is on the disk before the next one is looked at, so that work which ends early keeps it. The
zip holds the pictures with what was found, the texts, and one list of all. It is written beside its place and renamed,
so a download never meets half of one. An image that cannot be read is named in the list and stops none of the others.
"""

from __future__ import annotations

import io
import json
import shutil
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from app.batch.queue import Job, State, WaitingLine
from app.batch.zip import Bounds, listed, unpack
from app.image.looking import without_path
from kg_data.errors import SkylarkError
from vision import Detections, Vision
from vision.images.loading import MAX_BYTES

MOST_IMAGES = 200
ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")
IMAGES = Bounds(files=MOST_IMAGES, bytes_each=MAX_BYTES, bytes_all=4 * MAX_BYTES)
LIST_BOUNDS = Bounds(files=1, bytes_each=2**25, bytes_all=2**25)
LONGEST_SIDE = 2560
"""Of a picture in the zip, in pixels: what one visitor can have stored here is bounded."""
SENT, FOUND, ARCHIVE, LIST = "sent", "found", "skylark-detections.zip", "detections.json"
EXTENSIONS = {"json": "json", "coco": "json", "voc": "xml"}
"""Of the texts; all other formats are plain text."""

Entry = dict[str, Any]
"""An image in the list of all: its file's name, and what was found or why it could not be read."""


def count_images(files: Sequence[Path]) -> tuple[int, int]:
    """How many images were sent, and how many bytes they have; zips are not unpacked for it.

    Raises:
        SkylarkError: as `take_images`.
    """
    sizes: list[int] = []
    for path in files:
        sizes += listed(path, IMAGES, _is_image) if path.suffix.lower() == ".zip" else [path.stat().st_size]
    if not sizes:
        ends = ", ".join(ENDINGS)
        raise SkylarkError(f"there is no image yet: add a zip of images, or images; names end in {ends}")
    if len(sizes) > MOST_IMAGES:
        raise SkylarkError(f"{len(sizes)} images are more than one job here takes ({MOST_IMAGES}): send fewer")
    if sum(sizes) > IMAGES.bytes_all:
        raise SkylarkError(
            f"the images have {sum(sizes):,} bytes, more than one job here takes ({IMAGES.bytes_all:,}): send fewer"
        )
    return len(sizes), sum(sizes)


def take_images(files: Sequence[Path], folder: Path) -> list[Path]:
    """The images among what was sent, copied or unpacked into `folder`, since uploads do not last.

    Raises:
        SkylarkError: there is none, or too much, or a zip is no honest one.
    """
    count_images(files)
    images: list[Path] = []
    for number, path in enumerate(files):
        place = folder / str(number)
        place.mkdir()
        if path.suffix.lower() == ".zip":
            images += unpack(path, place, IMAGES, _is_image)
        else:
            images.append(Path(shutil.copyfile(path, place / path.name)))
    return images


def names_in_results(results: Path, folder: Path) -> Counter[str]:
    """How often each image's name is in an earlier zip of results, whose list is unpacked into `folder`.

    Raises:
        SkylarkError: it is no such zip.
    """
    unpacked = unpack(results, folder, LIST_BOUNDS, lambda name: name == LIST)
    try:
        return Counter(str(entry["image"]) for entry in json.loads(unpacked[0].read_text(encoding="utf-8")))
    except (IndexError, ValueError, TypeError, KeyError, RecursionError):
        raise SkylarkError(f"this is no zip of results: one has {LIST} in it; give it back as it was") from None


def without_done(images: Sequence[Path], done: Counter[str]) -> list[Path]:
    """The images that are not among those done; where several have a name, the later ones."""
    waiting, rest = Counter(done), []
    for path in images:
        if waiting[path.name]:
            waiting[path.name] -= 1
        else:
            rest.append(path)
    return rest


class ImageJob(Job):
    """A visitor's images.

    Args:
        folder: where its files are; `sent` in it holds the images.
        paths: the images.
        instruction: what is asked of each.
        min_score: bound on the score.
        vision: gives what looks; called once the job has its turn.
        skipped: how many images an earlier job's results hold, which are not among `paths`.

    Attributes:
        entries: what was found so far, an entry an image.
        archive: the zip of it, while the job rests; None where there is nothing.
    """

    def __init__(
        self,
        folder: Path,
        paths: Sequence[Path],
        instruction: str,
        min_score: float,
        vision: Callable[[], Vision],
        skipped: int = 0,
    ) -> None:
        super().__init__(folder)
        self.total, self.skipped = len(paths), skipped
        self._paths, self._names = list(paths), distinct_names(paths)
        self._instruction, self._min_score, self._vision = instruction, min_score, vision
        self.entries: list[Entry] = []
        self.archive: Path | None = None
        self.size = sum(path.stat().st_size for path in paths)
        self._began: float | None = None
        self._began_with, self._seconds = 0, 0.0

    @property
    def objects(self) -> int:
        """How many were found so far."""
        return sum(len(entry.get("objects", ())) for entry in self.entries)

    @property
    def failed(self) -> int:
        """How many images could not be read so far."""
        return sum("error" in entry for entry in self.entries)

    @property
    def elapsed(self) -> float:
        """Seconds of this turn, or of the last one."""
        began = self._began  # which the worker may take away meanwhile
        return self._seconds if began is None else time.monotonic() - began

    @property
    def pace(self) -> float | None:
        """Seconds an image took in this turn, or in the last one; None where none was looked at."""
        done = len(self.entries) - self._began_with
        return self.elapsed / done if done else None

    def start(self, line: WaitingLine) -> None:
        """Look at the images on a thread, from where it was; returns at once.

        Raises:
            SkylarkError: it is at work already, or too many jobs wait.
        """
        self._begin("waiting", line, self._run)

    def _run(self) -> State:
        self.state = "running"
        self._began, self._began_with = time.monotonic(), len(self.entries)
        try:
            with closing(self._look_at_rest(self.folder / FOUND)) as entries:
                for entry in entries:
                    self.entries.append(entry)
                    if len(self.entries) < self.total:
                        self._check()
        finally:
            self._seconds, self._began = self.elapsed, None
            self._pack()
        return "done"

    def _look_at_rest(self, folder: Path) -> Generator[Entry, None, None]:
        """Gives each image's entry once its picture and text are written to `folder`.

        Raises:
            SkylarkError: the instruction cannot be obeyed.
        """
        for part in ("text", "pictures"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        done = len(self.entries)
        paths = self._paths[done:]
        results = self._vision().detect_many(paths, self._instruction, min_score=self._min_score)
        for name, path, (_, outcome) in zip(self._names[done:], paths, results, strict=True):
            try:
                if isinstance(outcome, SkylarkError):
                    raise outcome
                text, picture = outcome.text, _picture(outcome)
            except SkylarkError as error:
                yield {"image": path.name, "error": without_path(error, path)}
            else:
                extension = EXTENSIONS.get(outcome.output.format, "txt")
                (folder / "text" / f"{name}.{extension}").write_text(text, encoding="utf-8")
                (folder / "pictures" / f"{name}.jpg").write_bytes(picture)
                yield {"image": path.name, "name": name, **outcome.to_dict()}

    def _pack(self) -> None:
        if len(self.entries) == self.total:
            # Nobody continues this job, so what was sent is of no more use.
            shutil.rmtree(self.folder / SENT, ignore_errors=True)
        if self.entries:
            self.archive = self.folder / ARCHIVE
            write_zip(self.folder / FOUND, self.entries, self.archive)
        self.size = sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())


def write_zip(folder: Path, entries: Sequence[Entry], target: Path) -> None:
    """Pack the texts and pictures in `folder`, with the list of all entries."""
    part = target.with_name(target.name + ".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted((folder / "text").glob("*")):
            archive.write(path, f"text/{path.name}")
        for path in sorted((folder / "pictures").glob("*")):
            archive.write(path, f"pictures/{path.name}", zipfile.ZIP_STORED)
        archive.writestr(LIST, json.dumps(entries, ensure_ascii=False, indent=1))
    part.replace(target)


def distinct_names(paths: Sequence[Path]) -> list[str]:
    """File names without their endings, numbered where two are alike to a system that minds no capitals."""
    names, taken = list[str](), set[str]()
    for path in paths:
        name, number = path.stem, 2
        while name.casefold() in taken:
            name, number = f"{path.stem}-{number}", number + 1
        taken.add(name.casefold())
        names.append(name)
    return names


def _is_image(name: str) -> bool:
    return name.lower().endswith(ENDINGS)


def _picture(detections: Detections) -> bytes:
    """The image with what was found, as a JPEG of at most `LONGEST_SIDE` pixels a side."""
    drawn, file = detections.draw(), io.BytesIO()
    drawn.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    drawn.save(file, "JPEG", quality=90)
    return file.getvalue()
