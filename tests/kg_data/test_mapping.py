"""Mappings: what they change, that a row does not undo it, and what is wrong with one."""

from pathlib import Path

import pytest

from reasoning import KnowledgeGraph, Query, Reasoner
from reasoning.cli import main
from skylark.errors import DataError

TABLE = """employee,team,age,code,full name,boss,secret
e1,Red,41,7,Ann Lee,e2,x
e2,Blue,39,8,Bob Ray,,y
e3,Red,30,9,Cid Fox,e2,z
"""
MAPPING = """
[kinds.employee]
name = "worker"
namer = "full name"
synonyms = ["member of staff"]
definition = "Who is paid."

[relations.age]
values = "integer"
[relations.code]
values = "category"
[relations.secret]
hide = true
[relations.boss]
name = "manager"
synonyms = ["reports to"]
inverse = ["manages"]
"""


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    monkeypatch.setenv("SKYLARK_CACHE", str(tmp_path / "cache"))
    table, mapping = tmp_path / "staff.csv", tmp_path / "map.toml"
    table.write_text(TABLE)
    mapping.write_text(MAPPING)
    return table, mapping


def load(files: tuple[Path, Path]) -> KnowledgeGraph:
    return KnowledgeGraph.load(files[0], table=True, infer_values=True, mapping=files[1])


def test_a_mapping_renames_hides_names_and_decides_values_whatever_row_arrives(files: tuple[Path, Path]) -> None:
    kg = load(files)
    assert {*kg.relation_names()} == {"type", "team", "manager", "code", "age"}
    profile = kg.profile()
    assert [(kind.name, kind.size, kind.namer, kind.definition) for kind in profile.kinds] == [
        ("worker", 3, "full name", "Who is paid."), ("team", 2, "", "")
    ]  # fmt: skip
    assert profile.hidden == ('relation "secret"',) and profile.left_out == {
        'hidden by the mapping: relation "secret"': 3
    }
    ask = Reasoner(kg, method="exact").answer
    for text in ('~"reports to"("Bob Ray")', 'boss(~type("employee")) & manages("Bob Ray") | ~boss("e2")'):
        assert set(ask(Query.parse(text)).entities) == {"Ann Lee", "Cid Fox"}
    assert ask(Query.parse('~code("7")')).entities == ["Ann Lee"]
    files[0].write_text(TABLE.replace(",30,", ",n/a,").replace(",9,", ",ix,"))
    again = load(files)
    assert {*again.relation_names()} == {*kg.relation_names()} and again.column("age") is not None
    assert sum(again.left_out_triples.values()) == 4
    files[1].write_text(MAPPING.replace("worker", "employee").replace("hide = true", "hide = false"))
    assert {"secret"} == {*load(files).relation_names()} - {*kg.relation_names()}


def test_a_hidden_kind_takes_the_things_along_that_are_of_no_other(files: tuple[Path, Path]) -> None:
    files[1].write_text("[kinds.employee]\nhide = true\n[kinds.team]\nname = 'crew'\n")
    files[0].write_text(TABLE + "e4,Red,1,2,Dee,Bob,q\n")
    kg = load(files)
    assert "e1" not in {*kg.entity_labels} and kg.profile().hidden == ('kind "employee"',)


def test_describe_writes_a_mapping_that_changes_nothing_and_keeps_what_one_says(files: tuple[Path, Path]) -> None:
    command = ["describe", "--kg", str(files[0]), "--table", "--infer-values"]
    new = files[1].with_name("new.toml")
    assert main([*command, "--write", str(new)]) == 0
    plain = KnowledgeGraph.load(files[0], table=True, infer_values=True)
    assert list(load((files[0], new))) == list(plain)
    assert main([*command, "--write", str(new)]) == 2
    before = list(load(files))
    assert main([*command, "--mapping", str(files[1]), "--write", str(files[1])]) == 0
    assert list(load(files)) == before and "# employee (3)" in files[1].read_text()


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[relations.aeg]\nname = 'x'", 1, "nearest: age"),
        ("\n[kinds.employe]\nhide = true", 2, "nearest: employee"),
        ("[kinds.employee]\nnamer = 'full nam'", 1, "nearest: full name"),
        ("[kinds.employee]\nhid = true", 1, "nearest: hide"),
        ("[relations.age]\nvalues = 'integr'", 1, "nearest: integer"),
        ("[relations.age]\nhide = 'yes'", 1, "true or false"),
        ("[relations.age]\ninverse = ['years of']", 1, "no inverse"),
        ("[relations.age]\nsynonyms = [3]", 1, "a list of texts"),
        ("[relation.age]", None, "[relations.NAME]"),
        ("[relations.age\n", 1, "TOML"),
    ],
)
def test_a_mapping_that_is_wrong_is_an_error_with_its_line(
    files: tuple[Path, Path], text: str, line: int | None, words: str
) -> None:
    files[1].write_text(text)
    with pytest.raises(DataError) as caught:
        load(files)
    assert (caught.value.path, caught.value.line) == (str(files[1]), line) and words in str(caught.value)
