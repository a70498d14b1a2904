"""What a word of a question may mean in a graph: some relations, or a kind of thing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from reasoning.graph.index import Ids

FAR_LINK = 0.31
"""A word farther than this from a relation's name may bring it to mind and does not mean it: what is above both."""


@dataclass(frozen=True)
class RelationUse:
    """A word or phrase of the question that may mean one of these relations.

    Attributes:
        text: the words.
        relations: names, the likeliest first.
        costs: of each, how far the words are from its name.
        far: those that the words only bring to mind.
        ranked: whether the order says which is meant where several fit; otherwise that is an ambiguity.
    """

    text: str
    relations: tuple[str, ...]
    costs: tuple[float, ...] = ()
    ranked: bool = False
    far: frozenset[str] = frozenset()

    def cost(self, name: str) -> float:
        """How far the words are from a relation's name."""
        return self.costs[self.relations.index(name)] if self.costs else 0.0

    def guesses(self, name: str) -> tuple[str, ...]:
        """The words, where they are too far from a relation's name to mean it for sure."""
        return (self.text,) if name in self.far else ()

    def only(self, names: Iterable[str]) -> RelationUse:
        """The use with these of its relations."""
        kept = [name for name in self.relations if name in set(names)]
        return replace(self, relations=tuple(kept), costs=tuple(self.cost(name) for name in kept))


@dataclass(frozen=True)
class Kind:
    """What a noun says an answer is.

    Attributes:
        text: the noun.
        entity: the type, an entity index; None where the graph has no such type.
        members: what is of the kind where `entity` is None, None for anything; sorted.
        cost: how far the noun is from the type's name.
        named: entities that the noun names, where the graph has no kind of its name.
    """

    text: str
    entity: int | None = None
    members: Ids | None = None
    cost: float = 0.0
    named: tuple[int, ...] = ()

    @property
    def identity(self) -> tuple[int | None, int | None]:
        """What two kinds that mean the same have in common."""
        return self.entity, None if self.members is None else len(self.members)
