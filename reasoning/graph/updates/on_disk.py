"""Changes applied, described, and kept on disk: a log of edits beside the base, locked and compacted."""

from __future__ import annotations

import datetime
import json
import logging
import os
import shutil
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import filelock

from kg_data.loaders.text import USUAL
from reasoning.errors import ChangeError, GraphError, StoreError, UnknownEntityError, UnknownRelationError
from reasoning.graph import cache
from reasoning.graph.content import WHOLE, GraphContent, Origin
from reasoning.graph.store import KnowledgeGraph
from reasoning.graph.updates.builders import EntityBuilder
from reasoning.graph.updates.changes import LEAST_MERGED, MERGED_FROM, Changes, merged
from reasoning.graph.updates.edits import HEAD, Change, Effect, FactEdit, Head, is_store
from reasoning.graph.updates.fact_builders import FactBuilder
from skylark.errors import SkylarkError
from skylark.files import whole_folder


class Describing:
    """Describes the entities of a graph as changes ask for it; what does not fit is a `ChangeError`."""

    def __init__(self, entities: EntityBuilder, nearest: Callable[[str], list[str]]) -> None:
        self._names, self._entities, self._nearest = entities.names, entities, nearest
        self._given: dict[int, str] = {}
        """Who was given something, with the beginning of a sentence that says so."""

    def take(self, change: Change) -> int:
        """Take types and other names away; how many.

        Raises:
            ChangeError: an entity is not there, or does not have it.
            AmbiguousEntityError: several entities have a name.
        """
        for name, type_name in change.remove_types:
            self._take_type(name, type_name)
        for name, alias in change.remove_aliases:
            self._take_alias(name, alias)
        return len(change.remove_types) + len(change.remove_aliases)

    def give(self, change: Change) -> int:
        """Give labels, types and other names; how many were not there before.

        Raises:
            ChangeError: an entity is not there.
            AmbiguousEntityError: several entities have a name.
        """
        return sum(
            give(self._given_to(what, name), text)
            for what, pairs, give in (
                ("labels", change.labels, self._names.give_label),
                ("types", change.types, self._entities.give_type),
                ("aliases", change.aliases, self._names.give_alias),
            )
            for name, text in pairs
        )

    def has_what_is_taken(self, change: Change) -> bool:
        """Whether an entity has any of the types and other names that a change takes away.

        Raises:
            AmbiguousEntityError: several entities have a name.
        """
        for name, type_name in change.remove_types:
            entity = self._names.known(name)
            if entity is not None and type_name in self._entities.types(entity):
                return True
        for name, alias in change.remove_aliases:
            entity = self._names.known(name)
            if entity is not None and self._names.has_alias(entity, alias):
                return True
        return False

    def end(self, gone: Iterable[int]) -> None:
        """End a change, after which some entities are gone.

        Raises:
            ChangeError: one of these was given something by it.
        """
        for entity in gone:
            if (given := self._given.get(entity)) is not None:
                raise ChangeError(f"{given} the last fact is removed in the same change, so that it is gone")
        self._given.clear()

    def _take_type(self, name: str, type_name: str) -> None:
        entity = self._entity("remove_types", name)
        own = self._entities.types(entity)
        if type_name not in own:
            has = f"it has {', '.join(own)}" if own else "it has none"
            raise ChangeError(f'remove_types: "{name}" does not have the type "{type_name}"; {has}')
        self._entities.take_type(entity, type_name)

    def _take_alias(self, name: str, alias: str) -> None:
        entity = self._entity("remove_aliases", name)
        if not self._names.has_alias(entity, alias):
            raise ChangeError(f'remove_aliases: "{name}" is not known as "{alias}" too')
        if self._names.is_own(entity, alias):
            raise ChangeError(f'remove_aliases: "{alias}" is the own name of "{name}"; labels gives it another')
        self._names.remove_alias(entity, alias)

    def _given_to(self, what: str, name: str) -> int:
        """The entity that something is given to; it has to stay."""
        entity = self._entity(what, name)
        self._given.setdefault(entity, f'{what}: of "{name}"')
        return entity

    def _entity(self, what: str, name: str) -> int:
        entity = self._names.known(name)
        if entity is None:
            near = self._nearest(name)
            hint = f"; nearest names: {', '.join(near)}" if near else ""
            raise ChangeError(f'{what}: the entity "{name}" is in no triple{hint}')
        return entity


log = logging.getLogger(__name__)

MOST_WARNINGS = 3
"""Names that are warned of one by one."""
PROGRESS_EVERY = 1000
"""Facts after which it is said how far one is."""

Say = Callable[[int], object]
"""Is given how many facts were dealt with since it was called last."""


