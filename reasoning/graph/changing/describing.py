"""What is said of entities beside the facts: labels, types and other names."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from reasoning.errors import ChangeError
from reasoning.graph.changing.change import Change
from reasoning.graph.changing.drafts.entities import EntityDraft


class Describing:
    """Describes the entities of a graph as changes ask for it.

    Args:
        entities: the entities, which are being changed.
        nearest: the names in the graph that are most like one, for errors.
    """

    def __init__(self, entities: EntityDraft, nearest: Callable[[str], list[str]]) -> None:
        self._names, self._types, self._nearest = entities.names, entities.types, nearest
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
                ("types", change.types, self._types.give),
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
            if entity is not None and type_name in self._types.of(entity):
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
        own = self._types.of(entity)
        if type_name not in own:
            has = f"it has {', '.join(own)}" if own else "it has none"
            raise ChangeError(f'remove_types: "{name}" does not have the type "{type_name}"; {has}')
        self._types.take(entity, type_name)

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
