"""Small faults put into the product, to see whether the tests notice: mutation testing.

    python -m benchmarks.mutants draw                    # draw the list anew (done once)
    python -m benchmarks.mutants run --out FILE [--root DIR] [--moved MAP.json]

`benchmarks/mutants.jsonl` holds 100 mutants, drawn with a seed over the rooms by their lines; each changes one
operator, constant, branch or returned value of a function. A mutant is found again by its text: the name of its
function, its line and which of the equal lines it is; `--moved` maps the number of a mutant whose line was rewritten to
its new `{"function", "line", "changed"}`, or to null where the line is gone.

Each mutant meets only the test folder that mirrors its file, stopped at the first failure, without the tests that need
a browser or a server, in a copy of the tree in which nothing else is changed. A folder is first run as it is; tests
that fail there are left out. A run that takes longer than LIMIT counts as noticed. The file of `--out` gets one JSON
line a mutant; a run that was stopped goes on from it.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
LIST = HERE / "mutants.jsonl"
ROOMS = ("skylark", "kg_data", "reasoning", "vision", "app")
COUNT, SEED = 100, 20261202
LIMIT = 400.0
"""Seconds of a mutant's tests."""
TEACHING = re.compile(r"/(teaching|lessons)[/.]")
"""Code that makes adapters: not part of the packages."""
COMPARISONS = {
    ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==",
    ast.In: "not in", ast.NotIn: "in", ast.Is: "is not", ast.IsNot: "is",
}  # fmt: skip
ARITHMETIC = {ast.Add: "-", ast.Sub: "+", ast.Mult: "+", ast.Div: "*", ast.FloorDiv: "*", ast.Mod: "+"}


@dataclass(frozen=True)
class Mutant:
    """One changed line; `at` tells equal lines of a function apart, from 0."""

    number: int
    room: str
    file: str
    function: str
    kind: str
    line: str
    changed: str
    at: int


