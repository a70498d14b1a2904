"""The one file of a graph on disk that says what the graph is: everything else only counts where it is named there.

A store is a folder with the arrays of a base and a log of the changes since, a line each. The head names both and says
how much of the log counts. It is replaced as a whole: that is the one moment at which a change happens. What a killed
process left beside it is named nowhere; a line of the log goes with the next change, a base with the next compaction.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from kg_data.appended_lines import write_whole
from kg_data.errors import ResultsError
from reasoning.errors import StoreError

HEAD = "skylark-graph"
"""The name of the file: the checksum of what follows on the first line, then JSON."""
FORMAT = 1
REMEMBERED = 1000
"""Changes whose digests are remembered, so that one that arrives twice is told."""


@dataclass(frozen=True)
class Head:
    """What a store consists of.

    Attributes:
        base: the folder of the arrays.
        log: the file of the changes since.
        length: how many of its bytes count.
        checksum: of these bytes, by CRC-32.
        changes: how many they are.
        facts: how many single facts they changed.
        seen: the digests of the latest changes, each with the day it arrived, those in the base among them.
    """

    base: str
    log: str
    length: int = 0
    checksum: int = 0
    changes: int = 0
    facts: int = 0
    seen: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> Head:
        """That of a store.

        Raises:
            StoreError: there is no store, or its head is damaged or of another version.
        """
        path = folder / HEAD
        try:
            mark, _, content = path.read_bytes().partition(b"\n")
            if int(mark, 16) != zlib.crc32(content):
                raise ValueError("it is not what was written")
            found = json.loads(content)
            if found.pop("format") != FORMAT:
                raise ValueError(f"another version of Skylark wrote it, this one reads format {FORMAT}")
            return cls(**found)
        except (FileNotFoundError, NotADirectoryError):
            raise StoreError(f"there is no graph store in {folder}; --from GRAPH makes one") from None
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise StoreError(f"the graph store {folder} is damaged: {path.name}: {error}") from None

    def write(self, folder: Path) -> None:
        """Let a store consist of this from now on; it does or it does not, whatever happens.

        Raises:
            StoreError: it cannot be written.
        """
        content = json.dumps({"format": FORMAT, **asdict(self)}).encode()
        try:
            write_whole(folder / HEAD, b"%08x\n%b" % (zlib.crc32(content), content))
        except ResultsError as error:
            raise StoreError(f"the graph store {folder} is as it was: {error}") from None

    def followed_by(self, line: bytes, facts: int, digest: str, day: str) -> Head:
        """With one change more."""
        seen = {**{key: value for key, value in self.seen.items() if key != digest}, digest: day}
        return replace(
            self,
            length=self.length + len(line),
            checksum=zlib.crc32(line, self.checksum),
            changes=self.changes + 1,
            facts=self.facts + facts,
            seen=dict(list(seen.items())[-REMEMBERED:]),
        )

    def followed_by_base(self) -> Head:
        """With a new base, which holds all changes, and an empty log."""
        number = int(self.base.rpartition("-")[2]) + 1
        return Head(f"base-{number}", f"changes-{number}.jsonl", seen=self.seen)


def state_of(path: str | Path) -> bytes | None:
    """What tells one state of a graph store from another; None of anything else."""
    try:
        return (Path(path) / HEAD).read_bytes()
    except (OSError, ValueError):
        return None


def is_store(path: str | Path) -> bool:
    """Whether a path is the folder of a graph store."""
    try:
        return (Path(path) / HEAD).is_file()
    except (OSError, ValueError):
        return False
