"""The images that a command line names: files, folders, and patterns where the shell has not filled them in."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path

from rapidfuzz.process import extractOne

from vision.cli.output_folder import DRAWN
from vision.errors import ArgumentError
from vision.images.loading import list_images


def images_of(arguments: Sequence[str]) -> list[Path]:
    """The image files that arguments name, each once, in the arguments' order; a folder's in the order of its names.

    Pictures that an earlier run drew are left out of folders.

    Raises:
        ArgumentError: an argument names nothing.
        ImageError: a folder holds no image.
    """
    found: dict[Path, Path] = {}
    for argument in arguments:
        for path in _named(argument):
            found.setdefault(path.resolve(), path)
    return list(found.values())


def _named(argument: str) -> list[Path]:
    path = Path(argument)
    if path.is_dir():
        return [image for image in list_images(path) if not image.name.endswith(DRAWN)]
    if path.exists():
        return [path]
    matches = sorted(Path(match) for match in glob.glob(argument, recursive=True))  # noqa: PTH207 - not from a folder
    if files := [match for match in matches if match.is_file() and not match.name.endswith(DRAWN)]:
        return files
    raise ArgumentError(f"there is no image, folder or match of {argument}{_nearest(path)}")


def _nearest(path: Path) -> str:
    try:
        names = [beside.name for beside in path.absolute().parent.iterdir()]
    except OSError:
        return f": there is no folder {path.parent}"
    found = extractOne(path.name, names, score_cutoff=60)
    return f"; the nearest name is {path.parent / found[0]}" if found else ""
