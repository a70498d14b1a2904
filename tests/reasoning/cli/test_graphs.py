"""`datasets` and `graph extract`, the latter with a scripted model in place of the one that is named."""

import json
import pickle
from pathlib import Path

import pytest

from reasoning import KnowledgeGraph
from reasoning.cli import main
from reasoning.extraction import asking
from skylark.errors import UsageError
from tests.kg_data.official_betae import write_official
from tests.reasoning.chat_models import Reply, ScriptedChatModel
from tests.reasoning.cli.conftest import Commands
from tests.reasoning.extraction.models import SCHEMA, faultless_reply
from tests.reasoning.made_dataset import make_dataset


@pytest.fixture(autouse=True)
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


class TestDatasets:
    def test_it_lists_what_there_is(self, command: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
        Path("kg/mine").mkdir(parents=True)
        Path("kg/mine/train.txt").write_text("a\tr\tb\n")
        monkeypatch.setenv("SKYLARK_DATA", ".")
        out = command.prints("datasets")
        assert "world" in out and "mine" in out and "FB15k-237" in out
        assert {item["name"] for item in command.json("datasets")} >= {"world", "mine", "FB15k-237"}

    def test_another_copy_is_a_failure(self, monkeypatch: pytest.MonkeyPatch, command: Commands) -> None:
        monkeypatch.setenv("SKYLARK_DATA", ".")
        Path("kg/codex-l").mkdir(parents=True)
        for split in ("train", "valid", "test"):
            Path(f"kg/codex-l/{split}.txt").write_text("a\tr\tb\n")
        assert main(["datasets", "verify", "CoDEx-L"]) == 1
        out = command.capsys.readouterr().out
        assert "differs" in out and "551,193" in out and "entities: 2, published 77,951" in out
        assert main(["datasets", "verify", "CoDEx-L", "--json"]) == 1
        found = json.loads(command.capsys.readouterr().out)
        assert (found["benchmark"], found["matches"], found["by_digest"]) == ("CoDEx-L", False, False)
        assert "YAGO3-10 is to be had from https://" in command.fails(2, "datasets", "verify", "YAGO3-10")

    def test_the_published_copy_is_none(self, data_root: Path, command: Commands) -> None:
        assert "This is the published data, by its digests" in command.prints("datasets", "verify", "umls")

    @pytest.mark.slow
    def test_betae_s_folder_becomes_one_that_is_evaluated(self, command: Commands) -> None:
        write_official(make_dataset(Path("made"), queries_of_each=2), Path("official"))
        out = command.prints("datasets", "convert", "official", "new")
        assert "60 entities, 8 relations" in out and "queries/test-pni.jsonl: 2 queries" in out
        asked = ["evaluate", "--kg", "new", "--queries", "new/queries", "--split", "test", "--protocol", "reading"]
        command.prints(*asked, "--out", "out.jsonl")
        summary = json.loads(Path("out.jsonl.summary.json").read_text())
        assert all(row["exact_match"] == 1.0 for row in summary["per_type"].values())

    @pytest.mark.parametrize("suffix", [".nt", ".ttl", ".tsv", ".csv", ".jsonl"])
    def test_any_graph_becomes_a_file(self, command: Commands, suffix: str) -> None:
        Path("g.jsonl").write_text('["a", "r", "b"]\n["a", "size", 5]\n')
        printed = command.prints("datasets", "convert", "g.jsonl", f"new{suffix}")
        assert "1 triples, 1 values, 2 entities" in printed
        assert command.json("query", "--kg", f"new{suffix}", 'r("a")')["answers"][0]["entity"] == "b"

    def test_any_graph_but_a_pickle_becomes_a_file(self, command: Commands) -> None:
        Path("g.tsv").write_text("a\tr\tb\n")
        official = write_official(make_dataset(Path("made"), queries_of_each=1), Path("official"))
        (official / "id2ent.pkl").write_bytes(b"cos\nsystem\n(S'touch executed'\ntR.")
        for source, target, said in (
            ("g.tsv", "g.tsv", "exists; name a file or folder that does not"),
            ("g.tsv", "new", "names no form that is written"),
            ("official", "new", "found 'os.system'"),
        ):
            assert said in command.fails(1, "datasets", "convert", source, target)
        assert Path("g.tsv").read_text() == "a\tr\tb\n"
        assert not Path("new").exists() and not Path("executed").exists()
        Path("id2ent.pkl").write_bytes(pickle.dumps({0: "a"}))
        assert "expected a folder with train.txt" in command.fails(1, "query", "--kg", ".", 'r("a")')


class TestExtracting:
    PROPOSED = '{"relations": [{"name": "works for", "head": "person", "tail": "company"}]}'

    @pytest.fixture(autouse=True)
    def model(self, inside: None, monkeypatch: pytest.MonkeyPatch) -> ScriptedChatModel:
        Path("a.txt").write_text("Ann Lee works for Core.\nCore founded in 1999.\n")
        Path("b.txt").write_text("Bo Moe works for Core.\n")
        Path("schema.json").write_text(json.dumps(SCHEMA))
        Path("graph.tsv").write_text("Cy Poe\tworks for\tVantor\n")
        self.monkeypatch = monkeypatch
        return self.answering(faultless_reply)

    def answering(self, *replies: Reply) -> ScriptedChatModel:
        scripted = ScriptedChatModel(*replies)
        self.monkeypatch.setattr(asking, "load_llm", lambda *given, **how: scripted)
        return scripted

    EXTRACT = ("graph", "extract", "--llm", "any:model")
    WITH_SCHEMA = (*EXTRACT, "--schema", "schema.json")

    def test_the_triples_are_printed_with_their_words_or_places(self, command: Commands) -> None:
        assert main([*self.WITH_SCHEMA, "a.txt"]) == 0
        out, err = command.capsys.readouterr()
        assert out.splitlines() == [
            "Ann Lee\tworks for\tCore\ta.txt, line 1\tAnn Lee works for Core",
            "Core\tfounded in\t1999\ta.txt, line 2\tCore founded in 1999",
        ]
        assert "2 triples in 1 passage of 1 document; 1 request" in err
        found = command.json(*self.WITH_SCHEMA, "a.txt")
        assert found["triples"][1] == {
            "head": "Core", "relation": "founded in", "tail": 1999, "evidence": "Core founded in 1999",
            "document": "a.txt", "line": 2, "start": 24, "end": 44,
        }  # fmt: skip
        assert found["dropped"] == {}

    def test_a_store_is_made_added_to_and_freed_of_a_document(self, command: Commands) -> None:
        command.prints(*self.WITH_SCHEMA, "a.txt", "--out", "store")
        first = set(KnowledgeGraph.load("store"))
        command.prints(*self.WITH_SCHEMA, "b.txt", "--out", "store")
        assert set(KnowledgeGraph.load("store").documents()) == {"a.txt", "b.txt"}
        command.prints("graph", "remove", "store", "--source", "b.txt")
        assert set(KnowledgeGraph.load("store")) == first
        again = command.json(*self.EXTRACT, "a.txt", "--out", "store")  # by the store's own schema
        assert again["note"] == "all of it is there already; nothing to do"
        self.answering(ValueError("no credit"))
        failing = [*self.EXTRACT, "a.txt", "b.txt", "--out", "store", "--retries", "0"]
        assert "could read none of 2 passages" in command.fails(1, *failing)
        assert set(KnowledgeGraph.load("store")) == first

    def test_a_dry_run_sends_nothing(self, model: ScriptedChatModel, command: Commands) -> None:
        printed = command.prints(*self.WITH_SCHEMA, "a.txt", "b.txt", "--dry-run")
        assert "nothing was sent: 2 documents\n  passages       2\n  requests       2\n" in printed
        assert command.json(*self.EXTRACT, "a.txt", "--dry-run")["requests"] == 2  # one for a schema
        assert not model.prompts

    def test_a_proposed_schema_can_be_given_and_so_can_a_graph(self, command: Commands) -> None:
        self.answering(self.PROPOSED)
        printed = command.prints(*self.EXTRACT, "a.txt", "--propose-schema", "mine.json")
        assert "works for: person -> company\nmine.json: 1 relations" in printed
        self.answering(faultless_reply)
        found = json.loads(command.prints(*self.EXTRACT, "a.txt", "--schema", "mine.json", "--json"))
        assert [triple["relation"] for triple in found["triples"]] == ["works for"]
        assert found["dropped"] == {"no_relation": 1}
        assert "Ann Lee\tworks for" in command.prints(*self.EXTRACT, "a.txt", "--schema", "graph.tsv")
        printed = command.prints(*self.EXTRACT, "b.txt", "--kg", "graph.tsv", "--out", "store")
        assert len(KnowledgeGraph.load("store")) == 2
        assert printed.endswith("store: 4 entities, 2 facts\n")

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ("none.txt", "there is no file none.txt"),
            ("aa.txt", "there is no file aa.txt; did you mean"),
            ("empty.txt", "empty.txt is empty"),
            ("binary.txt", "binary.txt is not text"),
            ("latin.txt", "latin.txt is not text in UTF-8 (byte 1 is 0xe9): convert it first"),
            (".", "is a folder: name the files in it"),
            ("a.txt a.txt", 'two documents are called "a.txt"'),
            ("a.txt --schema none.json", "the schema none.json cannot be read: No such file"),
            ("a.txt --schema broken.json", "broken.json is not JSON"),
            ("a.txt --schema other.json", "other.json: a schema is an object with a list of relations"),
            ("a.txt --out a.txt", "a.txt is there already and is no graph store"),
            ("a.txt --propose-schema x.json --out s", "--propose-schema writes the schema and does no more"),
            ("a.txt --kg none", "none"),
            ("a.txt --llm embedded", "too small to extract"),
        ],
    )
    def test_what_cannot_be_is_refused_and_nothing_is_sent(
        self, arguments: str, message: str, model: ScriptedChatModel, command: Commands
    ) -> None:
        Path("empty.txt").write_text(" \n")
        Path("binary.txt").write_bytes(b"ab\0c")
        Path("latin.txt").write_bytes(b"f\xe9")
        Path("broken.json").write_text("{")
        Path("other.json").write_text("[]")
        there = sorted(Path().iterdir())
        assert message in command.fails(2, *self.EXTRACT, *arguments.split())
        assert not model.prompts and sorted(Path().iterdir()) == there

    def test_where_nothing_is_said_no_store_is_made_and_a_passage_has_50_tokens(self, command: Commands) -> None:
        self.answering('{"triples": []}')
        said = command.fails(1, *self.WITH_SCHEMA, "a.txt", "--out", "store")
        assert "no graph can be made: 0 triples" in said and not Path("store").exists()
        with pytest.raises(UsageError, match="at least 50, not 49"):
            asking.ExtractionOptions(chunk_tokens=49)
        assert asking.ExtractionOptions(chunk_tokens=50).chunk_tokens == 50
