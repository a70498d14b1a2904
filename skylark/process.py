"""The process of a command: how its threads wait, and how it ends, by Ctrl-C too.

It imports next to nothing, since it has to be there before whatever takes its time to import. OpenMP's threads spin
while they wait. Beside another process at work the thread that is waited for does not run while the others spin, and
a question took 6 to 14 seconds instead of half a second; a thread that sleeps after a short spin loses little where
the machine is quiet.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import NoReturn

INTERRUPTED = 130
"""The exit code that shells give after Ctrl-C."""


@contextmanager
def ended_by_interrupt() -> Iterator[None]:
    """While a command's modules are imported, have Ctrl-C end the process at once.

    Nothing is under way yet that could be lost, and libraries make all sorts of errors of an interrupt that meets their
    imports.
    """
    at_its_default = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not at_its_default or threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(*_: object) -> None:
        os.write(2, b"interrupted\n")
        os._exit(INTERRUPTED)

    signal.signal(signal.SIGINT, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def end_process(code: int) -> NoReturn:
    """End the process with a command's exit code.

    After Ctrl-C or a failure a language model may still compute on a thread that nobody waits for. The interpreter's
    own way of ending aborts over it.
    """
    if code != 0 and any(thread.daemon for thread in threading.enumerate()):
        leave(code)
    sys.exit(code)


def leave(code: int) -> NoReturn:
    """End the process at once, whatever its threads do, after what was written is out."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(code)


SPINS = "2000"
"""Rounds that a thread of GNU's OpenMP spins before it sleeps: some ten microseconds; its own default is 300,000."""


def thread_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables to add to an environment: none where its user has said how threads wait."""
    return {} if {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & environment.keys() else {"GOMP_SPINCOUNT": SPINS}


def let_waiting_threads_sleep() -> None:
    """Set the variables in this process; without effect once torch is loaded."""
    os.environ.update(thread_settings(os.environ))
