"""Changed entities and names laid over those of the graph below, in time and memory of the change."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Container, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, islice
from typing import Generic, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import process
from rpds import HashTrieMap

from reasoning.graph.content import StoredEntities
from reasoning.graph.index import Adjacency, Ids
from reasoning.graph.names import KeyTable, Names, Scorer, StoredKeys, StringColumn, byte_order, fold

Keys = NDArray[np.int64]
"""Edges of one relation in one direction, sorted: the source in the upper half of each number, the target below."""

NO_KEYS: Keys = np.zeros(0, dtype=np.int64)
_LOWER = (1 << 32) - 1


def key(source: int, target: int) -> int:
    """One edge as a number."""
    return source << 32 | target


def keys_of(sources: Ids, targets: Ids) -> Keys:
    """Edges as numbers, in their order."""
    return np.asarray(sources.astype(np.int64) << 32 | targets)


def ends_of(keys: Keys) -> tuple[Ids, Ids]:
    """The sources and targets of edges."""
    return (keys >> 32).astype(np.int32), (keys & _LOWER).astype(np.int32)


def sorted_keys(keys: Iterable[int]) -> Keys:
    """Edges in any order as an array."""
    found = np.array(list(keys), dtype=np.int64)
    found.sort()
    return found


def turned(keys: Keys) -> Keys:
    """The same edges seen from their targets."""
    found = keys >> 32 | (keys & _LOWER) << 32
    found.sort()
    return np.asarray(found)


def among(keys: Keys, others: Keys) -> NDArray[np.bool_]:
    """Which of some edges are among others, which are sorted; shape (n,)."""
    if not len(others):
        return np.zeros(len(keys), dtype=bool)
    at = np.searchsorted(others, keys)
    at[at == len(others)] = 0
    return np.asarray(others[at] == keys)


def leaving(keys: Keys, sources: Ids) -> Keys:
    """Those edges that leave some sources, which are sorted and unique."""
    if len(keys) <= len(sources):
        owners = ends_of(keys)[0]
        at = np.searchsorted(sources, owners)
        at[at == len(sources)] = 0
        return np.asarray(keys[sources[at] == owners])
    starts = sources.astype(np.int64) << 32
    low, high = np.searchsorted(keys, starts), np.searchsorted(keys, starts + (1 << 32))
    counts = high - low
    ends = np.cumsum(counts)
    return np.asarray(keys[np.arange(int(counts.sum())) + np.repeat(low - (ends - counts), counts)])


def holds(keys: Keys, one: int) -> bool:
    """Whether an edge is among others."""
    at = int(keys.searchsorted(one))
    return at < len(keys) and int(keys[at]) == one


def without(keys: Keys, others: Keys) -> Keys:
    """Those edges that are not among others."""
    return np.asarray(keys[~among(keys, others)]) if len(others) else keys


def joined(keys: Keys, others: Keys) -> Keys:
    """Edges of two sets that have none in common."""
    if not len(keys) or not len(others):
        return keys if len(keys) else others
    return np.insert(keys, np.searchsorted(keys, others), others)


def changed_by(added: Keys, removed: Keys, adding: Keys, removing: Keys) -> tuple[Keys, Keys]:
    """What is added to and removed from a base, after more is added and removed; what is undone is in neither."""
    back, gone = among(adding, removed), among(removing, added)
    return (
        joined(without(added, removing[gone]), adding[~back]),
        joined(without(removed, adding[back]), removing[~gone]),
    )


def adjacency_of(keys: Keys) -> Adjacency:
    """Edges of one relation, which has number 0, as rows."""
    sources, targets = ends_of(keys)
    return Adjacency.build(np.zeros(len(keys), dtype=np.int32), sources, targets, 1)


K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
T = TypeVar("T")


class Appended(Generic[T]):
    """An immutable sequence that a longer one shares its items with.

    All versions keep one list and each knows how much of it is its own. The longest one grows it; of any other a longer
    version copies its part.
    """

    def __init__(self, items: Iterable[T] = ()) -> None:
        self._items = list(items)
        self._count = len(self._items)
        self._growing = threading.Lock()

    def __reduce__(self) -> tuple[object, ...]:
        return Appended, (list(self),)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> T:
        return self._items[index]

    def __iter__(self) -> Iterator[T]:
        return iter(self._items[: self._count])

    def extended(self, more: list[T]) -> Appended[T]:
        """A version with more items."""
        if not more:
            return self
        with self._growing:
            if len(self._items) == self._count:
                longer: Appended[T] = object.__new__(Appended)
                longer._items, longer._growing = self._items, self._growing
                self._items.extend(more)
                longer._count = len(self._items)
                return longer
        return Appended([*self, *more])


class MapBuilder(Generic[K, V]):
    """A map that is being changed, over one that stays as it is."""

    def __init__(self, before: HashTrieMap[K, V]) -> None:
        self._before = before
        self._put: dict[K, V] = {}
        self._dropped: set[K] = set()

    def __contains__(self, key: object) -> bool:
        return key in self._put or (key not in self._dropped and key in self._before)

    def get(self, key: K, /) -> V | None:
        """What stands under a key, None where nothing does."""
        if key in self._put:
            return self._put[key]
        return None if key in self._dropped else self._before.get(key)

    def put(self, key: K, value: V) -> None:
        """Let a value stand under a key."""
        self._put[key] = value
        self._dropped.discard(key)

    def drop(self, key: K) -> None:
        """Let nothing stand under a key."""
        self._put.pop(key, None)
        if key in self._before:
            self._dropped.add(key)

    def done(self) -> HashTrieMap[K, V]:
        """The new map."""
        after = self._before
        if len(self._put) > 4:
            after = after.update(self._put)
        else:
            for key, value in self._put.items():
                after = after.insert(key, value)
        for key in self._dropped:
            after = after.remove(key)
        return after


Lookup: TypeAlias = "HashTrieMap[K, V] | MapBuilder[K, V]"
"""A map as it is looked up in: one that stands, or one that is being changed."""


@dataclass(frozen=True, eq=False)
class EntityChanges:
    """What is other than in a base, nothing but for what is given; immutable.

    Attributes:
        type_names: all types, those of the base first.
        ids: of the entities that were added, in order; the first follows the base's last one.
        by_id: the entity of each such id, without those that are gone.
        labels: the label of each entity that has another one than its id, where it was added, or than in the base.
        types: the types of each entity whose types changed, by number.
        added_keys: folded names that were added, each with its entities.
        hidden_keys: folded names of the base that are no longer those of some entities, each with these.
        degrees: how many facts more than in the base each entity stands in.
        present: of each entity, whether the graph says something of it, where that is other than in the base.
        gone: entities of which nothing was said any more at some time; what comes back under their name is a new one.
        ambiguous_labels: labels of which it must be looked whether several entities share them.
    """

    type_names: tuple[str, ...]
    ids: Appended[str] = field(default_factory=Appended)
    by_id: HashTrieMap[str, int] = field(default_factory=HashTrieMap)
    labels: HashTrieMap[int, str] = field(default_factory=HashTrieMap)
    types: HashTrieMap[int, tuple[int, ...]] = field(default_factory=HashTrieMap)
    added_keys: HashTrieMap[str, tuple[int, ...]] = field(default_factory=HashTrieMap)
    hidden_keys: HashTrieMap[str, tuple[int, ...]] = field(default_factory=HashTrieMap)
    degrees: HashTrieMap[int, int] = field(default_factory=HashTrieMap)
    present: HashTrieMap[int, bool] = field(default_factory=HashTrieMap)
    gone: HashTrieMap[int, bool] = field(default_factory=HashTrieMap)
    ambiguous_labels: HashTrieMap[str, bool] = field(default_factory=HashTrieMap)


MARGIN = 50
"""How many more names are looked through where some are gone."""


class ChangedStrings:
    """Ids or labels by entity: those of a base, those of entities that were added, and those that are others now.

    Args:
        base: of the first entities.
        added: of those that follow.
        others: of any entity that has another one.
        gone: entities that are no longer there, which keep their places.
    """

    def __init__(
        self, base: StringColumn, added: Appended[str], others: HashTrieMap[int, str], gone: Container[int]
    ) -> None:
        self._base, self._added, self._others, self._gone = base, added, others, gone
        self._known, self._is_plain = len(base), not len(others)

    def __len__(self) -> int:
        return self._known + len(self._added)

    def __getitem__(self, index: int) -> str:
        if not self._is_plain and (other := self._others.get(index)) is not None:
            return other
        if index < self._known:
            return self._base[index]
        if index >= len(self):
            raise IndexError(index)
        return self._added[index - self._known]

    def __iter__(self) -> Iterator[str]:
        strings = chain(self._base, self._added)
        return (self._others.get(at, text) for at, text in enumerate(strings)) if not self._is_plain else strings

    def holding(self, text: str, most: int) -> list[int]:
        """The strings, by index, of the first `most` places where one has `text`, in it; what was added first."""
        others = (index for index, other in self._others.items() if text in other)
        added = (
            self._known + at
            for at, own in enumerate(self._added)
            if text in own and self._known + at not in self._others
        )
        base = (index for index in self._base.holding(text, most) if index not in self._others)
        return [index for index in islice(chain(others, added, base), most) if index not in self._gone]

    @property
    def whole(self) -> StringColumn:
        """The same strings as a column."""
        if not self._is_plain:
            return StringColumn.from_strings(self)
        return self._base.followed_by(StringColumn.from_strings(self._added))


class ChangedKeys:
    """Folded names of a changed graph; what is added, hidden and gone is as in `EntityChanges`."""

    def __init__(
        self,
        base: StoredKeys,
        added: HashTrieMap[str, tuple[int, ...]],
        hidden: HashTrieMap[str, tuple[int, ...]],
        gone: Container[int],
    ) -> None:
        self._base, self._added, self._hidden, self._gone = base, added, hidden, gone

    @property
    def nbytes(self) -> int:
        """Bytes of the base's arrays."""
        return self._base.nbytes

    @property
    def whole(self) -> StoredKeys:
        """The same keys as arrays."""
        if not len(self._added) and not len(self._hidden) and not self._gone:
            return self._base
        return self._base.changed(self._in_base, self._listed)

    def with_key(self, key: str) -> list[int]:
        """Entities under a key, rising."""
        return entities_under(key, self._base, self._added, self._hidden, self._gone)

    def starting(self, prefix: str, most: int) -> list[int]:
        """The entity of each of `most` keys that begin with `prefix`, not empty; what was added comes first."""
        found: list[int] = []
        for key, entity in islice(self._listed, bisect_left(self._listed, (prefix, -1)), None):
            if not key.startswith(prefix) or len(found) == most:
                break
            found.append(entity)
        base = self._base.starting_with_keys(prefix, most + (MARGIN if self._hidden or self._gone else 0))
        return [*found, *(entity for key, entity in base if self._in_base(key, entity))][:most]

    def items(self) -> Iterator[tuple[str, int]]:
        """Every key with its entity."""
        return chain((item for item in self._base.items() if self._in_base(*item)), self._listed)

    def like(self, key: str, scorer: Scorer, limit: int, cutoff: float) -> list[tuple[str, float, int]]:
        """The keys most like one by a measure of rapidfuzz, best first: (key, score, entity)."""
        base = self._base.like(key, scorer, limit + (MARGIN if self._hidden or self._gone else 0), cutoff)
        base = [hit for hit in base if self._in_base(hit[0], hit[2])]
        texts = [text for text, _ in self._listed]
        hits = process.extract(key, texts, scorer=scorer, limit=limit, score_cutoff=cutoff)
        both = [*base, *((text, score, self._listed[position][1]) for text, score, position in hits)]
        # The measure knows whether more of it is better.
        order = process.extract(key, [text for text, _, _ in both], scorer=scorer, limit=limit, score_cutoff=cutoff)
        return [both[position] for _, _, position in order]

    def _in_base(self, key: str, entity: int) -> bool:
        """Whether a key that the base has for an entity still is one."""
        return entity not in self._gone and entity not in self._hidden.get(key, ())

    @cached_property
    def _listed(self) -> list[tuple[str, int]]:
        return sorted(
            (key, entity) for key, entities in self._added.items() for entity in entities if entity not in self._gone
        )


