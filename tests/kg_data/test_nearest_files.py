from __future__ import annotations

from pathlib import Path

import pytest

from skylark.files import did_you_mean, files_like


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("-dash.mp4", "made.mp4", "01_dog.mp4", "Graph.TSV", "graph.csv", "rules.nt.gz"):
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("missing", "meant"),
    [
        ("maed.mp4", ["made.mp4"]),
        ("01_dogs.mp4", ["01_dog.mp4"]),
        ("graph.tsv.bak", ["Graph.TSV"]),
        ("graphs.csv", ["graph.csv", "Graph.TSV"]),
        ("rule.nt.gz", ["rules.nt.gz"]),
    ],
)
def test_names_that_are_alike_are_offered_the_likest_first(folder: Path, missing: str, meant: list[str]) -> None:
    assert [path.name for path in files_like(folder / missing)][: len(meant)] == meant


@pytest.mark.parametrize("missing", ["nosuch.mp4", "x.nt.gz", "street.tsv", "nothing"])
def test_an_ending_alone_makes_no_two_names_alike(folder: Path, missing: str) -> None:
    assert files_like(folder / missing) == [] and did_you_mean(folder / missing) == ""


def test_only_what_may_be_meant_is_offered(folder: Path) -> None:
    assert files_like(folder / "graph.cvs", lambda path: path.suffix == ".TSV") == [folder / "Graph.TSV"]
    assert files_like(folder / "nowhere" / "made.mp4") == files_like(folder / "a\0b") == []
