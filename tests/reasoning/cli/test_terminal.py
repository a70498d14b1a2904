"""What names from strangers may do to a terminal: nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from reasoning import KnowledgeGraph
from reasoning.cli import main
from skylark.text import aligned, visible, visible_lines

RED = "A\x1b[31mB"
BROKEN = "Cee\nNo answers."
STEERS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f]")


@pytest.fixture
def graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("SKYLARK_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "names.jsonl"
    triples = [(RED, "likes", BROKEN), (RED, "likes", "Dan"), ("Dan", "likes", RED)]
    path.write_text(
        "".join(json.dumps(dict(zip(("head", "relation", "tail"), one, strict=True))) + "\n" for one in triples)
    )
    assert BROKEN in KnowledgeGraph.load(path).entity_labels
    return str(path)


@pytest.mark.parametrize("command", [["ask", "Who does [Dan] like?"], ["query", 'likes(likes("Dan"))']])
def test_an_answer_shows_control_characters_and_keeps_its_lines(
    graph: str, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--kg", graph]) == 0
    printed = capsys.readouterr().out
    assert r"A\x1b[31mB" in printed
    assert not STEERS.search(printed)
    assert "No answers." not in printed.split("\n")


def test_json_is_as_it_was(graph: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["query", 'likes(likes("Dan"))', "--kg", graph, "--json"]) == 0
    answers = json.loads(capsys.readouterr().out)["answers"]
    assert {answer["entity"] for answer in answers} == {BROKEN, "Dan"}


@pytest.mark.parametrize("text", ["\x1b[2Jwho", 'likes("\x1b[2J")', "\x1b[2J \x07 [\x1b[2J] likes whom?"])
def test_an_error_shows_them_too(graph: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("ask", "query"):
        assert main([command, text, "--kg", graph]) == 2
        assert not STEERS.search(capsys.readouterr().err)


def test_what_is_no_control_character_stays() -> None:
    plain = "Łódź - 東京, naïve \N{WOMAN}\N{ZERO WIDTH JOINER}\N{ROCKET} (می\N{ZERO WIDTH NON-JOINER}خواهم)"
    assert visible(plain) == plain
    assert visible("a\u202eb\x85\r\t") == r"a\u202eb\x85\r\t"
    assert visible_lines("a\nb\x07") == "a\nb\\x07"
    assert aligned(["type", "n"], [["a\nb", "1"]]).splitlines()[-1] == r"a\nb  1"


def test_columns_stay_aligned_beside_wide_characters() -> None:
    lines = aligned(["class", "AP"], [["東京", "0.5"], ["e\u0301t\u00e9", "0.25"]]).splitlines()
    assert lines == ["class    AP", "-----------", "東京    0.5", "e\u0301t\u00e9    0.25"]
