"""Graphs that visitors may choose, and those that they bring.

A visitor never names a path. `KnowledgeGraph.load` takes paths as well, so a name is looked up in the list first and
nothing else reaches it. A graph of one's own is read from one uploaded file, kept in memory for that visit, and known
by an opaque id that only its visitor was given.
"""

from __future__ import annotations

import difflib
import os
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import wait
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import kg_data
from app.graph.predictions import PredictedAnswers
from app.tasks import start
from kg_data.loaders import SUFFIXES, LoadingOptions, load_path
from kg_data.loaders.tables import TABLE_SUFFIXES as TABLE_SUFFIXES
from kg_data.loaders.tables import Table, table_in
from kg_data.loaders.text import USUAL
from kg_data.registry import PublicBenchmark
from reasoning import KnowledgeGraph
from reasoning.graph.remote.address import Address, names_endpoint
from reasoning.graph.updates.edits import is_store, state_of
from skylark.errors import DataError, SkylarkError, UnknownGraphError, UsageError

MOST_BYTES = 20 * 2**20
MOST_LINES = 1_000_000
MOST_GRAPHS = 16
MOST_HELD = 2**30
"""Bytes of the arrays of all visitors' graphs together."""
IDLE_SECONDS = 3600.0
"""A graph that nobody asked for this long goes, should the end of its visit have gone unnoticed."""
TICK = 0.5
PREFIX = "own-"
AS_TABLE = LoadingOptions(table=True, infer_values=True)
"""How a table is read: the numbers and dates of its columns are values."""
LIMITS = f"up to {MOST_BYTES // 2**20} MB and {MOST_LINES:,} lines"


class UploadError(SkylarkError):
    """A file that was sent is no graph that can be taken in; the message says why and what to do."""


@dataclass
class OwnGraph:
    """A visitor's graph.

    Attributes:
        key: its opaque id.
        owner: the visit that it belongs to.
        kg: the graph, named as its file.
        note: how the file was read, where it does not say so itself; "" where it does.
        texts: the texts that it was made of, by name, so that its facts can quote them.
        used: when it was last asked for, by the monotonic clock.
    """

    key: str
    owner: str
    kg: KnowledgeGraph
    note: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)
    used: float = field(default_factory=time.monotonic)


def is_own(name: str) -> bool:
    """Whether a name is the id of a visitor's graph."""
    return name.startswith(PREFIX)


class OwnGraphs:
    """The visitors' graphs: one a visit, a bounded number and size of them together."""

    def __init__(self, gone: Callable[[str], None] = lambda key: None) -> None:
        self._gone = gone
        self._held: dict[str, OwnGraph] = {}
        self._lock = threading.Lock()

    def get(self, key: str) -> KnowledgeGraph:
        """The graph of this id (raises UnknownGraphError: it has gone, or never was)."""
        with self._lock:
            own = self._held.get(key)
            if own is None:
                raise UnknownGraphError(
                    "your own graph is no longer here: upload its file again, paste its text again, or choose another"
                )
            own.used = time.monotonic()
            return own.kg

    def choice_of(self, owner: str) -> list[tuple[str, str]]:
        """What a visit may choose beside the graphs on offer: its own graph, as label and id, where it has one."""
        with self._lock:
            return [(f"{own.kg.graph_name} (yours)", key) for key, own in self._held.items() if own.owner == owner]

    def note_of(self, key: str) -> str:
        """How the file of a graph was read, where that is to be said; "" otherwise."""
        with self._lock:
            return self._held[key].note if key in self._held else ""

    def texts_of(self, key: str) -> Mapping[str, str]:
        """The texts that a graph was made of, by name; none of one that was made of a file."""
        with self._lock:
            return self._held[key].texts if key in self._held else {}

    def check_room(self, owner: str) -> None:
        """Say that there is no room for a small graph of a visit, before anything is done to make it (raises
        UploadError: there is none)."""
        with self._lock:
            self._kept_beside(owner, time.monotonic(), 0)

    def add(self, owner: str, kg: KnowledgeGraph, note: str = "", texts: Mapping[str, str] | None = None) -> OwnGraph:
        """Keep a graph for a visit, in the place of the one it had (raises UploadError: there is no room)."""
        own = OwnGraph(PREFIX + secrets.token_urlsafe(16), owner, kg, note, texts or {})
        with self._lock:
            kept = self._kept_beside(owner, own.used, kg.nbytes)
            left = self._held.keys() - kept.keys()
            self._held = kept | {own.key: own}
        for key in left:
            self._gone(key)
        return own

    def _kept_beside(self, owner: str, now: float, size: int) -> dict[str, OwnGraph]:
        """Return other visitors' graphs that are in use, by key, if a graph of `size` bytes fits beside them (raises
        UploadError: there is no room)."""
        kept = {k: g for k, g in self._held.items() if g.owner != owner and now - g.used < IDLE_SECONDS}
        if len(kept) >= MOST_GRAPHS or sum(g.kg.nbytes for g in kept.values()) + size > MOST_HELD:
            raise UploadError(
                "other visitors' graphs take all the room that there is: try again in a few minutes, or send a "
                "smaller graph"
            )
        return kept

    def forget(self, owner: str) -> None:
        """Drop what belongs to a visit that is over."""
        with self._lock:
            left = [key for key, own in self._held.items() if own.owner == owner]
            self._held = {key: own for key, own in self._held.items() if own.owner != owner}
        for key in left:
            self._gone(key)

    def __len__(self) -> int:
        return len(self._held)


