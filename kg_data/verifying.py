"""Whether a copy of a benchmark is the published one.

A digest settles it, byte for byte or but for line ends, which editors and version control change. Where none is known,
or the bytes differ, the numbers of triples, entities and relations tell how far off a copy is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kg_data.columns import GraphColumns
from kg_data.errors import SkylarkError, UnknownGraphError
from kg_data.public import PUBLIC_BENCHMARKS, PublicBenchmark, PublishedFile
from kg_data.registry import resolve

Finding = Literal["same bytes", "same text, other line ends", "same number of rows", "differs", "missing"]


@dataclass(frozen=True)
class FileCheck:
    """One file held against the published one.

    Attributes:
        name: the file.
        finding: "same number of rows" is all that can be said where no digest is known.
        rows, published_rows: lines that are not blank.
    """

    name: str
    finding: Finding
    rows: int
    published_rows: int


@dataclass(frozen=True)
class Verification:
    """A copy held against the published data set.

    Attributes:
        path: the copy.
        benchmark: the name of the data set.
        files: its files.
        counts: "entities" and "relations" to (found, published); empty where digests settle it.
        digests_from: who published the digests, "" where there are none.
    """

    path: Path
    benchmark: str
    files: tuple[FileCheck, ...]
    counts: dict[str, tuple[int, int]]
    digests_from: str

    @property
    def by_digest(self) -> bool:
        """Whether digests settle that this is the published data."""
        return all(check.finding.startswith("same ") and "rows" not in check.finding for check in self.files)

    @property
    def matches(self) -> bool:
        """Whether this is the published data as far as can be told."""
        files = all(check.finding not in ("differs", "missing") for check in self.files)
        return files and all(found == published for found, published in self.counts.values())


def verify(name_or_path: str | Path) -> Verification:
    """Compare a data set of the data folder, or a folder or archive, with what is published.

    The benchmark is told by the name, else by a file whose digest fits.

    Raises:
        UnknownGraphError: nothing has this name, or nothing is known of it.
        DataError: a file cannot be read.
    """
    path = Path(name_or_path)
    if path.is_file() and (found := _archive(path)):
        return found
    source = resolve(name_or_path)
    if source.path is None:
        raise UnknownGraphError(f'"{source.name}" is built in; there is no published copy to compare it with')
    benchmark = _by_name(source.name) or _by_content(source.path)
    if benchmark is None:
        raise UnknownGraphError(
            f"nothing is known of {source.name!r}; name the folder after what it holds: "
            + ", ".join(item.name for item in PUBLIC_BENCHMARKS if item.files)
        )
    checks = tuple(_check(source.path / file.name, file) for file in benchmark.files)
    verification = Verification(source.path, benchmark.name, checks, {}, benchmark.digests_from)
    if verification.by_digest:
        return verification
    return Verification(source.path, benchmark.name, checks, _counts(source.load(), benchmark), benchmark.digests_from)


def _archive(path: Path) -> Verification | None:
    for benchmark in PUBLIC_BENCHMARKS:
        if benchmark.archive and benchmark.archive.name == path.name and not benchmark.files:
            return Verification(path, benchmark.name, (_check(path, benchmark.archive),), {}, benchmark.digests_from)
    return None


def _by_name(name: str) -> PublicBenchmark | None:
    for benchmark in PUBLIC_BENCHMARKS:
        if benchmark.files and name.casefold() in (
            item.casefold() for item in (benchmark.name, *benchmark.also_called)
        ):
            return benchmark
    return None


def _by_content(folder: Path) -> PublicBenchmark | None:
    for benchmark in PUBLIC_BENCHMARKS:
        for file in benchmark.files:
            if file.digest and _check(folder / file.name, file).finding in ("same bytes", "same text, other line ends"):
                return benchmark
    return None


def _counts(graph: GraphColumns, benchmark: PublicBenchmark) -> dict[str, tuple[int, int]]:
    pairs = {
        "entities": (len(graph.entity_ids), benchmark.entities),
        "relations": (len(graph.relation_ids), benchmark.relations),
    }
    return {what: pair for what, pair in pairs.items() if pair[1]}


def _check(path: Path, published: PublishedFile) -> FileCheck:
    if not path.is_file():
        return FileCheck(path.name, "missing", 0, published.rows)
    kind, _, digest = published.digest.partition(":")
    as_is, newlines, returns = (hashlib.new(kind or "md5", usedforsecurity=False) for _ in range(3))
    rows = 0
    for line, end in _lines(path):
        rows += bool(line.strip())
        as_is.update(line + end)
        newlines.update(line + end.replace(b"\r", b""))
        returns.update(line + (b"\r\n" if end else b""))
    finding: Finding = "differs"
    if not digest:
        finding = "same number of rows" if rows == published.rows else "differs"
    elif as_is.hexdigest() == digest:
        finding = "same bytes"
    elif digest in (newlines.hexdigest(), returns.hexdigest()):
        finding = "same text, other line ends"
    return FileCheck(path.name, finding, rows if published.rows else 0, published.rows)


def _lines(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """The lines of a file and their ends."""
    try:
        with path.open("rb") as file:
            for raw in file:
                line = raw.removesuffix(b"\n").removesuffix(b"\r") if raw.endswith(b"\n") else raw
                yield line, raw[len(line) :]
    except OSError as error:
        raise SkylarkError(f"{path} cannot be read: {error.strerror or error}") from error
