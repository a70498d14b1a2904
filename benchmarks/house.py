"""How large the house is, against its budget.

    python -m benchmarks.house [--json] [--check]

Counts what git tracks: lines of Python in the four rooms and `skylark/`; their statements, docstrings apart; files, and
folders that hold any; functions over 60 lines and files over 700; lines and functions of the tests; lines and words of
the README. With `--check` the exit code is 1 where a budget is exceeded, or a long function or file is new.
"""

from __future__ import annotations

import argparse
import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("skylark", "kg_data", "reasoning", "vision", "app")
BUDGET = {
    "lines": 84_000,
    "statements": 46_500,
    "files": 380,
    "folders": 60,
    "test lines": 44_000,
    "README lines": 100,
    "README words": 750,
}
LONG_FUNCTION, LONG_FILE = 60, 700
ALLOWED = frozenset(
    {
        "app/graph/page.py:_layout", "app/graph/page.py:answer", "reasoning/completion/rule_mining.py:count_closed",
        "reasoning/completion/rule_mining.py:reach", "reasoning/completion/rule_model.py:score_rows",
        "reasoning/evaluation/run.py:run", "reasoning/execution/batch_kernel.py:run",
        "reasoning/execution/exact.py:trace", "reasoning/graph/store.py:load", "reasoning/query/sparql.py",
        "reasoning/verbalization/queries.py:verbalise", "vision/evaluation/tracks.py:evaluate_tracks",
    }
)  # fmt: skip
"""Longer ones that were there before the budget: `file` or `file:function`."""


def tracked(*patterns: str) -> list[str]:
    """Paths that git tracks, of these patterns."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return [path for path in listed.split("\0") if path and (ROOT / path).is_file()]


def statements(tree: ast.Module) -> int:
    """Statements, the docstrings of modules, classes and functions apart."""
    nodes = list(ast.walk(tree))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = sum(
        isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None for node in nodes
    )
    return sum(isinstance(node, ast.stmt) for node in nodes) - docstrings


def measure() -> dict[str, Any]:
    """Every figure by its name; `long` lists long functions and files."""
    texts = {path: (ROOT / path).read_text(encoding="utf-8") for path in tracked(*(f"{room}/*.py" for room in ROOMS))}
    trees = {path: ast.parse(text) for path, text in texts.items()}
    long = [path for path, text in texts.items() if text.count("\n") > LONG_FILE]
    for path, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                long += [f"{path}:{node.name}"] if length > LONG_FUNCTION else []
    tests = [(ROOT / path).read_text(encoding="utf-8") for path in tracked("tests/*.py")]
    functions = sum(
        isinstance(node, ast.FunctionDef) and node.name.startswith("test")
        for text in tests
        for node in ast.walk(ast.parse(text))
    )
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return {
        "lines": sum(text.count("\n") for text in texts.values()),
        "statements": sum(map(statements, trees.values())),
        "files": len(texts),
        "folders": len({str(Path(path).parent) for room in ROOMS for path in tracked(f"{room}/*")}),
        "test lines": sum(text.count("\n") for text in tests),
        "test functions": functions,
        "README lines": readme.count("\n"),
        "README words": len(readme.split()),
        "long": sorted(long),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="print one object")
    parser.add_argument("--check", action="store_true", help="fail where a budget is exceeded")
    arguments = parser.parse_args()
    found = measure()
    over = [name for name, most in BUDGET.items() if found[name] > most]
    new = [name for name in found["long"] if name not in ALLOWED]
    if arguments.json:
        print(json.dumps(found, indent=1))
    else:
        for name, value in found.items():
            most = f" of {BUDGET[name]:,}" if name in BUDGET else ""
            print(f"{name}: {value:,}{most}" if isinstance(value, int) else f"{name}: {', '.join(value)}")
    if arguments.check and (over or new):
        print(
            f"over the budget: {', '.join(over) or 'none'}; new and long: {', '.join(new) or 'none'}", file=sys.stderr
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
