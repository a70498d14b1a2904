"""Names of a changed graph: the base's keys and labels with those that were added, without those that are gone."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Container, Iterator
from functools import cached_property
from itertools import chain, islice

from rapidfuzz import process
from rpds import HashTrieMap

from reasoning.graph.changing.persistent import Appended, Lookup
from reasoning.graph.names import KeyTable, Names, Scorer, StoredKeys, StringColumn

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
    """Folded names of a changed graph; see `KeyTable`.

    Args:
        base: the base's keys.
        added: further keys, each with its entities.
        hidden: keys that are no longer the ones of some entities.
        gone: entities that are no longer there, with all their keys in the base.
    """

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
    """Entities under a folded name, rising.

    Args:
        key: the name.
        base: what finds them where nothing is other.
        added, hidden, gone: what is other; see `ChangedKeys`.
    """
    not_any_more = hidden.get(key) or ()
    found = [entity for entity in base.with_key(key) if entity not in not_any_more and entity not in gone]
    more = added.get(key)
    return sorted({*found, *(entity for entity in more if entity not in gone)}) if more else found
