"""The profile of a graph: what it says, and that the cache keeps it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from kg_data.columns import HIDDEN
from reasoning import KnowledgeGraph, Reasoner
from reasoning.cli import main
from reasoning.graph.exchange import columns_from_triples
from reasoning.graph.profile import FILE, GraphProfile

FACTS = [
    ("Ann", "type", "person"), ("Bob", "type", "person"), ("Cid", "type", "person"), ("Acme", "type", "company"),
    ("Ann", "works for", "Acme"), ("Bob", "works for", "Acme"), ("Acme", "works for_reverse", "Cid"),
    ("Ann", "age", 41), ("Bob", "age", 39),
]  # fmt: skip


def test_a_profile_has_kinds_relations_values_and_what_was_left_out() -> None:
    columns = columns_from_triples(FACTS, "staff", [], [])
    kg = KnowledgeGraph.from_columns(
        replace(columns, namers={"person": "full name"}, definitions={"company": "A firm."}, notes=["Read twice."],
                left_out_triples={"vocabulary": 7, f'{HIDDEN}relation "secret"': 2})
    )  # fmt: skip
    profile = Reasoner(kg, method="exact").describe()
    person, company = profile.kinds
    assert (person.name, person.size, person.namer, company.definition) == ("person", 3, "full name", "A firm.")
    assert set(person.members) < {"Ann", "Bob", "Cid"} and len(person.members) == 2
    works = next(one for one in profile.relations if one.name == "works for")
    assert (works.heads, works.tails, works.facts, works.head_count, works.tail_count) == (
        ("person",),
        ("company",),
        3,
        3,
        1,
    )
    assert works.inverse_names == ("works for_reverse",)
    (age,) = profile.columns
    assert (age.kind, age.facts, age.entity_count, age.lowest, age.highest) == ("integer", 2, 2, 39, 41)
    assert profile.hidden == ('relation "secret"',) and profile.left_out["vocabulary"] == 7
    for words in ("person (3); named by full name", "39 to 41", "7: vocabulary", "Read twice."):
        assert words in str(profile)


def test_a_profile_is_kept_beside_the_graph_and_made_anew_where_it_is_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SKYLARK_CACHE", str(tmp_path / "cache"))
    file = tmp_path / "staff.tsv"
    file.write_text("".join(f"{head}\t{relation}\t{tail}\n" for head, relation, tail in FACTS))
    kg = KnowledgeGraph.load(file)
    made = kg.profile()
    assert kg.origin is not None
    kept = kg.origin.folder / FILE
    content = json.loads(kept.read_bytes())
    content["profile"]["source"] = "from the cache"
    kept.write_text(json.dumps(content))
    assert GraphProfile.of(KnowledgeGraph.load(file)).source == "from the cache"
    for damaged in ("", "{}", '{"version": 0}', '{"version": 1, "profile": {"kinds": 3}}'):
        kept.write_text(damaged)
        assert KnowledgeGraph.load(file).profile() == made
    assert main(["describe", "--kg", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == made.to_dict()
    assert main(["describe", "--kg", str(file)]) == 0
    assert capsys.readouterr().out == f"{made}\n"
