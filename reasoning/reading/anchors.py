"""The entities that a query starts from."""

from __future__ import annotations

from reasoning.graph.store import KnowledgeGraph
from reasoning.query.tree import Entity, Query


def anchor(kg: KnowledgeGraph, entity: int) -> Entity:
    """The entity as a query names it: by its label, or by its id where the label does not say which is meant."""
    label = kg.entity_labels[entity]
    match = kg.names.match(label)
    if match is not None and match.entities == (entity,):
        return Entity(label)
    return Entity(kg.identifier(entity), by_id=True)


def anchors(query: Query) -> list[Entity]:
    """The entities of a query in its order, each as often as it stands there."""
    if isinstance(query, Entity):
        return [query]
    return [entity for child in query.children for entity in anchors(child)]


def differing(*queries: Query) -> tuple[Entity, ...]:
    """The one entity that several queries take differently, () where they differ in more or in none."""
    named = [anchors(query) for query in queries]
    if len({len(names) for names in named}) != 1:
        return ()
    found = [names for names in zip(*named, strict=True) if len(set(names)) > 1]
    return found[0] if len(found) == 1 else ()


def index_of(kg: KnowledgeGraph, entity: Entity) -> int:
    """The entity that an anchor names."""
    return kg.entity_by_id(entity.name) if entity.by_id else kg.entity(entity.name)
