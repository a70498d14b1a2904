from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kg_data.batches.processes import WaitingShards
from kg_data.batches.shards import Shard


def grouped(groups: Sequence[int | None]) -> list[Shard]:
    return [Shard(number, Path("nowhere"), [], [], group) for number, group in enumerate(groups)]


def given_to(waiting: WaitingShards, workers: Sequence[int]) -> list[int | None]:
    """The number of the shard that each of these workers in turn is given."""
    return [None if (shard := waiting.next(worker)) is None else shard.number for worker in workers]


@dataclass(frozen=True)
class Begun:
    """A shard that a worker begins, and when."""

    shard: Shard
    worker: int
    time: int


def simulated(groups: Sequence[int | None], count: int, seconds: Callable[[int], int]) -> list[Begun]:
    """Which worker begins which shard when, where a shard takes it so many seconds; none ends while a shard waits."""
    waiting, begun = WaitingShards(grouped(groups)), list[Begun]()
    free = [(0, worker) for worker in range(count)]
    while free:
        time, worker = heapq.heappop(free)
        shard = waiting.next(worker)
        if shard is None:
            assert len(begun) == len(groups), "a worker ends while a shard waits"
            continue
        begun.append(Begun(shard, worker, time))
        heapq.heappush(free, (time + seconds(shard.number), worker))
    return begun


kinds = st.lists(st.none() | st.integers(0, 6), max_size=60)


# One group, of which the first to wait once came last.
@example([0] * 20, 2, [1])
@example([0] * 20, 4, [1])
@given(kinds, st.integers(1, 5), st.lists(st.integers(1, 9), min_size=1, max_size=60))
@settings(deadline=None)
def test_all_are_done_once_and_the_first_that_waits_is_soon_begun(
    groups: list[int | None], count: int, lengths: list[int]
) -> None:
    begun = simulated(groups, count, lambda number: lengths[number % len(lengths)])
    assert sorted(one.shard.number for one in begun) == [*range(len(groups))]
    for group in set(groups) - {None}:
        own = [one.shard.number for one in begun if one.shard.group == group]
        assert own == sorted(own), "each group in its order"
    times = [one.time for one in sorted(begun, key=lambda one: one.shard.number)]
    first_in_line = 0
    for time in times:
        assert time - first_in_line <= max(lengths), "it waits at most for what its worker has in hand"
        first_in_line = max(first_in_line, time)


@given(st.integers(1, 5), st.integers(1, 4), st.integers(1, 6))
@settings(deadline=None)
def test_where_none_falls_behind_each_group_has_one_worker(count: int, groups_a_worker: int, stretches: int) -> None:
    begun = simulated([*range(count * groups_a_worker)] * stretches, count, lambda number: 1)
    assert len({(one.shard.group, one.worker) for one in begun}) == count * groups_a_worker
    assert set(Counter(one.worker for one in begun).values()) == {groups_a_worker * stretches}


@pytest.mark.parametrize(("count", "rounds"), [(2, 10), (4, 5)])
def test_one_group_is_done_in_order_by_all_workers_to_the_end(count: int, rounds: int) -> None:
    begun = simulated([0] * 20, count, lambda number: 1)
    assert [one.shard.number for one in begun] == [*range(20)]
    assert Counter(one.worker for one in begun) == dict.fromkeys(range(count), rounds)


def test_a_worker_does_its_groups_in_their_order() -> None:
    waiting = WaitingShards(grouped([0, 1, None, 0, 1, None, 0, 1]))
    assert given_to(waiting, [0, 1, 0, 0, 1, 1, 1, 0, 0, 1]) == [0, 1, 2, 3, 4, 5, 7, 6, None, None]


def test_a_worker_that_would_run_ahead_takes_a_group_over() -> None:
    waiting = WaitingShards(grouped([0, 1, 0, 2, 0, 0, 1]))
    assert given_to(waiting, [0, 1, 1]) == [0, 1, 3]
    assert given_to(waiting, [1]) == [2], "three wait for the other one, whose group it takes over from the first"
    assert given_to(waiting, [1, 0, 1]) == [4, 5, 6], (
        "the group is its own now, of which the rest is left until the end"
    )


def test_a_few_are_left_to_who_has_the_group_until_nothing_else_waits() -> None:
    waiting = WaitingShards(grouped([0, 1, 0, 0, 1]))
    assert given_to(waiting, [0, 1]) == [0, 1]
    assert given_to(waiting, [1, 1]) == [4, 2], "two that wait are passed over, then the first of them is taken"
    assert given_to(waiting, [0, 0, 1]) == [3, None, None]


def test_without_a_group_each_worker_takes_the_next() -> None:
    assert given_to(WaitingShards(grouped([None] * 3)), [1, 0, 0, 1]) == [0, 1, 2, None]
