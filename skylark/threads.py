"""How threads of PyTorch and NumPy wait for one another, set before they are loaded.

OpenMP's threads spin while they wait. On a machine that has nothing else to do this is fastest; beside another process
at work the thread that is waited for does not run while the others spin, and a question took 6 to 14 seconds instead of
half a second. A thread that sleeps after a short spin loses little where the machine is quiet.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

SPINS = "2000"
"""Rounds that a thread of GNU's OpenMP spins before it sleeps: some ten microseconds; its own default is 300,000."""


def thread_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables to add to an environment: none where its user has said how threads wait."""
    if "OMP_WAIT_POLICY" in environment or "GOMP_SPINCOUNT" in environment:
        return {}
    return {"GOMP_SPINCOUNT": SPINS}


def let_waiting_threads_sleep() -> None:
    """Set the variables in this process; without effect once torch is loaded."""
    os.environ.update(thread_settings(os.environ))
