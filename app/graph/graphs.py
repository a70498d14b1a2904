"""The graphs that visitors may choose: a fixed list of names, each opened when first wanted, and one's own.

A visitor never names a path. `KnowledgeGraph.load` takes paths as well, so a name is looked up in the list first and
nothing else reaches it.
"""

from __future__ import annotations

import difflib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import kg_data
from app.graph.likely.runs import LikelyAnswers
from app.graph.own_graphs import OwnGraphs, is_own, loading_of
from kg_data.errors import UnknownGraphError, UsageError
from kg_data.loaders import LoadingOptions
from kg_data.loaders.options import USUAL
from kg_data.public import PublicBenchmark
from reasoning import KnowledgeGraph
from reasoning.graph.changing.head import is_store, state_of
from reasoning.graph.endpoint.address import Address, names_endpoint

DEFAULT_GRAPH = "world"
"""What programs ask where they name none."""
MOST_OPEN = 6
"""Graphs kept open at once; they are memory-mapped, but their name indexes are not."""


class GraphShelf:
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
        self.likely = LikelyAnswers()
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
