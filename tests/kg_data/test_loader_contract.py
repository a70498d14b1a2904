"""Every form of graph files, held to one contract."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kg_data.loaders import files_read, form_of, load_path
from skylark.errors import DataError

FACTS = frozenset({("Ann Lee", "works_in", "Sales"), ("Bob", "works_in", "Sales"), ("Ann Lee", "leads", "Bob")})
ROWS = sorted(FACTS)
BROKEN = "one field alone\n"


def lines(separator: str) -> str:
    return "".join(separator.join(fact) + "\n" for fact in ROWS)


def triples() -> str:
    return "".join(" ".join(f"<http://x.org/{name.replace(' ', '_')}>" for name in fact) + " .\n" for fact in ROWS)


def numbered() -> str:
    return "".join(f"{ENTITIES.index(h)}\t{RELATIONS.index(r)}\t{ENTITIES.index(t)}\n" for h, r, t in ROWS)


ENTITIES = sorted({name for head, _, tail in ROWS for name in (head, tail)})
RELATIONS = sorted({relation for _, relation, _ in ROWS})
FORMS = {
    "tsv": ({"graph.tsv": lines("\t")}, BROKEN),
    "csv": ({"graph.csv": lines(",")}, BROKEN),
    "json": ({"graph.jsonl": "".join(json.dumps(fact) + "\n" for fact in ROWS)}, "{\n"),
    "n-triples": ({"graph.nt": triples()}, "<http://x.org/a> <no end\n"),
    "turtle": ({"graph.ttl": triples()}, "<http://x.org/a> <no end\n"),
    "labelled": ({"train.txt": lines("\t")}, BROKEN),
    "integer": (
        {
            "train.txt": numbered(),
            "id2ent.tsv": "".join(f"{n}\t{name}\n" for n, name in enumerate(ENTITIES)),
            "id2rel.tsv": "".join(f"{n}\t{name}\n" for n, name in enumerate(RELATIONS)),
        },
        "0\tx\t1\n",
    ),
    "metaqa": ({"kb.txt": lines("|")}, BROKEN),
}
"""The files of each form, and a fourth line of the first that is broken."""


def written(folder: Path, form: str, more: str = "") -> Path:
    """The file or folder to load."""
    files = FORMS[form][0]
    for name, content in files.items():
        (folder / name).write_text(content)
    first = next(iter(files))
    (folder / first).write_text(files[first] + more)
    return folder / first if first.startswith("graph") else folder


@pytest.mark.parametrize("form", FORMS)
def test_the_facts_come_back_the_same_each_time(tmp_path: Path, form: str) -> None:
    path = written(tmp_path, form)
    columns, other = load_path(path, "g"), load_path(path, "g")
    (split,) = columns.splits.values()
    entities, relations = columns.entity_labels, columns.relation_labels
    assert {(entities[head], relations[r], entities[tail]) for head, r, tail in split.tolist()} == FACTS
    assert columns.name == "g" and form_of(path) is not None
    assert list(columns.entity_ids) == list(other.entity_ids) and list(columns.relation_ids) == list(other.relation_ids)
    told = files_read(path)
    assert told and all(file.is_file() for file in told)


@pytest.mark.parametrize("form", FORMS)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, form: str) -> None:
    with pytest.raises(DataError) as raised:
        load_path(written(tmp_path, form, FORMS[form][1]), "g")
    assert raised.value.line == 4
