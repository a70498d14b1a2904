"""What an installation that lacks something, is mixed with another, or cannot be written to says, and what helps."""

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest

from skylark import installation, setup
from skylark.errors import MissingPackageError

ROOT = Path(__file__).resolve().parents[2]
WITHOUT = """
import sys
sys.modules.update(dict.fromkeys(sys.argv[1].split(",")))
from skylark import installation
installation.ROOT = installation.ROOT / "site-packages"
from skylark.cli import main
sys.exit(main(sys.argv[2:]))
"""
"""Runs the command as a wheel does, from which the modules of the first argument are missing."""

NOT_WRITABLE = "/proc/skylark"
"""A folder that nobody can make, not even the administrator."""


def run(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], env=os.environ | {"PYTHONPATH": str(ROOT)} | variables,
        cwd=sys.prefix, capture_output=True, text=True, timeout=240,
    )  # fmt: skip


@pytest.fixture
def family(tmp_path: Path) -> Path:
    path = tmp_path / "family.tsv"
    path.write_text("Ann\tparent\tBob\n")
    return path


EVERYTHING = ",".join(module for extra in installation.EXTRA_MODULES.values() for module in extra)
QUERY = ("query", "--kg", "family.tsv", 'parent("Ann")')


@pytest.mark.slow
@pytest.mark.parametrize(
    ("missing", "arguments", "extra"),
    [
        ("cv2", ("detect", "street.jpg", "--instruction", "every car"), "vision"),
        ("PIL", ("image", "ask", "street.jpg", "the car"), "vision"),
        ("gradio", ("demo",), "demo"),
        ("torch", (*QUERY, "--method", "lark"), "llm"),
        ("langchain", (*QUERY, "--method", "lark", "--llm", "openai:x"), "hosted"),
        (EVERYTHING, QUERY, None),
    ],
    ids=["cv2", "PIL", "gradio", "torch", "langchain", "everything"],
)
def test_a_part_that_is_not_installed_is_a_sentence_that_names_its_extra_and_graphs_need_none(
    missing: str, arguments: tuple[str, ...], extra: str | None, family: Path
) -> None:
    done = run("-c", WITHOUT, missing, *[str(family) if part == family.name else part for part in arguments])
    assert done.returncode == (extra is not None) and "Traceback" not in done.stderr
    if extra is None:
        assert "1 answer:\n  Bob" in done.stdout
    else:
        assert f"which is not installed: run `pip install 'skylark-reasoner[{extra}]'`" in done.stderr


def test_in_a_checkout_the_requirement_files_are_named_and_a_module_of_no_extra_is_not_explained_away() -> None:
    assert installation.extra_command("llm") == "pip install -r requirements.txt"
    assert installation.extra_command("ray") == "pip install -r requirements-dev.txt"
    assert installation.setup_command() == "python -m skylark setup"
    error = ModuleNotFoundError("No module named 'mine'", name="mine")
    assert installation.missing_extra("This", error) is None
    with pytest.raises(MissingPackageError, match="accelerate"):
        raise installation.missing_extra("This", ModuleNotFoundError(name="accelerate.utils")) or error


@pytest.mark.parametrize("room", ["kg_data", "vision", "app"])
def test_another_version_that_stands_before_this_one_is_named(room: str, tmp_path: Path, family: Path) -> None:
    (tmp_path / room).mkdir()
    (tmp_path / room / "__init__.py").touch()
    query = ("query", "--kg", str(family), 'parent("Ann")')
    done = run("-m", "skylark", *query, PYTHONPATH=os.pathsep.join([str(tmp_path), str(ROOT)]))
    assert done.returncode == 1
    assert f"{room!r} is imported from {tmp_path}, but this command is in {ROOT}" in done.stderr
    assert "python -m venv" in done.stderr


def test_the_version_is_that_of_the_code_that_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0.0.1")
    assert installation.version() != "0.0.1"  # a checkout, beside which an older version is installed
    monkeypatch.setattr(installation, "ROOT", tmp_path)
    assert installation.version() == "0.0.1"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc, where no folder can be made")
def test_without_a_folder_to_write_to_a_query_is_answered_with_a_remark(family: Path) -> None:
    done = run("-m", "skylark", "query", "--kg", family, 'parent("Ann")', SKYLARK_CACHE=NOT_WRITABLE)
    assert done.returncode == 0
    assert "1 answer:\n  Bob" in done.stdout
    assert NOT_WRITABLE in done.stderr and "SKYLARK_CACHE names another folder" in done.stderr


def test_setup_prints_its_command_and_where_pip_cannot_do_it_says_what_can(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert setup.main(["--print"]) == 0
    out = capfd.readouterr().out
    assert "-m pip install --no-deps -r" in out and setup.FILE in out
    failing = [sys.executable, "-c", "import sys; sys.exit('[Errno 30] Read-only file system')"]
    monkeypatch.setattr(setup, "pip_command", lambda: failing)
    assert setup.main([]) == 1
    err = capfd.readouterr().err
    assert "Read-only file system" in err
    assert f"Where {sys.prefix} may not be written to, make an environment of your own" in err
    monkeypatch.setattr(setup, "find_spec", lambda name: None)
    assert setup.main([]) == 1
    assert "uv pip install --no-deps -r" in capfd.readouterr().err
