"""The lines of a run on disk, so that a run that is stopped, or killed, goes on where it was.

Beside the lines a summary holds the settings, so that lines of two different runs never meet in one file. It is there
before the first line, and is replaced as a whole. Each line goes to the operating system in one piece; where that
fails, what was written of it is taken back, and where a kill left a part of it, resuming drops that part and does the
query again. Queries have one fixed order: what a file holds is always the beginning of the whole.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from kg_data.appended_lines import AppendedLines, Line, encoded, whole_lines, write_whole
from kg_data.errors import DataError
from reasoning.errors import EvaluationError

CHECKPOINT_SECONDS = 10.0
"""How often what was written is forced to the disk, and the summary brought up to date."""


def summary_path(path: Path) -> Path:
    """Where the summary of a results file stands: `FILE.summary.json`."""
    return path.with_name(f"{path.name}.summary.json")


def parse_line(text: bytes, metrics: Collection[str]) -> Line | None:
    """A line as it was written, or None where it is damaged: without a metric, say, or with a value that is none."""
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(line, dict) or not all(isinstance(line.get(key), str) for key in ("id", "type")):
        return None
    return line if all(_is_value(metric, line.get(metric)) for metric in metrics) else None


def _is_value(metric: str, value: object) -> bool:
    # A question without a gold path has no path_match.
    return (isinstance(value, int | float) and math.isfinite(value)) or (metric == "path_match" and value is None)


class ResultsFile(AppendedLines):
    """The results file of one run, locked against other processes while it is open (a context manager).

    Args:
        path: the file of lines.
        settings: everything that decides what the lines will be, JSON-serialisable.
        identifiers: the ids of the run's queries, in order.
        metrics: what each line measures.
        resume: go on with lines that are there already.

    Attributes:
        done: the lines that were there already, set on entry.
        seconds: what earlier parts of the run took.

    Raises:
        EvaluationError: the file has lines that may not be added to.
        ResultsError: the file is in use or cannot be written; also while it is being written.
        DataError: one of its lines is damaged.
    """

    def __init__(
        self,
        path: Path,
        settings: Mapping[str, Any],
        identifiers: Sequence[str],
        metrics: Collection[str],
        resume: bool,
    ) -> None:
        super().__init__(path)
        self.settings = dict(settings)
        self._identifiers, self._metrics, self._resume = identifiers, metrics, resume
        self.done: list[Line] = []
        self.seconds = 0.0
        self._synced = time.monotonic()

    @property
    def checkpoint_due(self) -> bool:
        """Whether it is time for the next `checkpoint`."""
        return time.monotonic() - self._synced >= CHECKPOINT_SECONDS

    def checkpoint(self, summary: Mapping[str, Any]) -> None:
        """Force the lines to the disk and replace the summary."""
        self._force()
        write_whole(summary_path(self.path), encoded(json.dumps(summary, ensure_ascii=False, indent=2)))
        self._synced = time.monotonic()

    def _open(self) -> None:
        with self._writing():
            content = self.path.read_bytes() if self.path.exists() else b""
        if content:
            if not self._resume:
                raise EvaluationError(
                    f"{self.path} already holds results; add --resume to go on with that run, "
                    "or choose another file, or delete it"
                )
            self._compare_settings()
            whole = whole_lines(content)
            self.done = self._read(whole)
            self._begin(len(whole))
        else:
            # Before the first line: lines whose settings are not known could never be resumed.
            self.checkpoint({"settings": self.settings, "count": 0, "seconds": 0.0, "complete": False})
            self._begin(0)

    def _compare_settings(self) -> None:
        beside = summary_path(self.path)
        try:
            summary = json.loads(beside.read_text(encoding="utf-8"))
            before, self.seconds = dict(summary["settings"]), float(summary["seconds"])
        except (OSError, ValueError, KeyError, TypeError):
            raise EvaluationError(
                f"{self.path} cannot be resumed: {beside} does not say with which settings it was begun; "
                "choose another file, or delete it"
            ) from None
        keys = [key for key in {**before, **self.settings} if before.get(key) != self.settings.get(key)]
        if keys:
            changes = "; ".join(
                f"{key} was {json.dumps(before.get(key))}, now {json.dumps(self.settings.get(key))}" for key in keys
            )
            raise EvaluationError(
                f"{self.path} was begun with other settings: {changes}; choose another file for these"
            )

    def _read(self, content: bytes) -> list[Line]:
        lines: list[Line] = []
        for number, text in enumerate(content.split(b"\n")[:-1]):
            expected = self._identifiers[number] if number < len(self._identifiers) else None
            line = parse_line(text, self._metrics)
            if line is None or expected is None or line["id"] != expected:
                what = "no further line" if expected is None else f"the line of query {expected} as it was written"
                raise DataError(self.path, what, line=number + 1, found=text.decode(errors="replace"))
            lines.append(line)
        return lines
