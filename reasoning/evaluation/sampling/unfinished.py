"""A sampling that a kill leaves to be gone on with: what it was told, and which types are done, beside their files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kg_data.appended_lines import write_whole
from kg_data.errors import ResultsError

UNFINISHED = ".unfinished.json"


class SamplingRun:
    """The files of one sampling.

    Args:
        out: the folder, made where it is not there.
        split: of the queries; a part of the files' names.
        kinds: the types that are asked for.
        told: all that decides the queries, JSON-serialisable.

    Attributes:
        goes_on: whether one that was told the same was stopped.
        rows: of the summary, by type, what is done.

    Raises:
        ResultsError: the folder cannot be made, or a file of another run is there.
    """

    def __init__(self, out: Path, split: str, kinds: Sequence[str], told: dict[str, Any]) -> None:
        self._out, self._split, self._told = out, split, json.loads(json.dumps(told))
        self.rows: dict[str, Any] = {}
        try:
            stored = json.loads((out / UNFINISHED).read_text(encoding="utf-8"))
            self.goes_on = bool(stored["told"] == self._told)
            if self.goes_on:
                self.rows = {kind: row for kind, row in stored["rows"].items() if self.file(kind).exists()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            self.goes_on = False
        there = [kind for kind in kinds if self.file(kind).exists()]
        if there and not self.goes_on:
            raise ResultsError(
                f"{self.file(there[0])} is there already; choose another folder, or types other than {', '.join(there)}"
            )
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ResultsError(f"cannot make the folder {out}: {error.strerror or error}") from None

    def file(self, kind: str) -> Path:
        """The file of a type's queries."""
        return self._out / f"{self._split}-{kind}.jsonl"

    def keep(self) -> None:
        """Write down what is done, so that it can be gone on with from here."""
        write_whole(self._out / UNFINISHED, json.dumps({"told": self._told, "rows": self.rows}).encode())

    def end(self) -> None:
        """Leave the queries alone."""
        (self._out / UNFINISHED).unlink(missing_ok=True)
