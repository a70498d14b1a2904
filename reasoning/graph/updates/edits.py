"""Requested edits of a graph: facts to add and to remove, their effect, and the version that they led to."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from kg_data.values import Value, is_kind, is_value, typed_value, value_of
from reasoning.errors import ChangeError, StoreError
from reasoning.graph.provenance import Source, Sourced, checked_source
from skylark.errors import ResultsError
from skylark.files import write_whole


@dataclass(frozen=True)
class Effect:
    """What a change did to a graph.

    Attributes:
        added, removed: facts that were not there before, and that are no longer there.
        there: facts to be added that were there already.
        sourced: facts of which only the sources are others now.
        described: types, other names and labels that are others now.
    """

    added: int = 0
    removed: int = 0
    there: int = 0
    sourced: int = 0
    described: int = 0

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.sourced or self.described)

    def __add__(self, other: Effect) -> Effect:
        return Effect(
            self.added + other.added,
            self.removed + other.removed,
            self.there + other.there,
            self.sourced + other.sourced,
            self.described + other.described,
        )

    def __mul__(self, times: int) -> Effect:
        return Effect(
            self.added * times,
            self.removed * times,
            self.there * times,
            self.sourced * times,
            self.described * times,
        )


class FactEdit(NamedTuple):
    """A fact that is to be added or removed.

    Attributes:
        head, relation: names.
        tail: a name, or a value.
        source: who says it, None for the graph itself.
    """

    head: str
    relation: str
    tail: str | Value
    source: Source | None = None

    def __str__(self) -> str:
        tail = f'"{self.tail}"' if isinstance(self.tail, str) else str(self.tail)
        return f'("{self.head}", "{self.relation}", {tail})'


Pairs = tuple[tuple[str, str], ...]
"""Names of entities, each with a type, another name or a label."""


@dataclass(frozen=True)
class Change:
    """What is to be other in a graph.

    Attributes:
        add, remove: facts.
        types, aliases, labels: what entities get: types and other names beside those they have, and a display name in
            place of theirs.
        remove_types, remove_aliases: what entities lose.
        remove_sources: documents of which nothing is kept that no one else says.
        spelled: values among `add` and `remove` may stand as texts, as in a file without types.
    """

    add: tuple[FactEdit, ...] = ()
    remove: tuple[FactEdit, ...] = ()
    types: Pairs = ()
    aliases: Pairs = ()
    labels: Pairs = ()
    remove_types: Pairs = ()
    remove_aliases: Pairs = ()
    remove_sources: tuple[str, ...] = ()
    spelled: bool = False

    @classmethod
    def of(
        cls,
        add: Iterable[Any] = (),
        remove: Iterable[Any] = (),
        *,
        types: Iterable[tuple[str, str]] = (),
        aliases: Iterable[tuple[str, str]] = (),
        labels: Iterable[tuple[str, str]] = (),
        remove_types: Iterable[tuple[str, str]] = (),
        remove_aliases: Iterable[tuple[str, str]] = (),
        remove_sources: Iterable[str] = (),
    ) -> Change:
        """Check the form of a change.

        Raises:
            ChangeError: something is no triple, pair or text; the message says which.
        """
        return cls(
            tuple(_wanted("add", add)),
            tuple(_wanted("remove", remove)),
            _pairs("types", "type", types),
            _pairs("aliases", "other name", aliases),
            _pairs("labels", "label", labels),
            _pairs("remove_types", "type", remove_types),
            _pairs("remove_aliases", "other name", remove_aliases),
            _texts("remove_sources", remove_sources),
        )

    def __len__(self) -> int:
        """How many single things it changes."""
        pairs = (self.types, self.aliases, self.labels, self.remove_types, self.remove_aliases, self.remove_sources)
        return len(self.add) + len(self.remove) + sum(map(len, pairs))

    @property
    def digest(self) -> str:
        """What tells it from another change: a hex digest of its content, in whatever order that was given."""
        content = {
            name: sorted(map(json.dumps, items)) if isinstance(items, list) else items
            for name, items in self.to_dict().items()
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable, without what is empty."""
        found: dict[str, Any] = {"add": [*map(_row, self.add)], "remove": [*map(_row, self.remove)]}
        for name in _PAIRS:
            found[name] = [list(pair) for pair in getattr(self, name)]
        found |= {"remove_sources": list(self.remove_sources), "spelled": self.spelled}
        return {name: items for name, items in found.items() if items}

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Change:
        """A change as `to_dict` gives it."""
        pairs = {name: tuple((entity, text) for entity, text in found.get(name, ())) for name in _PAIRS}
        return cls(
            tuple(map(_wanted_of_row, found.get("add", ()))),
            tuple(map(_wanted_of_row, found.get("remove", ()))),
            remove_sources=tuple(found.get("remove_sources", ())),
            spelled=bool(found.get("spelled", False)),
            **pairs,
        )


