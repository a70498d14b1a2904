"""`ask` without a question: a line a question, each of which may refer to the answer before."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from reasoning.cli import main

FACTS = """\
Ann\tparent\tBob
Ann\tparent\tCleo
Bob\tparent\tDan
Cleo\tlikes\tDan
"""

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def family(tmp_path: Path) -> str:
    path = tmp_path / "family.tsv"
    path.write_text(FACTS)
    return str(path)


def asked(lines: str, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "stdin", io.StringIO(lines))
    return main(["ask", *arguments])


def test_a_line_has_its_answer_on_a_line(family: str, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    assert asked('parent("Bob")\n\n  count(parent("Ann"))  \n', monkeypatch, "--kg", family) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert "Dan" in first
    assert "2" in second


def test_json_is_an_object_a_line_errors_too(family: str, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    assert asked('parent("Bob")\nparent("Zed")\nlikes("Cleo")\n', monkeypatch, "--kg", family, "--json") == 2
    out, err = capsys.readouterr()
    first, wrong, last = map(json.loads, out.splitlines())
    assert [one["question"] for one in (first, wrong, last)] == ['parent("Bob")', 'parent("Zed")', 'likes("Cleo")']
    assert [first["answers"][0]["entity"], last["answers"][0]["entity"]] == ["Dan", "Dan"]
    assert "Zed" in wrong["error"]
    assert err.startswith("error: ")


def test_nothing_asked_is_nothing_answered(family: str, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    assert asked("\n \n", monkeypatch, "--kg", family) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("option", ["--sparql", "--dry-run"])
def test_what_is_of_one_question_needs_it(
    family: str, option: str, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    assert asked('parent("Bob")\n', monkeypatch, "--kg", family, option) == 2
    assert f"{option} needs the QUESTION" in capsys.readouterr().err


@pytest.mark.slow
def test_a_further_line_may_refer_to_the_answer_before(
    family: str, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    lines = 'parent("Ann")\nthe second one\nthe third one\n'
    assert asked(lines, monkeypatch, "--kg", family, "--json") == 2
    several, second, third = map(json.loads, capsys.readouterr().out.splitlines())
    meant = several["answers"][1]["entity"]
    assert second["query"] == json.dumps(meant)
    assert second["referred"] == f'"the second one" refers to {meant}'
    assert "has 1 place" in third["error"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_has_a_prompt(family: str, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal('parent("Bob")\n\nparent("Ann")\n'))
    assert main(["ask", "--kg", family]) == 0
    shown, greeting = capsys.readouterr()
    assert greeting.startswith("Ask; a further question may refer to the last answer")
    assert shown.count("> ") == 2 and "Dan" in shown and "Cleo" not in shown
