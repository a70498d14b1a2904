"""What workers do in the tests: numbers squared, with an accident at one of them."""

import os
import signal
import time
from collections.abc import Callable, Generator, Sequence
from functools import partial
from pathlib import Path

from kg_data.batches.shards import Work
from skylark.files import Line

Accident = Callable[[int], None]


def squaring(accident: Accident | None = None, seconds: float = 0.0) -> Work:
    """Open what squares numbers, one after the other, as slowly as is asked."""
    return partial(squares, accident, seconds)


def squares(accident: Accident | None, seconds: float, items: Sequence[int]) -> Generator[Line]:
    for item in items:
        if accident is not None:
            accident(item)
        time.sleep(seconds)
        yield line_of(item)


def line_of(item: int) -> Line:
    # A text that UTF-8 and JSON have to keep, and a number that has to stay the same.
    return {"id": f"é\u2028{item}", "square": item**2, "root": item**0.5}


def be_killed(mark: Path | None = None) -> None:
    """Be killed as the system kills where memory runs out, once alone where a mark is given."""
    if mark is None or not mark.exists():
        if mark is not None:
            mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)


def dying_at(poison: int, mark: Path | None, item: int) -> None:
    if item == poison:
        be_killed(mark)


def filling_memory_at(poison: int, item: int) -> None:
    """Ask for more memory than the process may have."""
    if item == poison:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
        bytearray(1 << 34)


def failing_at(poison: int, error: Exception, item: int) -> None:
    if item == poison:
        raise error


def stating_threads() -> Work:
    """Say how many threads the libraries of a worker have."""

    def work(items: Sequence[int]) -> Generator[Line]:
        yield from ({"threads": os.environ["OMP_NUM_THREADS"]} for _ in items)

    return work


class NotStarting:
    """What no interpreter can unpack; its worker ends before it can note that it begins."""

    def __reduce__(self) -> tuple[Callable[[int], None], tuple[int]]:
        return os._exit, (7,)


def dying_after_the_last(mark: Path, items: Sequence[int]) -> Generator[Line]:
    """Be killed the first time that all lines are there."""
    yield from map(line_of, items)
    be_killed(mark)


def opening_but_once(mark: Path, opened: Path) -> Work:
    """Open what dies after its last line, and be killed where it is opened again."""
    if opened.exists():
        be_killed()
    opened.touch()
    return partial(dying_after_the_last, mark)


def dying_at_the_door() -> Work:
    """Be killed while a model is loaded."""
    be_killed()
    raise AssertionError
