"""Graphs on disk that change: what a reader, a second writer and a kill find."""

import json
import math
import pickle
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr, redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg_data.values import Value
from reasoning import KnowledgeGraph, Reasoner, Source, Sourced
from reasoning.cli import main
from reasoning.errors import ChangeError, GraphError, StoreError, UnknownEntityError
from reasoning.graph.updates import on_disk
from reasoning.graph.updates.edits import HEAD, Change, is_store
from reasoning.graph.updates.on_disk import GraphStore
from skylark.errors import SkylarkError, UsageError

START: list[tuple[str, str, str | int]] = [("Ann", "knows", "Bob"), ("Bob", "likes", "Cleo"), ("Ann", "age", 30)]
REPORT = Source("report.txt", 12)


@pytest.fixture
def store(tmp_path: Path) -> GraphStore:
    return GraphStore.create(tmp_path / "store", KnowledgeGraph.from_triples(START))


def known(kg: KnowledgeGraph) -> list[str]:
    return Reasoner(kg, method="exact").answer('knows("Ann")').entities


def test_a_store_is_loaded_by_its_path(store: GraphStore) -> None:
    assert is_store(store.folder) and not is_store(store.folder.parent)
    store.change(Change.of([("Ann", "knows", "Dai")]))
    assert known(KnowledgeGraph.load(store.folder)) == known(KnowledgeGraph.load(str(store.folder))) == ["Bob", "Dai"]
    with pytest.raises(UsageError, match="without splits or options"):
        KnowledgeGraph.load(store.folder, ["train"])


def test_every_kind_of_change_is_written_and_read_again(store: GraphStore) -> None:
    change = Change.of(
        [Sourced("Ann", "knows", "Dai", REPORT), ("Dai", "height", 1.83), ("Ann", "age", 31)],
        [("Bob", "likes", "Cleo"), ("Ann", "age", 30)],
        types=[("Dai", "person")], aliases=[("Dai", "The Welshman")], labels=[("Bob", "Robert")],
    )  # fmt: skip
    store.change(change)
    assert Change.from_dict(json.loads(json.dumps(change.to_dict()))) == change
    for kg in (store.open(), store.compact().graph, store.open()):
        assert sorted(known(kg)) == ["Dai", "Robert"]
        assert kg.types(kg.entity("the welshman")) == ["person"]
        assert kg.sources("Ann", "knows", "Dai") == (REPORT,)
        assert Reasoner(kg, method="exact").answer('age("Ann")').value == 31
        assert Reasoner(kg, method="exact").answer('height("Dai")').value == 1.83
        with pytest.raises(UnknownEntityError):
            kg.entity("Cleo")


def test_a_change_that_arrives_twice_changes_nothing_and_says_so(store: GraphStore) -> None:
    add, take = Change.of([("Ann", "knows", "Dai")]), Change.of(remove=[("Bob", "likes", "Cleo")])
    for change in (add, take):
        assert not store.change(change).note
        before = {path: path.read_bytes() for path in store.folder.iterdir() if path.is_file()}
        again = store.change(change)
        assert "arrived on" in again.note and not again.effect
        assert {path: path.read_bytes() for path in store.folder.iterdir() if path.is_file()} == before
    store.compact()
    assert "arrived on" in store.change(take).note  # what is in the base is remembered too
    # Once it is undone, the same change is a new one.
    store.change(Change.of(remove=[("Ann", "knows", "Dai")]))
    assert not store.change(add).note
    assert store.change(Change.of(START[:1])).note == "all of it is there already; nothing to do"


def test_a_change_that_came_before_and_no_longer_fits_is_refused_for_what_it_removes(store: GraphStore) -> None:
    older = Change.of([("Ann", "age", 31)], [("Ann", "age", 30)])
    store.change(older)
    assert "arrived on" in store.change(older).note
    store.change(Change.of([("Ann", "age", 32)], [("Ann", "age", 31)]))
    with pytest.raises(ChangeError, match=r'cannot remove \("Ann", "age", 30\): of age "Ann" has 32'):
        store.change(older)
    store.change(Change.of(types=[("Bob", "cat"), ("Bob", "pet")], aliases=[("Bob", "Bobby")]))
    take = Change.of(remove_types=[("Bob", "cat"), ("Bob", "pet")], remove_aliases=[("Bob", "Bobby")])
    store.change(take)
    assert "arrived on" in store.change(take).note
    store.change(Change.of(types=[("Bob", "pet")]))
    with pytest.raises(ChangeError, match='does not have the type "cat"'):
        store.change(take)


