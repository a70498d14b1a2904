"""Collections of which a changed version shares what did not change: sequences that grow, and drafts of maps."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterable, Iterator
from typing import Generic, Protocol, TypeVar

from rpds import HashTrieMap

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
T = TypeVar("T")
K_contra = TypeVar("K_contra", bound=Hashable, contravariant=True)
V_co = TypeVar("V_co", covariant=True)


class Lookup(Protocol[K_contra, V_co]):
    """A map as it is looked up in: one that stands, or one that is being changed."""

    def get(self, key: K_contra, /) -> V_co | None:
        """What stands under a key, None where nothing does."""
        ...


class Appended(Generic[T]):
    """An immutable sequence that a longer one shares its items with.

    All versions keep one list and each knows how much of it is its own. The longest one grows it; of any other a longer
    version copies its part.

    Args:
        items: the items.
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


class MapDraft(Generic[K, V]):
    """A map that is being changed, over one that stays as it is.

    Args:
        before: the map so far.
    """

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
