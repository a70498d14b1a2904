"""Where a graph was loaded from: its address, which is pickled in place of millions of triples."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import kg_data
from reasoning.graph import cache


@dataclass(frozen=True)
class Origin:
    """Some splits of a graph as they were at one moment.

    Attributes:
        name: the built-in name, else the absolute path.
        splits: those that the graph holds, None for all.
        folder: where the cache has it; its name holds a fingerprint of the content.
    """

    name: str
    splits: tuple[str, ...] | None
    folder: Path

    @classmethod
    def of(cls, name_or_path: str | Path, splits: Sequence[str] | None) -> Origin:
        """That of a graph as it is now.

        Raises:
            UnknownGraphError: nothing has this name.
            DataError: the path has no known form.
        """
        source = kg_data.resolve(name_or_path)
        content = hashlib.sha256(
            repr((source.fingerprint(), None if splits is None else sorted(splits))).encode()
        ).hexdigest()
        name = source.name if source.path is None else str(source.path.resolve())
        return cls(name, None if splits is None else tuple(splits), cache.graph_folder(source.name, content))
