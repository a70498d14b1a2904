"""Slices from the command line: what is asked for reaches the detector, and runs with other slices do not mix."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from skylark.command_line import OK, USAGE
from tests.vision.coloured_pictures import PICTURES, ColourDetector, make_set

pytestmark = pytest.mark.usefixtures("colours")


@pytest.fixture
def photos(tmp_path: Path) -> tuple[Path, Path]:
    """Pictures of 96 x 64 pixels and their annotations."""
    return make_set(tmp_path / "set")


def test_slices_of_a_size_are_looked_at_and_said(
    run: Any, photos: tuple[Path, Path], colours: list[ColourDetector]
) -> None:
    looked = ("detect", photos[0] / "a.png", "--instruction", "find the cats, as JSON")
    code, out, err = run(*looked, "--slice", "40x64", "--slice-overlap", "0.1", "--slice-merge", "nmm")
    assert code == OK and "looked at in 3 parts of 40 x 64 pixels and as a whole" in err
    assert sum(colours[-1].batches) == 4
    assert json.loads(out) == json.loads(run(*looked)[1])


def test_auto_leaves_small_pictures_whole(run: Any, photos: tuple[Path, Path], colours: list[ColourDetector]) -> None:
    assert run("ask", photos[0] / "a.png", "the cat", "--slice", "auto")[0] == OK
    assert sum(colours[-1].batches) == 1


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--slice", "big"), "slices are 'big': expected 'auto', or their width and height in pixels as WxH"),
        (("--slice", "auto", "--slice-overlap", "1"), "expected a share from 0 to less than 1"),
        (("--slice-overlap", "0.3"), "add --slice auto, or --slice WxH"),
        (("--slice", "auto", "--slice-merge", "mm"), "did you mean nmm?"),
    ],
)
def test_slices_that_are_none_are_refused(
    run: Any, photos: tuple[Path, Path], options: tuple[str, ...], told: str
) -> None:
    code, out, err = run("detect", photos[0], "--instruction", "find the cats", *options)
    assert code == USAGE and not out and told in err


def test_a_folder_of_results_takes_no_images_with_other_slices(
    run: Any, photos: tuple[Path, Path], tmp_path: Path
) -> None:
    written = ("detect", photos[0], "--instruction", "find the cats, as JSON", "--out", tmp_path / "out")
    assert run(*written, "--slice", "40x64")[0] == OK
    code, _, err = run(*written)
    assert code == USAGE and "slices was" in err and "now null" in err
    code, out, _ = run(*written, "--slice", "40x64")
    assert code == OK and f"{len(PICTURES)} there before" in out


def test_an_evaluation_goes_on_with_the_same_slices_alone(run: Any, photos: tuple[Path, Path], tmp_path: Path) -> None:
    images, annotations = photos
    measured = (
        "evaluate",
        "--images",
        images,
        "--annotations",
        annotations,
        "--no-masks",
        "--out",
        tmp_path / "f.json",
    )
    assert run(*measured, "--slice", "40x64", "--json")[0] == OK
    settings = json.loads((tmp_path / "f.json").read_text())["settings"]
    assert settings["slices"] == {"size": [40, 64], "overlap": 0.2, "merge": "nms", "full_view": True}
    (tmp_path / "f.json").unlink()
    code, _, err = run(*measured, "--resume", "--slice", "40x60")
    assert code == USAGE and "slices was" in err
    assert run(*measured, "--resume", "--slice", "40x64")[0] == OK
