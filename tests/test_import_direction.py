"""Imports go one way through the house: kg_data <- reasoning <- vision <- app <- skylark."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("kg_data", "reasoning", "vision", "app", "skylark")
"""Lowest first: each may import from those before it. `skylark` is the command that leads to the others."""


def imported(path: Path, root: Path) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything that a file imports, inside functions too; relative names made absolute."""
    package = path.relative_to(root).parent.parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            yield node.lineno, ".".join([*base, *([node.module] if node.module else [])])
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("importlib.import_module", "__import__"):
            yield from ((node.lineno, str(name.value)) for name in node.args[:1] if isinstance(name, ast.Constant))


def wrong_imports(root: Path) -> list[str]:
    """Imports that go up the house, or that enter `reasoning` from more than one folder of `vision`."""
    found: list[str] = []
    into_reasoning: set[str] = set()
    for height, room in enumerate(ROOMS):
        for path in sorted((root / room).rglob("*.py")):
            place = path.relative_to(root).as_posix()
            for line, name in imported(path, root):
                top = name.split(".")[0]
                if top in ("tests", "tools") or top in ROOMS[height + 1 :]:
                    found.append(f"{place}:{line} imports {name}")
                if room == "vision" and top == "reasoning":
                    into_reasoning.add(path.parent.relative_to(root).as_posix())
    if len(into_reasoning) > 1:
        found.append(f"vision enters reasoning in {', '.join(sorted(into_reasoning))}")
    return found


@pytest.mark.slow
def test_imports_go_down_the_house() -> None:
    assert wrong_imports(ROOT) == []


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"kg_data/a.py": "import numpy\nfrom kg_data.b import c"}, []),
        ({"app/a.py": "import vision, reasoning, kg_data"}, []),
        ({"vision/scene.py": "from reasoning import KnowledgeGraph\nfrom reasoning.query import tree"}, []),
        ({"reasoning/deep/er/a.py": "from .. import b\nfrom ...reasoning import c"}, []),
        ({"kg_data/a.py": "import reasoning"}, ["kg_data/a.py:1 imports reasoning"]),
        ({"reasoning/a.py": "\nfrom vision.x import y"}, ["reasoning/a.py:2 imports vision.x"]),
        ({"vision/a.py": "from app import main as m"}, ["vision/a.py:1 imports app"]),
        ({"reasoning/a.py": "def f():\n    import app.page"}, ["reasoning/a.py:2 imports app.page"]),
        (
            {"kg_data/deep/a.py": "class A:\n  def f(self):\n    if self:\n      from reasoning.graph import store"},
            ["kg_data/deep/a.py:4 imports reasoning.graph"],
        ),
        ({"kg_data/a.py": "import os, vision as v"}, ["kg_data/a.py:1 imports vision"]),
        ({"kg_data/a.py": "from ..vision import x"}, ["kg_data/a.py:1 imports vision"]),
        ({"kg_data/a.py": "import importlib\nimportlib.import_module('app')"}, ["kg_data/a.py:2 imports app"]),
        ({"vision/a.py": "from tools.tfjs import Node"}, ["vision/a.py:1 imports tools.tfjs"]),
        ({"reasoning/a.py": "from tests.reasoning import made"}, ["reasoning/a.py:1 imports tests.reasoning"]),
        (
            {"vision/a.py": "import reasoning", "vision/b/c.py": "def f():\n    from reasoning import Query"},
            ["vision enters reasoning in vision, vision/b"],
        ),
        ({"kg_data/a.py": "import reasoning_of_others, apps"}, []),
    ],
)
def test_a_wrong_import_is_found(tmp_path: Path, files: dict[str, str], expected: list[str]) -> None:
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert wrong_imports(tmp_path) == expected