def read_graph(path: Path, name: str) -> tuple[KnowledgeGraph, str]:
    """Read an uploaded file, a table as one, and say how it was read. Errors call it by its name and never by its path
    (raises UploadError: it is too big, of another kind, or broken (the line is named))."""
    if path.suffix.lower() not in SUFFIXES:
        others = ", ".join(suffix for suffix in SUFFIXES if suffix not in (".tsv", ".csv", ".nt"))
        raise UploadError(
            f'"{name}" has an ending that is not known here: save the graph as .tsv or .csv '
            f"(head, relation, tail in a line, or a table) or as N-Triples (.nt); also read: {others}"
        )
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise UploadError(
            f'"{name}" has {size / 2**20:,.1f} MB and a graph sent here may have {LIMITS}: send a part of it, '
            "or run Skylark on your own machine, where there is no limit"
        )
    with path.open("rb") as file:
        lines = sum(block.count(b"\n") for block in iter(lambda: file.read(2**20), b""))
    if lines > MOST_LINES:
        raise UploadError(f'"{name}" has {lines:,} lines and a graph sent here may have {LIMITS}: send a part of it')
    try:
        table = _table_in(path)
        kg = KnowledgeGraph.from_columns(load_path(path, name, USUAL if table is None else AS_TABLE))
        return kg, "" if table is None else _table_note(table, kg)
    except DataError as error:
        raise UploadError(str(error).replace(error.path, f'"{name}"')) from None
    except SkylarkError as error:
        raise UploadError(f'"{name}" cannot be used as a graph: {error}') from None


def loading_of(path: Path, said: LoadingOptions = USUAL) -> LoadingOptions:
    """How a file is read, where nobody `said`: what looks like a table as one, with numbers and dates as values."""
    if said.table is None and _table_in(path) is not None:
        return replace(AS_TABLE, skip_broken=said.skip_broken, mapping=said.mapping)
    return said


def _table_in(path: Path) -> Table | None:
    """The table that a file looks like; None of any other."""
    return table_in(path) if path.suffix.lower() in TABLE_SUFFIXES else None


def _table_note(table: Table, kg: KnowledgeGraph) -> str:
    values = [column.relation for column in kg.literals]
    said = [f"Read as a table: {table}", *([f"Numbers or dates: {', '.join(values)}"] if values else []), *kg.notes]
    return f"{'. '.join(said)}."


def reading(path: Path, name: str) -> Iterator[float | tuple[KnowledgeGraph, str]]:
    """Read on a thread of its own: gives the seconds gone by as they go by, and at the end what `read_graph` gives
    (raises UploadError: as `read_graph`)."""
    began, read = time.monotonic(), start("upload", lambda: read_graph(path, name))
    while not wait([read], TICK).done:
        yield time.monotonic() - began
    yield read.result()