def apply(
    graph: KnowledgeGraph, changes: Iterable[Change], say: Say | None = None, again: bool = False
) -> tuple[KnowledgeGraph, Effect]:
    """A graph with changes, one after the other, and what all did; the graph itself where they did nothing.

    Args:
        graph: the graph.
        changes: the changes.
        say: is given the number of facts that were dealt with since it was called last.
        again: they were applied before, so that nobody is warned of them once more.

    Raises:
        ChangeError: one does not fit the graph, nothing would be left of it, or it is on a server.
        UnknownEntityError, UnknownRelationError, AmbiguousEntityError: one names what is not there, or several.
    """
    if graph.server is not None:
        raise ChangeError(f'the graph "{graph.graph_name}" is on a server: it is changed there')
    effect, before = Effect(), _changes_of(graph)
    applying = Applying(graph, before, say)
    for change in changes:
        effect += applying.apply(change)
    if not again:
        for note in applying.notes[:MOST_WARNINGS]:
            log.warning("%s", note)
        if (more := len(applying.notes) - MOST_WARNINGS) > 0:
            log.warning("and %s more such names", f"{more:,}")
    if not effect:
        return graph, effect
    after = applying.done()
    content = after.content()
    if not len(content.index) and not any(map(len, content.values)):
        raise ChangeError(f'nothing would be left of the graph "{graph.graph_name}": a graph has at least one fact')
    if after.weight > max(LEAST_MERGED, MERGED_FROM * len(before.base.index)):
        content = merged(content)
    return KnowledgeGraph.with_content(content, graph.predicted), effect


def is_done(graph: KnowledgeGraph, change: Change) -> bool:
    """Whether nothing is left that a change would do: what it removes is not there, and what it adds is.

    Raises:
        ChangeError: it does not fit the graph in another way.
        UnknownRelationError, AmbiguousEntityError: one of its names means several.
    """
    return Applying(graph, _changes_of(graph)).is_done(change)


def _changes_of(graph: KnowledgeGraph) -> Changes:
    known = graph.content.changes
    return known if isinstance(known, Changes) else Changes.none(graph.content, graph.origin)


class Applying:
    """Applies changes to a graph.

    Each change finds what the ones before it made of the graph, whose drafts go on from one to the next. After an
    error nothing is to be made of it.

    Attributes:
        notes: what may not have been meant, in sentences.
    """

    def __init__(self, graph: KnowledgeGraph, before: Changes, say: Say | None = None) -> None:
        self._before, self._say = before, say
        self.notes: list[str] = []
        self._entities = EntityBuilder(before, graph.content.entities)
        self._facts = FactBuilder(graph, before, self._entities, self.notes.append)
        self._describing = Describing(self._entities, graph.names.nearest)

    def apply(self, change: Change) -> Effect:
        """Apply a change; removals come first, so that one change can put one thing in place of another.

        Raises:
            ChangeError: it does not fit the graph.
            UnknownEntityError, UnknownRelationError, AmbiguousEntityError: it names what is not there, or several.
        """
        self._entities.names.look_up_anew()
        effect = sum(map(self._facts.forget, change.remove_sources), Effect())
        for fact in self._told(change.remove):
            self._facts.remove(fact, change)
        described = self._describing.take(change)
        added = Counter(self._facts.add(fact, change) for fact in self._told(change.add))
        described += self._describing.give(change)
        self._describing.end(self._entities.settle())
        effect += Effect(removed=len(change.remove), described=described)
        return sum((one * times for one, times in added.items()), effect)

    def is_done(self, change: Change) -> bool:
        """See the function of this name."""
        if any(self._facts.holds(fact, change) for fact in change.remove):
            return False
        if self._describing.has_what_is_taken(change) or any(map(self._facts.are_said_by, change.remove_sources)):
            return False
        return not self.apply(replace(change, remove=(), remove_types=(), remove_aliases=(), remove_sources=()))

    def done(self) -> Changes:
        """What is other in the graph now than in its base."""
        return replace(self._facts.done(self._before), entities=self._entities.done())

    def _told(self, facts: Sequence[FactEdit]) -> Iterator[FactEdit]:
        """The facts, with word of how far one is."""
        if self._say is None:
            yield from facts
            return
        for start in range(0, len(facts), PROGRESS_EVERY):
            part = facts[start : start + PROGRESS_EVERY]
            yield from part
            self._say(len(part))


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
    """A graph on disk that changes. Readers open it at any time; writers exclude one another."""

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
            with whole_folder(store.folder) as work:
                store._write_base(work, head, content)
                head.write(work)
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
            with (self.folder / head.log).open("r+b") as file:
                file.truncate(head.length)  # of a process that was killed
                file.seek(head.length)
                file.write(line)  # counts once the head says so
                file.flush()
                os.fsync(file.fileno())
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
