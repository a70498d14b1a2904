"""The examples in the README and docs run, in order, one namespace a page."""

import re
import runpy
import shlex
import sys
from pathlib import Path

import pytest

from reasoning import methods

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    *(ROOT / f"{name}.md" for name in ("README", "ARCHITECTURE", "CONTRIBUTING")),
    *sorted((ROOT / "docs").glob("*.md")),
]
CARDS = [ROOT / "tools" / "README.md", *sorted(ROOT.glob("reasoning/lm/adapters/*/README.md"))]
"""Pages whose links are followed; their examples are commands of long runs."""
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)")


def blocks(page: Path, language: str) -> list[str]:
    return [body for kind, body in BLOCK.findall(page.read_text(encoding="utf-8")) if kind == language]


@pytest.mark.slow
@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "python")], ids=lambda page: page.name)
def test_python_examples_run(page: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(methods, "METHODS", dict(methods.METHODS))  # an example adds one
    namespace: dict[str, object] = {}
    for number, body in enumerate(blocks(page, "python"), start=1):
        exec(compile(body, f"{page.name}, example {number}", "exec"), namespace)
    printed = capsys.readouterr().out
    for body in blocks(page, "python"):
        # A comment behind a print says what it prints, where it is a literal.
        for expected in re.findall(r"^print\(.*\)\s+# ([\[\d].*)$", body, re.MULTILINE):
            assert expected in printed


@pytest.mark.slow
@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "console")], ids=lambda page: page.name)
def test_commands_run(page: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    for body in blocks(page, "console"):
        for line in body.splitlines():
            if line.startswith("$ "):
                program, option, package, *arguments = shlex.split(line[2:])
                assert (program, option) == ("python", "-m")
                monkeypatch.setattr(sys, "argv", [package, *arguments])
                with pytest.raises(SystemExit) as ended:
                    runpy.run_module(package, run_name="__main__")
                written = capsys.readouterr()
                assert not ended.value.code, written.err
                assert written.out


@pytest.mark.parametrize("page", [*PAGES, *CARDS], ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(CODE.sub("", page.read_text(encoding="utf-8"))):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"
