"""The file of a run: a line for each item, from which a run that was stopped goes on.

A line goes to the operating system in one piece; what a failure or a kill left of one is taken back, and its item is
done again. Where several processes work, what they have done beyond that lies in `FILE.shards`.
"""

import json
import time
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from kg_data.batches.shards import ShardFolder
from skylark.errors import SkylarkError
from skylark.files import AppendedLines, Line, whole_lines

CHECKPOINT_SECONDS = 10.0
"""How often what was written is forced to the disk."""


class RunFile(AppendedLines):
    """The lines of one run, locked against other processes while it is open (a context manager).

    Args:
        path: the file of lines.
        settings: everything that decides what the lines will be, JSON-serialisable.
        resume: go on with lines that are there already; else a file that holds lines is refused.
        anew: drop lines that are there already, whatever made them.
        place: what another place for it is called in errors.
        otherwise: what can be done where lines of other settings are there.

    Attributes:
        refusal: the error of lines that may not be added to.
        done: the lines that were there already, set on entry.
        kept: further lines that several processes left, by the keys of their items, set on entry.
        shards: where such processes write.

    Raises:
        DataError: one of its lines is damaged.
    """

    refusal: ClassVar[type[SkylarkError]]

    def __init__(
        self,
        path: Path,
        settings: Mapping[str, Any],
        resume: bool,
        anew: bool = False,
        place: str = "file",
        otherwise: str = "choose another file for these",
    ) -> None:
        super().__init__(path, place)
        self.settings = dict(settings)
        self._resume, self._anew, self._otherwise = resume, anew, otherwise
        self.done: list[Line] = []
        self.kept: dict[str, Line] = {}
        self.shards = ShardFolder.of(path)
        self._synced = time.monotonic()

    @property
    def checkpoint_due(self) -> bool:
        """Whether it is time to force the lines to the disk."""
        return time.monotonic() - self._synced >= CHECKPOINT_SECONDS

    def _force(self) -> None:
        super()._force()
        self._synced = time.monotonic()

    def _open(self) -> None:
        with self._writing():
            there = self.path.exists() and not self._anew
            content = self.path.read_bytes() if there else b""
        if not there:
            self.shards.drop()  # of a file that was deleted, or is begun anew
        self.kept = self.shards.kept()
        if self._may_go_on(content):
            if not self._resume:
                raise self.refusal(
                    f"{self.path} already holds results; add --resume to go on with that run, "
                    f"or choose another {self._place}, or delete it"
                )
            whole = whole_lines(content)
            self.done = self._read(whole)
            self._begin(len(whole))
        else:
            # A worker whose run was killed may write into it still.
            self.shards.drop()
            self.kept = {}
            self._begin_anew()

    @abstractmethod
    def _may_go_on(self, content: bytes) -> bool:
        """Whether a file with this content holds something of a run."""

    @abstractmethod
    def _read(self, content: bytes) -> list[Line]:
        """The lines of the items in whole lines, held to the settings."""

    @abstractmethod
    def _begin_anew(self) -> None:
        """Write what says how the lines are made, and `_begin` the file."""

    def check_settings(self, before: Mapping[str, Any]) -> None:
        """Hold the settings that a file was begun with to those of this run.

        Raises:
            SkylarkError: they are others; as `refusal`.
        """
        if keys := self._differing(before):
            changes = "; ".join(
                f"{key} was {_shown(before.get(key))}, now {_shown(self.settings.get(key))}" for key in keys
            )
            raise self.refusal(f"{self.path} was begun with other settings: {changes}; {self._otherwise}")

    def _differing(self, before: Mapping[str, Any]) -> list[str]:
        """The settings that keep a run from going on."""
        return [key for key in {**before, **self.settings} if before.get(key) != self.settings.get(key)]


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:77] + "..."
