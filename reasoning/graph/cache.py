"""Graphs on disk: one folder of .npy arrays and a manifest, memory-mapped when opened.

Building an index from text takes seconds, opening one should take none. Every array's size and checksum stand in the
manifest, and its own checksum too, so a damaged folder is noticed, thrown away and built anew.
"""

from __future__ import annotations

import errno
import json
import logging
import shutil
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reasoning.errors import GraphError
from skylark.files import cache_dir, whole_folder

FORMAT = 6
"""Raised where what was stored before cannot be read or means something else, the folding of names included."""
MANIFEST = "manifest"
"""The checksum of what follows on the first line, then JSON."""
BLOCK = 1 << 18
CHECKED_WHOLE = 1 << 25
"""Bytes of a file up to which all of it is checked when a graph is opened."""
SAMPLES = 64
"""Blocks that are checked of a larger one."""
OUT_OF_ROOM = (errno.ENOMEM, errno.EMFILE, errno.ENFILE)
"""Errors that say nothing of the folder: there is no memory, or no further file may be open."""
log = logging.getLogger(__name__)

Arrays = dict[str, NDArray[Any]]


def graph_folder(name: str, fingerprint: str) -> Path:
    """Where a graph with this content lies; another content, another folder."""
    safe = "".join(char if char.isalnum() or char in "-._" else "-" for char in name)[:40]
    return cache_dir() / "graphs" / f"{safe}-{fingerprint[:16]}-v{FORMAT}"


def save(folder: Path, arrays: Mapping[str, NDArray[Any]], details: Mapping[str, Any]) -> None:
    """Write arrays and JSON-serialisable details into `folder`, all or nothing.

    A folder that another process completed in the meantime is left as it is.
    """
    try:
        with whole_folder(folder) as work:
            files = {}
            for name, array in arrays.items():
                path = work / f"{name}.npy"
                np.save(path, array)
                files[name] = {"bytes": path.stat().st_size, "crc32": _checksum(path)}
            content = json.dumps({"format": FORMAT, "details": dict(details), "files": files}).encode()
            (work / MANIFEST).write_bytes(b"%08x\n%b" % (zlib.crc32(content), content))
    except OSError:
        if not (folder / MANIFEST).exists():
            raise


def load(folder: Path) -> tuple[Arrays, dict[str, Any]] | None:
    """Open a saved folder: memory-mapped arrays and the details; None where there is none.

    Raises:
        GraphError: the folder is damaged (a file is missing, cut short or altered), or another version wrote it.
        OSError: memory ran out, or this process may open no more files.
    """
    try:
        if not folder.is_dir():
            return None
    except OSError:
        # A cache folder of someone else's, closed to us.
        return None
    try:
        checksum, _, content = (folder / MANIFEST).read_bytes().partition(b"\n")
        if int(checksum, 16) != zlib.crc32(content):
            raise ValueError("the manifest does not have the content that was written")
        manifest = json.loads(content)
        if manifest["format"] != FORMAT:
            raise GraphError(f"the cached graph {folder} has format {manifest['format']}, expected {FORMAT}")
        arrays: Arrays = {}
        for name, expected in manifest["files"].items():
            path = folder / f"{name}.npy"
            if path.stat().st_size != expected["bytes"] or _checksum(path) != expected["crc32"]:
                raise ValueError(f"{path.name} does not have the content that was written")
            # A memory map cannot be empty.
            mapped = np.load(path, mmap_mode="r" if expected["bytes"] > 4096 else None, allow_pickle=False)
            # As a plain view: numpy's class of memory maps pays a Python call for every item that is looked up.
            arrays[name] = np.asarray(mapped)
        return arrays, manifest["details"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, OSError) and error.errno in OUT_OF_ROOM:
            raise  # nothing is wrong with the folder
        raise GraphError(f"the cached graph {folder} is damaged: {error}") from error


def discard(folder: Path, why: GraphError) -> None:
    """Remove a folder that cannot be opened, saying so."""
    log.warning("%s; building it anew", why)
    shutil.rmtree(folder, ignore_errors=True)


def _checksum(path: Path) -> int:
    """Of the whole of a file, or of blocks spread over a large one, its first and last among them.

    A large graph must open in well under a second. A file that was cut short, or that a broken disk or a half-done copy
    filled with zeros, shows in its size or in a block; a single flipped bit between two blocks does not.
    """
    size, value = path.stat().st_size, 0
    count = -(-size // BLOCK)
    blocks = range(count) if size <= CHECKED_WHOLE else [count * i // (SAMPLES - 1) for i in range(SAMPLES)]
    with path.open("rb") as handle:
        for block in blocks:
            handle.seek(min(block * BLOCK, max(0, size - BLOCK)) if size > CHECKED_WHOLE else block * BLOCK)
            value = zlib.crc32(handle.read(BLOCK), value)
    return value
