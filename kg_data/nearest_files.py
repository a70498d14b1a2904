"""Files whose names are like that of one that is not there."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from itertools import islice
from pathlib import Path

MOST_LOOKED_AT = 10_000
"""Names of a folder; of a larger one the rest is not compared."""


def did_you_mean(path: Path, wanted: Callable[[Path], bool] = Path.exists) -> str:
    """A question that names the files of the same folder whose names are most like a path's; "" where none is.

    Args:
        path: what is not there.
        wanted: whether a file or folder may be meant.
    """
    try:
        beside = {item.name.casefold(): item for item in islice(path.parent.iterdir(), MOST_LOOKED_AT)}
        near = [beside[name] for name in difflib.get_close_matches(path.name.casefold(), list(beside), 5, 0.6)]
        fitting = [str(item) for item in near if wanted(item)][:3]
    except (OSError, ValueError):  # no such folder, or a name that no path may have
        return ""
    return f"did you mean {' or '.join(fitting)}?" if fitting else ""


def nothing_at(what: str, path: Path) -> str:
    """The message for a path that leads to nothing: there is no `what` there, and what may be meant."""
    meant = did_you_mean(path)
    return f"there is no {what} {path}{'; ' * bool(meant)}{meant}"
