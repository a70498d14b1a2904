"""Files and folders that are whole or not there, names that are near to those of files, and when to ask again."""

import datetime
import email.utils
import os
from pathlib import Path

import pytest

from skylark.files import ABANDONED_SECONDS, did_you_mean, files_like, newest_whole, whole_file, whole_folder
from skylark.retries import retry_after


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
        ("graphs.csv", ["graph.csv", "Graph.TSV"]),
        ("rule.nt.gz", ["rules.nt.gz"]),
        # An ending alone makes no two names alike.
        *((missing, []) for missing in ("nosuch.mp4", "x.nt.gz", "street.tsv", "nowhere/made.mp4", "a\0b")),
    ],
)
def test_names_that_are_alike_are_offered_the_likest_first(folder: Path, missing: str, meant: list[str]) -> None:
    found = [path.name for path in files_like(folder / missing)]
    assert found[: len(meant)] == meant and bool(found) == bool(meant) == bool(did_you_mean(folder / missing))
    assert files_like(folder / "graph.cvs", lambda path: path.suffix == ".TSV") == [folder / "Graph.TSV"]


def test_a_file_is_replaced_when_all_is_written_and_else_stays(tmp_path: Path) -> None:
    path = tmp_path / "f.txt"
    for content in ("old", "new"):
        with whole_file(path) as part:
            part.write_text(content)
            assert path.exists() == (content == "new")
    with pytest.raises(ValueError, match="why"), whole_file(path) as part:
        part.write_text("half")
        raise ValueError("why")
    assert path.read_text() == "new" and list(tmp_path.iterdir()) == [path]


def make(folder: Path, content: str, *, replace: bool = False) -> None:
    with whole_folder(folder, replace=replace) as part:
        assert part.parent == folder.parent and not any(part.iterdir())
        (part / "f").write_text(content)


def test_a_folder_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "[folder]"
    with pytest.raises(OSError, match="full"), whole_folder(folder):
        raise OSError("the disk is full")
    assert list(folder.parent.iterdir()) == []
    make(folder, "first")
    with pytest.raises(OSError, match=r"\[folder\]"):  # another process was quicker
        make(folder, "second")
    assert list(folder.parent.iterdir()) == [folder] and (folder / "f").read_text() == "first"
    make(folder, "third", replace=True)
    assert list(folder.parent.iterdir()) == [folder] and (folder / "f").read_text() == "third"


@pytest.mark.parametrize("replace", [False, True])
def test_what_killed_processes_left_is_removed_once_none_can_be_at_it(tmp_path: Path, replace: bool) -> None:
    left = [tmp_path / f".folder.part-{age}" for age in ("old", "young")]
    other = tmp_path / ".other.part-old"
    for path in (*left, other):
        path.mkdir()
        os.utime(path, (0, 0))
    age = left[1].stat().st_ctime - ABANDONED_SECONDS + 60
    os.utime(left[1], (age, age))
    make(tmp_path / "folder", "new", replace=replace)
    assert [path.exists() for path in left] == [False, not replace] and other.exists()


def test_between_two_renames_the_older_folder_counts(tmp_path: Path) -> None:
    folder, old = tmp_path / "folder", tmp_path / "folder.old"
    assert newest_whole(folder, "f") is None
    make(old, "old")
    assert newest_whole(folder, "f") == old
    make(folder, "new", replace=True)
    assert newest_whole(folder, "f") == folder and not old.exists()
    (folder / "f").unlink()
    assert newest_whole(folder, "f") is None


def test_a_server_says_when_to_ask_again_by_a_number_or_a_date() -> None:
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=2)
    assert 100 < (retry_after({"Retry-After": email.utils.format_datetime(soon)}) or 0) <= 120
    assert retry_after({"retry-after": " 2.5 "}) == 2.5
    assert retry_after({"retry-after": "-1"}) == retry_after({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0
    assert retry_after({}) is retry_after({"retry-after": "soon"}) is None
