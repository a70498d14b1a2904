"""How a query names an entity."""

from __future__ import annotations

from reasoning.graph.store import KnowledgeGraph
from reasoning.query.tree import Entity


def anchor(kg: KnowledgeGraph, entity: int) -> Entity:
    """The entity as a query names it: by its label, or by its id where the label does not say which is meant."""
    label = kg.entity_labels[entity]
    match = kg.names.match(label)
    if match is not None and match.entities == (entity,):
        return Entity(label)
    return Entity(kg.identifier(entity), by_id=True)
