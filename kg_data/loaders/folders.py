"""Folders of triples in splits: `train.txt`, and optionally `valid.txt` and `test.txt`.

Most hold labels, `head<TAB>relation<TAB>tail`: FB15k-237, WN18RR, CoDEx, UMLS, and most graphs that people bring along.
The splits share one set of ids, numbered in order of appearance; entities that only a name file mentions do not occur
in the graph.

The Query2Box and BetaE query sets hold three integers a line, which `id2ent.tsv` and `id2rel.tsv` name. Queries and
answers of these data sets are written in the same integers, so the integers stay the ids and the names become labels.
Facts usually stand twice, once by the inverse relation, and are folded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from kg_data.columns import GraphColumns
from kg_data.errors import DataError
from kg_data.loaders.names import NAME_FILES, describe_source, read_entity_names, read_relation_names, read_types
from kg_data.loaders.text import Row, empty_field, read_lines, separated_rows
from kg_data.loaders.triples import SpelledNames, Triples, fold_twins, index_rows

SPLITS = ("train", "valid", "test")
TAB_SEPARATED = "head, relation and tail separated by tabs"
LABELLED_FILES = ("train.txt", "valid.txt", "test.txt", *NAME_FILES)
THREE_INTEGERS = "three integers (head, relation, tail) separated by blanks or tabs"
INTEGER_FILES = ("id2ent.tsv", "id2rel.tsv", "train.txt", "valid.txt", "test.txt", *NAME_FILES)


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


def load_integer(folder: Path, name: str) -> GraphColumns:
    """Read a folder of integer triples; every entity of `id2ent.tsv` is kept, in that order, also where it has no fact.

    Labels are the names of `id2ent.tsv` and `id2rel.tsv`. Where the folder also holds name files that name those names
    (`entity2text.txt` and the like), the label comes from there and the former name becomes an alias.

    Raises:
        DataError: a file is missing or of another form, or a triple has an id that the id files lack.
    """
    entities = _read_ids(folder / "id2ent.tsv")
    relations = _read_ids(folder / "id2rel.tsv")
    if len(set(relations.values())) != len(relations):
        raise DataError(folder / "id2rel.tsv", "another name for each relation", found="a name that repeats")

    entity_index = {key: index for index, key in enumerate(entities)}
    relation_index = {key: index for index, key in enumerate(relations)}
    splits: dict[str, Triples] = {}
    for split in SPLITS:
        if (path := folder / f"{split}.txt").is_file():
            rows = _integer_rows(path, entity_index, relation_index)
            splits[split] = index_rows(path, rows, entity_index, relation_index, THREE_INTEGERS)

    entity_names, relation_names = read_entity_names(folder), read_relation_names(folder)
    names = list(relations.values())
    folded = fold_twins(list(relations), names, [relation_names.get(item, item) for item in names], splits)
    return GraphColumns(
        name=name,
        entity_ids=list(entities),
        entity_labels=[entity_names.get(item, item) for item in entities.values()],
        relation_ids=folded.ids,
        relation_labels=folded.labels,
        splits=folded.splits,
        relation_aliases=folded.aliases,
        aliases=[(index, item) for index, item in enumerate(entities.values()) if entity_names.get(item, item) != item],
        types=read_types(folder, entities.values()),
        source=describe_source(folder),
    )


def _read_ids(path: Path) -> dict[str, str]:
    if not path.is_file():
        raise DataError(path, "this file beside the other id file: id2ent.tsv and id2rel.tsv come together")
    names: dict[str, str] = {}
    expected = "an integer id and a name separated by one tab"
    for number, fields in separated_rows(path, "\t", 2, expected):
        key, name = (field.strip() for field in fields)
        if not (key and name):
            raise empty_field(path, number, fields, expected)
        if not _is_decimal(key):
            raise DataError(path, "a decimal integer as id", line=number, found=key)
        if key in names:
            raise DataError(path, "each id once", line=number, found=key)
        names[key] = name
    if not names:
        raise DataError(path, "at least one id and name", found="an empty file")
    return names


def _integer_rows(path: Path, entities: Mapping[str, int], relations: Mapping[str, int]) -> Iterator[Row]:
    for number, line in enumerate(read_lines(path), start=1):
        fields = line.split()
        if not fields:
            continue
        if len(fields) != 3:
            raise DataError(path, THREE_INTEGERS, line=number, found=line)
        # The ids are compared as text: no conversion of 1.6 million numbers, and "007" is not taken for 7.
        if fields[0] not in entities or fields[1] not in relations or fields[2] not in entities:
            if not all(_is_decimal(field) for field in fields):
                raise DataError(path, THREE_INTEGERS, line=number, found=line)
            where = "id2rel.tsv" if fields[1] not in relations else "id2ent.tsv"
            raise DataError(path, f"ids that are listed in {where}", line=number, found=line)
        yield number, fields


def _is_decimal(text: str) -> bool:
    return text.isascii() and text.isdigit() and (text == "0" or text[0] != "0")
