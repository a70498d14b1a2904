"""Graphs written as files of rows, and what the forms cannot hold."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoning import KnowledgeGraph
from reasoning.errors import GraphError
from reasoning.graph.rdf import write_graph
from tests.reasoning.awkward_names import AWKWARD
from tests.reasoning.graph.test_exchange import awkward, kinds_of, triples_of
from tests.reasoning.random_queries import Facts, facts


@pytest.mark.parametrize("suffix", [".tsv", ".csv", ".jsonl"])
class TestRoundTrip:
    @pytest.mark.slow
    @given(world=facts())
    def test_of_any_small_graph(self, tmp_path_factory: pytest.TempPathFactory, suffix: str, world: Facts) -> None:
        path = tmp_path_factory.mktemp("export") / f"g{suffix}"
        kg = KnowledgeGraph.from_triples(world.triples)
        write_graph(kg, path)
        assert triples_of(KnowledgeGraph.load(path)) == triples_of(kg)
        assert kinds_of(KnowledgeGraph.load(path)) == kinds_of(kg)

    def test_of_a_triple_that_looks_like_a_header(self, tmp_path: Path, suffix: str) -> None:
        kg = KnowledgeGraph.from_triples([("head", "relation", "tail")])
        write_graph(kg, tmp_path / f"g{suffix}")
        assert triples_of(KnowledgeGraph.load(tmp_path / f"g{suffix}")) == {("head", "relation", "tail")}

    def test_of_every_name_that_the_form_can_hold(self, tmp_path: Path, suffix: str) -> None:
        held = 0
        for number, name in enumerate(AWKWARD):
            kg = KnowledgeGraph.from_triples([(name, "r", "x")])
            path = tmp_path / f"{number}{suffix}"
            try:
                write_graph(kg, path)
            except GraphError as error:
                assert suffix != ".jsonl" and ".jsonl" in str(error) and not path.exists()
                continue
            held += 1
            assert list(KnowledgeGraph.load(path).entity_ids) == [name, "x"]
        assert held == len(AWKWARD) or (suffix != ".jsonl" and held > 15)


def test_json_lines_hold_years_shared_labels_and_special_characters(tmp_path: Path) -> None:
    write_graph(awkward(), tmp_path / "g.jsonl")
    again = KnowledgeGraph.load(tmp_path / "g.jsonl")
    assert triples_of(again) == triples_of(awkward())
    assert kinds_of(again) == kinds_of(awkward())


@given(st.lists(st.tuples(*[st.text(st.characters(), min_size=1)] * 3), min_size=1, max_size=5))
def test_json_lines_hold_every_name(
    tmp_path_factory: pytest.TempPathFactory, triples: list[tuple[str, str, str]]
) -> None:
    path = tmp_path_factory.mktemp("export") / "g.jsonl"
    kg = KnowledgeGraph.from_triples(triples)
    write_graph(kg, path)
    assert triples_of(KnowledgeGraph.load(path)) == triples_of(kg)


def test_the_files_are_what_other_programs_read(tmp_path: Path) -> None:
    kg = KnowledgeGraph.from_triples([('a "b", c', "r", "d"), ("d", "size", 5)])
    for suffix in (".csv", ".jsonl", ".tsv"):
        write_graph(kg, tmp_path / f"g{suffix}")
    expected = [["head", "relation", "tail", "type"], ['a "b", c', "r", "d", "entity"], ["d", "size", "5", "integer"]]
    with (tmp_path / "g.csv").open(newline="") as file:
        assert list(csv.reader(file)) == expected
    assert [line.split("\t") for line in (tmp_path / "g.tsv").read_text().splitlines()] == expected
    assert [json.loads(line)["tail"] for line in (tmp_path / "g.jsonl").read_text().splitlines()] == [
        "d",
        {"value": "5", "type": "integer"},
    ]


def test_another_suffix_is_refused_with_those_that_are_known(tmp_path: Path) -> None:
    with pytest.raises(GraphError, match=r"one of \.nt, \.ttl, \.jsonl, \.tsv, \.csv"):
        write_graph(awkward(), tmp_path / "g.xlsx")


@pytest.mark.parametrize("suffix", [".tsv", ".csv", ".jsonl", ".nt", ".ttl"])
def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(GraphError, match=rf"g{suffix} cannot be written: No space left"):
        write_graph(KnowledgeGraph.from_triples([("a", "r", "b")]), tmp_path / f"g{suffix}")
    assert list(tmp_path.iterdir()) == []
