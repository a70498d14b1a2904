"""The limit on time: what is asked for comes, is stopped, or is told to wait."""

from __future__ import annotations

import contextvars
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.server.serving import TimeLimit, TookTooLongError
from reasoning.lm.calls import abandoned


def test_work_gives_and_raises_as_without_a_limit() -> None:
    limit = TimeLimit(2, 10, "the answer")
    assert limit.run(lambda: 42) == 42
    with pytest.raises(ZeroDivisionError):
        limit.run(lambda: 1 // 0)
    with pytest.raises(TimeoutError, match="its own"):
        limit.run(lambda: (_ for _ in ()).throw(TimeoutError("its own")))
    visitor = contextvars.ContextVar("visitor", default="nobody")
    for name in ("ada", "grace"):
        visitor.set(name)
        assert limit.run(visitor.get) == name, "work knows whose request it is"


def test_work_that_takes_too_long_is_abandoned_and_told() -> None:
    limit, noticed, release = TimeLimit(1, 0.1, "the answer"), threading.Event(), threading.Event()

    def endless() -> None:
        while not abandoned():
            time.sleep(0.01)
        noticed.set()
        release.wait(30)

    with pytest.raises(TookTooLongError, match=r"the answer took more than 0\.1 seconds"):
        limit.run(endless)
    assert noticed.wait(10), "the work can notice that nobody waits for it"
    with pytest.raises(TookTooLongError, match=r"not begun .* busy with other visitors"):
        limit.run(lambda: None)  # abandoned work keeps its thread
    release.set()


def test_who_shared_the_time_with_others_is_told_to_come_back() -> None:
    limit, release = TimeLimit(2, 0.5, "the answer"), threading.Event()
    with ThreadPoolExecutor(2) as pool:
        errors = [visitor.exception(10) for visitor in [pool.submit(limit.run, lambda: release.wait(30)) for _ in "ab"]]
        release.set()
    assert all(isinstance(error, TookTooLongError) for error in errors)
    assert all("try again" in str(error) and "ask for less" not in str(error) for error in errors), errors


def test_no_more_wait_than_may() -> None:
    limit, release = TimeLimit(1, 30, "the run", waiting=1), threading.Event()
    with ThreadPoolExecutor(2) as pool:
        for _ in range(2):
            pool.submit(limit.run, lambda: release.wait(30))
        deadline = time.monotonic() + 10
        while limit.callers < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        with pytest.raises(TookTooLongError, match="2 others are before it"):
            limit.run(lambda: None)
        release.set()
    assert limit.run(lambda: "served") == "served"


def test_never_more_at_once_than_may() -> None:
    limit, lock, now, most = TimeLimit(3, 30, "the answer"), threading.Lock(), 0, 0

    def work() -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.02)
        with lock:
            now -= 1

    with ThreadPoolExecutor(20) as pool:
        for _ in range(20):
            pool.submit(limit.run, work)
    assert 1 <= most <= 3
