from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

import pytest

from reasoning.lm.calls import abandoned, awaited, concurrent_map


def test_what_is_awaited_gives_its_result_or_its_error() -> None:
    assert asyncio.run(awaited(lambda: 5)) == 5
    with pytest.raises(KeyError, match="five"):
        asyncio.run(awaited(lambda: dict[str, int]()["five"]))


def test_the_event_loop_goes_on_meanwhile() -> None:
    async def both() -> list[str]:
        reached = threading.Event()
        done: list[str] = []

        async def other() -> None:
            done.append("other")
            reached.set()

        await asyncio.gather(awaited(lambda: done.append(str(reached.wait(5)))), other())
        return done

    assert asyncio.run(both()) == ["other", "True"]


@pytest.mark.timing
@pytest.mark.parametrize("wrapped", [False, True], ids=["itself", "in a map inside"])
def test_cancelled_work_knows_it_and_keeps_no_loop_open(wrapped: bool) -> None:
    seen, release = threading.Event(), threading.Event()

    def work(item: object = None) -> None:
        release.wait(60)
        if abandoned():
            seen.set()

    whole: Callable[[], object] = (lambda: list(concurrent_map(work, [1, 2], 2))) if wrapped else work
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(awaited(whole), 0.05))
    assert time.monotonic() - began < 30
    release.set()
    assert seen.wait(30)


def test_work_under_way_in_a_map_that_was_left_knows_it() -> None:
    seen, left, began = threading.Event(), threading.Event(), threading.Event()

    def work(item: int) -> None:
        if item:
            began.set()
            left.wait(5)
            if abandoned():
                seen.set()

    results = concurrent_map(work, range(2), 2)
    next(results)
    assert began.wait(5), "what has not begun is never done"
    results.close()  # type: ignore[attr-defined]
    left.set()
    assert seen.wait(5)


def test_work_that_is_waited_for_is_not_abandoned() -> None:
    assert asyncio.run(awaited(abandoned)) is False
    assert list(concurrent_map(lambda _: abandoned(), range(4), 2)) == [False] * 4
