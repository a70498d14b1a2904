"""Folders in the cache that are made once, by one process, and appear under their names only when they are whole."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

log = logging.getLogger(__name__)


def make_whole(folder: Path, is_intact: Callable[[Path], bool], make: Callable[[Path], object], seconds: float) -> None:
    """See that a folder is there and intact; where it is not, make it beside its place and rename it.

    What is there and damaged is replaced, and what killed processes left beside it is removed.

    Args:
        folder: the folder.
        is_intact: whether one is whole.
        make: fills an empty one.
        seconds: how long another process that makes it is waited for.

    Raises:
        filelock.Timeout: it took longer.
        OSError: nothing can be written there.
    """
    if is_intact(folder):
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    # The operating system frees the lock of a process that was killed, so nobody waits for the dead.
    with FileLock(folder.with_name(f"{folder.name}.lock"), timeout=seconds):
        if not is_intact(folder):
            _make(folder, make)


def _make(folder: Path, make: Callable[[Path], object]) -> None:
    """Make it; the caller holds the lock."""
    abandoned = f".{folder.name}.part-"
    for leftover in folder.parent.glob(f"{abandoned}*"):
        shutil.rmtree(leftover, ignore_errors=True)
    if folder.exists():
        log.warning("%s is damaged or incomplete: making it again", folder)
    part = Path(tempfile.mkdtemp(prefix=abandoned, dir=folder.parent))
    try:
        make(part)
        if folder.exists():
            folder.rename(part / "damaged")
        # One rename, so no reader ever sees a folder that is half there; what was damaged goes along and is removed.
        part.rename(folder)
        shutil.rmtree(folder / "damaged", ignore_errors=True)
    finally:
        shutil.rmtree(part, ignore_errors=True)
