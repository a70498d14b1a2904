"""The entities of a graph, while they are being changed: what they are called, their types, and which are there."""

from __future__ import annotations

from dataclasses import replace

from reasoning.graph.changing.changes import Changes
from reasoning.graph.changing.drafts.names import NameDraft
from reasoning.graph.changing.drafts.presence import PresenceDraft
from reasoning.graph.changing.drafts.types import TypeDraft
from reasoning.graph.changing.entity_changes import EntityChanges
from reasoning.graph.entities import EntityTable


class EntityDraft:
    """Entities that are being changed.

    Args:
        before: what is other in the graph so far.
        table: its entities with these changes.

    Attributes:
        names: what they are called.
        types: their types.
        presence: which of them the graph says something of.
    """

    def __init__(self, before: Changes, table: EntityTable) -> None:
        self.names = NameDraft(before.base, before.entities, table)
        self.types = TypeDraft(before.base.entities.whole, before.entities)
        self.presence = PresenceDraft(before.base, before.entities)

    def settle(self) -> list[int]:
        """Let those be gone, with their names and types, that nothing is said of any more; these."""
        gone = self.presence.settle()
        for entity in gone:
            self.names.leave(entity)
            self.types.leave(entity)
        return gone

    def done(self) -> EntityChanges:
        """What is other of them now."""
        type_names, types = self.types.done()
        degrees, present = self.presence.done()
        return replace(self.names.done(), type_names=type_names, types=types, degrees=degrees, present=present)
