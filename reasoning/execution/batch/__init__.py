"""Many queries at once: chains compiled to flat programs, executed by compiled code over the same index.

One query at a time, method exact spends nearly all its time in Python's calls, not on the graph. An evaluation asks
thousands, so they are laid out as arrays once and run in one loop that touches no Python object. The results are those
of `reasoning.execution.exact`, the oracle that this package is tested against.
"""

from __future__ import annotations

from reasoning.execution.batch.execution import BatchExecutor
from reasoning.execution.batch.program import Program

__all__ = ["BatchExecutor", "Program"]
