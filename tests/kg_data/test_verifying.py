"""Copies of benchmarks held against what is published."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from kg_data import registry
from kg_data.registry import PublicBenchmark, PublishedFile, verify
from skylark.errors import UnknownGraphError

TRAIN, TEST = b"a\tr\tb\nb\tr\tc\n", b"a\ts\tc\n"


def benchmark(digests: bool) -> PublicBenchmark:
    """A benchmark of two files, published with a digest or not."""
    files = tuple(
        PublishedFile(name, content.count(b"\n"), f"md5:{hashlib.md5(content).hexdigest()}" if digests else "")
        for name, content in (("train.txt", TRAIN), ("test.txt", TEST))
    )
    archive = PublishedFile("toys.zip", 0, f"sha256:{hashlib.sha256(b'zip').hexdigest()}")
    source = "made here" if digests else ""
    return PublicBenchmark("Toy", "", "", "", "", files, source, 3, 2, None if digests else archive, ("toys",))


@pytest.fixture(params=[True, False], ids=["with digests", "without"])
def digests(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> bool:
    monkeypatch.setattr(registry, "PUBLIC_BENCHMARKS", (benchmark(request.param),))
    monkeypatch.setenv("SKYLARK_DATA", str(tmp_path))
    return bool(request.param)


def copy(root: Path, train: bytes = TRAIN, test: bytes | None = TEST, name: str = "toy") -> Path:
    folder = root / "kg" / name
    folder.mkdir(parents=True)
    (folder / "train.txt").write_bytes(train)
    if test is not None:
        (folder / "test.txt").write_bytes(test)
    return folder


def test_a_right_copy_is_known_by_digests_else_by_its_numbers(tmp_path: Path, digests: bool) -> None:
    copy(tmp_path)
    found = verify("TOY")
    assert found.matches
    assert found.by_digest == digests
    assert {check.finding for check in found.files} == {"same bytes" if digests else "same number of rows"}
    assert found.counts == ({} if digests else {"entities": (3, 3), "relations": (2, 2)})


def test_other_line_ends_are_told_apart_from_other_content(tmp_path: Path, digests: bool) -> None:
    copy(tmp_path, TRAIN.replace(b"\n", b"\r\n"))
    found = verify("toy")
    assert found.matches
    assert [check.finding for check in found.files][:1] == (
        ["same text, other line ends"] if digests else ["same number of rows"]
    )


def test_published_line_ends_may_be_the_longer_ones(tmp_path: Path) -> None:
    digest = hashlib.md5(TRAIN.replace(b"\n", b"\r\n")).hexdigest()
    published = PublishedFile("train.txt", 2, f"md5:{digest}")
    assert registry._check(copy(tmp_path) / "train.txt", published).finding == "same text, other line ends"


def test_a_lost_line_is_found(tmp_path: Path, digests: bool) -> None:
    copy(tmp_path, TRAIN[:6])
    found = verify("toy")
    assert not found.matches
    assert (found.files[0].finding, found.files[0].rows, found.files[0].published_rows) == ("differs", 1, 2)
    assert found.counts["entities"] == (3, 3)


def test_a_changed_name_is_found_by_digests_and_by_numbers_only_where_it_is_new(tmp_path: Path, digests: bool) -> None:
    copy(tmp_path, TRAIN.replace(b"a", b"x"))
    found = verify("toy")
    assert not found.matches
    assert found.counts["entities"] == (4, 3)


def test_a_missing_file_is_found(tmp_path: Path, digests: bool) -> None:
    copy(tmp_path, test=None)
    found = verify("toy")
    assert not found.matches
    assert [check.finding for check in found.files][1] == "missing"


@pytest.mark.usefixtures("digests")
def test_a_folder_may_carry_another_name_of_the_benchmark(tmp_path: Path) -> None:
    assert verify(copy(tmp_path, name="Toys")).matches


def test_a_folder_of_any_name_is_known_by_a_file_with_a_digest(tmp_path: Path, digests: bool) -> None:
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
    published = PublishedFile("toys.zip", 0, f"sha256:{hashlib.sha256(b'zip').hexdigest()}")
    entry = PublicBenchmark("Toys", "", "", "", "", archive=published, digests_from="here")
    monkeypatch.setattr(registry, "PUBLIC_BENCHMARKS", (entry,))
    (tmp_path / "toys.zip").write_bytes(content)
    assert verify(tmp_path / "toys.zip").matches == matches


def test_a_built_in_graph_has_no_published_copy() -> None:
    with pytest.raises(UnknownGraphError, match="built in"):
        verify("world")


@pytest.mark.parametrize(
    "name",
    ["fb15k-237", "fb15k-237-q2b", "wn18rr", "codex-s", "codex-m", "umls", "nations", "kinship", "nell995-betae"],
)
def test_the_shared_copies_are_the_published_ones(data_root: Path, name: str) -> None:
    assert verify(name).by_digest


def test_metaqa_s_partial_knowledge_base_is_not_the_published_one(data_root: Path) -> None:
    assert not verify("metaqa").matches
