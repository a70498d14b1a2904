"""Graphs on disk that change: a base, memory-mapped, and a log of the changes since; see `head`."""

from __future__ import annotations

import datetime
import json
import os
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import filelock

from kg_data.errors import SkylarkError
from kg_data.loaders.options import USUAL
from kg_data.supplied import supplies
from reasoning.errors import ChangeError, GraphError, StoreError, UnknownEntityError, UnknownRelationError
from reasoning.graph import cache
from reasoning.graph.changing.applying import Say, apply, is_done
from reasoning.graph.changing.change import Change
from reasoning.graph.changing.changes import merged
from reasoning.graph.changing.effect import Effect
from reasoning.graph.changing.head import HEAD, Head, is_store
from reasoning.graph.content import WHOLE, GraphContent
from reasoning.graph.origin import Origin
from reasoning.graph.store import KnowledgeGraph, open_store

LOCK = ".lock"
COMPACTED_FROM = 25_000
"""Facts in the log from which on a change is followed by a compaction. Opening a store applies the log anew, some 70
microseconds a fact: with so many, two seconds."""

TRIES = 5
"""How often a store is opened again that was compacted just while it was."""


@dataclass(frozen=True)
class Done:
    """What came of a change to a store.

    Attributes:
        graph: the graph after it.
        effect: what it did; nothing where `note` says why.
        note: why nothing was written; "" where something was.
        compacted: whether the changes were merged into a new base.
    """

    graph: KnowledgeGraph
    effect: Effect
    note: str = ""
    compacted: bool = False


