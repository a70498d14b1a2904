import errno
import json
import os
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import pytest

from skylark.errors import DataError, ResultsError, SkylarkError
from skylark.files import Line
from vision.errors import EvaluationError
from vision.evaluation.runs import Job, RunLines, RunOptions, lines_path, run

COUNT = 5


def go(
    out: Path | None, resume: bool = False, count: int = COUNT, model: str = "counter", fails_at: int | None = None
) -> tuple[dict[str, Any], list[int]]:
    """A run of counted items: its figures, and the items that it did itself."""
    did: list[int] = []

    def work(items: Sequence[int]) -> Generator[Line]:
        for number in items:
            if number == fails_at:
                raise SkylarkError("the model failed")
            did.append(number)
            yield {"id": number, "square": number**2}

    figures = run(
        Job([{"id": number} for number in range(count)], [""] * count, range(count), work, "item"),
        lambda lines: {"sum": sum(line["square"] for line in lines)},
        {"model": model},
        RunOptions(out=out, resume=resume),
    )
    return figures, did


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "ap.json"


def failed(out: Path, at: int) -> None:
    with pytest.raises(SkylarkError, match="the model failed"):
        go(out, fails_at=at)
    assert not out.exists()


class TestARun:
    def test_it_writes_the_figures_it_gives_and_a_line_an_item_once(self, out: Path) -> None:
        figures, did = go(out)
        assert figures == {"sum": 30, "settings": {"model": "counter"}} == json.loads(out.read_text())
        lines = [json.loads(line) for line in lines_path(out).read_text().splitlines()]
        assert lines == [{"settings": {"model": "counter"}}, *({"id": n, "square": n**2} for n in range(COUNT))]
        assert did == list(range(COUNT)) and go(out, resume=True) == (figures, [])

    def test_without_a_file_it_writes_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        assert go(None)[0]["sum"] == 30 and list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("stop", range(COUNT))
    def test_one_that_failed_goes_on_where_it_was(self, out: Path, stop: int) -> None:
        failed(out, stop)
        figures, did = go(out, resume=True)
        assert figures["sum"] == 30 and did == list(range(stop, COUNT))

    def test_lines_that_version_0_1_0_wrote_are_gone_on_with(self, out: Path) -> None:
        lines_path(out).write_bytes(b'{"settings":{"model":"counter"}}\n{"id":0,"square":0}\n{"id":1,"square":1}\n')
        figures, did = go(out, resume=True)
        assert figures["sum"] == 30 and did == [2, 3, 4]


class TestWhatIsRefused:
    def test_figures_that_are_there_are_not_written_over(self, out: Path) -> None:
        out.write_text("mine")
        for resume in (False, True):
            with pytest.raises(EvaluationError, match="is there already"):
                go(out, resume)
        assert out.read_text() == "mine"

    def test_lines_are_gone_on_with_where_asked_with_the_same_settings_and_items(self, out: Path) -> None:
        failed(out, 3)
        with pytest.raises(EvaluationError, match="add --resume"):
            go(out)
        with pytest.raises(EvaluationError, match='model was "counter", now "abacus"'):
            go(out, resume=True, model="abacus")
        with pytest.raises(DataError, match="line 4: expected no further line"):
            go(out, resume=True, count=2)

    def test_damaged_lines_are_named(self, out: Path) -> None:
        settings = '{"settings":{"model":"counter"}}\n'
        for text, said in (
            (settings + '{"id":0,"squ\n', "line 2: expected a line as it was written"),
            (settings + '{"id":1,"square":1}\n', 'line 2: expected the line of {"id": 0}'),
            ('{"id":0,"square":0}\n', "line 1: expected the settings of a run"),
            (settings + '{"id":0,"square":0}\n' * 2, "line 3: expected the line of"),
        ):
            lines_path(out).write_text(text)
            with pytest.raises(DataError, match=said):
                go(out, resume=True)

    def test_a_place_that_cannot_be_written_is_said_before_anything_is_done(self, out: Path) -> None:
        with RunLines(lines_path(out), {}), pytest.raises(ResultsError, match="being written by another run"):
            go(out)
        with pytest.raises(ResultsError, match="there is no folder"):
            go(out.parent / "nowhere" / "ap.json")
        lines_path(out.with_name("b.json")).mkdir()
        with pytest.raises(ResultsError, match="results need a regular file"):
            go(out.with_name("b.json"))

    def test_a_full_disk_leaves_whole_lines_to_go_on_from(self, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        real, left = os.write, [60]

        def write(descriptor: int, content: bytes) -> int:
            if not left[0]:
                raise OSError(errno.ENOSPC, "No space left on device")
            written = real(descriptor, content[: left[0]])
            left[0] -= written
            return written

        with monkeypatch.context() as patched, pytest.raises(ResultsError, match="No space left"):
            patched.setattr(os, "write", write)
            go(out)
        assert lines_path(out).read_text().endswith("}\n")
        figures, did = go(out, resume=True)
        assert figures["sum"] == 30 and did == [1, 2, 3, 4]
