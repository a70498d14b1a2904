"""What the tests of loaders write, and read from columns: facts by the names of the source."""

from pathlib import Path

from kg_data.columns import GraphColumns, ValueKind
from kg_data.loaders import LoadingOptions, load_path

Links = set[tuple[str, str, str]]


def load(folder: Path, name: str, content: str | bytes, **loading: object) -> GraphColumns:
    """The graph of one file with this content."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return load_path(path, "g", LoadingOptions(**loading))  # type: ignore[arg-type]


def links(graph: GraphColumns, split: str = "graph") -> Links:
    """The triples of a split by ids."""
    entities = graph.entity_ids
    return {(entities[h], graph.relation_ids[r], entities[t]) for h, r, t in graph.splits[split].tolist()}


def values(graph: GraphColumns) -> dict[str, tuple[ValueKind, dict[str, float]]]:
    """Relation to the kind of its values and each entity's value, by ids."""
    return {
        column.relation: (
            column.kind,
            {graph.entity_ids[i]: value for i, value in zip(column.entities, column.values.tolist(), strict=True)},
        )
        for column in graph.literals
    }
