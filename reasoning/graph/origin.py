"""Where a graph was loaded from: its address, which is pickled in place of millions of triples."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import kg_data
from kg_data.loaders import LoadingOptions
from reasoning.graph import cache


@dataclass(frozen=True)
class Origin:
    """Some splits of a graph as they were at one moment.

    Attributes:
        name: the built-in name, else the absolute path.
        splits: those that the graph holds, None for all.
        loading: what was said of how its file is read.
        folder: where the cache has it; its name holds a fingerprint of the content.
    """

    name: str
    splits: tuple[str, ...] | None
    loading: LoadingOptions
    folder: Path

    @classmethod
    def of(cls, name_or_path: str | Path, splits: Sequence[str] | None, loading: LoadingOptions) -> Origin:
        """That of a graph as it is now.

        Raises:
            UnknownGraphError: nothing has this name.
            DataError: the path has no known form.
        """
        source = kg_data.resolve(name_or_path)
        chosen = None if splits is None else sorted(splits)
        content = hashlib.sha256(repr((source.fingerprint(), chosen, loading)).encode()).hexdigest()
        name = source.name if source.path is None else str(source.path.resolve())
        folder = cache.graph_folder(source.name, content)
        return cls(name, None if splits is None else tuple(splits), loading, folder)

    @property
    def arguments(self) -> tuple[str, ...]:
        """What loads it on the command line: `--kg` and what follows."""
        return ("--kg", self.name, *self.loading.flags())
