"""`evaluate` on the command line; what it measures is tested beside the measuring, `evaluate-tracks` beside `track`."""

import json
from pathlib import Path
from typing import Any

import pytest

from skylark.command_line import FAILURE, OK, USAGE
from tests.vision.coloured_pictures import make_set

pytestmark = pytest.mark.usefixtures("colours")


def test_a_table_is_printed_and_the_figures_are_written_and_kept(
    run: Any, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    out = tmp_path / "ap.json"
    command = ("evaluate", "--images", pair[0], "--annotations", pair[1])
    code, table, _ = run(*command, "--out", out)
    figures = json.loads(out.read_text())
    assert code == OK and "outlines by grabcut" in table
    rows = {line.split()[0]: line.split()[1:] for line in table.splitlines() if line}
    assert rows["boxes"][:2] == [f"{figures['AP']:.3f}", f"{figures['AP50']:.3f}"]
    assert rows["masks"][0] == f"{figures['segm']['AP']:.3f}"
    assert rows["cat"][:2] == ["3", f"{figures['per_class']['cat']['AP']:.3f}"]
    printed = json.loads(run(*command, "--no-masks", "--json")[1])
    assert printed["AP"] == figures["AP"] and "segm" not in printed
    before = out.read_bytes()
    code, _, err = run(*command, "--out", out)
    assert code == USAGE and "is there already" in err and out.read_bytes() == before


def test_classes_are_words_or_a_list_with_commas_and_pairs_are_measured_together(
    run: Any, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    images, file = make_set(tmp_path / "more")
    pairs = ("--images", pair[0], "--annotations", pair[1], "--images", images, "--annotations", file)
    for words in (["cat,dog"], ["cat", "dog"], ["kitten , dogs"]):
        figures = json.loads(run("evaluate", *pairs, "--no-masks", "--json", "--classes", *words)[1])
        assert list(figures["per_class"]) == ["cat", "dog"] and figures["images"] == 8


def test_expressions_are_measured(run: Any, pair: tuple[Path, Path], tmp_path: Path) -> None:
    rows = [
        {"image": "d.png", "expression": "the dog", "annotation_ids": [1006]},
        {"image": "d.png", "expression": "the car", "boxes": []},
        {"image": "d.png", "expression": "the helicopter", "boxes": []},
        {"image": "d.png", "expression": "how many dogs are there?", "count": 1},
    ]
    file, out = tmp_path / "e.jsonl", tmp_path / "grounding.json"
    file.write_text("\n".join(map(json.dumps, rows)))
    images = ("--images", pair[0])
    code, table, _ = run("evaluate", *images, "--annotations", pair[1], "--expressions", file, "--out", out)
    figures = json.loads(out.read_text())
    assert code == OK and figures["accuracy"] == 0.5
    assert 'd.png: the car\n  expected 0 boxes\n  found 1 box by ~class("car")' in table
    assert "1 were not understood, counted as wrong" in table
    file.write_text("\n".join(map(json.dumps, rows[1:])))
    assert json.loads(run("evaluate", *images, "--expressions", file, "--json")[1])["count"] == 3


def test_what_does_not_fit_together_is_a_usage_error(run: Any, pair: tuple[Path, Path]) -> None:
    for arguments, said in {
        "": "--images",
        "--images .": "--annotations FILE is needed",
        "--images . --annotations a --annotations b": "there are 1 and 2",
        "--images . --annotations no.json": "no.json",
        "--images . --annotations {} --resume": "--resume needs --out",
        "--images . --annotations {} --classes ,": "--classes names no class",
        "--images {images} --annotations {} --classes unicorn": "the nearest: ",
        "--images . --annotations {} --min-score 0.5": "--min-score belongs to --expressions",
        "--images . --expressions {} --no-masks": "belong to detection",
        "--images . --expressions no.jsonl": "no.jsonl",
        "--images {images} --annotations {} --limit 0": "at least 1",
    }.items():
        code, out, err = run("evaluate", *arguments.format(pair[1], images=pair[0]).split())
        assert (code, out) == (USAGE, "") and said in err, arguments
    pair[1].write_text("{")
    code, _, err = run("evaluate", "--images", pair[0], "--annotations", pair[1])
    assert code == FAILURE and "expected a JSON file" in err


def test_a_run_goes_on_with_the_same_slices_alone(run: Any, pair: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "f.json"
    measured = ("evaluate", "--images", pair[0], "--annotations", pair[1], "--no-masks", "--out", out)
    assert run(*measured, "--slice", "40x64", "--json")[0] == OK
    settings = json.loads(out.read_text())["settings"]
    assert settings["slices"] == {"size": [40, 64], "overlap": 0.2, "merge": "nms", "full_view": True}
    out.unlink()
    code, _, err = run(*measured, "--resume", "--slice", "40x60")
    assert code == USAGE and "slices was" in err
    assert run(*measured, "--resume", "--slice", "40x64")[0] == OK
