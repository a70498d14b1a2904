"""The image of the demo: what the Dockerfile copies is there, is let in, and is all that the demo needs.

The build itself needs a registry of images; here is what can be told without one.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COPIED = [path for line in re.findall(r"^COPY (.*) \S+$", DOCKERFILE, re.MULTILINE) for path in line.split()]


def test_what_is_copied_is_let_into_the_build() -> None:
    let_in = re.findall(r"^!(.*)$", (ROOT / ".dockerignore").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(let_in) == sorted(COPIED)
    assert [path for path in COPIED if not (ROOT / path).exists()] == []


def test_it_runs_as_nobody_special_and_says_whether_it_is_well() -> None:
    assert re.findall(r"^USER (.*)$", DOCKERFILE, re.MULTILINE) == ["1000"]
    assert "\nHEALTHCHECK " in DOCKERFILE
    assert "\nEXPOSE 7860\n" in DOCKERFILE


@pytest.mark.slow
def test_the_demo_needs_nothing_else_of_the_checkout(tmp_path: Path) -> None:
    for path in COPIED:
        copy = shutil.copytree if (ROOT / path).is_dir() else shutil.copy
        copy(ROOT / path, tmp_path / path)
    program = "import app.page\nfrom skylark.installation import version\nprint(version())"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env={"PATH": "", "PYTHONPATH": str(tmp_path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", done.stdout)
