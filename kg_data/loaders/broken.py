"""Broken lines of a file: the first one ends the reading, or all of them are left out and told afterwards."""

from __future__ import annotations

from kg_data.columns import LeftOut
from kg_data.errors import DataError

MOST_TOLD = 5
"""Broken lines that are told one by one; the others are counted."""


class BrokenLines:
    """What becomes of broken lines.

    Args:
        skip: leave them out, instead of raising the first one's error.
    """

    def __init__(self, skip: bool = False) -> None:
        self._skip = skip
        self._lines = 0
        self._first: list[str] = []

    @property
    def skipped(self) -> bool:
        """Whether broken lines are left out."""
        return self._skip

    def meet(self, error: DataError, lines: int = 1) -> None:
        """Take note of one that is left out; `lines` is how many lines of the file it takes.

        Raises:
            DataError: the error itself, where broken lines are not left out.
        """
        if not self._skip:
            raise error
        self._lines += lines
        if len(self._first) < MOST_TOLD:
            self._first.append(str(error).removeprefix(f"{error.path}, "))

    @property
    def left_out(self) -> LeftOut | None:
        """What was left out so far; None where it is nothing."""
        return LeftOut(self._lines, tuple(self._first)) if self._lines else None


REFUSED = BrokenLines()
"""A broken line is an error."""