def shown_name(path: str | os.PathLike[str]) -> str:
    """The file's own name, as the visitor knows it, without any folder."""
    return Path(path).name[:80] or "graph"


DEFAULT_GRAPH = "world"
"""What programs ask where they name none."""
MOST_OPEN = 6
"""Graphs kept open at once; they are memory-mapped, but their name indexes are not."""


class GraphRegistry:
    """Open graphs by name, shared by all visitors: they are immutable.

    Args:
        names: the graphs on offer; by default the built-in one and those of the data folder.
        files: graphs to offer first: files and folders of whoever serves the page, names of known graphs, or
            `sparql:` and the address of an endpoint, which nobody else can name.
        loading: what the files do not say of themselves; tables are recognised.

    Raises:
        UnknownGraphError, DataError: one of these is no graph.
        UsageError: two of them would have one name.

    Attributes:
        names: all graphs on offer; a page begins with the first.
        likely: likely answers over these graphs; what belongs to a graph goes with it.
        own: the visitors' own graphs.
    """

    def __init__(
        self, names: Sequence[str] | None = None, files: Sequence[str | Path] = (), loading: LoadingOptions = USUAL
    ) -> None:
        if names is None:
            names = [item.name for item in kg_data.list_datasets() if not isinstance(item, PublicBenchmark)]
        self._files: dict[str, str | Path] = {}
        self._file_loading = loading
        for path in files:
            if names_endpoint(path):
                address = Address.of(str(path)).name
                self._files[address] = address
                continue
            source = None if is_store(path) else kg_data.resolve(path)
            called = Path(path).resolve().name if source is None else source.name
            other = self._files.get(called)
            if other is not None or (called in names and kg_data.resolve(called) != source):
                taken = "another graph on offer has that name" if other is None else f"{other} has that name too"
                raise UsageError(f'{path} would be called "{called}", and {taken}: rename it')
            self._files[called] = path
        self.names: tuple[str, ...] = tuple(dict.fromkeys((*self._files, *names)))
        self.likely = PredictedAnswers()
        self.own = OwnGraphs(self.likely.drop)
        self._open: OrderedDict[str, KnowledgeGraph] = OrderedDict()
        self._states: dict[str, bytes | None] = {}
        self._lock = threading.Lock()
        self._loading = {name: threading.Lock() for name in self.names}

    def choices(self, owner: str) -> list[str | tuple[str, str]]:
        """What a visit may choose: the graphs on offer, and its own."""
        return [*self.names, *self.own.choice_of(owner)]

    def label(self, name: str) -> str:
        """What a graph is called, where people read it; one's own by its file."""
        return self.own.get(name).graph_name if is_own(name) else name

    def is_open(self, name: str) -> bool:
        """Whether `get` would return at once."""
        if is_own(name):
            return True
        with self._lock:
            return name in self._open

    def get(self, name: str) -> KnowledgeGraph:
        """The graph, opened if it is not yet, or if it is a store that has changed since; whoever asks meanwhile waits.

        Raises:
            UnknownGraphError: the name is not on offer, or a visitor's own graph has gone.
            SkylarkError: its files cannot be read.
        """
        if is_own(str(name)):
            return self.own.get(name)
        if name not in self._loading:
            near = difflib.get_close_matches(str(name), self.names, n=3, cutoff=0.4)
            hint = f"; nearest: {', '.join(near)}" if near else ""
            raise UnknownGraphError(f"no graph here is called {name!r}{hint}; on offer: {', '.join(self.names)}")
        with self._loading[name]:
            path = self._files.get(name)
            state = None if path is None else state_of(path)
            with self._lock:
                if name in self._open and self._states.get(name) == state:
                    self._open.move_to_end(name)
                    return self._open[name]
            if path is None or names_endpoint(path):
                graph = KnowledgeGraph.load(name)
            elif state is not None:
                graph = KnowledgeGraph.load(path)
            else:
                graph = KnowledgeGraph.load(path, **asdict(loading_of(Path(path), self._file_loading)))
            with self._lock:
                self._open[name], self._states[name] = graph, state
                closed = [self._open.popitem(last=False)[0] for _ in range(len(self._open) - MOST_OPEN)]
            for other in closed:
                self.likely.drop(other)
            return graph
