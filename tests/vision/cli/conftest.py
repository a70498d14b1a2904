from __future__ import annotations

from typing import Any

import pytest

from tests.vision.coloured_pictures import ColourDetector
from vision.cli import main


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    """A command line run: its exit code, and what it printed on stdout and stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def colours(monkeypatch: pytest.MonkeyPatch) -> list[ColourDetector]:
    """Every model that a command opens finds rectangles by their colour; those that were opened."""
    opened: list[ColourDetector] = []

    def open_detector(name: str, **_: Any) -> ColourDetector:
        opened.append(ColourDetector(name))
        return opened[-1]

    monkeypatch.setattr("vision.vision.open_detector", open_detector)
    return opened