def test_the_graph_of_a_store_is_one_whole_whatever_it_was_made_of(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for split in ("train", "valid", "test"):
        (folder / f"{split}.txt").write_text("".join(f"{split} {i}\tr\tb {i % 3}\n" for i in range(10)))
    kg = KnowledgeGraph.load(folder)
    assert kg.splits == ("train", "valid", "test")
    assert GraphStore.create(tmp_path / "new", kg).open().splits == ("graph",)


def test_a_change_that_does_not_fit_writes_nothing(store: GraphStore) -> None:
    before = (store.folder / HEAD).read_bytes()
    with pytest.raises(ChangeError, match='what it says of "Ann": knows "Bob"'):
        store.change(Change.of([("Ann", "knows", "Dai")], remove=[("Ann", "knows", "Cleo")]))
    for value in ("old", Value("decimal", math.inf), Value("year", 1e17)):
        with pytest.raises(ChangeError, match=r"is a name|triple 1: expected"):
            store.change(Change.of([("Bob", "age", value)]))
    assert (store.folder / HEAD).read_bytes() == before
    assert known(store.open()) == ["Bob"]


def test_readers_go_on_while_the_store_is_changed_and_compacted(store: GraphStore) -> None:
    store.change(Change.of([("Ann", "knows", "Dai")]))
    kg = store.open()
    base = KnowledgeGraph.load(store.folder)
    for number in range(3):
        store.change(Change.of([("Ann", "knows", f"friend {number}")]))
        store.compact()
        assert known(kg) == ["Bob", "Dai"] and len(base) == 3
    assert len(known(store.open())) == 5


def test_a_second_writer_is_told_to_wait_and_writers_that_take_turns_lose_nothing(store: GraphStore) -> None:
    with GraphStore(store.folder)._alone(), pytest.raises(StoreError, match="changed by another process; try again"):
        store.change(Change.of([("Ann", "knows", "Dai")]))

    def write(name: str) -> None:
        for number in range(8):
            while True:
                with suppress(StoreError):
                    GraphStore(store.folder).change(Change.of([("Ann", "knows", f"{name} {number}")]))
                    break

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, ("Eve", "Flo")))
    assert set(known(store.open())) == {"Bob", *(f"{name} {number}" for name in ("Eve", "Flo") for number in range(8))}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="it needs to fork")
