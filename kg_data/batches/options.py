"""Who does the work: how many processes, on this machine or by Ray."""

from __future__ import annotations

import argparse
import difflib
from dataclasses import dataclass
from typing import Literal, get_args

from kg_data.command_line import positive
from kg_data.errors import UsageError
from kg_data.installation import require

Engine = Literal["local", "ray"]
ENGINES: tuple[Engine, ...] = get_args(Engine)


RAY = ("The engine ray", "ray", "pyarrow")
"""What needs which packages, for `require`."""


@dataclass(frozen=True)
class Workers:
    """Who does the work.

    Attributes:
        count: how many processes, each with one thread.
        engine: "local" for processes of this machine, "ray" for Ray's: on the cluster that `RAY_ADDRESS` names, else
            on this machine.

    Raises:
        UsageError: there is no such engine, or no worker.
    """

    count: int = 1
    engine: Engine = "local"

    def __post_init__(self) -> None:
        if self.engine not in ENGINES:
            near = difflib.get_close_matches(str(self.engine).lower(), ENGINES, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise UsageError(f"the engine must be {' or '.join(ENGINES)}, not {self.engine!r}{hint}")
        if self.count < 1:
            raise UsageError(f"there must be at least 1 worker, not {self.count}")

    @property
    def alone(self) -> bool:
        """Whether this process does the work itself."""
        return self.engine == "local" and self.count == 1


ALONE = Workers()
"""This process does the work itself."""


def add_workers(parser: argparse.ArgumentParser) -> None:
    """Offer `--workers` and `--engine`."""
    group = parser.add_argument_group("several processes")
    group.add_argument(
        "--workers", type=positive, default=1, metavar="N", help="processes that share the work, of one thread each (1)"
    )
    group.add_argument(
        "--engine", choices=ENGINES, default="local", help="who runs them: this machine (local, default), or Ray"
    )


def workers_of(options: argparse.Namespace) -> Workers:
    """The `Workers` that the command line asks for.

    Raises:
        MissingPackageError: the engine is not installed; here, before results are begun.
    """
    if options.engine == "ray":
        require(*RAY)
    return Workers(options.workers, options.engine)
