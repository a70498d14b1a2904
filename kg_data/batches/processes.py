"""The local engine: processes of this machine, each with one thread, which are given one shard after another.

A process that dies, for lack of memory say, is replaced, and what is left of its shard is done next. The processes end
with the one that began them, however that ends.
"""

import logging
import multiprocessing
import os
import signal
import threading
import traceback
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait

from kg_data.batches.shards import TRIES, Progress, Shard, ShardWorker
from skylark.errors import SkylarkError, UsageError, WorkerError

log = logging.getLogger(__name__)

ONE_THREAD = {
    **dict.fromkeys(
        ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS"), "1"
    ),
    "TOKENIZERS_PARALLELISM": "false",
}
"""What keeps the libraries of a worker to one thread: they read it when they are imported."""

NO_MEMORY = 137
"""The exit code of a worker that ran out of memory, as shells give it where the system ends a process for that."""

PATIENCE = 5.0
"""Seconds in which a worker is to end that is asked to."""


def run_in_processes(opening: bytes, shards: Sequence[Shard], count: int) -> Generator[Shard]:
    """Do shards by processes of this machine.

    Args:
        opening: opens in each what does the work, pickled.
        shards: what is to be done, at least one.
        count: how many processes.

    Returns:
        The shards, each when it is done, in whichever order that is.

    Raises:
        WorkerError: a worker died at one item as often as is tried, or failed in a way that is no `SkylarkError`.
        SkylarkError: what does the work raised it.
    """
    waiting = WaitingShards(shards)
    deaths: Counter[tuple[int, Progress]] = Counter()
    workers: list[_Process] = []
    try:
        for number in range(min(count, len(shards))):
            workers.append(_Process(opening))
            workers[-1].give(waiting.next(number))
        while busy := [worker for worker in workers if worker.shard is not None]:
            ready = wait([worker.connection for worker in busy])
            for worker in busy:
                if worker.connection not in ready:
                    continue
                if worker.answered():
                    assert worker.shard is not None
                    yield worker.shard
                    worker.give(waiting.next(workers.index(worker)))
                else:
                    workers[workers.index(worker)] = _replaced(worker, opening, deaths)
    finally:
        for worker in workers:
            worker.stop()


class WaitingShards:
    """Shards that are to be done, and which worker does which group.

    A worker does the shards of its groups in their order, and begins a group that nobody has where its turn comes. Some
    groups take longer than others: a worker that would run ahead of another one, for which `LEFT` shards and more wait
    before its own next one, takes the group of the last of those over, and goes on with the first of it that waits. A
    worker that does the first of a group takes longer than one that has done some, so that a few are left to the one
    that has; but at the end, where a worker has nothing else to do, it takes the first that waits, whoever has it.

    So the shards of each group are begun in their order, and the first of all that wait is the next of whoever has it.

    Args:
        shards: in their order.
    """

    LEFT = 2

    def __init__(self, shards: Sequence[Shard]) -> None:
        self._shards = list(shards)
        self._worker_of: dict[int, int] = {}

    def next(self, worker: int) -> Shard | None:
        """Take the next one for a worker, from 0; None where none waits."""
        if not self._shards:
            return None
        shard = self._shards.pop(self._place_for(worker))
        if shard.group is not None:
            self._worker_of[shard.group] = worker
        return shard

    def _place_for(self, worker: int) -> int:
        others, first_of = Counter[int](), dict[int, int]()
        for at, shard in enumerate(self._shards):
            if shard.group is None:
                return at
            owner = self._worker_of.get(shard.group, worker)
            if owner == worker:
                return at
            first = first_of.setdefault(shard.group, at)
            if others[owner] == self.LEFT:
                return first
            others[owner] += 1
        return 0


class _Process:
    """One worker and the pipe to it.

    Attributes:
        shard: what it does, None where it has nothing to do.
    """

    def __init__(self, opening: bytes) -> None:
        self.shard: Shard | None = None
        # A new interpreter: what is forked would inherit locks that threads of this process hold.
        context = multiprocessing.get_context("spawn")
        self.connection, inner = context.Pipe()
        self.process = context.Process(target=_serve, args=(inner, opening), name="skylark-worker", daemon=True)
        with _one_thread():
            self.process.start()
        inner.close()

    def give(self, shard: Shard | None) -> None:
        """Give it a shard, if there is one."""
        self.shard = shard
        if shard is None:
            return
        with suppress(OSError):  # where it is dead already that is found when its answer is awaited
            self.connection.send(shard)

    def answered(self) -> bool:
        """Whether its shard is done; False where it died.

        Raises:
            SkylarkError: what it raised.
        """
        try:
            answer = self.connection.recv()
        except (EOFError, OSError):
            return False
        if isinstance(answer, SkylarkError):
            raise answer
        return True

    def how_it_died(self) -> str:
        """In words, for messages."""
        self.process.join(PATIENCE)
        code = self.process.exitcode
        if code in (-signal.SIGKILL, NO_MEMORY):
            return "killed, as the system does where memory runs out" if code < 0 else "it ran out of memory"
        if code is not None and code < 0:
            return f"by signal {-code}, {signal.Signals(-code).name}"
        return f"exit code {code}"

    def stop(self) -> None:
        """End it, whatever it does: what it has written is safe."""
        self.process.terminate()
        self.process.join(PATIENCE)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.connection.close()


def _replaced(dead: _Process, opening: bytes, deaths: Counter[tuple[int, Progress]]) -> _Process:
    """Another process that goes on with the shard of one that died.

    Args:
        dead: the one that died.
        opening: see `run_in_processes`.
        deaths: how often workers died at a shard that had come so far; this one is counted. One that dies before it
            notes that it begins, since no interpreter starts say, leaves the shard as it was.

    Raises:
        WorkerError: workers have died too often there.
    """
    shard, how = dead.shard, dead.how_it_died()
    assert shard is not None
    dead.stop()
    progress = shard.progress()
    deaths[shard.number, progress] += 1
    if progress.hopeless or deaths[shard.number, progress] >= TRIES:
        raise progress.error(how)
    if progress.key is not None:
        log.warning("a worker died %s (%s); another one goes on from there", progress.where, how)
    worker = _Process(opening)
    worker.give(shard)
    return worker


@contextmanager
def _one_thread() -> Iterator[None]:
    """While a process is started, let its libraries have one thread."""
    before = {name: os.environ[name] for name in ONE_THREAD if name in os.environ}
    os.environ.update(ONE_THREAD)
    try:
        yield
    finally:
        for name in ONE_THREAD:
            os.environ.pop(name, None)
        os.environ.update(before)


def _serve(connection: Connection, opening: bytes) -> None:
    """What a worker does: shards, as they come."""
    # Ctrl-C reaches all processes of a terminal; the one that began this one ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    worker = ShardWorker(opening)
    with suppress(EOFError, OSError):  # the one that began it has gone
        while True:
            shard = connection.recv()
            connection.send(done_by(worker, shard))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def done_by(worker: ShardWorker, shard: Shard) -> SkylarkError | None:
    """Have a worker do a shard: None where that went well, else its error, in a form that can be pickled.

    A worker without memory ends its process, so that another one is tried.
    """
    try:
        worker.do(shard)
    except MemoryError:
        os._exit(NO_MEMORY)
    except UsageError as error:
        return UsageError(str(error))
    except SkylarkError as error:
        return error if type(error) is WorkerError else SkylarkError(str(error))
    except Exception as error:
        traceback.print_exc()
        return WorkerError(f"a worker failed: {type(error).__name__}: {error}")
    return None
