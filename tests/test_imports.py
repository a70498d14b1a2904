"""How the house hangs together: imports go down the rooms, and in no circle at import time.

A method may import inside itself what stands above its value; nothing else imports inside a function without a reason.
"""

from __future__ import annotations

import ast
import re
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
    """What a file imports, `a.b` for `from a import b`: where, and whether inside a function or for type checking."""

    line: int
    name: str
    inside: bool
    for_types: bool


STATEMENTS = (ast.stmt, ast.excepthandler, ast.match_case)
"""Where imports may stand: no expression holds one, but for those by name."""
BY_NAME = re.compile(r"""(?:importlib\.import_module|__import__)\(["']([\w.]+)""")


def imports_in(path: Path) -> Iterator[Import]:
    def visit(node: ast.AST, inside: bool, for_types: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import | ast.ImportFrom):
            base = ""
            if isinstance(node, ast.ImportFrom):
                assert not node.level, f"{path}:{node.lineno} is relative"
                base = f"{node.module}."
            yield from (Import(node.lineno, base + alias.name, inside, for_types) for alias in node.names)
        inside = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for_types = for_types or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test))
        for child in ast.iter_child_nodes(node):
            if isinstance(child, STATEMENTS):
                yield from visit(child, inside, for_types)

    text = path.read_text(encoding="utf-8")
    yield from visit(ast.parse(text), False, False)
    for number, line in enumerate(text.splitlines(), start=1):
        yield from (Import(number, name, True, False) for name in BY_NAME.findall(line))


@cache
def imports_of(root: Path) -> dict[str, tuple[Import, ...]]:
    """File of the house, relative to its root, to its imports."""
    paths = [path for room in ROOMS for path in sorted((root / room).rglob("*.py"))]
    return {path.relative_to(root).as_posix(): tuple(imports_in(path)) for path in paths}


def circles(root: Path) -> list[list[str]]:
    """The groups of modules that import one another when they are imported."""
    modules = {
        place.removesuffix(".py").removesuffix("/__init__").replace("/", "."): imports
        for place, imports in imports_of(root).items()
    }
    graph = nx.DiGraph()
    for module, imports in modules.items():
        for found in imports:
            name = found.name
            while name and name not in modules:
                name = name.rpartition(".")[0]
            if name and name != module and not found.inside and not found.for_types:
                graph.add_edge(module, name)
    return sorted(sorted(group) for group in nx.strongly_connected_components(graph) if len(group) > 1)


def made(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.mark.slow
def test_no_two_files_import_each_other_at_import_time() -> None:
    assert circles(ROOT) == []


def test_a_room_s_root_holds_its_front_door_alone() -> None:
    counts = {room: len(list((ROOT / room).glob("*.py"))) for room in MOST_AT_THE_ROOT}
    assert {room: count for room, count in counts.items() if count > MOST_AT_THE_ROOT[room]} == {}


VALUES = ("reasoning/answer.py", "reasoning/query/tree.py", "vision/detections/detections.py", "vision/task.py")
ABOVE_VALUES = (
    "reasoning.parsing", "reasoning.verbalization", "reasoning.lark", "reasoning.completion", "reasoning.lm",
    "reasoning.retrieval", "reasoning.reasoner", "vision.images", "vision.detections.formats", "vision.detectors",
    "vision.parsing", "vision.scene", "vision.vision",
)  # fmt: skip
"""Rooms that make, word, read or write values; a value may not know them."""
BELOW_VALUES = "reasoning.lm.calls."
"""What an answer took, a value itself."""


@pytest.mark.parametrize("place", VALUES)
def test_a_value_knows_nothing_of_what_makes_or_words_it(place: str) -> None:
    known = {found.name for found in imports_of(ROOT)[place] if not found.for_types and not found.inside}
    assert not {name for name in known if name.startswith(ABOVE_VALUES) and not name.startswith(BELOW_VALUES)}


FOR_TYPES = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from reasoning.b import B"


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("import reasoning.b", "import kg_data", []),
        ("import reasoning.b", "from reasoning import a", [["reasoning.a", "reasoning.b"]]),
        ("def f():\n    import reasoning.b", "import reasoning.a", []),
        (FOR_TYPES, "from reasoning.a import A", []),
    ],
)
def test_a_circle_of_imports_at_import_time_is_found(tmp_path: Path, a: str, b: str, expected: list[list[str]]) -> None:
    assert circles(made(tmp_path, {"reasoning/a.py": a, "reasoning/b.py": b})) == expected


DOORS = ("vision/scene", "vision/grounding", "vision/parsing", "vision/video")
"""Where images and videos meet queries: expressions are read as them, scenes are asked them."""


def wrong_imports(root: Path) -> list[str]:
    """Imports that go up the house, or into `reasoning` above its language from folders of `vision` not in `DOORS`."""
    found: list[str] = []
    into_reasoning: set[str] = set()
    for place, imports in imports_of(root).items():
        room = place.split("/")[0]
        above = ROOMS[ROOMS.index(room) + 1 :] if room != "training" else ("app",)
        for one in imports if place not in COMMANDS else ():
            top = one.name.split(".")[0]
            if top in ("tests", "tools") or top in above:
                found.append(f"{place}:{one.line} imports {one.name}")
            if room == "vision" and top == "reasoning" and not one.name.startswith("reasoning.lm"):
                into_reasoning.add(place.rpartition("/")[0])
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
        ({"kg_data/a.py": "import reasoning"}, ["kg_data/a.py:1 imports reasoning"]),
        ({"reasoning/a.py": "\nfrom vision.x import y"}, ["reasoning/a.py:2 imports vision.x.y"]),
        ({"vision/a.py": "from app import main as m"}, ["vision/a.py:1 imports app.main"]),
        ({"reasoning/a.py": "def f():\n    import app.page"}, ["reasoning/a.py:2 imports app.page"]),
        ({"kg_data/deep/a.py": "class A:\n  def f(self):\n    if self:\n      from reasoning.graph import store"},
         ["kg_data/deep/a.py:4 imports reasoning.graph.store"]),
        ({"kg_data/a.py": "import os, vision as v"}, ["kg_data/a.py:1 imports vision"]),
        ({"kg_data/a.py": "import importlib\nimportlib.import_module('app')"}, ["kg_data/a.py:2 imports app"]),
        ({"vision/a.py": "from tools.tfjs import Node"}, ["vision/a.py:1 imports tools.tfjs.Node"]),
        ({"training/a.py": "import vision\nimport app"}, ["training/a.py:2 imports app"]),
        ({"vision/a.py": "def f():\n    import training.loop"}, ["vision/a.py:2 imports training.loop"]),
        ({"reasoning/a.py": "from tests.made import a"}, ["reasoning/a.py:1 imports tests.made.a"]),
        ({"vision/a.py": "import reasoning", "vision/b/c.py": "def f():\n    from reasoning import Query"},
         ["vision enters reasoning in vision, vision/b"]),
        ({"kg_data/a.py": "import reasoning_of_others, apps"}, []),
    ],
)  # fmt: skip
def test_a_wrong_import_is_found(tmp_path: Path, files: dict[str, str], expected: list[str]) -> None:
    assert wrong_imports(made(tmp_path, files)) == expected
