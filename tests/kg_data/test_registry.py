"""Graphs found by name or path, and copies of benchmarks held against what is published."""

import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest

import kg_data
from kg_data import DataError, UnknownGraphError, registry
from kg_data.registry import PUBLIC_BENCHMARKS, LocalDataset, PublicBenchmark, PublishedFile, verify


@pytest.fixture
def toy_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of two data sets, one of them with a readable variant, and an unrelated working directory."""
    root = tmp_path / "data"
    files = {
        "toy/train.txt": "1\tr\t2\n2\tr_reverse\t1\n", "toy/test.txt": "1\tr\t3", "toy/queries/test-2p.jsonl": "",
        "toy/text/train.txt": "one\tr\ttwo\n", "films/kb.txt": "Kismet|year|1944\n", "films/1-hop/qa_dev.txt": "",
        "films/1-hop/qa_dev_qtype.txt": "",
    }  # fmt: skip
    for name, content in files.items():
        (root / "kg" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "kg" / name).write_text(content, encoding="utf-8")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setenv("SKYLARK_DATA", str(root))
    return root


@pytest.mark.parametrize(
    ("asked", "name", "kind"),
    [("toy", "toy", "labelled"), ("TOY", "toy", "labelled"), ("toy/text", "toy/text", "labelled"),
     ("films", "films", "metaqa"), ("world", "world", "built-in"), ("facts.csv", "facts", "file")],
)  # fmt: skip
def test_names_are_built_in_or_of_the_data_folder_or_paths(toy_root: Path, asked: str, name: str, kind: str) -> None:
    Path("facts.csv").write_text("a,r,b\n", encoding="utf-8")
    source = kg_data.resolve(asked)
    assert (source.name, source.kind) == (name, kind)
    assert kg_data.resolve(toy_root / "kg" / "toy" / "text").name == "toy/text"


def test_a_folder_of_the_working_directory_that_holds_a_graph_goes_before_the_data_folder(toy_root: Path) -> None:
    graph = kg_data.load("Toy")
    assert (graph.name, graph.splits["train"].tolist()) == ("toy", [[0, 0, 1]])
    Path("toy").mkdir()
    assert kg_data.resolve("toy").path == toy_root / "kg" / "toy"
    Path("toy/train.txt").write_text("x\ty\tz\n", encoding="utf-8")
    assert kg_data.load("toy").entity_ids == ["x", "z"]


def test_a_folder_without_a_graph_is_a_data_error(toy_root: Path) -> None:
    Path("results").mkdir()
    with pytest.raises(DataError, match=r"train\.txt.*an empty folder"):
        kg_data.resolve("results")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("flims", "nearest: films; known: world, films, toy, toy/text"),
        ("compny.csv", r"called 'compny\.csv'; did you mean company\.csv; known"),
        ("../elsewhere/Company.tsv", r"did you mean \S+elsewhere/company\.csv;"),
        ("codex-l", r"CoDEx-L is to be had from https://github\.com/tsafavi/codex"),
        *((name, "known") for name in ("", "  ", "x" * 5000, "nul\0byte", "facts.nt")),
    ],
)
def test_an_unknown_name_is_answered_with_what_is_near(toy_root: Path, name: str, said: str) -> None:
    for known in ("company.csv", "company.md"):
        Path(known).write_text("a,r,b\n", encoding="utf-8")
    with pytest.raises(UnknownGraphError, match=said):
        kg_data.resolve(name)


def test_the_data_folder_stands_beside_the_project_by_default_and_a_missing_one_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SKYLARK_DATA", raising=False)
    assert kg_data.data_root() == Path(__file__).resolve().parents[3] / "shared" / "data"
    monkeypatch.setenv("SKYLARK_DATA", str(tmp_path / "absent"))
    with pytest.raises(UnknownGraphError, match="set SKYLARK_DATA"):
        kg_data.resolve("umls")


def test_the_fingerprint_of_the_built_in_graph_is_of_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = kg_data.fingerprint("world")
    monkeypatch.setattr(kg_data.world, "FILE", tmp_path / "world.json.gz")
    (tmp_path / "world.json.gz").write_bytes(b"another")
    assert kg_data.fingerprint("world") != before


def test_the_fingerprint_changes_with_the_size_the_time_the_set_and_the_folder_of_the_files(toy_root: Path) -> None:
    folder = toy_root / "kg" / "toy"
    train = folder / "train.txt"
    shutil.copytree(folder, "copy", copy_function=shutil.copy2)
    seen = [kg_data.fingerprint("toy"), kg_data.fingerprint("copy")]
    (folder / "stats.txt").write_text("2 entities", encoding="utf-8")  # which is not read
    assert kg_data.fingerprint(folder) == seen[0]
    train.write_text("1\tr\t2\n", encoding="utf-8")
    seen.append(kg_data.fingerprint("toy"))
    status = train.stat()
    os.utime(train, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000_000))
    seen.append(kg_data.fingerprint("toy"))
    (folder / "entity2text.txt").write_text("1\tone\n", encoding="utf-8")
    assert len({*seen, kg_data.fingerprint("toy")}) == 5


class TestDatasets:
    def test_the_data_folder_is_listed_with_lines_queries_and_questions(self, toy_root: Path) -> None:
        local = {item.name: item for item in kg_data.list_datasets() if isinstance(item, LocalDataset)}
        assert list(local) == ["films", "toy", "toy/text"]
        assert (local["toy"].triples, local["toy"].queries) == ({"train": 2, "test": 1}, ("queries/test-2p.jsonl",))
        assert (local["films"].questions, local["films"].form) == (("1-hop/qa_dev.txt",), "metaqa")
        for item in kg_data.list_datasets():
            assert item.where == "public" or kg_data.resolve(item.name).name == item.name
        rows = json.loads(json.dumps(kg_data.describe_datasets()))
        public = ["public"] * len(PUBLIC_BENCHMARKS)
        assert [row["where"] for row in rows] == ["built in", *["data folder"] * 3, *public]
        assert rows[0]["name"] == "world"

    def test_every_public_benchmark_says_paper_home_and_licence_and_how_a_copy_is_told(self) -> None:
        wanted = "FB15k-237, FB15k, NELL995, WN18RR, CoDEx-S, CoDEx-M, CoDEx-L, YAGO3-10, MetaQA, BetaE queries"
        assert set(wanted.split(", ")) <= {item.name for item in PUBLIC_BENCHMARKS}
        for item in PUBLIC_BENCHMARKS:
            assert item.paper and item.home.startswith("http") and item.licence
            for file in item.files:
                kind, _, digest = file.digest.partition(":")
                assert file.rows > 0 and len(digest) == {"md5": 32, "sha256": 64, "": 0}[kind]
            assert bool(item.digests_from) == any(file.digest for file in (*item.files, item.archive) if file)
            # In NELL995 and in Query2Box's form every fact stands twice.
            if len(item.files) == 3 and item.entities != 63_361:
                total = sum(file.rows for file in item.files) // (2 if "integer form" in item.about else 1)
                assert f"{item.entities:,}" in item.about and f"{total:,}" in item.about

    def test_the_shared_data_sets_are_found_by_name(self, data_root: Path) -> None:
        names = {item.name for item in kg_data.list_datasets() if isinstance(item, LocalDataset)}
        assert {"fb15k-237", "fb15k-237-q2b", "nell995-betae", "metaqa", "umls", "wn18rr/text"} <= names
        assert kg_data.load("UMLS").source.startswith("UMLS semantic network")


# Copies -----------------------------------------------------------------------------------------------------------


TRAIN, TEST = b"a\tr\tb\nb\tr\tc\n", b"a\ts\tc\n"
WINDOWS = TRAIN.replace(b"\n", b"\r\n")
ARCHIVE = PublishedFile("toys.zip", 0, f"sha256:{hashlib.sha256(b'zip').hexdigest()}")


def benchmark(digests: bool) -> PublicBenchmark:
    """A benchmark of two files, published with a digest or not."""
    files = tuple(
        PublishedFile(name, content.count(b"\n"), f"md5:{hashlib.md5(content).hexdigest()}" if digests else "")
        for name, content in (("train.txt", TRAIN), ("test.txt", TEST))
    )
    source = "made here" if digests else ""
    return PublicBenchmark("Toy", "", "", "", "", files, source, 3, 2, None if digests else ARCHIVE, ("toys",))


@pytest.fixture(params=[True, False], ids=["with digests", "without"])
def digests(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> bool:
    monkeypatch.setattr(registry, "PUBLIC_BENCHMARKS", (benchmark(request.param),))
    monkeypatch.setenv("SKYLARK_DATA", str(tmp_path))
    return bool(request.param)


def copy(root: Path, train: bytes = TRAIN, name: str = "toy") -> Path:
    folder = root / "kg" / name
    folder.mkdir(parents=True)
    (folder / "train.txt").write_bytes(train)
    (folder / "test.txt").write_bytes(TEST)
    return folder


def test_a_right_copy_is_known_by_digests_else_by_its_numbers(tmp_path: Path, digests: bool) -> None:
    folder = copy(tmp_path)
    found = verify("TOY")
    assert found.matches and found.by_digest == digests
    assert {check.finding for check in found.files} == {"same bytes" if digests else "same number of rows"}
    assert found.counts == ({} if digests else {"entities": (3, 3), "relations": (2, 2)})
    (folder / "train.txt").write_bytes(WINDOWS)
    found = verify("toy")
    assert found.matches
    assert found.files[0].finding == ("same text, other line ends" if digests else "same number of rows")
    published = PublishedFile("train.txt", 2, f"md5:{hashlib.md5(WINDOWS).hexdigest()}")
    (folder / "train.txt").write_bytes(TRAIN)
    assert registry._check(folder / "train.txt", published).finding == "same text, other line ends"


def test_a_lost_line_a_changed_name_and_a_missing_file_are_found(tmp_path: Path, digests: bool) -> None:
    folder = copy(tmp_path, TRAIN[:6])
    found = verify("toy")
    assert not found.matches and found.counts["entities"] == (3, 3)
    assert (found.files[0].finding, found.files[0].rows, found.files[0].published_rows) == ("differs", 1, 2)
    (folder / "train.txt").write_bytes(TRAIN.replace(b"a", b"x"))
    found = verify("toy")
    assert not found.matches and found.counts["entities"] == (4, 3)
    (folder / "train.txt").write_bytes(TRAIN)
    (folder / "test.txt").unlink()
    found = verify("toy")
    assert not found.matches and found.files[1].finding == "missing"


def test_a_folder_is_known_by_another_name_of_the_benchmark_or_by_a_file_with_a_digest(
    tmp_path: Path, digests: bool
) -> None:
    assert verify(copy(tmp_path, name="Toys")).matches
    folder = copy(tmp_path, name="download")
    if digests:
        assert verify(folder).benchmark == "Toy"
    else:
        with pytest.raises(UnknownGraphError, match=r"nothing is known of 'download'; name the folder after .*: Toy"):
            verify(folder)


@pytest.mark.parametrize(("content", "matches"), [(b"zip", True), (b"zap", False)])
def test_an_archive_is_known_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, matches: bool
) -> None:
    entry = PublicBenchmark("Toys", "", "", "", "", archive=ARCHIVE, digests_from="here")
    monkeypatch.setattr(registry, "PUBLIC_BENCHMARKS", (entry,))
    (tmp_path / "toys.zip").write_bytes(content)
    assert verify(tmp_path / "toys.zip").matches == matches
    with pytest.raises(UnknownGraphError, match="built in"):
        verify("world")


@pytest.mark.parametrize("name", ["fb15k-237", "fb15k-237-q2b", "wn18rr", "codex-s", "codex-m", "umls", "nations",
                                  "kinship", "nell995-betae"])  # fmt: skip
def test_the_shared_copies_are_the_published_ones(data_root: Path, name: str) -> None:
    assert verify(name).by_digest


def test_metaqa_s_partial_knowledge_base_is_not_the_published_one(data_root: Path) -> None:
    assert not verify("metaqa").matches
