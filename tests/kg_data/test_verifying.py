"""Copies of benchmarks held against what is published."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from kg_data import registry
from kg_data.registry import PublicBenchmark, PublishedFile, verify
from skylark.errors import UnknownGraphError

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
