"""Files whose names are like that of one that is not there."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from itertools import islice
from pathlib import Path

MOST_LOOKED_AT = 10_000
"""Names of a folder; of a larger one the rest is not compared."""

ALIKE = 0.6
"""From which ratio on (`difflib`) two names are alike; their endings, which many files share, make no two so."""


def files_like(path: Path, wanted: Callable[[Path], bool] = Path.exists) -> list[Path]:
    """The files of the same folder whose names are most like a path's, the likest first; three at most.

    Args:
        path: what is not there.
        wanted: whether a file or folder may be meant.
    """
    try:
        beside = {item.name.casefold(): item for item in islice(path.parent.iterdir(), MOST_LOOKED_AT)}
        likely = [name for name in beside if _ratio(_without_ending(name), _without_ending(path.name)) >= ALIKE]
        near = [beside[name] for name in difflib.get_close_matches(path.name.casefold(), likely, 5, ALIKE)]
        return [item for item in near if wanted(item)][:3]
    except (OSError, ValueError):  # no such folder, or a name that no path may have
        return []


def did_you_mean(path: Path, wanted: Callable[[Path], bool] = Path.exists) -> str:
    """A question that names the files of `files_like`; "" where there is none."""
    fitting = [str(item) for item in files_like(path, wanted)]
    return f"did you mean {' or '.join(fitting)}?" if fitting else ""


def nothing_at(what: str, path: Path) -> str:
    """The message for a path that leads to nothing: there is no `what` there, and what may be meant."""
    meant = did_you_mean(path)
    return f"there is no {what} {path}{'; ' * bool(meant)}{meant}"


def _without_ending(name: str) -> str:
    return name.casefold().lstrip(".").partition(".")[0]


def _ratio(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other).ratio()
