"""Requirement files and pyproject.toml ask for the same ranges, and the demo's image holds all that it needs.

The image's build itself needs a registry of images; here is what can be told without one.
"""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from skylark.installation import APART, DISTRIBUTION, EXTRA_MODULES

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]


def requirements(file_name: str) -> set[str]:
    lines = (line.split("#")[0].strip() for line in (ROOT / file_name).read_text(encoding="utf-8").splitlines())
    return {line for line in lines if line and not line.startswith("-r")}


def of_extra(extra: str) -> set[str]:
    """The requirements that an extra itself lists, without those of the extras that it brings along."""
    return {line for line in EXTRAS[extra] if not line.startswith(DISTRIBUTION)}


def package(requirement: str) -> str:
    return re.split(r"[<>=!\[ ]", requirement, maxsplit=1)[0]


def test_the_full_set_is_the_core_and_every_extra_but_dev_and_those_apart_which_are_among_the_tools() -> None:
    extras = set().union(*(of_extra(extra) for extra in EXTRAS if extra not in ("dev", *APART)))
    assert requirements("requirements.txt") == set(PROJECT["dependencies"]) | extras
    assert requirements("requirements-dev.txt") == of_extra("dev")
    for extra in APART:
        assert of_extra(extra) <= of_extra("dev")


def test_packages_of_weights_are_in_no_extra() -> None:
    weights = {package(line) for line in requirements("requirements-models.txt")}
    listed = {package(line) for lines in (PROJECT["dependencies"], *EXTRAS.values()) for line in lines}
    assert not weights & listed


def test_one_package_brings_cv2() -> None:
    # `opencv-python` and its kin overwrite one another's files.
    listed = {package(line) for line in requirements("requirements.txt") | requirements("requirements-dev.txt")}
    assert {name for name in listed if "opencv" in name or name == "trackers"} == {"opencv-python-headless"}


def test_a_missing_module_is_found_in_the_extra_that_brings_it() -> None:
    for extra, modules in EXTRA_MODULES.items():
        assert set(modules.values()) <= {package(line) for line in EXTRAS[extra]} | {"starlette"}


def test_the_distribution_is_named_once_in_code_and_the_citation_is_of_this_version() -> None:
    assert PROJECT["name"] == DISTRIBUTION
    cited = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {PROJECT['version']}\nlicense: {PROJECT['license']}\n" in cited


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
