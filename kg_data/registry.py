"""From a name to a graph: what "world", "umls" or "my/facts.tsv" means on this machine.

The built-in graph needs nothing, a path needs no registration, and a data-set name is a folder under
`$SKYLARK_DATA/kg`. A name that means nothing is answered with the nearest names that do.
"""

from __future__ import annotations

import difflib
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar, Literal

from kg_data.columns import GraphColumns
from kg_data.errors import MissingPackageError, UnknownGraphError
from kg_data.installation import core_command
from kg_data.loaders import FORMAT_VERSION, SUFFIXES, Form, LoadingOptions, files_read, form_of, load_path
from kg_data.loaders.folders import SPLITS
from kg_data.loaders.options import USUAL
from kg_data.loaders.single import METAQA_FILES
from kg_data.nearest_files import did_you_mean
from kg_data.public import PUBLIC_BENCHMARKS, PublicBenchmark

SourceKind = Literal["built-in", "labelled", "integer", "metaqa", "file"]

WORLD = "world"


@dataclass(frozen=True)
class Source:
    """Where one graph comes from.

    Attributes:
        name: the graph's name, for display.
        kind: "built-in", or the form of the file or folder.
        path: the file or folder; None for a built-in graph.
    """

    name: str
    kind: SourceKind
    path: Path | None = None

    def load(self, loading: LoadingOptions = USUAL) -> GraphColumns:
        """Read the graph.

        Args:
            loading: what a file of one's own does not say of itself.

        Raises:
            DataError: a file is broken; the error names the file and line.
            UsageError: the graph is not read with what `loading` asks for.
        """
        if self.path is not None:
            return load_path(self.path, self.name, loading)
        loading.refuse_all_but(f"the graph {self.name}")
        with _world_packages():
            from kg_data import world

            return world.build()

    def fingerprint(self) -> str:
        """A hex digest that changes when the graph may have changed, found without reading the triples.

        For files it covers the place, name, size and modification time of each file read, so a cache keyed by it is
        stale after any edit, and also after a mere touch or move, which costs a rebuild and nothing else.
        """
        if self.path is None:
            with _world_packages():
                from kg_data import world

                return world.fingerprint()
        digest = hashlib.sha256(f"{self.kind} {FORMAT_VERSION} {self.path.resolve()}\n".encode())
        for path in files_read(self.path):
            status = path.stat()
            digest.update(f"{path.name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
        return digest.hexdigest()


@dataclass(frozen=True)
class BuiltInGraph:
    """A graph that comes with Skylark.

    Attributes:
        name: the name it is loaded by.
        about: what it holds, a few words.
    """

    name: str
    about: str

    where: ClassVar[str] = "built in"


@dataclass(frozen=True)
class LocalDataset:
    """A data set in the data folder.

    Attributes:
        name: the name it is loaded by.
        form: its form on disk.
        triples: triple lines per split as they stand in the files, inverse twins and duplicates included.
        queries: query files, relative to the folder, e.g. "queries/test-2p.jsonl".
        questions: question files, relative to the folder, e.g. "2-hop/qa_dev.txt".
        path: the folder.
    """

    name: str
    form: Form
    triples: Mapping[str, int]
    queries: tuple[str, ...]
    questions: tuple[str, ...]
    path: Path

    where: ClassVar[str] = "data folder"


Dataset = BuiltInGraph | LocalDataset | PublicBenchmark

BUILT_IN = (BuiltInGraph(WORLD, "countries, subdivisions, cities, airports, currencies, languages and time zones"),)


def data_root() -> Path:
    """The data folder: `$SKYLARK_DATA`, by default `../shared/data` from the project's root; it may not exist."""
    configured = os.environ.get("SKYLARK_DATA")
    return Path(configured) if configured else Path(__file__).resolve().parents[2] / "shared" / "data"


def resolve(name_or_path: str | Path) -> Source:
    """Find a graph: the built-in name, else an existing file or folder, else a data set of the data folder.

    Data-set names are taken without regard to case ("FB15k-237"). Where a folder of no known form happens to carry a
    data set's name, the data set is meant.

    Raises:
        UnknownGraphError: nothing has this name; the message lists what is known, nearest first.
        DataError: the path exists and has no known form.
    """
    name = str(name_or_path).strip()
    if name == WORLD:
        return Source(WORLD, "built-in")
    path = Path(name)
    exists = bool(name) and _exists(path)
    if exists and (form := form_of(path)):
        return Source(_name_of(path), form, path)
    local = [Source(known, form, place) for known, form, place in _local_folders()]
    named = [source for source in local if source.name == name]
    named = named or [source for source in local if source.name.casefold() == name.casefold()]
    if named:
        return named[0]
    if exists:
        files_read(path)  # says what the path holds and which forms are known
    raise UnknownGraphError(_unknown(name, [WORLD, *(source.name for source in local)]))


def load(name_or_path: str | Path, loading: LoadingOptions = USUAL) -> GraphColumns:
    """Read a graph by name or path, see `resolve`.

    Args:
        name_or_path: a name or a path.
        loading: what a file of one's own does not say of itself.

    Raises:
        UnknownGraphError: nothing has this name.
        DataError: a file is broken.
        UsageError: the graph is not read with what `loading` asks for.
    """
    return resolve(name_or_path).load(loading)


def fingerprint(name_or_path: str | Path) -> str:
    """The digest of a graph's present state by name or path, see `Source.fingerprint`.

    Raises:
        UnknownGraphError: nothing has this name.
    """
    return resolve(name_or_path).fingerprint()


def list_datasets() -> list[Dataset]:
    """What there is to load: built in first, then the data folder, then what others publish (nothing is downloaded).

    Cheap: lines are counted, triples are not read.
    """
    local = (
        LocalDataset(
            name=name,
            form=form,
            triples={split: _count_lines(path) for split, path in _split_files(folder)},
            queries=_relative(folder, folder.glob("queries/*.jsonl")),
            questions=_relative(folder, (p for p in folder.rglob("qa_*.txt") if not p.stem.endswith("_qtype"))),
            path=folder,
        )
        for name, form, folder in _local_folders()
    )
    return [*BUILT_IN, *local, *PUBLIC_BENCHMARKS]


def describe_datasets() -> list[dict[str, object]]:
    """`list_datasets` as plain data for JSON: each one's fields, and "where": "built in", "data folder" or "public"."""
    return [
        {"where": item.where}
        | {key: str(value) if isinstance(value, Path) else value for key, value in asdict(item).items()}
        for item in list_datasets()
    ]


def _local_folders() -> Iterator[tuple[str, Form, Path]]:
    root = data_root() / "kg"
    # One level deeper as well: WN18RR's readable synsets are the folder wn18rr/text.
    for folder in sorted(item for pattern in ("*", "*/*") for item in root.glob(pattern) if item.is_dir()):
        if form := form_of(folder):
            yield folder.relative_to(root).as_posix(), form, folder


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # too long, or with a character that no path may hold
        return False


def _name_of(path: Path) -> str:
    absolute, root = path.resolve(), (data_root() / "kg").resolve()
    if absolute.is_dir() and absolute.is_relative_to(root) and absolute != root:
        return absolute.relative_to(root).as_posix()
    return absolute.stem if absolute.is_file() else absolute.name


def _split_files(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in files_read(folder):
        if path.name in METAQA_FILES:
            yield "graph", path
        elif path.stem in SPLITS and path.suffix == ".txt":
            yield path.stem, path


def _count_lines(path: Path) -> int:
    count, last = 0, b"\n"
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            count += block.count(b"\n")
            last = block[-1:]
    return count + (last != b"\n")


def _relative(folder: Path, paths: Iterable[Path]) -> tuple[str, ...]:
    return tuple(sorted(path.relative_to(folder).as_posix() for path in paths))


def _unknown(name: str, known: list[str]) -> str:
    parts = [f"no graph is called {name!r}"]
    if meant := did_you_mean(Path(name), lambda path: form_of(path) is not None):
        parts.append(meant.removesuffix("?"))
    names = {item.casefold(): item for item in known}
    if near := difflib.get_close_matches(name.casefold(), list(names), n=3, cutoff=0.5):
        parts.append("nearest: " + ", ".join(names[item] for item in near))
    parts.append("known: " + ", ".join(known))
    root = data_root()
    for benchmark in PUBLIC_BENCHMARKS:
        if benchmark.name.casefold() == name.casefold():
            parts.append(f"{benchmark.name} is to be had from {benchmark.home}, as a folder under {root / 'kg'}")
    if not (root / "kg").is_dir():
        parts.append(f"there is no data folder {root / 'kg'}, set SKYLARK_DATA to the folder that holds kg/")
    parts.append(f"or give the path of a file ({', '.join(SUFFIXES)}) or a data-set folder")
    return "; ".join(parts)


@contextmanager
def _world_packages() -> Iterator[None]:
    """A missing package as an error that names it; the graph is imported when asked for, since others need none."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingPackageError("The graph 'world'", error.name or "", core_command()) from error