def entities_under(
    key: str,
    base: KeyTable | Names,
    added: Lookup[str, tuple[int, ...]],
    hidden: Lookup[str, tuple[int, ...]],
    gone: Container[int],
) -> list[int]:
    """Entities under a folded name, rising; what is other than in the base is told as in `EntityChanges`."""
    not_any_more = hidden.get(key) or ()
    found = [entity for entity in base.with_key(key) if entity not in not_any_more and entity not in gone]
    more = added.get(key)
    return sorted({*found, *(entity for entity in more if entity not in gone)}) if more else found


class ChangedEntities:
    """Entities of a base with changes, by whose `keys` they are found; see `StoredEntities`."""

    def __init__(self, base: StoredEntities, changes: EntityChanges, keys: ChangedKeys) -> None:
        self._base, self._changes, self._keys = base, changes, keys
        self.labels = ChangedStrings(base.labels, changes.ids, changes.labels, changes.gone)
        self.ids = ChangedStrings(base.ids, changes.ids, HashTrieMap(), changes.gone)
        self.type_names = changes.type_names
        self._known, self._is_plain = len(base.ids), not len(changes.ambiguous_labels)

    def __reduce__(self) -> tuple[object, ...]:
        return ChangedEntities, (self._base, self._changes, self._keys)

    @property
    def nbytes(self) -> int:
        """Bytes of the base's arrays."""
        return self._base.nbytes

    def find(self, identifier: str) -> int | None:
        """The entity with exactly this id; None where there is none."""
        return entity_with_id(identifier, self._base, self._changes.by_id, self._changes.gone)

    def shares_label(self, entity: int) -> bool:
        """Whether another entity has the same label."""
        if self._is_plain or (label := self.labels[entity]) not in self._changes.ambiguous_labels:
            return entity < self._known and self._base.shares_label(entity)
        return sum(self.labels[other] == label for other in self._keys.with_key(fold(label))) > 1

    def types(self, entity: int) -> list[str]:
        """Names of the entity's types, [] where it has none."""
        return types_of(entity, self._base, self._changes.types, self.type_names)

    @cached_property
    def present(self) -> Ids:
        """Those that stand in a triple or have a value, sorted."""
        changed = self._changes.present
        lost, came = (
            np.array(sorted(entity for entity, there in changed.items() if there is wanted), dtype=np.int32)
            for wanted in (False, True)
        )
        kept = np.setdiff1d(self._base.present, lost, assume_unique=True) if len(lost) else self._base.present
        return np.insert(kept, np.searchsorted(kept, came), came)

    @cached_property
    def type_pairs(self) -> Ids:
        """All (entity, type number) pairs, shape (n, 2), sorted by entity."""
        changed = self._changes.types
        if not len(changed):
            return self._base.type_pairs
        kept = self._base.type_pairs
        kept = kept[~np.isin(kept[:, 0], np.array(list(changed), dtype=np.int32))]
        own = [(entity, number) for entity, numbers in changed.items() for number in numbers]
        pairs = np.concatenate((kept, np.array(own, dtype=np.int32).reshape(-1, 2)))
        return pairs[np.argsort(pairs[:, 0], kind="stable")]

    @cached_property
    def whole(self) -> StoredEntities:
        """The same entities as arrays; one that is gone has no label there, and a number behind its id.

        So no two have the same id, and no one that is gone is found by its label.
        """
        gone = HashTrieMap({entity: f"{self.ids[entity]}\0{entity}" for entity in self._changes.gone})
        ids = ChangedStrings(self._base.ids, self._changes.ids, gone, ())
        others = self._changes.labels.update(dict.fromkeys(self._changes.gone, ""))
        labels = ChangedStrings(self._base.labels, self._changes.ids, others, ())
        return StoredEntities(
            whole := ids.whole,
            labels.whole,
            byte_order(list(whole)) if gone else self._id_order(whole),
            self._sharing(),
            self.present,
            self.type_names,
            self.type_pairs,
        )

    def _id_order(self, ids: StringColumn) -> Ids:
        """The order of all ids, in which those of the base are sorted already."""
        known = len(self._base.ids)
        added = sorted(range(known, len(ids)), key=ids.__getitem__)
        places = [self._base.ids.span(ids[entity], self._base.id_order).start for entity in added]
        return np.insert(self._base.id_order, np.array(places, dtype=np.int64), np.array(added, dtype=np.int32))

    def _sharing(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        shared = np.zeros(len(self.ids), dtype=bool)
        shared[: len(self._base.ids)] = self._base.label_is_shared
        for label in self._changes.ambiguous_labels:
            same = [entity for entity in self._keys.with_key(fold(label)) if self.labels[entity] == label]
            shared[same] = len(same) > 1
        return shared


def entity_with_id(identifier: str, base: StoredEntities, by_id: Lookup[str, int], gone: Container[int]) -> int | None:
    """The entity with exactly this id, where some were added to a base and some are gone; None where there is none."""
    if (added := by_id.get(identifier)) is not None:
        return added
    entity = base.find(identifier)
    return None if entity is None or entity in gone else entity


def types_of(
    entity: int, base: StoredEntities, changed: Lookup[int, tuple[int, ...]], type_names: tuple[str, ...]
) -> list[str]:
    """Names of an entity's types, where those of some are others than in a base, by number; [] where it has none."""
    numbers = changed.get(entity)
    if numbers is not None:
        return [type_names[number] for number in numbers]
    return base.types(entity) if entity < len(base.ids) else []
