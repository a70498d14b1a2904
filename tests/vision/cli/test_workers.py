"""`detect` by several processes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kg_data.batches.shards import ShardFolder
from skylark.command_line import FAILURE, OK, USAGE
from tests.vision.coloured_pictures import PICTURES, ColourDetector, make_set
from vision.cli.options import RECORD
from vision.evaluation.runs import images_digest
from vision.vision import Vision

ALL = "boxes of all cats, dogs and cars as JSON"


@pytest.fixture(autouse=True)
def colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands, and the processes that they begin, find rectangles by their colour."""
    monkeypatch.setattr("vision.cli.detecting.opened", lambda options: Vision(ColourDetector()))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    pictures = list(PICTURES.values())
    folder, _ = make_set(tmp_path / "set", {f"{number:02}.png": pictures[number % 4] for number in range(20)})
    (folder / "07.png").write_text("no picture")
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.slow
@pytest.mark.parametrize("form", ["voc", "coco"])
def test_the_folder_is_that_of_one_process(run: Any, photos: Path, tmp_path: Path, form: str) -> None:
    command = ("detect", photos, "--instruction", ALL, "--format", form, "--draw")
    one = run(*command, "--out", tmp_path / "one")
    two = run(*command, "--out", tmp_path / "two", "--workers", "2")
    assert files(tmp_path / "two") == files(tmp_path / "one") and len(files(tmp_path / "one")) > 19
    assert one[0] == two[0] == FAILURE and two[1] == one[1].replace("/one:", "/two:")
    assert [line for line in two[2].splitlines() if "error" in line] == [
        line for line in one[2].splitlines() if "error" in line
    ]


@pytest.mark.slow
def test_what_is_printed_is_the_same(run: Any, photos: Path) -> None:
    command = ("detect", photos, "--instruction", ALL, "--json")
    assert run(*command, "--workers", "2")[:2] == run(*command)[:2]


def test_what_several_left_one_goes_on_with(run: Any, photos: Path, tmp_path: Path) -> None:
    (photos / "07.png").unlink()
    command = ("detect", photos, "--instruction", ALL, "--out")
    assert run(*command, tmp_path / "whole")[0] == OK
    out = tmp_path / "killed"
    assert run(*command, out)[0] == OK
    record = out / RECORD
    lines = record.read_bytes().splitlines(keepends=True)
    record.write_bytes(b"".join(lines[:6]))
    for line in map(json.loads, lines[6:]):
        (out / f"{line['name']}.json").unlink()
    left = [json.loads(line)["image"] for line in lines[6:]]
    shards = ShardFolder.of(record).path
    shards.mkdir()
    kept = {"objects": 1, "text": "seen", "classes": ["cat"], "value": None, "drawn": ""}
    written = [
        {"key": left[0], "line": {"notes": ["kept"], "digest": images_digest([Path(left[0])]), "result": kept}},
        {"key": left[1], "line": {"error": "it is tried again"}},
        {"key": left[2], "line": {"notes": ["it has changed"], "digest": "another", "result": kept}},
    ]
    text = "".join(json.dumps(one, separators=(",", ":")) + "\n" for one in [{"begun": 1}, {"ready": 1}, *written])
    (shards / "0001-000000.jsonl").write_text(text)
    code, told, notes = run(*command, out)
    assert code == OK and "14 images" in told and "5 there before" in told
    assert "note: kept" in notes and "changed" not in notes
    found, expected = files(out), files(tmp_path / "whole")
    name = f"{Path(left[0]).stem}.json"
    assert found.pop(name) == b"seen\n" and expected.pop(name) != b"seen\n"
    changed = {json.dumps(json.loads(line)) for line in found.pop(RECORD).splitlines()}
    assert len(changed ^ {json.dumps(json.loads(line)) for line in expected.pop(RECORD).splitlines()}) <= 2
    assert found == expected and not shards.exists()


@pytest.mark.parametrize(("option", "said"), [(["--workers", "0"], "at least 1"), (["--engine", "rai"], "mean ray?")])
def test_options_that_are_none(run: Any, photos: Path, option: list[str], said: str) -> None:
    code, _, err = run("detect", photos, "--instruction", ALL, *option)
    assert code == USAGE and said in err
