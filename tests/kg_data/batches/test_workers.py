"""Several processes give what one gives, whichever of them die."""

import gc
import os
import pickle
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from kg_data.batches.lines import lines_by_workers
from kg_data.batches.processes import done_by, run_in_processes
from kg_data.batches.shards import Engine, Opening, Shard, ShardFolder, ShardWorker, Workers
from skylark.errors import MissingPackageError, SkylarkError, UsageError, WorkerError
from skylark.files import Line
from tests.kg_data.batches.works import (
    NotStarting,
    dying_at,
    dying_at_the_door,
    failing_at,
    filling_memory_at,
    line_of,
    opening_but_once,
    squaring,
    stating_threads,
)
from tests.missing import missing

PROJECT = Path(__file__).resolve().parents[3]
COUNT = 40


def go(
    opening: Opening, folder: Path | None = None, engine: Engine = "local", count: int = COUNT,
    taken: list[Line] | None = None,
) -> list[Line]:  # fmt: skip
    """The squares of the first numbers by two workers; `taken` has those that come before an error."""
    keys, told = [str(number) for number in range(count)], list[int]()
    lines = [] if taken is None else taken
    lines += lines_by_workers(opening, keys, range(count), folder, Workers(2, engine), told.append)
    assert sum(told) == count  # the bar has come to its end
    return lines


def left_in(folder: Path) -> list[int]:
    return sorted(int(key) for key in ShardFolder(folder).kept())


def failed(accident: Callable[[int], None], folder: Path) -> tuple[SkylarkError, list[int]]:
    """The error of a run, and the numbers that were squared before it, in order."""
    taken: list[Line] = []
    with pytest.raises(SkylarkError) as raised:
        go(partial(squaring, accident), folder, taken=taken)
    assert taken == EXPECTED[: len(taken)]
    done = [*range(len(taken)), *left_in(folder)]
    assert len(done) == len(set(done))
    return raised.value, done


def ray_itself() -> Any:
    try:
        import ray
    except ImportError:
        missing("needs ray")
    return ray


EXPECTED = [line_of(number) for number in range(COUNT)]


def test_lines_come_in_order_whatever_the_items_have_in_common_and_those_taken_are_not_held(tmp_path: Path) -> None:
    def held() -> int:
        gc.collect()
        # By its type alone: a weak proxy of another test's says what the thing is that has gone meanwhile.
        return sum(type(thing) is dict and thing.keys() == {"key", "line"} for thing in gc.get_objects())

    keys = [str(number) for number in range(COUNT)]
    before = held()
    lines = lines_by_workers(
        squaring, keys, range(COUNT), tmp_path, Workers(2), lambda further: None, lambda item: item % 3 or None
    )
    assert [next(lines) for _ in keys[:-1]] == EXPECTED[:-1]
    gc.collect()
    assert held() - before <= 2  # of two shards at once
    assert list(lines) == EXPECTED[-1:]
    assert list(tmp_path.iterdir()) == []


def test_each_worker_has_one_thread_and_without_a_folder_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = dict(os.environ)
    assert [line["threads"] for line in go(stating_threads, count=4)] == ["1"] * 4
    assert dict(os.environ) == before
    assert list(tmp_path.glob("skylark-shards-*")) == []


