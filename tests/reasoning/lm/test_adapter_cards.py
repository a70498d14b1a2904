"""Beside each adapter stands a card that says what one has to know of it, and it is the card of these weights."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

import reasoning.lm

ADAPTERS = sorted(path.parent for path in Path(reasoning.lm.__file__).parent.glob("adapters/*/adapter_config.json"))
ROWS = ("What it does", "Base model", "Data", "How it was made", "Measured", "Limits", "Licence", "Weights")


def rows(folder: Path) -> dict[str, str]:
    """The first table of a card."""
    table = (folder / "README.md").read_text(encoding="utf-8").partition("\n|---|---|\n")[2].partition("\n\n")[0]
    return {name.strip(): text.strip() for _, name, text, _ in (line.split("|") for line in table.splitlines())}


def test_there_are_adapters() -> None:
    assert {path.name for path in ADAPTERS} >= {"queries", "steps", "tasks", "videos", "boxes"}


@pytest.mark.parametrize("folder", ADAPTERS, ids=lambda folder: folder.name)
def test_a_card_says_what_one_has_to_know(folder: Path) -> None:
    said = rows(folder)
    assert list(said) == list(ROWS)
    assert all(said.values())
    assert "benchmarks/results/" in said["Measured"]


@pytest.mark.parametrize("folder", ADAPTERS, ids=lambda folder: folder.name)
def test_a_card_is_that_of_the_weights_beside_it(folder: Path) -> None:
    told = set(re.findall(r"[0-9a-f]{64}", rows(folder)["Weights"]))
    assert told == {hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.safetensors")}
