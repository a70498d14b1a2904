"""The requirement files, which a checkout installs, and pyproject.toml, which a wheel does, ask for the same ranges."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

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


def test_the_full_set_is_the_core_and_every_extra_but_dev_and_those_apart() -> None:
    extras = set().union(*(of_extra(extra) for extra in EXTRAS if extra not in ("dev", *APART)))
    assert requirements("requirements.txt") == set(PROJECT["dependencies"]) | extras


def test_the_tools_are_the_extra_dev() -> None:
    assert requirements("requirements-dev.txt") == of_extra("dev")


def test_an_extra_apart_is_among_the_tools() -> None:
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


def test_the_distribution_is_named_once_in_code() -> None:
    assert PROJECT["name"] == DISTRIBUTION


def test_the_citation_is_of_this_version() -> None:
    cited = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {PROJECT['version']}\nlicense: {PROJECT['license']}\n" in cited
