from pathlib import Path
from typing import Any

import pytest

from tests.vision.coloured_pictures import ColourDetector, make_set
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

    def open_detector(model: str | ColourDetector, **_: Any) -> ColourDetector:
        opened.append(ColourDetector(model) if isinstance(model, str) else model)
        return opened[-1]

    monkeypatch.setattr("vision.vision.open_detector", open_detector)
    return opened


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """The folder of the coloured pictures of 96 x 64 pixels, and their annotations."""
    return make_set(tmp_path / "set")


@pytest.fixture
def photos(pair: tuple[Path, Path]) -> Path:
    """The folder of the coloured pictures."""
    return pair[0]
