"""Graphs that visitors may choose: their own, those of whoever serves the page, and stores."""

from pathlib import Path

import gradio as gr
import pytest

import app.graph.graphs as graphs
from app.__main__ import main
from app.graph.graphs import GraphRegistry, OwnGraphs, UploadError, read_graph, reading, shown_name
from app.graph.page import GraphDemo
from app.models import LanguageModel
from kg_data.loaders import LoadingOptions
from reasoning import KnowledgeGraph, Reasoner
from reasoning.graph.updates.edits import Change
from reasoning.graph.updates.on_disk import GraphStore
from skylark.errors import SkylarkError, UnknownGraphError, UsageError
from tests.app.test_views import PARTS

SCRIPT = "<script>alert(1)</script>"
COMPANY = "name,team,salary\nAnn,Core,100\nBen,Core,90\n"


def graph(name: str = "g") -> KnowledgeGraph:
    return KnowledgeGraph.from_triples([("A", "road", "B")], name=name)


def visitor(session: str) -> gr.Request:
    return gr.Request(session_hash=session)


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("name", "content", "note"),
    [
        ("g.tsv", "A\troad\tB\nB\troad\tC\n", ""),
        ("g.csv", 'head,relation,tail\nA,road,B\nB,road,"C"\n', ""),
        ("g.csv", "name,team,age\nAnn,Red,34\nBob,Blue,51\n",
         "Ann | team | Red, Ann | age | 34. Numbers or dates: age."),
        ("g.csv", "name,team,age\nAnn,Red,34\nAnn,Blue,\nBob,Blue,5x\n",
         'Ann | age | 34. "Ann" stands in lines 2 and 3, which are read as one thing. '
         '"age" is read as names: 1 of 2 are numbers, but line 4 has "5x".'),
    ],
)  # fmt: skip
def test_each_form_is_read_and_it_is_said_how_a_table_was(tmp_path: Path, name: str, content: str, note: str) -> None:
    kg, told = read_graph(write(tmp_path, name, content), name)
    assert kg.graph_name == name and {"road", "team"} & set(kg.relation_names())
    assert told.endswith(note) and told.startswith("Read as a table: ") == bool(note)


def test_a_broken_file_is_named_and_not_its_path(tmp_path: Path) -> None:
    for name, content, told in (
        ("g.tsv", "A\troad\tB\nA\tB\n", "line 2"), ("g.tsv", b"A\troad\tB\n\xff\troad\tB\n", "line 2"),
        ("g.tsv", "", "at least one triple"), ("g.exe", "MZ", ".tsv or .csv"),
    ):  # fmt: skip
        with pytest.raises(UploadError, match=told) as error:
            read_graph(write(tmp_path, name, content), name)
        assert f'"{name}"' in str(error.value) and str(tmp_path) not in str(error.value)


def test_what_is_too_big_is_not_read_and_the_time_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, "g.tsv", "A\troad\tB\n" * 20)
    monkeypatch.setattr(graphs, "MOST_LINES", 20)
    read_graph(path, "g.tsv")
    for bound, most, told in (("MOST_LINES", 19, "20 lines"), ("MOST_BYTES", 179, "MB")):
        monkeypatch.setattr(graphs, bound, most)
        with pytest.raises(UploadError, match=told):
            read_graph(path, "g.tsv")
    monkeypatch.undo()
    monkeypatch.setattr(graphs, "TICK", 0.001)
    *waited, read = reading(write(tmp_path, "g.tsv", "A\troad\tB\n" * 50_000), "g.tsv")
    seconds = [wait for wait in waited if isinstance(wait, float)]
    assert seconds == waited == sorted(seconds)
    assert isinstance(read, tuple) and len(read[0]) == 1


def test_a_visit_has_one_graph_takes_it_along_and_idle_ones_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    held = OwnGraphs()
    first, other = held.add("ann", graph("1")), held.add("bob", graph("2"))
    second = held.add("ann", graph("3"))
    with pytest.raises(UnknownGraphError):
        held.get(first.key)
    assert held.get(second.key).graph_name == "3"
    held.forget("ann")
    with pytest.raises(UnknownGraphError):
        held.get(second.key)
    assert held.get(other.key).graph_name == "2"
    monkeypatch.setattr(graphs, "MOST_GRAPHS", 2)
    held = OwnGraphs()
    held.add("a", graph()).used -= graphs.IDLE_SECONDS + 1
    held.add("b", graph())
    held.add("c", graph())
    with pytest.raises(UploadError):
        held.add("d", graph())
    held.add("c", graph())  # one's own place is not somebody else's
    assert len(held) == 2
    monkeypatch.setattr(graphs, "MOST_HELD", 10)
    with pytest.raises(UploadError):
        OwnGraphs().add("e", graph())
    monkeypatch.undo()
    # An id is no path and is not guessed.
    shelf = GraphRegistry(["world"])
    key = shelf.own.add("visitor", graph()).key
    assert key != other.key and len(key) > 20 and not set(key) & set("/\\.")
    for name in ("own-", "own-../../etc/passwd", "../towns.tsv"):
        with pytest.raises(UnknownGraphError):
            shelf.get(name)
    assert shown_name("/tmp/gradio/abc/../../towns.tsv") == "towns.tsv"