def test_a_kill_at_any_point_leaves_the_old_graph_or_the_new_one(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.reasoning.graph.updates.killed_changes", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    for name, least in (("change", 5), ("compact", 15), ("create", 15)):
        assert found[name]["old"] >= least, found
        assert found[name].get("new", 0) >= (name != "create"), found  # nothing is left to do once a store is there


def test_what_a_killed_writer_left_behind_the_log_does_not_count(store: GraphStore) -> None:
    store.change(Change.of([("Ann", "knows", "Dai")]))
    with (store.folder / "changes-1.jsonl").open("ab") as file:
        file.write(b'{"at": "2026", "change": {"add": [["Ann", "kno')
    assert known(store.open()) == ["Bob", "Dai"]
    store.change(Change.of([("Ann", "knows", "Eve")]))
    assert known(store.open()) == ["Bob", "Dai", "Eve"]


@pytest.mark.parametrize(
    ("part", "how"),
    [(HEAD, "altered"), (HEAD, "removed"), ("changes-1.jsonl", "cut"), ("changes-1.jsonl", "altered"),
     ("changes-1.jsonl", "removed"), ("base-1/index_forward_tails.npy", "altered"), ("base-1/manifest", "removed")],
)  # fmt: skip
def test_a_damaged_store_is_refused_and_stays_for_repair(store: GraphStore, part: str, how: str) -> None:
    store.change(Change.of([("Ann", "knows", "Dai")]))
    path = store.folder / part
    content = path.read_bytes()
    if how == "removed":
        path.unlink()
    else:
        path.write_bytes(content[:-3] if how == "cut" else content[:-2] + bytes([content[-2] ^ 1]) + content[-1:])
    for use in (store.open, lambda: store.change(Change.of([("Ann", "knows", "Eve")]))):
        with pytest.raises(GraphError, match=r"damaged|no graph store"):
            use()
    path.write_bytes(content)
    assert known(store.open()) == ["Bob", "Dai"]


def test_many_facts_are_compacted_by_themselves(store: GraphStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_disk, "COMPACTED_FROM", 5)
    assert not store.change(Change.of([("Ann", "knows", f"a {i}") for i in range(5)])).compacted
    assert store.change(Change.of([("Ann", "knows", "b")])).compacted
    assert (store.folder / "base-2").is_dir() and not (store.folder / "base-1").exists()
    assert len(known(store.open())) == 7


def test_a_graph_of_a_store_is_pickled_by_its_base(store: GraphStore) -> None:
    kept = pickle.dumps(store.open())
    store.change(Change.of([("Ann", "knows", "Dai")]))
    changed = pickle.dumps(store.open().changed(add=[("Ann", "knows", "Eve")]))
    assert known(pickle.loads(kept)) == ["Bob"]
    assert known(pickle.loads(changed)) == ["Bob", "Dai", "Eve"]
    store.compact()
    with pytest.raises(GraphError, match="was compacted since"):
        pickle.loads(changed)


def test_a_store_is_made_where_nothing_is(tmp_path: Path, store: GraphStore) -> None:
    kg = KnowledgeGraph.from_triples(START)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("")
    for folder, message in ((store.folder, "is a graph store already"), (tmp_path / "full", "is no graph store; name")):
        with pytest.raises(StoreError, match=message):
            GraphStore.create(folder, kg)
    with pytest.raises(StoreError, match="there is no graph store in"):
        GraphStore(tmp_path / "none").change(Change.of(START))
    GraphStore.create(tmp_path / "new" / "deep", kg)
    assert known(KnowledgeGraph.load(tmp_path / "new" / "deep")) == ["Bob"]


IDS = ["Q1", "Q2", "Q3"]
LABELS = ["Paris", "Rome", "Paris (Q2)"]
NAMES = [*IDS, *LABELS, *(f"{label} ({identifier})" for label in LABELS[:2] for identifier in IDS), "Anne"]
PLACES = [("Q1", "in", "France"), ("Q2", "in", "Texas"), ("Q3", "in", "France"), ("Q1", "twin", "Rome")]

names = st.sampled_from(NAMES)
facts = st.one_of(
    st.tuples(names, st.sampled_from(["in", "twin", "in_reverse"]), names),
    st.tuples(names, st.just("size"), st.integers(1, 2)),
)
sourced = st.tuples(names, st.just("in"), names).map(lambda fact: Sourced(*fact, Source("report.txt")))
one_change = st.one_of(
    st.tuples(names, st.sampled_from(LABELS)).map(lambda pair: Change.of(labels=[pair])),
    st.tuples(names, st.just("city")).map(lambda pair: Change.of(types=[pair])),
    st.tuples(names, st.sampled_from(["Home", "Paris"])).map(lambda pair: Change.of(aliases=[pair])),
    st.lists(st.one_of(facts, sourced), min_size=1, max_size=3).map(Change.of),
    facts.map(lambda fact: Change.of(remove=[fact])),
    st.just(Change.of(remove_sources=["report.txt"])),
)


def content_of(kg: KnowledgeGraph) -> list[Any]:
    """All that a graph says, by the ids and the names of entities."""
    aliases = kg.names.aliases()
    entities = sorted(
        (kg.identifier(e), kg.entity_labels[e], kg.name(e), *sorted(kg.types(e)), *sorted(aliases.get(e, ())))
        for e in kg.universe.tolist()
    )
    return [sorted(map(str, kg)), entities, kg.documents()]


@pytest.mark.slow
@given(changes=st.lists(one_change, min_size=1, max_size=8))
def test_what_is_opened_is_what_was_acknowledged(changes: list[Change]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        start = KnowledgeGraph.from_triples(PLACES).changed(labels=[("Q1", "Paris")])
        store = GraphStore.create(Path(folder) / "store", start)
        acknowledged = content_of(store.open())
        for change in changes:
            with suppress(SkylarkError):  # refused, so that nothing is other
                acknowledged = content_of(store.change(change).graph)
            assert content_of(store.open()) == acknowledged
        assert content_of(store.compact().graph) == acknowledged
        assert content_of(store.open()) == acknowledged


def test_a_name_with_its_id_means_an_entity_that_has_a_namesake_since_an_earlier_change(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    start = KnowledgeGraph.from_triples([("Q90", "in", "France"), ("Q5", "in", "Texas"), ("Q90", "twin", "Rome")])
    paris = GraphStore.create(tmp_path / "store", start.changed(labels=[("Q90", "Paris")]))
    paris.change(Change.of(labels=[("Q5", "Paris")]))
    paris.change(Change.of([("Paris (Q90)", "mayor", "Anne")]))
    paris.change(Change.of(remove=[("Paris (Q90)", "twin", "Rome")]))
    kg = paris.open()
    assert {tuple(fact) for fact in kg} == {
        ("Paris (Q90)", "in", "France"), ("Paris (Q5)", "in", "Texas"), ("Paris (Q90)", "mayor", "Anne"),
    }  # fmt: skip
    with_type = kg.changed(labels=[("France", "Gaul"), ("Texas", "Gaul")], types=[("Gaul (France)", "country")])
    assert with_type.types(with_type.entity_by_id("France")) == ["country"]
    paris.change(Change.of([("FRANCE", "in", "Europe")]))
    assert '"FRANCE" is a new entity beside "France"' in caplog.text
    caplog.clear()  # an old change warns of nothing again
    paris.open()
    paris.change(Change.of([("Q5", "twin", "Texas")]))
    assert not caplog.text


def run(*arguments: Any) -> tuple[int, str, str]:
    """The exit code of a command, and what it prints on stdout and on stderr."""
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        code = main(["graph", *map(str, arguments)])
    return code, out.getvalue(), err.getvalue()


def test_a_graph_is_made_changed_and_compacted_by_commands(tmp_path: Path) -> None:
    start, facts, one, store = (tmp_path / name for name in ("start.tsv", "facts.csv", "one.tsv", "store"))
    start.write_text("head\trelation\ttail\ttype\nAnn\tknows\tBob\t\nAnn\tage\t30\tinteger\n")
    facts.write_text("Ann,knows,Dai\nDai,age,8\n")
    one.write_text("Ann\tlikes\tBob\n")
    code, out, _ = run("add", store, facts, "--from", start, "--source", "report.txt", "--json")
    assert code == 0
    assert json.loads(out) | {"store": ""} == {
        "store": "", "changed": True, "added": 2, "removed": 0, "there": 0, "sourced": 0, "described": 0, "note": "",
        "compacted": False, "triples": 2, "values": 2, "entities": 3,
    }  # fmt: skip
    assert KnowledgeGraph.load(store).sources("Dai", "age", 8) == (Source("report.txt"),)
    assert "arrived on" in run("add", store, facts, "--source", "report.txt")[1]
    assert "there are no changes" in run("compact", store)[1]
    assert "1 facts added" in run("add", store, one)[1]
    assert f"{store}: compacted" in run("compact", store)[1] and (store / "base-2").is_dir()
    assert "1 removed" in run("remove", store, one)[1]
    code, out, _ = run("remove", store, "--source", "report.txt", "--source", "report.txt")
    assert code == 0 and "2 removed" in out and known(KnowledgeGraph.load(store)) == ["Bob"]
    for arguments, expected, message in (
        (("remove", store, facts), 2, 'no entity named "Dai"'),
        (("add", store, facts, "--from", start), 1, "is a graph store already"),
        (("add", store, facts, "--source", ""), 2, "--source needs"), (("add", store), 2, "nothing to add"),
        (("add", store, store), 2, "facts are read from files"),
    ):  # fmt: skip
        code, _, err = run(*arguments)
        assert code == expected and message in err


def test_what_rdf_says_of_names_and_types_is_added_too(tmp_path: Path) -> None:
    facts, start = tmp_path / "facts.nt", tmp_path / "start.tsv"
    facts.write_text(
        "<http://x.org/dai> <http://x.org/knows> <http://x.org/ann> .\n"
        '<http://x.org/dai> <http://www.w3.org/2000/01/rdf-schema#label> "Dai Jones" .\n'
    )
    start.write_text("Ann\tlikes\tBob\n")
    assert run("add", tmp_path / "store", facts, "--from", start)[0] == 0
    kg = KnowledgeGraph.load(tmp_path / "store")
    assert kg.name(kg.entity("dai jones")) == "Dai Jones"


def test_no_store_is_made_of_a_graph_that_the_facts_do_not_fit(tmp_path: Path) -> None:
    start, facts, store = (tmp_path / name for name in ("start.nt", "facts.jsonl", "store"))
    start.write_text("<http://x.org/ann> <http://x.org/knows> <http://x.org/bob> .\n")
    command = ["add", store, facts, "--from", start, "--source", "report.txt"]
    line = {"head": "http://x.org/bob", "relation": "http://x.org/knows"}
    facts.write_text(json.dumps({**line, "tail": 5}) + "\n")
    code, _, err = run(*command)
    assert code == 1 and "leads to entities" in err and not store.exists()
    facts.write_text(json.dumps({**line, "tail": "http://x.org/ann"}) + "\n")
    code, out, _ = run(*command)
    assert code == 0 and "1 facts added" in out and len(KnowledgeGraph.load(store)) == 2
    assert "arrived on" in run("add", store, facts, "--source", "report.txt")[1]
