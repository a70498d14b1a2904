"""Folders of triples in splits, `train.txt`, `valid.txt`, `test.txt`, and the names beside them.

Most hold labels, `head<TAB>relation<TAB>tail`: FB15k-237, WN18RR, CoDEx, UMLS, and most graphs that people bring
along. The query sets of Query2Box and BetaE hold three integers a line, which `id2ent.tsv` and `id2rel.tsv` name; the
integers stay the ids, since queries and answers are written in them.

Benchmarks ship ids alone (Freebase MIDs, Wikidata Q-ids, WordNet offsets); others published names as files beside the
triples: kg-bert's `entity2text.txt` and `relation2text.txt`, CoDEx's `relations.json`, `types.json` and
`entity2types.json`. Every one is optional.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from kg_data.columns import GraphColumns
from kg_data.loaders.facts import SpelledNames, Triples, fold_twins, index_rows
from kg_data.loaders.text import Row, empty_field, read_json_object, read_lines, read_names, separated_rows
from skylark.errors import DataError

SOURCE_FILES = ("README.md", "PROVENANCE.md")
NAME_FILES = (
    "entity2text.txt",
    "relation2text.txt",
    "relations.json",
    "types.json",
    "entity2types.json",
    *SOURCE_FILES,
)

_WORDNET_OFFSET = re.compile(r"\d{8}")


def read_entity_names(folder: Path) -> dict[str, str]:
    """Entity id to name, from `entity2text.txt`; CoDEx's `types.json` fills in, a type being an item of its own there.

    WN18RR's texts are `lemma, gloss`; the lemma alone is the name, since a gloss is nothing to ask by. They are told
    by their ids, all of them eight-digit WordNet offsets: "Washington, D.C." elsewhere is a name with a comma in it.

    Raises:
        DataError: a file of another form.
    """
    names: dict[str, str] = {}
    if (path := folder / "entity2text.txt").is_file():
        names = read_names(path)
        if all(_WORDNET_OFFSET.fullmatch(key) for key in names):
            names = {key: text.partition(", ")[0] for key, text in names.items()}
    if (path := folder / "types.json").is_file():
        names = _read_labels(path) | names
    return names


def read_relation_names(folder: Path) -> dict[str, str]:
    """Relation id to name, from CoDEx's `relations.json` and `relation2text.txt`; the latter wins.

    Raises:
        DataError: a file of another form.
    """
    names: dict[str, str] = {}
    if (path := folder / "relations.json").is_file():
        names = _read_labels(path)
    if (path := folder / "relation2text.txt").is_file():
        names |= read_names(path)
    return names


def read_types(folder: Path, entities: Iterable[str]) -> list[tuple[int, str]]:
    """(entity index, type name) pairs from CoDEx's `entity2types.json`, for the entities of the graph.

    Args:
        folder: the data set.
        entities: entity ids in the order of their indexes; the file lists many more.

    Raises:
        DataError: the file is not an object of lists of type ids.
    """
    path = folder / "entity2types.json"
    if not path.is_file():
        return []
    labels = _read_labels(folder / "types.json") if (folder / "types.json").is_file() else {}
    content = read_json_object(path)
    pairs: list[tuple[int, str]] = []
    for index, entity in enumerate(entities):
        types = content.get(entity, [])
        if not isinstance(types, list) or not all(isinstance(item, str) for item in types):
            raise DataError(path, f"a list of type ids for {entity!r}", found=repr(types))
        # Two type ids may carry one label ("band"): a pair is given once.
        distinct = dict.fromkeys(labels.get(str(item), str(item)) for item in types)
        pairs.extend((index, label) for label in distinct)
    return pairs


def describe_source(folder: Path) -> str:
    """One line on where the folder's data comes from: the first line of its README.md or PROVENANCE.md."""
    for name in SOURCE_FILES:
        if (path := folder / name).is_file():
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                if text := line.lstrip("#").strip():
                    return text
    return f"folder {folder.name}, origin and licence not stated"


def _read_labels(path: Path) -> dict[str, str]:
    labels: dict[str, str] = {}
    for key, entry in read_json_object(path).items():
        if not isinstance(entry, dict) or not isinstance(label := entry.get("label", ""), str):
            raise DataError(path, f'an object with a "label" for {key!r}', found=repr(entry))
        if label.strip():
            labels[key] = label.strip()
    return labels


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
    rows_of = partial(separated_rows, separator="\t", width=3, expected=TAB_SEPARATED)
    splits = _splits(folder, rows_of, entities, relations, TAB_SEPARATED)
    return _columns(folder, name, splits, entities.ids, entities.ids, relations.ids, relations.ids)


def load_integer(folder: Path, name: str) -> GraphColumns:
    """Read a folder of integer triples; every entity of `id2ent.tsv` is kept, in that order, also where it has no fact.

    Labels are the names of `id2ent.tsv` and `id2rel.tsv`. Where the folder also holds name files that name those names
    (`entity2text.txt` and the like), the label comes from there and the former name becomes an alias.

    Raises:
        DataError: a file is missing or of another form, or a triple has an id that the id files lack.
    """
    entities, relations = (_read_ids(folder / f"id2{what}.tsv") for what in ("ent", "rel"))
    if len(set(relations.values())) != len(relations):
        raise DataError(folder / "id2rel.tsv", "another name for each relation", found="a name that repeats")
    entity_index, relation_index = ({key: at for at, key in enumerate(names)} for names in (entities, relations))
    rows_of = partial(_integer_rows, entities=entity_index, relations=relation_index)
    splits = _splits(folder, rows_of, entity_index, relation_index, THREE_INTEGERS)
    names = list(entities.values())
    columns = _columns(folder, name, splits, list(entities), names, list(relations), list(relations.values()))
    labels = enumerate(zip(names, columns.entity_labels, strict=True))
    return replace(columns, aliases=[(index, former) for index, (former, label) in labels if former != label])


def _splits(
    folder: Path, rows_of: Callable[[Path], Iterator[Row]], entities: Mapping[str, int], relations: Mapping[str, int],
    expected: str,
) -> dict[str, Triples]:  # fmt: skip
    there = {split: path for split in SPLITS if (path := folder / f"{split}.txt").is_file()}
    return {split: index_rows(path, rows_of(path), entities, relations, expected) for split, path in there.items()}


def _columns(
    folder: Path, name: str, splits: Mapping[str, Triples], entity_ids: Sequence[str], entities: Sequence[str],
    relation_ids: Sequence[str], relations: Sequence[str],
) -> GraphColumns:  # fmt: skip
    """The graph of a folder, from the ids in its triples and the names that stand for them in the files of names."""
    entity_names, relation_names = read_entity_names(folder), read_relation_names(folder)
    folded = fold_twins(relation_ids, relations, [relation_names.get(item, item) for item in relations], splits)
    return GraphColumns(
        name=name,
        entity_ids=entity_ids,
        entity_labels=[entity_names.get(item, item) for item in entities],
        relation_ids=folded.ids,
        relation_labels=folded.labels,
        splits=folded.splits,
        relation_aliases=folded.aliases,
        types=read_types(folder, entities),
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
