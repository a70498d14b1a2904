"""The vectors of many phrases are kept, and made again where they cannot be read."""

from pathlib import Path
from typing import IO

import numpy as np
import pytest

from kg_data.sentence_vectors import KEPT_FROM, SentenceEncoder, Vectors, sentence_encoder, vectors_if_installed
from skylark.files import CACHE_VARIABLE

PHRASES = [f"word {number}" for number in range(KEPT_FROM)]


@pytest.fixture
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def expected() -> Vectors:
    return sentence_encoder().encode(PHRASES)


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many phrases were run through the encoder, each time."""
    counts: list[int] = []
    encode = SentenceEncoder.encode

    def counting(self: SentenceEncoder, phrases: list[str]) -> Vectors:
        counts.append(len(phrases))
        return encode(self, phrases)

    monkeypatch.setattr(SentenceEncoder, "encode", counting)
    return counts


def made() -> Vectors:
    vectors = vectors_if_installed(PHRASES)
    assert vectors is not None
    return vectors


def test_many_phrases_run_through_the_encoder_once_and_few_leave_no_file(
    cache_folder: Path, encoded: list[int], expected: Vectors
) -> None:
    assert vectors_if_installed(PHRASES[1:]) is not None and vectors_if_installed([]) is None
    assert not cache_folder.exists() and encoded == [len(PHRASES) - 1]
    assert all(np.array_equal(made(), expected) for _ in range(2))
    assert encoded == [len(PHRASES) - 1, len(PHRASES)]
    other = vectors_if_installed([*PHRASES[1:], "another word"])
    assert other is not None and not np.array_equal(other, expected), "other phrases have vectors of their own"
    assert {path.suffix for path in (cache_folder / "vectors").iterdir()} == {".npy"}, "nothing half-written is left"


@pytest.mark.parametrize("content", [b"", b"no array", b"\x93NUMPY"])
def test_a_damaged_file_is_made_anew(cache_folder: Path, encoded: list[int], expected: Vectors, content: bytes) -> None:
    made()
    (file,) = (cache_folder / "vectors").iterdir()
    whole = file.read_bytes()
    for damaged in (content, whole[:-4]):
        file.write_bytes(damaged)
        assert np.array_equal(made(), expected)
        assert file.read_bytes() == whole
    assert len(encoded) == 3


def test_where_nothing_can_be_kept_the_vectors_come_all_the_same_and_nothing_is_half_written(
    cache_folder: Path, monkeypatch: pytest.MonkeyPatch, expected: Vectors
) -> None:
    cache_folder.write_text("a file where a folder should be")
    assert np.array_equal(made(), expected)
    cache_folder.unlink()

    def full(file: IO[bytes], vectors: Vectors) -> None:
        file.write(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr("kg_data.sentence_vectors.np.save", full)
    assert np.array_equal(made(), expected)
    assert list((cache_folder / "vectors").iterdir()) == []