@pytest.mark.slow
def test_bringing_a_graph_chooses_it_and_leaving_forgets_it(tmp_path: Path) -> None:
    shelf = GraphRegistry(["world"])
    demo = GraphDemo(shelf, LanguageModel("copy"), PARTS)
    *_, broken = demo.bring(str(write(tmp_path, "g.tsv", "A\tB\n")), visitor("ann"))
    assert PARTS.graph not in broken
    assert "line 1" in broken[PARTS.upload_note] and 'role="alert"' in broken[PARTS.upload_note]
    path = write(tmp_path, f"{SCRIPT.replace('/', '')}.tsv", f"{SCRIPT}\troad\tB\n")
    *_, changes = demo.bring(str(path), visitor("ann"))
    label, key = changes[PARTS.graph]["choices"][-1]
    assert changes[PARTS.graph]["value"] == key and "(yours)" in label
    assert "<script" not in changes[PARTS.upload_note]
    *_, opened = demo.choose(key)
    assert "1 fact," in opened[PARTS.graph_note]
    assert "<script" not in opened[PARTS.graph_note] + opened[PARTS.contents]
    demo.leave(visitor("bob"))
    assert shelf.get(key)
    demo.leave(visitor("ann"))
    *_, gone = demo.choose(key)
    assert "upload its file again" in gone[PARTS.graph_note]
    noted = shelf.own.add("ann", graph(), "Read as a table: <b>.")
    *_, opened = demo.choose(noted.key)
    assert "Read as a table: &lt;b&gt;." in opened[PARTS.graph_note]


def test_a_file_of_whoever_serves_is_offered_first_and_read_as_is_said(tmp_path: Path) -> None:
    assert GraphRegistry(["strange", "world"], [Path("world")]).names == ("world", "strange")
    path = write(tmp_path, "company.csv", COMPANY)
    shelf = GraphRegistry(["world"], [path])
    assert shelf.names == ("company", "world")
    kg = shelf.get("company")
    assert (kg.graph_name, kg.value_count) == ("company", 2)
    assert Reasoner(kg, method="exact").answer('top(1, salary, ~team("Core"))').entities == ["Ann"]
    assert shelf.get("company") is kg
    write(tmp_path, "company.csv", COMPANY + ",Core,80\nCy,Core;Data,70\n")
    with pytest.raises(SkylarkError, match="line 4"):
        GraphRegistry(["world"], [path]).get("company")
    kg = GraphRegistry(["world"], [path], LoadingOptions(skip_broken=True)).get("company")
    assert (kg.left_out is not None, kg.value_count) == (True, 3)
    said = LoadingOptions(table=True, cell_separator=";", skip_broken=True)
    kg = GraphRegistry(["world"], [path], said).get("company")
    assert kg.name(kg.entity("Data")) == "Data"


def test_graphs_that_cannot_be_offered_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "other").mkdir()
    for name in ("company.csv", "world.csv"):
        write(tmp_path, name, COMPANY)
    write(tmp_path / "other", "company.tsv", "Ann\tteam\tCore\n")
    for files, told in (
        (["company.csv", "other/company.tsv"], r'would be called "company", and .*company.csv has that name'),
        (["world.csv"], "another graph on offer has that name"),
        (["compny.csv"], "compny.csv"),
    ):
        with pytest.raises(SkylarkError, match=told):
            GraphRegistry(["world"], [tmp_path / name for name in files])
    broken = write(tmp_path, "broken.tsv", "A\troad\tB\nA\tB\n")
    assert main(["--llm", "copy", "--kg", str(broken)]) == 2
    assert "line 2" in capsys.readouterr().err
    with pytest.raises(SystemExit) as raised:
        main(["--skip-broken"])
    assert raised.value.code == 2 and "name the file by --kg" in capsys.readouterr().err


def test_a_store_is_served_by_its_folders_name_as_it_is_now(tmp_path: Path) -> None:
    kg = KnowledgeGraph.from_triples([("Ann", "knows", "Bob"), ("Bob", "knows", "Cleo")])
    store = GraphStore.create(tmp_path / "people", kg)
    shelf = GraphRegistry((), [store.folder])
    assert shelf.names == ("people",)
    before = shelf.get("people")
    assert shelf.get("people") is before
    store.change(Change.of([("Ann", "knows", "Dai")]))
    after = shelf.get("people")
    assert (len(before), len(after)) == (2, 3) and shelf.get("people") is after
    other = GraphStore.create(tmp_path / "other" / "people", store.open())
    with pytest.raises(UsageError, match=r'would be called "people"'):
        GraphRegistry((), [store.folder, other.folder])
