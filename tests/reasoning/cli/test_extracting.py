"""`python -m reasoning graph extract`, with a scripted model in place of the one that is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reasoning import KnowledgeGraph
from reasoning.cli import main
from reasoning.extraction import asking
from skylark.errors import UsageError
from tests.reasoning.chat_models import Reply, ScriptedChatModel
from tests.reasoning.extraction.models import SCHEMA, faultless_reply

Captured = pytest.CaptureFixture[str]
PROPOSED = '{"relations": [{"name": "works for", "head": "person", "tail": "company"}]}'


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ScriptedChatModel:
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text("Ann Lee works for Core.\nCore founded in 1999.\n")
    Path("b.txt").write_text("Bo Moe works for Core.\n")
    Path("schema.json").write_text(json.dumps(SCHEMA))
    return answering(monkeypatch, faultless_reply)


def answering(monkeypatch: pytest.MonkeyPatch, *replies: Reply) -> ScriptedChatModel:
    scripted = ScriptedChatModel(*replies)
    monkeypatch.setattr(asking, "load_llm", lambda *given, **how: scripted)
    return scripted


def extract(*arguments: str) -> int:
    return main(["graph", "extract", *arguments, "--llm", "any:model"])


def as_json(capsys: Captured) -> Any:
    return json.loads(capsys.readouterr().out)


def test_the_triples_are_printed_with_their_words(model: ScriptedChatModel, capsys: Captured) -> None:
    assert extract("a.txt", "--schema", "schema.json") == 0
    written = capsys.readouterr()
    assert written.out.splitlines() == [
        "Ann Lee\tworks for\tCore\ta.txt, line 1\tAnn Lee works for Core",
        "Core\tfounded in\t1999\ta.txt, line 2\tCore founded in 1999",
    ]
    assert "2 triples in 1 passage of 1 document; 1 request" in written.err


def test_a_store_is_made_added_to_and_freed_of_a_document(model: ScriptedChatModel, capsys: Captured) -> None:
    assert extract("a.txt", "--schema", "schema.json", "--out", "store") == 0
    first = set(KnowledgeGraph.load("store"))
    assert extract("b.txt", "--schema", "schema.json", "--out", "store") == 0
    assert set(KnowledgeGraph.load("store").documents()) == {"a.txt", "b.txt"}
    assert main(["graph", "remove", "store", "--source", "b.txt"]) == 0
    assert set(KnowledgeGraph.load("store")) == first
    capsys.readouterr()
    assert extract("a.txt", "--out", "store", "--json") == 0  # by the store's own schema
    assert as_json(capsys)["note"] == "all of it is there already; nothing to do"


def test_json_has_the_place_of_each_triple(model: ScriptedChatModel, capsys: Captured) -> None:
    assert extract("a.txt", "--schema", "schema.json", "--json") == 0
    found = as_json(capsys)
    assert found["triples"][1] == {
        "head": "Core", "relation": "founded in", "tail": 1999, "evidence": "Core founded in 1999",
        "document": "a.txt", "line": 2, "start": 24, "end": 44,
    }  # fmt: skip
    assert found["dropped"] == {}


def test_a_dry_run_sends_nothing(model: ScriptedChatModel, capsys: Captured) -> None:
    assert extract("a.txt", "b.txt", "--schema", "schema.json", "--dry-run") == 0
    assert "nothing was sent: 2 documents\n  passages       2\n  requests       2\n" in capsys.readouterr().out
    assert extract("a.txt", "--dry-run", "--json") == 0
    assert as_json(capsys)["requests"] == 2  # one for a schema
    assert not model.prompts


def test_a_proposed_schema_is_written_and_can_be_given(
    model: ScriptedChatModel, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, PROPOSED)
    assert extract("a.txt", "--propose-schema", "mine.json") == 0
    assert "works for: person -> company\nmine.json: 1 relations" in capsys.readouterr().out
    answering(monkeypatch, faultless_reply)
    assert extract("a.txt", "--schema", "mine.json", "--json") == 0
    found = as_json(capsys)
    assert [triple["relation"] for triple in found["triples"]] == ["works for"]
    assert found["dropped"] == {"no_relation": 1}


def test_a_schema_may_be_that_of_a_graph(model: ScriptedChatModel, capsys: Captured) -> None:
    Path("graph.tsv").write_text("Cy Poe\tworks for\tVantor\n")
    assert extract("a.txt", "--schema", "graph.tsv", "--json") == 0
    assert len(as_json(capsys)["triples"]) == 1


def test_a_graph_and_a_new_store_make_one_of_both(model: ScriptedChatModel, capsys: Captured) -> None:
    Path("graph.tsv").write_text("Cy Poe\tworks for\tVantor\n")
    assert extract("b.txt", "--kg", "graph.tsv", "--out", "store") == 0
    assert len(KnowledgeGraph.load("store")) == 2
    assert capsys.readouterr().out.endswith("store: 4 entities, 2 facts\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("none.txt",), "there is no file none.txt"),
        (("aa.txt",), "there is no file aa.txt; did you mean"),
        (("empty.txt",), "empty.txt is empty"),
        (("binary.txt",), "binary.txt is not text"),
        (("latin.txt",), "latin.txt is not text in UTF-8 (byte 1 is 0xe9): convert it first"),
        ((".",), "is a folder: name the files in it"),
        (("a.txt", "a.txt"), 'two documents are called "a.txt"'),
        (("a.txt", "--schema", "none.json"), "the schema none.json cannot be read: No such file"),
        (("a.txt", "--schema", "broken.json"), "broken.json is not JSON"),
        (("a.txt", "--schema", "other.json"), "other.json: a schema is an object with a list of relations"),
        (("a.txt", "--out", "a.txt"), "a.txt is there already and is no graph store"),
        (("a.txt", "--propose-schema", "x.json", "--out", "s"), "--propose-schema writes the schema and does no more"),
        (("a.txt", "--kg", "none"), "none"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_sent(
    arguments: tuple[str, ...], message: str, model: ScriptedChatModel, capsys: Captured
) -> None:
    Path("empty.txt").write_text(" \n")
    Path("binary.txt").write_bytes(b"ab\0c")
    Path("latin.txt").write_bytes(b"caf\xe9"[2:])
    Path("broken.json").write_text("{")
    Path("other.json").write_text("[]")
    there = sorted(Path().iterdir())
    assert extract(*arguments) == 2
    assert message in capsys.readouterr().err
    assert not model.prompts
    assert sorted(Path().iterdir()) == there


def test_a_passage_has_50_tokens_at_least() -> None:
    with pytest.raises(UsageError, match="at least 50, not 49"):
        asking.ExtractionOptions(chunk_tokens=49)
    assert asking.ExtractionOptions(chunk_tokens=50).chunk_tokens == 50


def test_the_embedded_model_is_a_usage_error(tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text("Ann Lee works for Core.")
    assert main(["graph", "extract", "a.txt", "--llm", "embedded"]) == 2
    assert "too small to extract" in capsys.readouterr().err


def test_where_nothing_is_said_no_store_is_made(
    model: ScriptedChatModel, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, '{"triples": []}')
    assert extract("a.txt", "--schema", "schema.json", "--out", "store") == 1
    assert "no graph can be made: 0 triples" in capsys.readouterr().err
    assert not Path("store").exists()


def test_a_failing_model_leaves_the_store_as_it_was(
    model: ScriptedChatModel, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert extract("a.txt", "--schema", "schema.json", "--out", "store") == 0
    before = set(KnowledgeGraph.load("store"))
    answering(monkeypatch, ValueError("no credit"))
    assert extract("a.txt", "b.txt", "--out", "store", "--retries", "0") == 1
    assert "could read none of 2 passages" in capsys.readouterr().err
    assert set(KnowledgeGraph.load("store")) == before
