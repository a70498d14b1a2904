"""BetaE's official folders: what is written, and what a pickle may not do."""

import collections
import itertools
import os
import pickle
import resource
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kg_data.betae import convert_betae, read_plain_pickle
from kg_data.loaders import load_path
from skylark.errors import DataError, SkylarkError
from tests.kg_data.graph_files import links
from tests.kg_data.official_betae import ids, records, tuples, write_official
from tests.reasoning.made_dataset import STRUCTURES, make_dataset


def by_query(path: Path, limit: int | None = None) -> dict[Any, tuple[str, list[int], list[int]]]:
    return {tuples(r["query"]): (r["type"], r["easy"], r["hard"]) for r in records(path, limit)}


def assert_same(source: Path, converted: Path, limit: int | None = None) -> None:
    """The triples, the names and the queries (`limit` of each type) are those of the source."""
    for name in ("id2ent.tsv", "id2rel.tsv"):
        assert ids(converted / name) == ids(source / name)
    one, other = load_path(source, "g"), load_path(converted, "g")
    for split in one.splits:
        assert links(one, split) == links(other, split)
    names = {path.name for path in source.glob("queries/*.jsonl")}
    assert {path.name for path in converted.glob("queries/*.jsonl")} == names
    for name in names:
        assert by_query(converted / "queries" / name) == by_query(source / "queries" / name, limit)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_dataset(tmp_path_factory.mktemp("made") / "source", queries_of_each=5)


@pytest.fixture
def official(made: Path, tmp_path: Path) -> Path:
    return write_official(made, tmp_path / "official")


class TestConverting:
    @pytest.mark.parametrize("protocol", [0, 2, 5])
    def test_every_pickle_protocol_gives_the_source_back(self, made: Path, tmp_path: Path, protocol: int) -> None:
        convert_betae(write_official(made, tmp_path / "official", protocol=protocol), tmp_path / "converted")
        assert_same(made, tmp_path / "converted")

    @pytest.mark.slow
    def test_the_published_queries_come_back(self, data_root: Path, tmp_path: Path) -> None:
        source = data_root / "kg" / "nell995-betae"
        convert_betae(write_official(source, tmp_path / "official", limit=20), tmp_path / "converted")
        assert_same(source, tmp_path / "converted", limit=20)

    def test_what_was_written_is_counted_and_training_queries_have_easy_answers_alone(
        self, official: Path, tmp_path: Path
    ) -> None:
        done = convert_betae(official, tmp_path / "converted")
        assert (done.entities, done.relations) == (60, 8)
        assert done.queries["queries/train/train-1p.jsonl"] == 1
        for name, count in done.queries.items():
            assert len(records(tmp_path / "converted" / name)) == count
        assert {name.partition("-")[2] for name in done.queries} == {f"{kind}.jsonl" for kind in STRUCTURES}
        (record,) = records(tmp_path / "converted" / "queries" / "train" / "train-1p.jsonl")
        assert record == {"type": "1p", "query": [0, [0]], "easy": [1, 2], "hard": []}

    def test_signs_before_relations_become_inverse_names(self, official: Path, tmp_path: Path) -> None:
        signed = {i: f"{'-' if i % 2 else '+'}/r{i // 2}" for i in range(8)}
        (official / "id2rel.pkl").write_bytes(pickle.dumps(signed))
        convert_betae(official, tmp_path / "converted")
        assert ids(tmp_path / "converted" / "id2rel.tsv")[1] == "/r0_reverse"
        assert load_path(tmp_path / "converted", "g").relation_labels == ["/r0", "/r1", "/r2", "/r3"]

    def test_what_exists_is_not_overwritten_and_another_folder_is_refused(self, official: Path, tmp_path: Path) -> None:
        (tmp_path / "there").mkdir()
        with pytest.raises(SkylarkError, match="there exists; give a folder that does not"):
            convert_betae(official, tmp_path / "there")
        with pytest.raises(DataError, match=r"id2ent\.pkl, id2rel\.pkl and train\.txt"):
            convert_betae(tmp_path, tmp_path / "new")


def failing(official: Path, error: type[Exception], match: str) -> None:
    """Conversion fails and leaves nothing half-written."""
    before = sorted(official.parent.iterdir())
    with pytest.raises(error, match=match):
        convert_betae(official, official.parent / "new")
    assert sorted(official.parent.iterdir()) == before


