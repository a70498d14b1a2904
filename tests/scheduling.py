"""Which worker runs which tests: those of a file together, and those of the demo together."""

from __future__ import annotations

from xdist.scheduler import LoadFileScheduling

DEMO = "tests/app/"


class DemoOnOneWorker(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
    """As `--dist loadfile`, but the demo's tests are for one worker.

    Two workers would each start a server, which loads every model, and would drive two browsers and two servers at once
    on two cores.
    """

    def _split_scope(self, nodeid: str) -> str:
        """What the tests of one worker have in common."""
        scope = super()._split_scope(nodeid)
        return DEMO if scope.startswith(DEMO) else scope
