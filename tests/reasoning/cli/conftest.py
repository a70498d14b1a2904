"""A small graph in a file, and commands that are run in this process."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reasoning.cli import main

FACTS = "Ann parent Bob,Ann parent Cleo,Bob parent Dan,Bob parent Eve,Cleo likes Dan,Dan likes Eve"


@pytest.fixture
def family(tmp_path: Path) -> str:
    path = tmp_path / "family.tsv"
    path.write_text(FACTS.replace(" ", "\t").replace(",", "\n") + "\n")
    return str(path)


@dataclass(frozen=True)
class Commands:
    """Runs commands of which the output is looked at."""

    capsys: pytest.CaptureFixture[str]

    def prints(self, *arguments: str) -> str:
        """What a command that succeeds prints."""
        assert main(arguments) == 0
        return self.capsys.readouterr().out

    def json(self, *arguments: str) -> Any:
        """The object that a command prints, and nothing beside it."""
        assert main([*arguments, "--json"]) == 0
        out, err = self.capsys.readouterr()
        assert err == ""
        return json.loads(out)

    def fails(self, code: int, *arguments: str) -> str:
        """What a command that fails says."""
        assert main(arguments) == code
        out, err = self.capsys.readouterr()
        assert out == "" and ("error: " in err or "usage: " in err) and "Traceback" not in err
        return err


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Commands:
    return Commands(capsys)