def candidates(path: Path) -> Iterator[tuple[str, str, int, str]]:
    """(function, kind, line number, changed line) of everything that can be changed in one line of a file."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()

    def replaced(node: ast.expr | ast.stmt, new: str) -> tuple[int, str] | None:
        if node.lineno != node.end_lineno or not lines[node.lineno - 1].isascii():
            return None
        line = lines[node.lineno - 1]
        return node.lineno, line[: node.col_offset] + new + line[node.end_col_offset :]

    def changes(node: ast.AST) -> Iterator[tuple[str, tuple[int, str] | None]]:
        match node:
            case ast.Compare(ops=[op]) if type(op) in COMPARISONS:
                new = f"{ast.unparse(node.left)} {COMPARISONS[type(op)]} {ast.unparse(node.comparators[0])}"
                yield "operator", replaced(node, new)
            case ast.BoolOp(op=op):
                word = " or " if isinstance(op, ast.And) else " and "
                yield "branch", replaced(node, "(" + word.join(f"({ast.unparse(v)})" for v in node.values) + ")")
            case ast.BinOp(op=op) if type(op) in ARITHMETIC and not _text(node):
                new = f"({ast.unparse(node.left)} {ARITHMETIC[type(op)]} {ast.unparse(node.right)})"
                yield "operator", replaced(node, new)
            case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
                yield "branch", replaced(test, f"(not ({ast.unparse(test)}))")
            case ast.Return(value=ast.expr() as value) if not _text(value):
                constant = isinstance(value, ast.Constant) and value.value is None
                yield "return", None if constant else replaced(value, "None")
            case ast.Constant(value=bool(value)):
                yield "constant", replaced(node, str(not value))
            case ast.Constant(value=int(value) | float(value)):
                yield "constant", replaced(node, repr(value + 1))

    def visit(node: ast.AST, function: str) -> Iterator[tuple[str, str, int, str]]:
        if isinstance(node, ast.Raise | ast.Assert | ast.JoinedStr | ast.AnnAssign | ast.arguments):
            return  # messages, types and defaults
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            function = f"{function}.{node.name}".strip(".")
            if node.name in ("__repr__", "__str__"):
                return
            children: list[ast.AST] = list(node.body)
        else:
            children = list(ast.iter_child_nodes(node))
            if function and not isinstance(node, ast.Module):
                for kind, change in changes(node):
                    if change and change[1] != lines[change[0] - 1]:
                        yield function, kind, change[0], change[1]
        for child in children:
            yield from visit(child, function)

    for top in ast.parse(text).body:
        if isinstance(top, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for function, kind, number, line in visit(top, ""):
                try:
                    ast.parse("\n".join([*lines[: number - 1], line, *lines[number:]]))
                except SyntaxError:
                    continue
                yield function, kind, number, line


def _text(node: ast.AST) -> bool:
    """Whether an expression makes text, whose wording no test need hold."""
    return any(
        isinstance(part, ast.JoinedStr) or (isinstance(part, ast.Constant) and isinstance(part.value, str))
        for part in ast.walk(node)
    )


def functions(path: Path) -> dict[str, tuple[int, int]]:
    """Qualified name to the first and last line of each function of a file."""
    spans: dict[str, tuple[int, int]] = {}

    def visit(node: ast.AST, name: str) -> None:
        for child in ast.iter_child_nodes(node):
            inner = name
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                inner = f"{name}.{child.name}".strip(".")
                spans.setdefault(inner, (child.lineno, child.end_lineno or child.lineno))
            visit(child, inner)

    visit(ast.parse(path.read_text(encoding="utf-8")), "")
    return spans


def places(path: Path, function: str, line: str) -> list[int]:
    """The numbers of the lines of a function that are `line`, but for their indent."""
    span = functions(path).get(function)
    if span is None:
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    return [number for number in range(span[0], span[1] + 1) if lines[number - 1].strip() == line.strip()]


def product(root: Path) -> list[Path]:
    """The files of the packages, teaching left out."""
    return [
        path
        for room in ROOMS
        for path in sorted((root / room).rglob("*.py"))
        if not TEACHING.search(path.relative_to(root).as_posix())
    ]


def draw(root: Path) -> list[Mutant]:
    """COUNT mutants: rooms by their lines, then a line of a room, then one of its changes."""
    chance = random.Random(SEED)
    files = {path: list(candidates(path)) for path in product(root)}
    size = {path: path.read_text(encoding="utf-8").count("\n") for path in files}
    mutants: list[Mutant] = []
    while len(mutants) < COUNT:
        path = chance.choices(list(files), weights=list(size.values()))[0]
        if not files[path]:
            continue
        number = chance.choice(sorted({found[2] for found in files[path]}))
        function, kind, _, changed = chance.choice([found for found in files[path] if found[2] == number])
        line = path.read_text(encoding="utf-8").splitlines()[number - 1]
        at = places(path, function, line).index(number)
        place = path.relative_to(root).as_posix()
        if any((one.file, one.function, one.line) == (place, function, line.strip()) for one in mutants):
            continue
        mutants.append(
            Mutant(len(mutants), place.split("/")[0], place, function, kind, line.strip(), changed.strip(), at)
        )
    return mutants


def find(root: Path, mutant: Mutant) -> tuple[Path, int] | None:
    """File and line number of a mutant, its own file first."""
    files = product(root)
    own = root / mutant.file
    for path in ([own] if own in files else []) + [path for path in files if path != own]:
        numbers = places(path, mutant.function, mutant.line)
        if len(numbers) > mutant.at:
            return path, numbers[mutant.at]
    return None


def tests_of(root: Path, path: Path) -> list[str]:
    """The test folder that mirrors a file; of one at a room's root, the test files at the root of the room's tests."""
    parts = path.relative_to(root).parts[:-1]
    for length in range(len(parts), 1, -1):
        folder = root / "tests" / Path(*parts[:length])
        if folder.is_dir():
            return [folder.relative_to(root).as_posix()]
    folder = root / "tests" / parts[0] if parts[0] != "skylark" else root / "tests" / "packaging"
    return [found.relative_to(root).as_posix() for found in sorted(folder.glob("test_*.py"))]


def test(copy: Path, targets: list[str], left_out: list[str], first_failure: bool) -> tuple[int, float, str]:
    """Exit code, seconds and report of one run of tests; 124 where it took too long."""
    command = [
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=no", "-rfE",
        "--hypothesis-seed=0", "-m", "not browser and not server", *(["-x"] if first_failure else []), *targets,
        *(f"--deselect={name}" for name in left_out),
    ]  # fmt: skip
    environment = os.environ | {
        "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "PYTEST_XDIST_WORKER": "mutants",
        "SKYLARK_CACHE": str(copy.parent / "cache"), "PYTHONHASHSEED": "0",
    }  # fmt: skip
    began = time.perf_counter()
    try:
        done = subprocess.run(
            command, cwd=copy, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=LIMIT if first_failure else None, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return 124, LIMIT, ""
    return done.returncode, time.perf_counter() - began, done.stdout


def run(root: Path, out: Path, moved: dict[str, Any]) -> None:
    """Run all mutants that the file of results lacks."""
    mutants = [Mutant(**json.loads(line)) for line in LIST.read_text(encoding="utf-8").splitlines()]
    lines = out.read_text(encoding="utf-8").splitlines() if out.exists() else []
    done = {record["number"] for record in map(json.loads, lines) if "number" in record}
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder, out.open("a", encoding="utf-8") as results:
        copy = Path(folder) / "tree"
        shutil.copytree(root, copy, symlinks=True, ignore=shutil.ignore_patterns(".git", ".venv", "__pycache__"))
        os.environ.setdefault("SKYLARK_DATA", str((root.parent / "shared" / "data").resolve()))

        def tell(record: dict[str, Any]) -> None:
            print(json.dumps(record), file=results, flush=True)
            print(record["number"], record["outcome"], record.get("seconds", ""), file=sys.stderr, flush=True)

        work = []
        for mutant in mutants:
            if mutant.number in done:
                continue
            change = moved.get(str(mutant.number), {})
            where = None if change is None else find(copy, Mutant(**{**asdict(mutant), **change}))
            if where is None:
                tell(
                    {"number": mutant.number, "room": mutant.room, "outcome": "gone" if change is None else "not found"}
                )
            else:
                work.append((tests_of(copy, where[0]), where, Mutant(**{**asdict(mutant), **change})))
        failing: dict[str, list[str]] = {}
        for targets, (path, number), mutant in sorted(work, key=lambda item: (item[0], item[2].number)):
            key = " ".join(targets)
            if key not in failing:
                _, seconds, report = test(copy, targets, [], first_failure=False)
                failing[key] = re.findall(r"^(?:FAILED|ERROR) (\S+)", report, re.MULTILINE)
                print(f"{key}: {seconds:.0f} s, fails as it is: {failing[key]}", file=sys.stderr, flush=True)
            text = path.read_text(encoding="utf-8")
            changed = text.splitlines(keepends=True)
            indent = changed[number - 1][: len(changed[number - 1]) - len(changed[number - 1].lstrip())]
            changed[number - 1] = f"{indent}{mutant.changed}\n"
            path.write_text("".join(changed), encoding="utf-8")
            code, seconds, _ = test(copy, targets, failing[key], first_failure=True)
            path.write_text(text, encoding="utf-8")
            outcome = {0: "survived", 5: "survived"}.get(code, "killed")
            tell({"number": mutant.number, "room": mutant.room, "outcome": outcome, "seconds": round(seconds, 1)})


def report(out: Path) -> str:
    """The outcomes by room, as text."""
    records = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    outcomes = Counter((record["room"], record["outcome"]) for record in records)
    kinds = ("killed", "survived", "gone", "not found")
    rows: list[list[object]] = [[room, *(outcomes[room, kind] for kind in kinds)] for room in ROOMS]
    rows.append(["all", *(sum(outcomes[room, kind] for room in ROOMS) for kind in kinds)])
    return "\n".join("".join(f"{value!s:>12}" for value in row) for row in [list[object](["room", *kinds]), *rows])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("verb", choices=["draw", "run", "report"])
    parser.add_argument("--root", type=Path, default=HERE.parent, help="the checkout; default: this one")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "mutants.jsonl")
    parser.add_argument("--moved", type=Path, help="JSON: number of a mutant to its new text, or null")
    arguments = parser.parse_args()
    if arguments.verb == "draw":
        lines = [json.dumps(asdict(mutant)) for mutant in draw(arguments.root.resolve())]
        LIST.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return
    if arguments.verb == "run":
        moved = json.loads(arguments.moved.read_text(encoding="utf-8")) if arguments.moved else {}
        run(arguments.root.resolve(), arguments.out, moved)
    print(report(arguments.out))


if __name__ == "__main__":
    main()
