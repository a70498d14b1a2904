"""Many images under one instruction, to a zip: the pictures with what was found, the texts, and one file of all.

The zip is written beside its place and renamed, so a download never meets half of one; an image that cannot be read is
named in it and stops none of the others.
"""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.limits import BATCH_SECONDS
from kg_data.errors import SkylarkError
from vision import Detections, Vision

MOST_IMAGES = 200
LONGEST_SIDE = 2560
"""Of a picture in the zip, in pixels: what one visitor can have stored here is bounded."""
OVERDUE = f"Ended after {BATCH_SECONDS // 60} minutes, the most for one batch"
EXTENSIONS = {"json": "json", "coco": "json", "voc": "xml"}
"""Of the texts; all other formats are plain text."""


@dataclass(frozen=True)
class Progress:
    """How far a batch is.

    Attributes:
        done: images looked at.
        total: images in all.
        objects: objects found so far.
        failed: images that could not be read, as (name, why).
        archive: the zip, once all is done or the work was ended before.
        overdue: whether it was ended since its time was over.
        latest: the image just looked at, by name, and how many objects it has or why it could not be read.
    """

    done: int
    total: int
    objects: int = 0
    failed: tuple[tuple[str, str], ...] = ()
    archive: Path | None = None
    overdue: bool = False
    latest: tuple[str, int | str] | None = None


def run_batch(
    vision: Vision,
    paths: Sequence[Path],
    instruction: str,
    min_score: float,
    target: Path,
    stopped: Callable[[], bool] = lambda: False,
    seconds: float = BATCH_SECONDS,
) -> Iterator[Progress]:
    """Look at images one after another and write the zip.

    Args:
        vision: what looks.
        paths: the images, at most `MOST_IMAGES`.
        instruction: what is asked of each.
        min_score: bound on the score.
        target: where the zip goes.
        stopped: asked before each image; once it says yes, the zip is that of the images so far.
        seconds: after which no further image is looked at.

    Raises:
        SkylarkError: there is no image, or too many, or the instruction cannot be obeyed.
    """
    if not paths:
        raise SkylarkError("there is no image yet: add some files first")
    if len(paths) > MOST_IMAGES:
        raise SkylarkError(
            f"{len(paths)} images are more than one batch here takes ({MOST_IMAGES}); use python -m vision detect"
        )
    names = _distinct(paths)
    part = target.with_name(target.name + ".part")
    objects, failed, everything = 0, list[tuple[str, str]](), list[dict[str, Any]]()
    latest: tuple[str, int | str]
    done, overdue, ends = 0, False, time.monotonic() + seconds
    yield Progress(0, len(paths))
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        results = vision.detect_many(paths, instruction, min_score=min_score)
        for name, path, (_, found) in zip(names, paths, results, strict=True):
            overdue = time.monotonic() > ends
            if overdue or stopped():
                break
            done += 1
            try:
                if isinstance(found, SkylarkError):
                    raise found
                written, picture = found.text, _picture(found)
            except SkylarkError as error:
                why = without_path(error, path)
                failed.append((path.name, why))
                everything.append({"image": path.name, "error": why})
                latest = (path.name, why)
            else:
                objects += len(found)
                everything.append({"image": path.name, "name": name, **found.to_dict()})
                archive.writestr(f"text/{name}.{EXTENSIONS.get(found.output.format, 'txt')}", written)
                archive.writestr(f"pictures/{name}.jpg", picture, zipfile.ZIP_STORED)
                latest = (path.name, len(found))
            yield Progress(done, len(paths), objects, tuple(failed), latest=latest)
        archive.writestr("detections.json", json.dumps(everything, ensure_ascii=False, indent=1))
    part.replace(target)
    yield Progress(done, len(paths), objects, tuple(failed), target, overdue)


def _picture(found: Detections) -> bytes:
    """The image with what was found, as a JPEG of at most `LONGEST_SIDE` pixels a side."""
    drawn, file = found.draw(), io.BytesIO()
    drawn.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    drawn.save(file, "JPEG", quality=90)
    return file.getvalue()


def without_path(error: SkylarkError, path: Path) -> str:
    """An error's message without the file's path: where this machine keeps it is nobody's business."""
    return str(error).replace(str(path), "this file")


def _distinct(paths: Sequence[Path]) -> list[str]:
    """File names without their endings, numbered where two are alike to a system that minds no capitals."""
    names, taken = list[str](), set[str]()
    for path in paths:
        name, number = path.stem, 2
        while name.casefold() in taken:
            name, number = f"{path.stem}-{number}", number + 1
        taken.add(name.casefold())
        names.append(name)
    return names
