"""Many images under one instruction: the pictures with what was found, the texts, and one file of all, as a zip.

What is found in an image is on the disk before the next one is looked at, so that work which ends early keeps it. The
zip is written beside its place and renamed, so a download never meets half of one; an image that cannot be read is
named in it and stops none of the others.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from app.image.source import without_path
from kg_data.errors import SkylarkError
from vision import Detections, Vision

MOST_IMAGES = 200
LONGEST_SIDE = 2560
"""Of a picture in the zip, in pixels: what one visitor can have stored here is bounded."""
LIST = "detections.json"
EXTENSIONS = {"json": "json", "coco": "json", "voc": "xml"}
"""Of the texts; all other formats are plain text."""

Entry = dict[str, Any]
"""An image in the list of all: its file's name, and what was found or why it could not be read."""


def look_at_each(
    vision: Vision, paths: Sequence[Path], names: Sequence[str], instruction: str, min_score: float, folder: Path
) -> Generator[Entry, None, None]:
    """Look at images one after another; gives each one's entry once its picture and text are written.

    Args:
        vision: what looks.
        paths: the images.
        names: what their pictures and texts are called, without an ending.
        instruction: what is asked of each.
        min_score: bound on the score.
        folder: where pictures and texts go.

    Raises:
        SkylarkError: the instruction cannot be obeyed.
    """
    for part in ("text", "pictures"):
        (folder / part).mkdir(exist_ok=True)
    results = vision.detect_many(paths, instruction, min_score=min_score)
    for name, path, (_, found) in zip(names, paths, results, strict=True):
        try:
            if isinstance(found, SkylarkError):
                raise found
            written, picture = found.text, _picture(found)
        except SkylarkError as error:
            yield {"image": path.name, "error": without_path(error, path)}
        else:
            text = folder / "text" / f"{name}.{EXTENSIONS.get(found.output.format, 'txt')}"
            text.write_text(written, encoding="utf-8")
            (folder / "pictures" / f"{name}.jpg").write_bytes(picture)
            yield {"image": path.name, "name": name, **found.to_dict()}


def write_zip(folder: Path, entries: Sequence[Entry], target: Path) -> None:
    """Pack what `look_at_each` has written to `folder`, with the list of all entries."""
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


def _picture(found: Detections) -> bytes:
    """The image with what was found, as a JPEG of at most `LONGEST_SIDE` pixels a side."""
    drawn, file = found.draw(), io.BytesIO()
    drawn.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    drawn.save(file, "JPEG", quality=90)
    return file.getvalue()
