"""The engine of Ray: Ray Data hands the shards to its workers, on this machine or on a cluster.

Ray replaces workers that die, and gives their shards to others. The results, the graph's cache and the data must lie
where all machines of a cluster see them under the same names, and Skylark must be installed there.
"""

from __future__ import annotations

import logging
import os
import pickle
import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import redirect_stdout
from typing import Any

from kg_data.batches.processes import ONE_THREAD, done_by
from kg_data.batches.shards import Shard, ShardWorker
from kg_data.errors import WorkerError
from kg_data.installation import require

ADDRESS = "RAY_ADDRESS"
"""The variable of the environment by which Ray finds a cluster."""


def run_on_ray(opening: bytes, shards: Sequence[Shard], count: int) -> Generator[Shard]:
    """Do shards by workers of Ray; see `run_in_processes`.

    Raises:
        MissingPackageError: Ray is not installed.
        WorkerError: also where Ray itself failed.
    """
    require("The engine ray", "ray", "pyarrow")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # no word to its makers
    import ray
    import ray.data

    ours = not ray.is_initialized()
    if ours:
        own: dict[str, Any] = {} if ADDRESS in os.environ else {"num_cpus": count, "include_dashboard": False}
        ray.init(log_to_driver=False, logging_level=logging.ERROR, runtime_env={"env_vars": ONE_THREAD}, **own)
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
        done = iter(results.iter_rows())
        while (row := _next(done)) is not None:
            if row["error"] is not None:
                raise pickle.loads(row["error"])
            yield shards[row["number"]]
    except ray.exceptions.RayError as error:
        raise WorkerError(f"Ray failed: {str(error).strip().splitlines()[-1]}") from error
    finally:
        if ours:
            ray.shutdown()


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
