"""Work on threads: in the caller's order, shared, given up, and known to be given up."""

import asyncio
import contextvars
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from reasoning.lm import decoding
from reasoning.lm.calls import abandoned, awaited, concurrent_map
from reasoning.lm.decoding import SharedPasses

WAIT = 10.0
"""Seconds after which a test that hangs fails, and for which a pass waits for the others on a busy machine."""

name: contextvars.ContextVar[str] = contextvars.ContextVar("name", default="")


def square(number: int) -> int:
    return number * number


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_results_and_errors_come_in_the_items_order(workers: int) -> None:
    assert list(concurrent_map(square, range(20), workers)) == [square(number) for number in range(20)]
    results = concurrent_map(lambda number: 1 // (3 - number), range(9), workers)
    assert [next(results) for _ in range(3)] == [0, 0, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_as_many_run_at_once_as_there_are_workers_in_the_callers_context_and_a_map_inside_adds_none() -> None:
    together = threading.Barrier(3, timeout=WAIT)  # breaks unless three meet
    assert list(concurrent_map(lambda _: together.wait() >= 0, range(9), 3)) == [True] * 9
    name.set("caller")
    assert set(concurrent_map(lambda _: name.get(), range(4), 2)) == {"caller"}
    items = iter(range(1000))
    assert next(concurrent_map(square, items, 2)) == 0
    assert next(items) == 4, "items are taken only a little ahead"

    def inner(number: int) -> set[int]:
        return set(concurrent_map(lambda _: threading.get_ident(), range(4), 4))

    assert all(len(idents) == 1 for idents in concurrent_map(inner, range(4), 2))


def test_of_a_map_that_was_left_no_more_is_begun_and_what_is_under_way_knows_it() -> None:
    begun: list[int] = []
    seen, left, began = threading.Event(), threading.Event(), threading.Event()

    def work(item: int) -> None:
        begun.append(item)
        if item:
            began.set()
            left.wait(WAIT)
            if abandoned():
                seen.set()

    results = concurrent_map(work, range(100), 2)
    next(results)
    assert began.wait(WAIT), "what has not begun is never done"
    results.close()  # type: ignore[attr-defined]
    left.set()
    assert seen.wait(WAIT)
    assert len(begun) <= 3


def test_what_is_awaited_gives_its_result_or_its_error_while_the_event_loop_goes_on() -> None:
    async def both() -> list[str]:
        reached = threading.Event()
        done: list[str] = []

        async def other() -> None:
            done.append("other")
            reached.set()

        await asyncio.gather(awaited(lambda: done.append(str(reached.wait(WAIT)))), other())
        return done

    assert asyncio.run(both()) == ["other", "True"]
    with pytest.raises(KeyError, match="five"):
        asyncio.run(awaited(lambda: dict[str, int]()["five"]))
    assert asyncio.run(awaited(abandoned)) is False
    assert list(concurrent_map(lambda _: abandoned(), range(4), 2)) == [False] * 4


@pytest.mark.parametrize("wrapped", [False, True], ids=["itself", "in a map inside"])
def test_cancelled_work_knows_it_and_keeps_no_loop_open(wrapped: bool) -> None:
    seen, release = threading.Event(), threading.Event()

    def work(item: object = None) -> None:
        release.wait(60)
        if abandoned():
            seen.set()

    whole: Callable[[], object] = (lambda: list(concurrent_map(work, [1, 2], 2))) if wrapped else work
    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(awaited(whole), 0.05))
    release.set()
    assert seen.wait(WAIT)


def test_callers_who_ask_again_and_again_share_every_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "PATIENCE", WAIT)
    sizes: list[int] = []

    def serve(asked: Sequence[int]) -> list[int]:
        sizes.append(len(asked))
        return [number + 1 for number in asked]

    passes = SharedPasses(serve, most=4)
    together = threading.Barrier(8)

    def count(_: int) -> int:
        number = 0
        with passes.asking():
            together.wait(WAIT)
            for _ in range(25):
                number = passes.ask(number)
        return number

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(count, range(8))) == [25] * 8
    assert sum(sizes) == 200
    # Whoever has a reply goes on while the next pass runs: passes are full until fewer callers are left than one holds,
    # and before that five of them have asked 25 times.
    assert sizes == sorted(sizes, reverse=True) and sizes[:31] == [4] * 31
