"""What is other of the entities of a changed graph than of its base's."""

from __future__ import annotations

from dataclasses import dataclass, field

from rpds import HashTrieMap

from reasoning.graph.changing.persistent import Appended


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
        doubtful_labels: labels of which it must be looked whether several entities share them.
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
    doubtful_labels: HashTrieMap[str, bool] = field(default_factory=HashTrieMap)
