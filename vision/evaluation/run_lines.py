"""The lines of a run on disk, so that a run that is stopped or killed goes on where it was.

The first line holds the settings, so that lines of two different runs never meet in one file. A line goes to the
operating system in one piece; where that fails, what was written of it is taken back, and where a kill left a part of
it, opening the file again drops that part and the image is done again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kg_data.appended_lines import AppendedLines, Line, whole_lines
from kg_data.errors import DataError
from vision.errors import EvaluationError

SYNC_SECONDS = 10.0
"""How often what was written is forced to the disk."""


class RunLines(AppendedLines):
    """The lines of one run, locked against other processes while it is open (a context manager).

    Args:
        path: the file of lines.
        settings: everything that decides what the lines will be, JSON-serialisable.
        resume: go on with lines that are there already; else a file that holds lines is refused.
        anew: drop lines that are there already, whatever made them.
        otherwise: what can be done where lines of other settings are there.

    Attributes:
        done: the lines that were there already, set on entry.

    Raises:
        EvaluationError: the file has lines that may not be added to.
        ResultsError: the file is in use or cannot be written; also while it is being written.
        DataError: one of its lines is damaged.
    """

    def __init__(
        self,
        path: Path,
        settings: Mapping[str, Any],
        resume: bool = False,
        anew: bool = False,
        otherwise: str = "choose another place for these",
    ) -> None:
        super().__init__(path, place="place")
        self.settings = json.loads(json.dumps(dict(settings)))
        self._resume, self._anew, self._otherwise = resume, anew, otherwise
        self.done: list[Line] = []
        self._synced = time.monotonic()

    def append(self, line: Mapping[str, Any]) -> None:
        """Write one line; it is with the operating system when this returns, so a killed process keeps it."""
        super().append(line)
        if time.monotonic() - self._synced >= SYNC_SECONDS:
            self._force()
            self._synced = time.monotonic()

    def _open(self) -> None:
        with self._writing():
            content = b"" if self._anew or not self.path.exists() else self.path.read_bytes()
        # Without its first line the file holds nothing: no line stands before the settings.
        whole = whole_lines(content)
        if whole:
            if not self._resume:
                raise EvaluationError(
                    f"{self.path} already holds the lines of a run; add --resume to go on with it, "
                    "or choose another place, or delete it"
                )
            self.done = self._read(whole)
        self._begin(len(whole))
        if not whole:
            self.append({"settings": self.settings})

    def _read(self, content: bytes) -> list[Line]:
        lines: list[Line] = []
        for number, text in enumerate(content.split(b"\n")[:-1], start=1):
            try:
                line = json.loads(text)
            except (ValueError, RecursionError):
                line = None
            if not isinstance(line, dict):
                raise DataError(self.path, "a line as it was written", number, text.decode(errors="replace"))
            lines.append(line)
        before = lines[0].get("settings")
        if not isinstance(before, dict):
            raise DataError(self.path, "the settings of a run", 1, content[:80].decode(errors="replace"))
        keys = [key for key in {**before, **self.settings} if before.get(key) != self.settings.get(key)]
        if keys:
            changes = "; ".join(
                f"{key} was {_shown(before.get(key))}, now {_shown(self.settings.get(key))}" for key in keys
            )
            raise EvaluationError(f"{self.path} was begun with other settings: {changes}; {self._otherwise}")
        return lines[1:]


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:77] + "..."
