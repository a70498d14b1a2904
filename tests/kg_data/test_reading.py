"""Files of any size, read in blocks."""

import io
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg_data.loaders import load_path, text
from kg_data.loaders.text import read_lines, read_text
from skylark.errors import DataError


@pytest.fixture(params=[1, 2, 3, 7, 1 << 20], ids="blocks of {}".format)
def block_size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines, marks and characters that fall apart between two blocks."""
    monkeypatch.setattr(text, "_BLOCK", request.param)


CONTENT = "\ufeffa\r\nÖ😀\u2028b\r\rc\n\nd"


@pytest.mark.usefixtures("block_size")
@pytest.mark.parametrize("content", [CONTENT, CONTENT + "\n", "", "\ufeff", "\r", "x\r\n"])
def test_lines_are_those_of_the_whole_text(tmp_path: Path, content: str) -> None:
    path = tmp_path / "f"
    path.write_bytes(content.encode())
    whole = content.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    assert read_text(path) == whole
    assert list(read_lines(path)) == (whole.removesuffix("\n").split("\n") if whole else [])


@pytest.mark.usefixtures("block_size")
@pytest.mark.parametrize(
    ("content", "line", "found"),
    [
        (b"a\r\nb\r\n\xe7a\r\n", 3, "byte e7"),
        (b"a\rb\r\xe7a\r", 3, "byte e7"),
        (b"\xef\xbb\xbfa\n\xf0\x9f\x98", 2, "byte f0 9f 98"),
        (b"\xff\xfea\0", 1, "byte ff"),
    ],
)
@pytest.mark.parametrize("reader", [lambda path: list(read_lines(path)), read_text], ids=["lines", "text"])
def test_bytes_that_are_no_utf_8_are_named_by_their_line(
    tmp_path: Path, reader: Callable[[Path], object], content: bytes, line: int, found: str
) -> None:
    path = tmp_path / "f"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"line {line}: expected UTF-8 .*{found}"):
        reader(path)


@given(st.lists(st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]))))
def test_any_lines_come_back(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    path = tmp_path_factory.mktemp("lines") / "f"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    # A mark at the very start is the file's, not the first line's.
    assert list(read_lines(path)) == [line.removeprefix("\ufeff") if i == 0 else line for i, line in enumerate(lines)]


@pytest.mark.parametrize("name", ["g.tsv", "g.csv", "g.txt", "g.jsonl"])
def test_a_line_without_an_end_does_not_fill_the_memory(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with path.open("wb") as file:
        file.truncate(200 << 20)  # a hole of zero bytes, which takes no room on the disk
    tracemalloc.start()
    with pytest.raises(DataError, match="line 1: expected lines of at most 1,048,576 characters"):
        load_path(path, "g")
    assert tracemalloc.get_traced_memory()[1] < 32 << 20
    tracemalloc.stop()


@pytest.mark.slow
def test_what_is_kept_of_a_large_file_is_its_triples(tmp_path: Path) -> None:
    path = tmp_path / "g.tsv"
    name = "some entity with a long name"
    path.write_text("".join(f"{name} {i}\ta relation\t{name} {i + 1}\n" for i in range(100)) * 2_000)
    tracemalloc.start()
    graph = load_path(path, "g")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(graph.splits["graph"]) == 100
    assert peak < 60 * 200_000 + (16 << 20) < path.stat().st_size * 2


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="a file that can be read, found 'Is a directory'"):
        read_text(tmp_path)


@pytest.mark.parametrize("terminal", [True, False])
def test_a_bar_counts_the_bytes_of_a_large_file_on_a_terminal_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    (tmp_path / "g.tsv").write_text("a\nb\nc\n")
    stderr = io.StringIO()
    monkeypatch.setattr(stderr, "isatty", lambda: terminal)
    monkeypatch.setattr(text, "LARGE", 4)
    monkeypatch.setattr("sys.stderr", stderr)
    assert list(read_lines(tmp_path / "g.tsv")) == ["a", "b", "c"]
    shown = stderr.getvalue()
    assert ("reading g.tsv: 100%" in shown and "6.00/6.00" in shown) if terminal else shown == ""
