"""The registry: from a name to a graph, where public benchmarks are to be had, whether a copy is theirs.

The built-in graph needs nothing, a path needs no registration, and a data-set name is a folder under
`$SKYLARK_DATA/kg`. Skylark downloads nothing by itself: several benchmarks sit behind terms of their own. Copies that
differ (another split, lost lines) are a known source of figures that cannot be compared. A digest settles it, byte
for byte or but for line ends; else the numbers of triples, entities and relations tell how far off a copy is.
"""

import difflib
import hashlib
import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal

from kg_data import world
from kg_data.columns import GraphColumns
from kg_data.loaders import FORMAT_VERSION, SUFFIXES, Form, LoadingOptions, files_read, form_of, load_path
from kg_data.loaders.folders import SPLITS
from kg_data.loaders.mapping import Mapping as GraphMapping
from kg_data.loaders.tables import METAQA_FILES
from kg_data.loaders.text import USUAL
from skylark.errors import SkylarkError, UnknownGraphError
from skylark.files import did_you_mean


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
    table = Path(__file__).with_name("public.toml").read_text(encoding="utf-8")
    for entry in tomllib.loads(table)["benchmark"]:
        files = tuple(PublishedFile(**file) for file in entry.pop("files", ()))
        archive = PublishedFile(**entry.pop("archive")) if "archive" in entry else None
        also_called = tuple(entry.pop("also_called", ()))
        yield PublicBenchmark(**entry, files=files, archive=archive, also_called=also_called)


PUBLIC_BENCHMARKS = tuple(_published())

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
        plain = replace(loading, mapping=None)
        if self.path is not None:
            columns = load_path(self.path, self.name, plain)
        else:
            plain.refuse_all_but(f"the graph {self.name}")
            columns = world.load()
        return columns if loading.mapping is None else GraphMapping.read(loading.mapping).apply(columns)

    def fingerprint(self) -> str:
        """A hex digest that changes when the graph may have changed, found without reading the triples.

        For files it covers the place, name, size and modification time of each file read, so a cache keyed by it is
        stale after any edit, and also after a mere touch or move, which costs a rebuild and nothing else.
        """
        if self.path is None:
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
    """Read a graph by name or path; `resolve` finds it, `Source.load` reads it.

    Raises:
        UnknownGraphError: nothing has this name.
        DataError: a file is broken.
        UsageError: the graph is not read with what `loading` asks for.
    """
    return resolve(name_or_path).load(loading)


def fingerprint(name_or_path: str | Path) -> str:
    """The digest of a graph's present state by name or path; see `resolve` and `Source.fingerprint`.

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
    return verification if verification.by_digest else replace(verification, counts=_counts(source.load(), benchmark))


def _archive(path: Path) -> Verification | None:
    for benchmark in PUBLIC_BENCHMARKS:
        if benchmark.archive and benchmark.archive.name == path.name and not benchmark.files:
            return Verification(path, benchmark.name, (_check(path, benchmark.archive),), {}, benchmark.digests_from)
    return None


def _by_name(name: str) -> PublicBenchmark | None:
    for benchmark in (one for one in PUBLIC_BENCHMARKS if one.files):
        if name.casefold() in map(str.casefold, (benchmark.name, *benchmark.also_called)):
            return benchmark
    return None


def _by_content(folder: Path) -> PublicBenchmark | None:
    published = ((benchmark, file) for benchmark in PUBLIC_BENCHMARKS for file in benchmark.files if file.digest)
    same = ("same bytes", "same text, other line ends")
    return next((benchmark for benchmark, file in published if _check(folder / file.name, file).finding in same), None)


def _counts(graph: GraphColumns, benchmark: PublicBenchmark) -> dict[str, tuple[int, int]]:
    found = {"entities": len(graph.entity_ids), "relations": len(graph.relation_ids)}
    return {what: (count, published) for what, count in found.items() if (published := getattr(benchmark, what))}


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
    try:
        with path.open("rb") as file:
            for raw in file:
                line = raw.removesuffix(b"\n").removesuffix(b"\r") if raw.endswith(b"\n") else raw
                yield line, raw[len(line) :]
    except OSError as error:
        raise SkylarkError(f"{path} cannot be read: {error.strerror or error}") from error
