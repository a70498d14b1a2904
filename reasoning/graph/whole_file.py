"""Writing a file whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from reasoning.errors import GraphError


@contextmanager
def written_whole(path: Path) -> Iterator[IO[bytes]]:
    """A file beside `path` that takes its place when all is written; after an error nothing is left of it.

    Raises:
        GraphError: it cannot be written, the disk being full, say.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with beside.open("wb") as file:
            yield file
        beside.replace(path)
    except OSError as error:
        raise GraphError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        beside.unlink(missing_ok=True)
