"""Triples from one file: a graph of one's own as .tsv, .csv or .txt, and MetaQA's knowledge base.

There are no splits in one file, so all of it is the split "graph".
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from kg_data.columns import GraphColumns
from kg_data.errors import DataError
from kg_data.loaders.names import describe_source
from kg_data.loaders.text import Row, comma_rows, read_text, separated_rows
from kg_data.loaders.triples import fold_twins, index_rows

SUFFIXES = (".tsv", ".csv", ".txt")
METAQA_FILES = ("kb.txt", "kb_partial.txt")

_HEADER_ROLES = {
    "head": 0, "subject": 0, "source": 0,
    "relation": 1, "predicate": 1, "property": 1, "edge": 1,
    "tail": 2, "object": 2, "target": 2,
}  # fmt: skip


def load_file(path: Path, name: str) -> GraphColumns:
    """Read one file of triples: .tsv by tabs, .csv by commas, .txt by tabs or `|`, whichever its first line holds.

    A first line that names the columns (head, relation, tail; subject, predicate, object; source, edge, target; in
    any order) is read as a header.

    Raises:
        DataError: another suffix, or a file of another form, with its line.
    """
    suffix = path.suffix.lower()
    if suffix == ".csv":
        rows = comma_rows(path, 3, "head, relation and tail separated by commas")
    elif suffix == ".tsv":
        rows = separated_rows(path, "\t", 3, "head, relation and tail separated by tabs")
    elif suffix == ".txt":
        if "\t" in read_text(path).lstrip("\n").partition("\n")[0]:
            rows = separated_rows(path, "\t", 3, "head, relation and tail separated by tabs")
        else:
            rows = separated_rows(path, "|", 3, "head, relation and tail separated by '|' or tabs")
    else:
        raise DataError(path, f"a file of triples as {', '.join(SUFFIXES)} (no other format is read)", found=path.name)
    return _columns(path, rows, name, f"file {path.name}, origin and licence not stated")


def metaqa_file(folder: Path) -> Path | None:
    """The knowledge base of a MetaQA folder, the complete one where both are there; None where there is none."""
    return next((folder / name for name in METAQA_FILES if (folder / name).is_file()), None)


def load_metaqa(folder: Path, name: str) -> GraphColumns:
    """Read MetaQA's knowledge base, `subject|relation|object` a line (Zhang et al. 2018, arXiv 1709.04071).

    Raises:
        DataError: the folder has no knowledge base, or it is of another form.
    """
    path = metaqa_file(folder)
    if path is None:
        raise DataError(folder, f"one of {', '.join(METAQA_FILES)}")
    rows = separated_rows(path, "|", 3, "subject, relation and object separated by '|'")
    return _columns(path, rows, name, describe_source(folder))


def _columns(path: Path, rows: Iterator[Row], name: str, source: str) -> GraphColumns:
    entities: dict[str, int] = {}
    relations: dict[str, int] = {}
    triples = index_rows(path, _without_header(rows), entities, relations)
    ids = list(relations)
    folded = fold_twins(ids, ids, ids, {"graph": triples})
    return GraphColumns(
        name=name,
        entity_ids=list(entities),
        entity_labels=list(entities),
        relation_ids=folded.ids,
        relation_labels=folded.labels,
        splits=folded.splits,
        relation_aliases=folded.aliases,
        source=source,
    )


def _without_header(rows: Iterator[Row]) -> Iterator[Row]:
    first = next(rows, None)
    if first is None:
        return
    roles = [_HEADER_ROLES.get(field.lower()) for field in first.fields]
    if sorted(role for role in roles if role is not None) != [0, 1, 2]:
        yield first
        yield from rows
        return
    order = [roles.index(role) for role in (0, 1, 2)]
    if order == [0, 1, 2]:
        yield from rows
    for row in rows:
        yield Row(row.line, [row.fields[place] for place in order])
