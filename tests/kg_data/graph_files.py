"""What the tests of loaders read from columns: facts by the names of the source."""

from __future__ import annotations

from kg_data.columns import GraphColumns, ValueKind


def links(graph: GraphColumns, split: str = "graph") -> set[tuple[str, str, str]]:
    """The triples of a split by ids."""
    return {
        (graph.entity_ids[h], graph.relation_ids[r], graph.entity_ids[t]) for h, r, t in graph.splits[split].tolist()
    }


def values(graph: GraphColumns) -> dict[str, tuple[ValueKind, dict[str, float]]]:
    """Relation to the kind of its values and each entity's value, by ids."""
    return {
        column.relation: (
            column.kind,
            {
                graph.entity_ids[entity]: value
                for entity, value in zip(column.entities.tolist(), column.values.tolist(), strict=True)
            },
        )
        for column in graph.literals
    }
