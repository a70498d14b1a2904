"""Where the public benchmarks of the field are to be had, and how a right copy is told.

Skylark downloads nothing by itself: several of these sets sit behind terms of their own. A data set put as a folder
under `$SKYLARK_DATA/kg` is found by its folder's name; its form (labelled, integer ids, MetaQA) is recognised, and
`kg_data.verifying` compares it with the table `public.toml`. Copies of a benchmark that differ (another split, lost
lines) are a known source of figures that cannot be compared.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar


@dataclass(frozen=True)
class PublishedFile:
    """A file of a data set.

    Attributes:
        name: its name.
        rows: its lines that are not blank; 0 for an archive.
        digest: "md5:..." or "sha256:..." of its bytes, "" where none is known.
    """

    name: str
    rows: int
    digest: str = ""


@dataclass(frozen=True)
class PublicBenchmark:
    """A published data set.

    Attributes:
        name: the name it goes by in papers.
        about: what it holds, a few words.
        paper: authors, year and where it appeared.
        home: page or repository it is distributed from.
        licence: the terms as its distributors state them; "not stated" where they do not.
        files: the files that hold its triples.
        digests_from: who published the digests, or what they were computed from; "" where there are none.
        entities, relations: their numbers over all files, inverse relations not counted; 0 where not known.
        archive: the archive that it is published as, where that has a published digest.
        also_called: further names that folders of it carry.
    """

    name: str
    about: str
    paper: str
    home: str
    licence: str
    files: tuple[PublishedFile, ...] = ()
    digests_from: str = ""
    entities: int = 0
    relations: int = 0
    archive: PublishedFile | None = None
    also_called: tuple[str, ...] = ()

    where: ClassVar[str] = "public"


def _published() -> Iterator[PublicBenchmark]:
    """The benchmarks that the table beside this module lists."""
    table = Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
    for entry in tomllib.loads(table)["benchmark"]:
        files = tuple(PublishedFile(**file) for file in entry.pop("files", ()))
        archive = PublishedFile(**entry.pop("archive")) if "archive" in entry else None
        also_called = tuple(entry.pop("also_called", ()))
        yield PublicBenchmark(**entry, files=files, archive=archive, also_called=also_called)


PUBLIC_BENCHMARKS = tuple(_published())
