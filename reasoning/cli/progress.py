"""Progress of a command, on stderr."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress(what: str, total: int | None, unit: str, always: bool = False) -> Iterator[Callable[[int], object]]:
    """Gives what is told how much was done since it was told last.

    Args:
        what: what is done, in words.
        total: how much there is to do, None where that is not known.
        unit: of what.
        always: show it where stderr is no terminal, too.
    """
    from tqdm import tqdm  # type: ignore[import-untyped]

    hidden = False if always else None  # None: tqdm asks whether stderr is a terminal
    with tqdm(desc=what, total=total, unit=unit, unit_scale=True, disable=hidden, leave=False) as bar:
        yield bar.update