def test_a_worker_that_is_killed_is_replaced(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    accident = partial(dying_at, 13, tmp_path / "mark")
    assert go(partial(squaring, accident), tmp_path / "shards") == EXPECTED
    assert caplog.messages == [
        "a worker died at 13 (killed, as the system does where memory runs out); another one goes on from there"
    ]


MEMORY = "; often memory is too small"


@pytest.mark.parametrize(
    ("accident", "kind", "said"),
    [
        (partial(dying_at, 5, None), WorkerError,
         f"3 workers in a row died at 5 (killed, as the system does where memory runs out){MEMORY}"),
        (partial(filling_memory_at, 5), WorkerError, f"3 workers in a row died at 5 (it ran out of memory){MEMORY}"),
        (partial(failing_at, 5, SkylarkError("the model failed")), SkylarkError, "the model failed"),
    ],
)  # fmt: skip
def test_one_that_dies_again_and_again_or_fails_is_an_error_and_what_was_done_is_kept(
    tmp_path: Path, accident: Callable[[int], None], kind: type[SkylarkError], said: str
) -> None:
    error, done = failed(accident, tmp_path)
    assert type(error) is kind and str(error).startswith(said)
    assert done[:5] == list(range(5)) and 5 not in done


def test_dying_before_the_first_item_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(WorkerError, match="3 workers in a row died opening what it needs to begin at "):
        go(dying_at_the_door, tmp_path)
    items = [NotStarting()] * COUNT  # as where a script is read from stdin, which no further interpreter can read
    with pytest.raises(WorkerError, match=r"3 workers in a row died before beginning at \d+ \(exit code 7\)"):
        list(lines_by_workers(squaring, [*map(str, range(COUNT))], items, tmp_path / "s", Workers(2), lambda _: None))


def test_a_shard_that_has_all_its_lines_is_done_whatever_becomes_of_its_worker(tmp_path: Path) -> None:
    opening = partial(opening_but_once, tmp_path / "mark", tmp_path / "opened")
    assert go(opening, tmp_path / "shards", count=8) == EXPECTED[:8]


def test_a_folder_is_the_same_wherever_workers_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    seen: list[Path] = []

    def run(opening: bytes, shards: Sequence[Shard], count: int) -> Generator[Shard]:
        seen.extend(shard.path for shard in shards)
        yield from run_in_processes(opening, shards, count)

    monkeypatch.setattr("kg_data.batches.lines.run_in_processes", run)
    assert go(squaring, Path("shards")) == EXPECTED
    assert seen and {path.parent for path in seen} == {tmp_path / "shards"}


@pytest.mark.parametrize(
    ("raised", "kind", "said"),
    [(UsageError("wrong"), UsageError, "wrong"), (KeyError(5), WorkerError, "a worker failed: KeyError: 5")],
)
def test_an_error_can_be_given_to_another_process(
    tmp_path: Path, raised: Exception, kind: type[SkylarkError], said: str
) -> None:
    worker = ShardWorker(pickle.dumps(partial(squaring, partial(failing_at, 5, raised))))
    error = pickle.loads(pickle.dumps(done_by(worker, Shard(0, tmp_path / "0001-000000.jsonl", ["5"], [5]))))
    assert (type(error), str(error)) == (kind, said)


def test_what_cannot_be_given_to_another_process_or_have_a_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot be given to other processes .*name the model"):
        go(lambda: squaring(), tmp_path)
    (tmp_path / "shards").touch()
    with pytest.raises(SkylarkError, match="cannot make the folder"):
        go(squaring, tmp_path / "shards")


def test_without_ray_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skylark.installation.find_spec", lambda module: None)
    with pytest.raises(MissingPackageError, match="The engine ray needs the package ray, which is not installed: run"):
        go(squaring, engine="ray")


class Driver:
    """A run of its own that is killed, see `driver`."""

    def __init__(self, out: Path, count: int, seconds: float, engine: Engine = "local", *poison: str) -> None:
        program = [sys.executable, "-m", "tests.kg_data.batches.driver"]
        command = [*program, str(out), str(count), str(seconds), engine, *poison]
        self.out = out
        self.process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def wait_for_lines(self, least: int) -> None:
        """Until the shards hold so many lines, or it has ended."""
        while self.process.poll() is None and len(ShardFolder.of(self.out).kept()) < least:
            time.sleep(0.02)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def alive(process: int) -> bool:
    with suppress(OSError):
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_workers_end_with_a_driver_that_is_killed(tmp_path: Path) -> None:
    driver = Driver(tmp_path / "lines.jsonl", 64, 0.05)
    driver.wait_for_lines(4)
    workers = ShardFolder.of(driver.out).workers()
    driver.kill()
    assert workers
    deadline = time.monotonic() + 60
    while any(map(alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(alive, workers))


def killed_and_resumed(out: Path, count: int, seconds: float, kills: int, engine: Engine) -> int:
    """Kill workers and drivers in turn at random moments, and go on: how many items the last part had left."""
    rng = random.Random(0)
    driver = Driver(out, count, seconds, engine)
    for number in range(kills):
        driver.wait_for_lines(len(ShardFolder.of(out).kept()) + rng.randrange(8))
        time.sleep(rng.uniform(0, 2 * seconds))
        if number % 2:
            for worker in ShardFolder.of(driver.out).workers()[:1]:
                with suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)
        else:
            driver.kill()
            driver = Driver(out, count, seconds, engine)
    left, told = driver.process.communicate(timeout=240)
    assert driver.process.returncode == 0, told
    # Ray writes lines of its own there too.
    return next(int(line) for line in reversed(left.splitlines()) if line.isdecimal())


@pytest.mark.slow
@pytest.mark.parametrize(("engine", "kills"), [("local", 8), pytest.param("ray", 1, marks=pytest.mark.long)])
def test_killed_at_random_moments_it_loses_and_repeats_nothing(tmp_path: Path, engine: Engine, kills: int) -> None:
    whole, killed = tmp_path / "whole.jsonl", tmp_path / "killed.jsonl"
    assert int(Driver(whole, 120, 0.0).process.communicate(timeout=240)[0]) == 120
    assert killed_and_resumed(killed, 120, 0.02, kills, engine) < 120
    assert killed.read_bytes() == whole.read_bytes()
    assert not ShardFolder.of(killed).path.exists()


@pytest.mark.slow
@pytest.mark.long
def test_on_ray_too_an_item_at_which_workers_die_is_named(tmp_path: Path) -> None:
    out = tmp_path / "lines.jsonl"
    driver = Driver(out, COUNT, 0.0, "ray", "13")
    _, told = driver.process.communicate(timeout=240)
    assert driver.process.returncode == 1
    assert "WorkerError: 3 workers in a row died at 13; often memory is too small" in told
    done = [*range(out.read_bytes().count(b"\n")), *left_in(ShardFolder.of(out).path)]
    assert done[:13] == list(range(13)) and 13 not in done and len(done) == len(set(done))


FAILING = """
import sys
from functools import partial
from pathlib import Path

from skylark.errors import SkylarkError
from tests.kg_data.batches.test_workers import go
from tests.kg_data.batches.works import failing_at, squaring

if __name__ == "__main__":
    try:
        go(partial(squaring, partial(failing_at, 5, SkylarkError('the model failed'))), Path(sys.argv[1]), "ray")
    except SkylarkError as error:
        import ray

        print(error, ray.is_initialized())
"""
"""For a process of its own: what asks Ray after it is shut down ends the process, which must not be the tests'."""


@pytest.mark.slow
@pytest.mark.long
def test_on_ray_an_error_of_the_work_leaves_no_ray(tmp_path: Path) -> None:
    ray_itself()
    done = subprocess.run(
        [sys.executable, "-c", FAILING, str(tmp_path / "shards")], cwd=PROJECT, capture_output=True, text=True,
        timeout=240, check=False,
    )  # fmt: skip
    assert "the model failed False" in done.stdout.splitlines(), done.stderr
    assert "Traceback" not in done.stderr


def test_what_ray_cannot_begin_and_a_cluster_that_does_not_answer_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def init(**options: object) -> None:
        raise RuntimeError("Timed out\nno such cluster")

    with monkeypatch.context() as patched:
        patched.setattr(ray_itself(), "init", init)
        with pytest.raises(WorkerError, match=r"^Ray cannot be started: no such cluster$"):
            go(squaring, tmp_path / "shards", "ray")
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(WorkerError, match=r"^no cluster of Ray answers at 127\.0\.0\.1:1, which RAY_ADDRESS names: "):
        go(squaring, tmp_path / "shards", "ray")
