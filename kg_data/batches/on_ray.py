"""The engine of Ray: Ray Data hands the shards to its workers, on this machine or on a cluster.

Ray replaces workers that die, and gives their shards to others. The results, the graph's cache and the data must lie
where all machines of a cluster see them under the same names, and Skylark must be installed there.
"""

import logging
import os
import pickle
import socket
import sys
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, redirect_stdout
from typing import Any

from kg_data.batches.processes import ONE_THREAD, done_by
from kg_data.batches.shards import RAY, Shard, ShardWorker
from skylark.errors import WorkerError
from skylark.installation import require

ADDRESS = "RAY_ADDRESS"
"""The variable of the environment by which Ray finds a cluster."""

PATIENCE = 10.0
"""Seconds for which a cluster is waited for, and at the end each of the threads of `SCHEDULERS`."""

SCHEDULERS = ("StreamingExecutor", "iter_threaded")
"""How the names of Ray Data's threads begin that hand out work and fetch what is done."""


def run_on_ray(opening: bytes, shards: Sequence[Shard], count: int) -> Generator[Shard]:
    """Do shards by workers of Ray; see `run_in_processes`.

    Raises:
        MissingPackageError: Ray is not installed.
        WorkerError: also where Ray itself failed.
    """
    require(*RAY)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # no word to its makers
    # Else Ray's workers are niced, and next to anything else that keeps the machine busy they stand still.
    os.environ.setdefault("RAY_worker_niceness", "0")
    import ray
    import ray.data

    ours = not ray.is_initialized()
    if ours:
        _look_for(os.environ.get(ADDRESS, ""))
        own: dict[str, Any] = {} if os.environ.get(ADDRESS) else {"num_cpus": count, "include_dashboard": False}
        try:
            ray.init(log_to_driver=False, logging_level=logging.ERROR, runtime_env={"env_vars": ONE_THREAD}, **own)
        except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
            raise WorkerError(f"Ray cannot be started: {_reason(error)}") from error
    try:
        ray.data.DataContext.get_current().enable_progress_bars = False
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        rows = [{"shard": pickle.dumps(shard)} for shard in shards]
        results = ray.data.from_items(rows, override_num_blocks=len(rows)).map(
            _RayWorker,  # type: ignore[arg-type]  # a class is made once in each worker, and called there
            fn_constructor_args=(opening,),
            compute=ray.data.ActorPoolStrategy(size=min(count, len(shards))),
            num_cpus=1,
        )
        # Closed before Ray is shut down: what is left of it would begin Ray anew, to end its workers.
        with closing(row for row in results.iter_rows()) as done:
            while (row := _next(done)) is not None:
                if row["error"] is not None:
                    raise pickle.loads(row["error"])
                yield shards[row["number"]]
    except ray.exceptions.RayError as error:
        raise WorkerError(f"Ray failed: {_reason(error)}") from error
    finally:
        if ours:
            # Whatever asks Ray once it is shut down has the whole process end without a word, and Ray Data itself waits
            # two seconds at most for what hands out or fetches work, which on a busy machine is too short.
            for thread in threading.enumerate():
                if thread.name.startswith(SCHEDULERS):
                    thread.join(PATIENCE)
            ray.shutdown()


def _look_for(address: str) -> None:
    """See that something answers at HOST:PORT, where Ray would try for many minutes.

    Raises:
        WorkerError: nothing does.
    """
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal() or "/" in host:
        return  # "auto", "ray://..." or none
    try:
        socket.create_connection((host.strip("[]"), int(port)), PATIENCE).close()
    except (OSError, OverflowError) as error:
        raise WorkerError(f"no cluster of Ray answers at {address}, which {ADDRESS} names: {error}") from None


def _reason(error: Exception) -> str:
    """The last line of an error of Ray's, or its name where it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[-1]


def _next(rows: Iterator[dict[str, Any]]) -> dict[str, Any] | None:
    """The next row, None after the last."""
    # Meanwhile Ray tells of workers that died, and does so where results are printed.
    with redirect_stdout(sys.stderr):
        return next(rows, None)


class _RayWorker:
    """What one process of Ray's does: the shards that it is given."""

    def __init__(self, opening: bytes) -> None:
        self._worker = ShardWorker(opening)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        shard: Shard = pickle.loads(row["shard"])
        error = done_by(self._worker, shard)
        return {"number": shard.number, "error": None if error is None else pickle.dumps(error)}
