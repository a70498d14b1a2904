"""What a folder calls its entities and relations besides their ids.

Benchmarks ship ids alone (Freebase MIDs, Wikidata Q-ids, WordNet offsets); others published names for them as files
beside the triples: kg-bert's `entity2text.txt` and `relation2text.txt`, CoDEx's `relations.json`, `types.json` and
`entity2types.json`. Every one is optional, and an id that none of them names is shown as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from kg_data.errors import DataError
from kg_data.loaders.text import read_json_object, read_names

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
