"""The limit on time: what is asked for comes, is stopped, or is told to wait."""

from __future__ import annotations

import contextvars
import threading
import time

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
    assert limit.run(lambda: "again") == "again"


def test_work_knows_whose_request_it_is() -> None:
    visitor = contextvars.ContextVar("visitor", default="nobody")
    limit = TimeLimit(1, 10, "the answer")
    visitor.set("ada")
    assert limit.run(visitor.get) == "ada"
    visitor.set("grace")
    assert limit.run(visitor.get) == "grace"


def test_work_that_takes_too_long_is_abandoned_and_told() -> None:
    limit, noticed = TimeLimit(1, 0.1, "the answer"), threading.Event()

    def endless() -> None:
        while not abandoned():
            time.sleep(0.01)
        noticed.set()

    with pytest.raises(TookTooLongError, match=r"the answer took more than 0\.1 seconds"):
        limit.run(endless)
    assert noticed.wait(10), "the work can notice that nobody waits for it"


def test_abandoned_work_keeps_its_thread_and_those_who_come_are_told() -> None:
    limit, release = TimeLimit(1, 0.1, "the answer"), threading.Event()
    with pytest.raises(TookTooLongError):
        limit.run(lambda: release.wait(30))
    with pytest.raises(TookTooLongError, match=r"not begun .* busy with other visitors"):
        limit.run(lambda: None)
    release.set()
    patient = TimeLimit(1, 10, "the answer")
    assert patient.run(lambda: "free") == "free"


def test_who_shared_the_time_with_others_is_told_to_come_back() -> None:
    limit, release, told = TimeLimit(2, 0.5, "the answer"), threading.Event(), list[str]()

    def asks() -> None:
        with pytest.raises(TookTooLongError) as error:
            limit.run(lambda: release.wait(30))
        told.append(str(error.value))

    visitors = [threading.Thread(target=asks) for _ in range(2)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join(10)
    release.set()
    assert all("try again" in words and "ask for less" not in words for words in told), told
    assert len(told) == 2


def test_no_more_wait_than_may() -> None:
    limit, release = TimeLimit(1, 30, "the run", waiting=1), threading.Event()
    others = [threading.Thread(target=limit.run, args=(lambda: release.wait(30),)) for _ in range(2)]
    for other in others:
        other.start()
    deadline = time.monotonic() + 10
    while limit.callers < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    with pytest.raises(TookTooLongError, match="2 others are before it"):
        limit.run(lambda: None)
    release.set()
    for other in others:
        other.join(10)
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

    callers = [threading.Thread(target=limit.run, args=(work,)) for _ in range(20)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(30)
    assert 1 <= most <= 3
