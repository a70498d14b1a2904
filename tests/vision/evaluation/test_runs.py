from __future__ import annotations

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
    out: Path | None,
    resume: bool = False,
    count: int = COUNT,
    settings: dict[str, Any] | None = None,
    fails_at: int | None = None,
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
        settings or {"model": "counter"},
        RunOptions(out=out, resume=resume),
    )
    return figures, did


class TestARun:
    def test_it_writes_the_figures_it_gives_and_a_line_an_item(self, tmp_path: Path) -> None:
        out = tmp_path / "ap.json"
        figures, did = go(out)
        assert figures == {"sum": 30, "settings": {"model": "counter"}} == json.loads(out.read_text())
        lines = [json.loads(line) for line in lines_path(out).read_text().splitlines()]
        assert lines == [{"settings": {"model": "counter"}}, *({"id": n, "square": n**2} for n in range(COUNT))]
        assert did == list(range(COUNT))

    def test_without_a_file_it_writes_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        assert go(None)[0]["sum"] == 30 and list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("stop", range(COUNT))
    def test_one_that_failed_goes_on_where_it_was(self, tmp_path: Path, stop: int) -> None:
        out = tmp_path / "ap.json"
        with pytest.raises(SkylarkError, match="the model failed"):
            go(out, fails_at=stop)
        assert not out.exists()
        figures, did = go(out, resume=True)
        assert figures["sum"] == 30 and did == list(range(stop, COUNT))

    def test_lines_that_version_0_1_0_wrote_are_gone_on_with(self, tmp_path: Path) -> None:
        out = tmp_path / "ap.json"
        lines_path(out).write_bytes(b'{"settings":{"model":"counter"}}\n{"id":0,"square":0}\n{"id":1,"square":1}\n')
        figures, did = go(out, resume=True)
        assert figures["sum"] == 30 and did == [2, 3, 4]

    def test_one_that_is_done_does_nothing_again(self, tmp_path: Path) -> None:
        out = tmp_path / "ap.json"
        first = go(out)[0]
        assert go(out, resume=True) == (first, [])


class TestWhatIsRefused:
    def test_figures_that_are_there_are_not_written_over(self, tmp_path: Path) -> None:
        out = tmp_path / "instances.json"
        out.write_text("mine")
        for resume in (False, True):
            with pytest.raises(EvaluationError, match="is there already"):
                go(out, resume)
        assert out.read_text() == "mine"

    def test_lines_that_are_there_are_gone_on_with_only_where_asked(self, tmp_path: Path) -> None:
        out = tmp_path / "ap.json"
        with pytest.raises(SkylarkError):
            go(out, fails_at=2)
        with pytest.raises(EvaluationError, match="add --resume"):
            go(out)

    def test_other_settings_are_told(self, tmp_path: Path) -> None:
        out = tmp_path / "ap.json"
        with pytest.raises(SkylarkError):
            go(out, fails_at=2)
        with pytest.raises(EvaluationError, match='model was "counter", now "abacus"'):
            go(out, resume=True, settings={"model": "abacus"})

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ('{"settings":{"model":"counter"}}\n{"id":0,"squ\n', "line 2: expected a line as it was written"),
            ('{"settings":{"model":"counter"}}\n{"id":1,"square":1}\n', 'line 2: expected the line of {"id": 0}'),
            ('{"id":0,"square":0}\n', "line 1: expected the settings of a run"),
            ('{"settings":{"model":"counter"}}\n' + '{"id":0,"square":0}\n' * 2, "line 3: expected the line of"),
        ],
    )
    def test_damaged_lines_are_named(self, tmp_path: Path, text: str, said: str) -> None:
        lines_path(tmp_path / "ap.json").write_text(text)
        with pytest.raises(DataError, match=said):
            go(tmp_path / "ap.json", resume=True)

    def test_lines_beyond_the_items_are_named(self, tmp_path: Path) -> None:
        with pytest.raises(SkylarkError):
            go(tmp_path / "ap.json", fails_at=3)
        with pytest.raises(DataError, match="line 4: expected no further line"):
            go(tmp_path / "ap.json", resume=True, count=2)

    def test_a_file_that_another_process_writes_is_left_alone(self, tmp_path: Path) -> None:
        out = tmp_path / "ap.json"
        with RunLines(lines_path(out), {}), pytest.raises(ResultsError, match="being written by another run"):
            go(out)

    def test_a_folder_that_is_not_there_is_said_before_anything_is_done(self, tmp_path: Path) -> None:
        with pytest.raises(ResultsError, match="there is no folder"):
            go(tmp_path / "nowhere" / "ap.json")

    def test_what_is_no_regular_file_is_refused(self, tmp_path: Path) -> None:
        lines_path(tmp_path / "ap.json").mkdir()
        with pytest.raises(ResultsError, match="results need a regular file"):
            go(tmp_path / "ap.json")

    def test_a_full_disk_leaves_whole_lines_to_go_on_from(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        out = tmp_path / "ap.json"
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
