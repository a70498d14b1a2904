"""Exit codes, and what is printed where and loaded when."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from reasoning.cli import VERBS
from reasoning.lm.hosted import PROVIDERS, Provider
from tests.reasoning.cli.conftest import Commands

PROJECT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "required: COMMAND"),
        ("query parent", "required: --kg"),
        ('query FAMILY parent("Ann"', "the query ends too early"),
        ('query FAMILY parent("Zebulon")', 'has no entity named "Zebulon"'),
        ('query FAMILY parents("Ann")', 'nearest: "parent"'),
        ('query --kg nowhere parent("Ann")', "no graph is called 'nowhere'"),
        ('query FAMILY parent("Ann") --method magic', "'magic' is none of exact, lark"),
        ('query FAMILY parent("Ann") --llm embeded', "nearest valid names: embedded"),
        ('query FAMILY parent("Ann") --llm openai:', "nearest valid names: openai:gpt"),
        ('query FAMILY parent("Ann") --llm foo:bar', "No language model is called 'foo:bar'"),
        ('query FAMILY parent("Ann") --token-budget 3', "token_budget must be at least 64"),
        ('query FAMILY parent("Ann") --device gpu', "device must be auto, cpu, cuda"),
        ('query FAMILY parent("Ann") --dtype half', "dtype must be one of auto, float32"),
        ('query FAMILY parent("Ann") --requests-per-minute 0', "requests_per_minute must be above 0"),
        ('query FAMILY parent("Ann") --retries -1', "retries must be at least 0"),
        ("ask FAMILY colourless", "error: "),
        ("evaluate FAMILY", "--queries --questions is required"),
        ("evaluate FAMILY --queries .", "needs --protocol"),
        ("evaluate FAMILY --queries nowhere --protocol hard", "no file or folder nowhere"),
        ("evaluate FAMILY --questions q.txt --protocol hard", "questions have none"),
        ("evaluate FAMILY --questions q.txt --resume", "needs --out"),
        ("evaluate FAMILY --questions q.txt --limit 0", "must be at least 1"),
    ],
)
def test_what_the_caller_can_put_right_is_2(family: str, command: Commands, arguments: str, message: str) -> None:
    assert message in command.fails(2, *arguments.replace("FAMILY", f"--kg {family}").split())


def test_what_fails_is_1(family: str, tmp_path: Path, command: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken.tsv").write_text("Ann\tparent\tBob\nAnn\tparent\n")
    said = command.fails(1, "query", "--kg", str(tmp_path / "broken.tsv"), 'parent("Ann")')
    assert "broken.tsv, line 2" in said
    monkeypatch.setitem(PROVIDERS, "ollama", Provider("langchain-that-is-nowhere", (), "llama3.2"))
    asked = ["query", "--kg", family, "--method", "lark", "--llm", "ollama:llama3.2", 'parent("Ann")']
    assert "needs the package langchain-that-is-nowhere" in command.fails(1, *asked)
    (tmp_path / "mine.txt").write_text('parent("Ann")\tBob|Cleo\n')
    out = str(tmp_path / "nowhere" / "out.jsonl")
    said = command.fails(1, "evaluate", "--kg", family, "--questions", str(tmp_path / "mine.txt"), "--out", out)
    assert f"error: cannot write {out}: there is no folder" in said


def test_help_is_0(command: Commands) -> None:
    assert "--resume" in command.prints("evaluate", "--help")


@pytest.mark.slow
def test_results_and_messages_go_separate_ways_and_a_reader_may_leave(family: str) -> None:
    command = f"{sys.executable} -m reasoning datasets --json | head -c 1"
    left = subprocess.run(command, shell=True, cwd=PROJECT, capture_output=True, text=True, check=True)
    assert left.stdout == "[" and left.stderr == ""
    wrong = [sys.executable, "-m", "reasoning", "query", "--kg", family, "--json", "parent("]
    failed = subprocess.run(wrong, cwd=PROJECT, capture_output=True, text=True)
    assert failed.returncode == 2 and failed.stdout == "" and "Traceback" not in failed.stderr


def test_a_command_loads_no_more_than_it_needs(family: str) -> None:
    code = (
        "import sys; from reasoning.cli import main; main(['--help'])\n"
        "def loaded(*names): print([name for name in names if name in sys.modules])\n"
        "loaded('langchain_core', 'networkx', 'scipy', 'numba')\n"
        "main(['datasets']); main(['query', '--kg', sys.argv[1], 'parent(\"Ann\")'])\n"
        "loaded('torch', 'transformers', 'gradio')"
    )
    done = subprocess.run([sys.executable, "-c", code, family], cwd=PROJECT, capture_output=True, text=True)
    printed = done.stdout.splitlines()
    assert printed.count("[]") == 2 and printed[-1] == "[]"
    assert all(any(line.strip().startswith(verb) for line in printed) for verb in VERBS)