def test_a_full_disk_leaves_nothing(official: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        failing(official, SkylarkError, "new cannot be written: .*File too large")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    failing(official, SkylarkError, "new cannot be written: .*No space left")


LARGE = set(range(3000))
STEP = ("e", ("r",))


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("id2ent.pkl", {0: "a\tb"}, "names without tabs"),
        ("id2ent.pkl", ["a"], "a dict of ids"),
        ("id2ent.pkl", {0: "a"}, r"train\.txt, line 1: expected ids that are listed in id2ent\.tsv"),
        ("test-queries.pkl", [], "a dict of structures"),
        ("test-queries.pkl", {("e", ("r",) * 4): {(0, (0,) * 4)}}, "the structures of 1p, 2p"),
        ("test-queries.pkl", {STEP: {(0, (0, 1))}}, r"a query of the structure .*found '\(0, \(0, 1\)\)'"),
        ("test-queries.pkl", {STEP: {(0, ("r",))}}, "a query of the structure"),
        ("test-queries.pkl", {STEP: {(0, (-3,))}}, "relations have ids of 0 or more"),
        ("test-queries.pkl", {STEP: 5}, "a set of queries of type 1p"),
        ("test-easy-answers.pkl", {(0, (0,)): {"a"}}, "their sets of ids"),
        ("test-hard-answers.pkl", {(0, (0,)): {-5}}, "their sets of ids"),
        ("test-hard-answers.pkl", {(i, (0,)): LARGE for i in range(3000)}, "no more answers than the file has bytes"),
        ("test-hard-answers.pkl", None, r"test-hard-answers\.pkl.*can be read"),
    ],
    ids=itertools.count(),
)
def test_a_file_of_another_form_or_none_leaves_nothing(official: Path, name: str, content: Any, match: str) -> None:
    if content is None:
        (official / name).unlink()
    else:
        (official / name).write_bytes(pickle.dumps(content))
    failing(official, DataError, match)


class Calls:
    """Pickles as a call of a function."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call


PROOF = "executed"

MALICIOUS = {
    "os.system": pickle.dumps(Calls(os.system, f"touch {PROOF}")),
    "a text protocol": f"cposix\nsystem\n(S'touch {PROOF}'\ntR.".encode(),
    "builtins.eval": pickle.dumps(Calls(eval, f"open('{PROOF}', 'w')")),
    "STACK_GLOBAL": b"\x80\x04\x8c\x02os\x8c\x06system\x93.",
    "a nested name": b"\x80\x04\x8c\x0bcollections\x8c\x14defaultdict.__init__\x93.",
    "INST": f"(S'touch {PROOF}'\nios\nsystem\n.".encode(),
    "OBJ": f"(cos\nsystem\nS'touch {PROOF}'\no.".encode(),
    "an extension": b"\x80\x02\x82\x01.",
    "a persistent object": b"Pname\n.",
    "a frozen set": pickle.dumps(frozenset({1})),
    "state for a class": b"\x80\x02cbuiltins\nset\n}X\x01\x00\x00\x00aK\x01sb.",
    "a made-up class": b"\x80\x02cbuiltins\nset\n)\x81.",
}
BROKEN = {
    "empty": b"",
    "no pickle": b"hello world",
    "cut short": pickle.dumps({(0, (0,)): {1, 2, 3}})[:-5],
    "a frame longer than the file": b"\x80\x04\x95" + struct.pack("<Q", 1 << 62) + b"}",
    "a text longer than the file": b"\x80\x04\x8d" + struct.pack("<Q", 1 << 40) + b"x.",
    "a far place in the memo": b"\x80\x02}r" + struct.pack("<I", 0xFFFFFFFF) + b"}j" + struct.pack("<I", 7) + b".",
    "a number of many digits": b"I" + b"9" * 100_000 + b"\n.",
    "a set as a key": b"\x80\x04}\x8f\x8fs.",
    "nothing on the stack": b"\x80\x02R.",
}


@pytest.fixture
def read(tmp_path: Path) -> Callable[[bytes], Any]:
    def read(content: bytes) -> Any:
        (tmp_path / "x.pkl").write_bytes(content)
        return read_plain_pickle(tmp_path / "x.pkl")

    return read


@pytest.mark.parametrize("content", (MALICIOUS | BROKEN).values(), ids=MALICIOUS | BROKEN)
def test_a_pickle_of_anything_else_is_an_error_and_nothing_is_executed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Callable[[bytes], Any], content: bytes
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="a pickle of set, dict, defaultdict, list, tuple, numbers and texts alone"):
        read(content)
    assert [item.name for item in tmp_path.iterdir()] == ["x.pkl"]


def test_what_a_pickle_asked_for_is_named_and_a_small_one_cannot_make_much(read: Callable[[bytes], Any]) -> None:
    with pytest.raises(DataError, match=r"found 'collections\.OrderedDict'"):
        read(pickle.dumps(collections.OrderedDict()))
    sets = b"0](" + b"cbuiltins\nset\nh\x00\x85R" * 10
    assert read(b"\x80\x02](" + b"K\x01" * 10_000 + b"eq\x00" + sets + b"e.") == [{1}] * 10, "of one element"
    numbers = b"".join(b"M" + struct.pack("<H", i) for i in range(10_000))
    with pytest.raises(DataError, match="more elements than the file has bytes"):
        read(b"\x80\x02](" + numbers + b"eq\x00" + sets + b"e.")
    # A tuple that holds itself twice, over and over, is refused before it is hashed.
    doubled = b"".join(b"q%ch%ch%c\x86" % (i, i, i) for i in range(60))
    with pytest.raises(DataError, match="a tuple of more than 64 parts"):
        read(b"\x80\x02}K\x01\x85" + doubled + b"K\x01s.")


def test_plain_data_comes_back(read: Callable[[bytes], Any]) -> None:
    content = {("e", ("r",)): {(1, (2, -2))}, 3: [1.5, "é", None, True], "d": {1: 2}}
    assert read(pickle.dumps(content)) == content