_PAIRS = ("types", "aliases", "labels", "remove_types", "remove_aliases")


def _row(fact: FactEdit) -> list[Any]:
    """Head, relation and tail; then a value's kind or "", and the document, line and span, as far as they are there."""
    value = isinstance(fact.tail, Value)
    row = [fact.head, fact.relation, str(fact.tail) if value else fact.tail]
    source = [] if fact.source is None else [*fact.source[: 2 if fact.source.start is None else 4]]
    return [*row, fact.tail.kind if isinstance(fact.tail, Value) else "", *source] if value or source else row


def _wanted_of_row(row: list[Any]) -> FactEdit:
    padded: list[Any] = [*row, *["", None, None, None, None][len(row) - 3 :]]
    head, relation, tail, kind, document, *places = padded
    return FactEdit(
        head,
        relation,
        typed_value(kind, tail) if is_kind(kind) else tail,
        None if document is None else Source(document, *places),
    )


def _wanted(what: str, triples: Iterable[Any]) -> Iterable[FactEdit]:
    if not isinstance(triples, Iterable) or isinstance(triples, str | Mapping) or hasattr(triples, "columns"):
        raise ChangeError(f"{what}: expected (head, relation, tail) triples, found {type(triples).__name__}")
    for number, triple in enumerate(triples, start=1):
        place = f"{what}, triple {number}"
        source: Source | None = None
        said = triple
        if isinstance(triple, Sourced):
            if what == "remove":
                raise ChangeError(
                    f"{place}: a triple is removed whoever says it, so it is given without a source; remove_sources "
                    "removes what only a document says"
                )
            try:
                said, source = tuple(triple[:3]), checked_source(triple.source)
            except ValueError as error:
                raise ChangeError(f"{place}: {error}") from None
        if not isinstance(said, tuple | list) or len(said) != 3:
            raise ChangeError(f"{place}: expected (head, relation, tail), found {said!r}")
        head, relation, tail = said
        for part, text in (("head", head), ("relation", relation)):
            if not isinstance(text, str) or not text:
                hint = "; numbers that are names have to be texts" if is_value(text) else ""
                raise ChangeError(f"{place}: expected a non-empty text as {part}, found {text!r}{hint}")
        if is_value(tail):
            try:
                tail = value_of(tail)
            except ValueError as error:
                raise ChangeError(f'{place}: expected {error} as "{relation}", found {tail!r}') from None
        elif not isinstance(tail, str) or not tail:
            raise ChangeError(f"{place}: expected a non-empty text, a number or a date as tail, found {tail!r}")
        yield FactEdit(head, relation, tail, source)


def _pairs(what: str, second: str, pairs: Iterable[Any]) -> Pairs:
    if not isinstance(pairs, Iterable) or isinstance(pairs, str):
        raise ChangeError(f"{what}: expected (entity, {second}) pairs, found {pairs!r}")
    found = []
    for number, pair in enumerate(pairs, start=1):
        if not isinstance(pair, tuple | list) or len(pair) != 2 or not all(isinstance(t, str) and t for t in pair):
            raise ChangeError(f"{what}, pair {number}: expected (entity, {second}) as texts, found {pair!r}")
        found.append((pair[0], pair[1]))
    return tuple(found)


def _texts(what: str, texts: Iterable[Any]) -> tuple[str, ...]:
    if not isinstance(texts, Iterable) or isinstance(texts, str):
        raise ChangeError(f"{what}: expected a list of documents, found {texts!r}")
    found = tuple(dict.fromkeys(texts))
    for text in found:
        if not isinstance(text, str) or not text:
            raise ChangeError(f"{what}: expected the names of documents, found {text!r}")
    return found


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
