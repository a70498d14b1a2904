"""What tells two states of code and of files apart, so that a run that goes on is the run that was begun.

Both halves ask; it lives in the lowest room because imports go one way.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from kg_data.installation import ROOT

READ_WHOLE = 1 << 26
"""Bytes up to which all of a file is read."""

BLOCK, SAMPLES = 1 << 16, 256
"""Of a larger one so many blocks of so many bytes are read, evenly spread, the first and the last among them."""


@cache
def code_digest(*rooms: str) -> str:
    """A hex digest of the sources of some rooms: every Python file's path and content.

    Args:
        rooms: such as "kg_data", "reasoning".
    """
    total = hashlib.sha256()
    for room in rooms:
        for path in sorted((ROOT / room).rglob("*.py")):
            content = path.read_bytes()
            total.update(f"{path.relative_to(ROOT).as_posix()} {len(content)}\0".encode())
            total.update(content)
    return total.hexdigest()[:16]


def files_digest(paths: Iterable[Path]) -> str:
    """A hex digest of files by their names, sizes and content; of a large one by blocks spread over it.

    Raises:
        OSError: one cannot be read.
    """
    total = hashlib.sha256()
    for path in sorted(paths, key=lambda path: path.name):
        with path.open("rb") as file:
            size = path.stat().st_size
            total.update(f"{path.name} {size}\0".encode())
            if size <= READ_WHOLE:
                total.update(file.read())
                continue
            for number in range(SAMPLES):
                file.seek((size - BLOCK) * number // (SAMPLES - 1))
                total.update(file.read(BLOCK))
    return total.hexdigest()[:16]
