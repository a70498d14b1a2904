"""How the house hangs together: imports go down the rooms, and in no circle at import time.

A method may import inside itself what stands above its value; nothing else imports inside a function without a reason.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import networkx as nx
import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("skylark", "kg_data", "reasoning", "vision", "app", "training")
"""Lowest first: each may import from those before it, and none from `training`, which sees all but `app`."""
COMMANDS = ("skylark/cli.py", "skylark/command_line.py", "skylark/setup.py")
"""They lead to the rooms, by names that are imported when a verb is known."""
MOST_AT_THE_ROOT = {"reasoning": 8, "vision": 8, "app": 6}


@dataclass(frozen=True)
class Import:
    """One own module imported by a file: where, and whether inside a function or for type checking alone."""

    line: int
    module: str
    inside: bool
    for_types: bool


def module_name(path: Path, root: Path) -> str:
    """`reasoning/query/__init__.py` is `reasoning.query`."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


STATEMENTS = (ast.stmt, ast.excepthandler, ast.match_case)
"""Where imports may stand: no expression holds one."""


def own_imports(path: Path, modules: set[str]) -> Iterator[Import]:
    """Every import of a module of the house in one file; `from a import b` is of `a.b` where that is a module."""

    def visit(node: ast.AST, inside: bool, for_types: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names]
            if isinstance(node, ast.ImportFrom):
                assert not node.level, f"{path}:{node.lineno} is relative"
                names = [f"{node.module}.{name}" for name in names]
            for name in names:
                while name and name not in modules:
                    name = name.rpartition(".")[0]
                if name:
                    yield Import(node.lineno, name, inside, for_types)
        inside = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for_types = for_types or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test))
        for child in ast.iter_child_nodes(node):
            if isinstance(child, STATEMENTS):
                yield from visit(child, inside, for_types)

    yield from visit(ast.parse(path.read_text(encoding="utf-8")), False, False)


def files_of(root: Path) -> dict[str, Path]:
    """Module to file, of all rooms."""
    return {module_name(path, root): path for room in ROOMS for path in sorted((root / room).rglob("*.py"))}


@cache
def imports_of(root: Path) -> dict[str, tuple[Import, ...]]:
    """Module to its imports, of all rooms."""
    files = files_of(root)
    return {name: tuple(own_imports(path, set(files))) for name, path in files.items()}


def circles(root: Path) -> list[list[str]]:
    """The groups of modules that import one another when they are imported."""
    graph = nx.DiGraph()
    for name, imports in imports_of(root).items():
        late = {found for found in imports if found.inside or found.for_types}
        graph.add_edges_from((name, found.module) for found in imports if found.module != name and found not in late)
    return sorted(sorted(group) for group in nx.strongly_connected_components(graph) if len(group) > 1)


@pytest.mark.slow
def test_no_two_files_import_each_other_at_import_time() -> None:
    assert circles(ROOT) == []


def test_a_room_s_root_holds_its_front_door_alone() -> None:
    counts = {room: len(list((ROOT / room).glob("*.py"))) for room in MOST_AT_THE_ROOT}
    assert {room: count for room, count in counts.items() if count > MOST_AT_THE_ROOT[room]} == {}


VALUES = {
    "reasoning.answer": "Answer",
    "reasoning.query.tree": "Query",
    "vision.detections.detections": "Detections",
    "vision.task": "Task",
}
ABOVE_VALUES = (
    "reasoning.parsing", "reasoning.verbalization", "reasoning.lark", "reasoning.completion", "reasoning.lm",
    "reasoning.retrieval", "reasoning.reasoner", "vision.images", "vision.detections.formats", "vision.detectors",
    "vision.parsing", "vision.scene", "vision.vision",
)  # fmt: skip
"""Rooms that make, word, read or write values; a value may not know them."""
BELOW_VALUES = {"reasoning.lm.calls"}
"""What an answer took, a value itself."""


@pytest.mark.parametrize("module", VALUES)
def test_a_value_knows_nothing_of_what_makes_or_words_it(module: str) -> None:
    known = {found.module for found in imports_of(ROOT)[module] if not found.for_types and not found.inside}
    assert not {name for name in known if name.startswith(ABOVE_VALUES)} - BELOW_VALUES


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"reasoning/a.py": "import reasoning.b", "reasoning/b.py": "import kg_data"}, []),
        ({"reasoning/a.py": "import reasoning.b", "reasoning/b.py": "from reasoning import a"}, [["a", "b"]]),
        ({"reasoning/a.py": "def f():\n    import reasoning.b", "reasoning/b.py": "import reasoning.a"}, []),
        (
            {
                "reasoning/a.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from reasoning.b import B",
                "reasoning/b.py": "from reasoning.a import A",
            },
            [],
        ),
    ],
)
def test_a_circle_of_imports_at_import_time_is_found(
    tmp_path: Path, files: dict[str, str], expected: list[list[str]]
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert circles(tmp_path) == [[f"reasoning.{name}" for name in group] for group in expected]


def called(call: ast.Call) -> str:
    """What a call calls, "" where that is no name and no attribute of one."""
    match call.func:
        case ast.Name(name):
            return name
        case ast.Attribute(ast.Name(owner), name):
            return f"{owner}.{name}"
    return ""


def imported(path: Path, root: Path) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything that a file imports, inside functions too; relative names made absolute."""
    package = path.relative_to(root).parent.parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            yield node.lineno, ".".join([*base, *([node.module] if node.module else [])])
        elif isinstance(node, ast.Call) and called(node) in ("importlib.import_module", "__import__"):
            yield from ((node.lineno, str(name.value)) for name in node.args[:1] if isinstance(name, ast.Constant))


DOORS = ("vision/scene", "vision/grounding", "vision/parsing", "vision/video")
"""Where images and videos meet queries: expressions are read as them, scenes are asked them."""


def wrong_imports(root: Path) -> list[str]:
    """Imports that go up the house, or into `reasoning` above its language from folders of `vision` not in `DOORS`."""
    found: list[str] = []
    into_reasoning: set[str] = set()
    for height, room in enumerate(ROOMS):
        for path in sorted((root / room).rglob("*.py")):
            place = path.relative_to(root).as_posix()
            for line, name in imported(path, root) if place not in COMMANDS else ():
                top = name.split(".")[0]
                above = ROOMS[height + 1 :] if room != "training" else ("app",)
                if top in ("tests", "tools") or top in above:
                    found.append(f"{place}:{line} imports {name}")
                if room == "vision" and top == "reasoning" and not name.startswith("reasoning.lm"):
                    into_reasoning.add(path.parent.relative_to(root).as_posix())
    if elsewhere := sorted(place for place in into_reasoning if not place.startswith(DOORS)):
        found.append(f"vision enters reasoning in {', '.join(elsewhere)}")
    return found


@pytest.mark.slow
def test_imports_go_down_the_house() -> None:
    assert wrong_imports(ROOT) == []


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"kg_data/a.py": "import numpy\nfrom kg_data.b import c"}, []),
        ({"app/a.py": "import vision, reasoning, kg_data"}, []),
        ({"vision/scene/a.py": "from reasoning import KnowledgeGraph\nfrom reasoning.query import tree"}, []),
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
        ({"training/a.py": "import vision\nimport app"}, ["training/a.py:2 imports app"]),
        ({"vision/a.py": "def f():\n    import training.loop"}, ["vision/a.py:2 imports training.loop"]),
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
