"""The one command `skylark`: it leads to the rooms' command lines, and imports no other."""

import argparse
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import reasoning.cli
import vision.cli
from skylark import cli

ROOT = Path(__file__).resolve().parents[2]

Captured = pytest.CaptureFixture[str]


def test_the_verbs_are_those_of_the_rooms_and_help_lists_them(capsys: Captured) -> None:
    assert {verb: about for verb, (_, _, about) in reasoning.cli.VERBS.items()} == cli.GRAPH_VERBS
    actions = vision.cli.build_parser()._actions
    (verbs,) = (action.choices for action in actions if isinstance(action, argparse._SubParsersAction))
    assert set(cli.IMAGE_VERBS) == set(verbs)
    assert not set(cli.SHORT_IMAGE_VERBS) & set(cli.GRAPH_VERBS)
    assert cli.main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(verb in out for verb in (*cli.GRAPH_VERBS, *cli.SHORT_IMAGE_VERBS, *cli.OWN_VERBS))
    assert cli.main([]) == 2
    assert "ask, query, read, describe" in capsys.readouterr().err
    for start in (["image", "detect"], ["detect"]):
        assert cli.main([*start, "--help"]) == 0
        assert capsys.readouterr().out.startswith("usage: skylark image detect")


@pytest.mark.parametrize(
    ("arguments", "nearest"),
    [
        ("qurey", "'query'"),
        ("image detct", "'image detect'"),
        ("dmeo", "'demo'"),
        ("detec", "'detect'"),
        ("image foo", ""),
        ("evaluate --kg world --questions q.txt --limt 5", "--limit"),
        ("complete trian --kg world", "train"),
        ("image detect a.png --instrucion cats", "--instruction"),
        ("demo --prot 80", "--port"),
        ("setup --prnt", "--print"),
    ],
)
def test_a_misspelling_is_one_line_with_the_nearest_in_every_room(
    arguments: str, nearest: str, capsys: Captured
) -> None:
    try:
        code = cli.main(arguments.split())
    except SystemExit as stop:
        code = stop.code  # type: ignore[assignment]
    out, err = capsys.readouterr()
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f"did you mean {nearest}?" in err if nearest else "did you mean" not in err


def test_a_reader_who_leaves_is_no_error() -> None:
    command = f"{shlex.quote(sys.executable)} -u -m skylark --help | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_verb_runs_the_rooms_command(tmp_path: Path, capsys: Captured) -> None:
    facts = tmp_path / "family.tsv"
    facts.write_text("Ann\tparent\tBob\n")
    assert cli.main(["query", "--kg", str(facts), 'parent("Ann")']) == 0
    assert "1 answer:\n  Bob" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["--help"], ["no-such-verb"], [], ["datasets", "--help"]])
def test_no_room_is_imported_before_the_verb_is_known_and_none_of_images_for_graphs(arguments: list[str]) -> None:
    code = (
        "import sys; from skylark.cli import ROOMS, main; main(sys.argv[1:]); "
        "sys.exit(any(room in sys.modules for room in (['vision'] if 'datasets' in sys.argv else ROOMS)))"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, timeout=60)
    assert done.returncode == 0


@pytest.mark.parametrize("verb", [["teach", "steps"], ["image", "teach", "boxes"]])
def test_teaching_needs_a_checkout(verb: list[str], capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "training.commands", raising=False)
    monkeypatch.setitem(sys.modules, "training", None)
    assert cli.main([*verb, "--out", "run"]) == 1
    assert "in a checkout of the project" in capsys.readouterr().err
