from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Iterator

import pytest

from reasoning.lm.calls import concurrent_map

name: contextvars.ContextVar[str] = contextvars.ContextVar("name", default="")


def square(number: int) -> int:
    return number * number


@pytest.mark.parametrize("workers", [0, 1, 3, 50])
def test_results_come_in_the_items_order(workers: int) -> None:
    assert list(concurrent_map(square, range(20), workers)) == [square(number) for number in range(20)]


def test_as_many_run_at_once_as_there_are_workers() -> None:
    together = threading.Barrier(3, timeout=10)  # breaks unless three meet
    assert list(concurrent_map(lambda _: together.wait() >= 0, range(9), 3)) == [True] * 9


def test_items_are_taken_only_a_little_ahead() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(1000):
            taken.append(number)
            yield number

    results = concurrent_map(square, items(), 2)
    assert next(results) == 0
    assert len(taken) == 4


@pytest.mark.parametrize("workers", [1, 3])
def test_an_error_comes_in_its_place(workers: int) -> None:
    results = concurrent_map(lambda number: 1 // (3 - number), range(9), workers)
    assert [next(results) for _ in range(3)] == [0, 0, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_what_has_not_begun_when_the_reader_leaves_is_dropped() -> None:
    begun: list[int] = []
    go_on = threading.Event()

    def work(number: int) -> int:
        begun.append(number)
        return number if number == 0 or go_on.wait(10) else -1

    results = concurrent_map(work, range(100), 2)
    assert next(results) == 0
    results.close()  # type: ignore[attr-defined]
    go_on.set()
    time.sleep(0.1)
    assert len(begun) <= 3


def test_a_map_inside_a_map_adds_no_threads() -> None:
    def inner(number: int) -> set[int]:
        return set(concurrent_map(lambda _: threading.get_ident(), range(4), 4))

    assert all(len(idents) == 1 for idents in concurrent_map(inner, range(4), 2))


def test_the_callers_context_is_the_calls_own() -> None:
    name.set("caller")
    assert set(concurrent_map(lambda _: name.get(), range(4), 2)) == {"caller"}