class GraphStore:
    """A graph on disk that changes. Readers open it at any time; writers exclude one another.

    Args:
        folder: the store's.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    @classmethod
    def create(cls, folder: str | Path, graph: KnowledgeGraph, change: Change | None = None) -> GraphStore:
        """Make a store of a graph; the folder is there with all of it or not at all.

        The graph of a store is one whole, whatever splits it was made of: they are not told apart once it changes.

        Args:
            folder: the store's, a new one.
            graph: the graph.
            change: what it was just changed by, so that this is known where it arrives again.

        Raises:
            StoreError: the folder is there already, or cannot be written.
            GraphError: the graph is on a server.
        """
        seen = {} if change is None else {change.digest: _now()}
        store, head = cls(folder), Head("base-1", "changes-1.jsonl", seen=seen)
        if is_store(store.folder):
            raise StoreError(f"{store.folder} is a graph store already; leave --from out to change it")
        if store.folder.exists() and (not store.folder.is_dir() or any(store.folder.iterdir())):
            raise StoreError(f"{store.folder} is there already and is no graph store; name a new folder")
        content = merged(graph.content)
        content = replace(content, about=replace(content.about, splits=WHOLE))
        try:
            store.folder.parent.mkdir(parents=True, exist_ok=True)
            work = store.folder.with_name(f".{store.folder.name}.{os.getpid()}.part")
            work.mkdir()
            try:
                store._write_base(work, head, content)
                head.write(work)
                work.rename(store.folder)
            finally:
                shutil.rmtree(work, ignore_errors=True)
        except OSError as error:
            raise StoreError(f"the graph store {folder} cannot be made: {error.strerror or error}") from None
        return store

    def open(self, say: Say | None = None) -> KnowledgeGraph:
        """The graph as it is now; what is changed later does not touch it.

        Args:
            say: is given the number of facts of each change in the log that was applied.

        Raises:
            StoreError: there is no store, or it is damaged.
        """
        return self._opened(say)[0]

    def change(self, change: Change, say: Say | None = None) -> Done:
        """Change the graph, whole or not at all; one that did nothing, or that arrives again, writes nothing.

        Args:
            change: what is to be other.
            say: as in `open`.

        Raises:
            StoreError: another process is changing the store, or it is damaged or cannot be written.
            GraphError: the change does not fit.
        """
        with self._alone():
            graph, head = self._opened(None)
            seen = head.seen.get(change.digest)
            try:
                after, effect = apply(graph, [change], say)
            except (ChangeError, UnknownEntityError, UnknownRelationError):
                if seen is not None and self._came_before(graph, change):
                    return Done(graph, Effect(), f"this change arrived on {seen} already; nothing to do")
                raise
            if not effect:
                already = f"this change arrived on {seen} already" if seen else "all of it is there already"
                return Done(graph, effect, f"{already}; nothing to do")
            day = _now()
            line = json.dumps({"at": day, "change": change.to_dict()}, ensure_ascii=True).encode() + b"\n"
            self._append(head, line)
            facts = effect.added + effect.removed + effect.sourced + effect.described
            head = head.followed_by(line, facts, change.digest, day)
            head.write(self.folder)
            if head.facts > COMPACTED_FROM:
                return Done(self._compact(after, head), effect, compacted=True)
            return Done(after, effect)

    def compact(self, say: Say | None = None) -> Done:
        """Merge all changes into a new base; the graph stays as it is, and is opened sooner.

        Raises:
            StoreError: as `change`.
        """
        with self._alone():
            graph, head = self._opened(say)
            if not head.changes:
                self._clean(head)
                return Done(graph, Effect(), "there are no changes since the last time; nothing to do")
            return Done(self._compact(graph, head), Effect(), compacted=True)

    # Reading ------------------------------------------------------------------------------------------------------

    def _opened(self, say: Say | None) -> tuple[KnowledgeGraph, Head]:
        head = Head.read(self.folder)
        for tried in range(TRIES):
            try:
                return self._graph_of(head, say), head
            except GraphError:
                # A compaction between reading the head and opening what it named took that away.
                before, head = head, Head.read(self.folder)
                if head.base == before.base or tried == TRIES - 1:
                    raise
        raise AssertionError("the last try returns or raises")

    def _graph_of(self, head: Head, say: Say | None) -> KnowledgeGraph:
        place = self.folder / head.base
        saved = cache.load(place)
        if saved is None:
            raise StoreError(f"the graph store {self.folder} is damaged: {head.base} is missing")
        graph = KnowledgeGraph(GraphContent.of(*saved))
        graph.origin = Origin(str(self.folder.resolve()), None, USUAL, place.resolve())
        return apply(graph, self._log(head), say, again=True)[0] if head.length else graph

    def _log(self, head: Head) -> Iterator[Change]:
        path = self.folder / head.log
        try:
            with path.open("rb") as file:
                content = file.read(head.length)
        except OSError as error:
            raise StoreError(f"the graph store {self.folder} is damaged: {head.log}: {error.strerror}") from None
        if zlib.crc32(content) != head.checksum:
            raise StoreError(f"the graph store {self.folder} is damaged: {head.log} is not what was written")
        return (Change.from_dict(json.loads(line)["change"]) for line in content.splitlines())

    @staticmethod
    def _came_before(graph: KnowledgeGraph, change: Change) -> bool:
        """Whether a change that was made before is still made; where it is not, why it does not fit now is told."""
        try:
            return is_done(graph, change)
        except SkylarkError:
            return False

    # Writing ------------------------------------------------------------------------------------------------------

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other writers out; a lock of the operating system, which ends with the process."""
        Head.read(self.folder)
        lock = filelock.FileLock(self.folder / LOCK, timeout=0, fallback_to_soft=False)
        try:
            lock.acquire()
        except filelock.Timeout:
            raise StoreError(
                f"the graph store {self.folder} is being changed by another process; try again when that is done"
            ) from None
        except OSError as error:
            raise StoreError(f"the graph store {self.folder} cannot be locked: {error.strerror or error}") from None
        try:
            yield
        except OSError as error:
            raise StoreError(f"the graph store {self.folder} is as it was: {error.strerror or error}") from None
        finally:
            lock.release()

    def _append(self, head: Head, line: bytes) -> None:
        """Write a line behind what counts of the log; it counts once the head says so."""
        with (self.folder / head.log).open("r+b") as file:
            file.truncate(head.length)  # of a process that was killed
            file.seek(head.length)
            file.write(line)
            file.flush()
            os.fsync(file.fileno())

    def _compact(self, graph: KnowledgeGraph, head: Head) -> KnowledgeGraph:
        after = head.followed_by_base()
        shutil.rmtree(self.folder / after.base, ignore_errors=True)  # of a process that was killed
        self._write_base(self.folder, after, merged(graph.content))
        after.write(self.folder)
        self._clean(after)
        return self._graph_of(after, None)

    @staticmethod
    def _write_base(folder: Path, head: Head, content: GraphContent) -> None:
        cache.save(folder / head.base, *content.stored())
        (folder / head.base).chmod(folder.stat().st_mode)  # who may read the store may read this
        for path in (folder / head.base).iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        (folder / head.log).write_bytes(b"")

    def _clean(self, head: Head) -> None:
        """Take away what the head does not name; who reads it still goes on, and what cannot go now goes later."""
        for path in self.folder.iterdir():
            if path.name in (HEAD, LOCK, head.base, head.log):
                continue
            if path.is_dir() and path.name.lstrip(".").startswith("base-"):
                shutil.rmtree(path, ignore_errors=True)
            elif path.name.startswith("changes-"):
                with suppress(OSError):
                    path.unlink()


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


@supplies(open_store)
def open_graph_store(folder: Path) -> KnowledgeGraph:
    """See `open_store`."""
    return GraphStore(folder).open()
