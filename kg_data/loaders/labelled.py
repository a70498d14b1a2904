"""Folders of labelled triples: FB15k-237, WN18RR, CoDEx, UMLS, and most graphs that people bring along.

`train.txt`, and optionally `valid.txt` and `test.txt`, of `head<TAB>relation<TAB>tail`. The splits share one set of
ids, numbered in order of appearance; entities that only a name file mentions do not occur in the graph.
"""

from __future__ import annotations

from pathlib import Path

from kg_data.columns import GraphColumns
from kg_data.loaders.names import NAME_FILES, describe_source, read_entity_names, read_relation_names, read_types
from kg_data.loaders.text import separated_rows
from kg_data.loaders.triples import SpelledNames, Triples, fold_twins, index_rows

SPLITS = ("train", "valid", "test")
TAB_SEPARATED = "head, relation and tail separated by tabs"
FILES = ("train.txt", "valid.txt", "test.txt", *NAME_FILES)


def load_labelled(folder: Path, name: str) -> GraphColumns:
    """Read a folder of labelled triples.

    Raises:
        DataError: a file of another form, with its line.
    """
    entities, relations = SpelledNames(), SpelledNames()
    splits: dict[str, Triples] = {}
    for split in SPLITS:
        if (path := folder / f"{split}.txt").is_file():
            rows = separated_rows(path, "\t", 3, TAB_SEPARATED)
            splits[split] = index_rows(path, rows, entities, relations, TAB_SEPARATED)

    entity_names, relation_names = read_entity_names(folder), read_relation_names(folder)
    ids = relations.ids
    folded = fold_twins(ids, ids, [relation_names.get(item, item) for item in ids], splits)
    return GraphColumns(
        name=name,
        entity_ids=entities.ids,
        entity_labels=[entity_names.get(item, item) for item in entities.ids],
        relation_ids=folded.ids,
        relation_labels=folded.labels,
        splits=folded.splits,
        relation_aliases=folded.aliases,
        types=read_types(folder, entities.ids),
        source=describe_source(folder),
    )
