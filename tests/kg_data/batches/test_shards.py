"""Shards: how work is cut, written by one worker at a time, and given to workers."""

import heapq
import json
import os
import pickle
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kg_data.batches.processes import WaitingShards
from kg_data.batches.shards import (
    GROUPS_A_WORKER,
    LEAST_ITEMS,
    MOST_ITEMS,
    TRIES,
    Shard,
    ShardFolder,
    ShardWorker,
    Workers,
    cut,
)
from skylark.errors import DataError, ResultsError, SkylarkError, UsageError, WorkerError
from tests.kg_data.batches.works import failing_at, line_of, squaring


def shard_of(folder: Path, count: int = 8) -> Shard:
    return Shard(0, folder / "0001-000000.jsonl", [str(number) for number in range(count)], range(count))


def records(shard: Shard) -> list[dict[str, object]]:
    return [json.loads(line) for line in shard.path.read_text().split("\n")[:-1]]


def worker(accident: partial[None] | None = None) -> ShardWorker:
    return ShardWorker(pickle.dumps(partial(squaring, accident)))


def fail(shard: Shard, poison: int) -> None:
    """Do what is left of a shard until it fails at an item."""
    with pytest.raises(SkylarkError, match="the model failed"):
        worker(partial(failing_at, poison, SkylarkError("the model failed"))).do(shard)


class TestCutting:
    @given(st.integers(0, 5000), st.integers(1, 9), st.booleans())
    def test_shards_are_a_partition_in_order(self, count: int, workers: int, in_batches: bool) -> None:
        keys = [str(number) for number in range(count)]
        shards = cut(keys, range(count), Path("nowhere"), workers, in_batches=in_batches)
        assert [key for shard in shards for key in shard.keys] == keys
        assert [item for shard in shards for item in shard.items] == list(range(count))
        assert [shard.number for shard in shards] == list(range(len(shards)))
        sizes = [len(shard.items) for shard in shards]
        if in_batches:
            alike = {*sizes[:-1]}
            assert len(alike) <= 1 and all(LEAST_ITEMS <= size <= MOST_ITEMS for size in alike)
            assert all(size % LEAST_ITEMS == 0 for size in alike)
        else:
            assert sizes == sorted(sizes, reverse=True) and all(size <= MOST_ITEMS for size in sizes)
            assert all(size >= LEAST_ITEMS for size in sizes[:workers][:-1]), "a model out of reach is noticed at once"
            assert sizes[-1:] <= [1] or count <= LEAST_ITEMS * workers, "the others wait for one item at last"

    @given(st.lists(st.integers(0, 9), max_size=2000), st.integers(1, 5))
    def test_items_that_are_alike_are_of_one_group(self, items: list[int], workers: int) -> None:
        keys = [str(number) for number in range(len(items))]
        shards = cut(keys, items, Path("nowhere"), workers, alike=lambda item: item or None)
        assert sorted((key for shard in shards for key in shard.keys), key=int) == keys
        assert all(
            items[int(key)] == item for shard in shards for key, item in zip(shard.keys, shard.items, strict=True)
        )
        groups = {(item, shard.group) for shard in shards for item in shard.items}
        assert len(groups) == len({item for item, _ in groups}), "a kind is of one group"
        assert all((group is None) == (item == 0) for item, group in groups)
        assert {group for _, group in groups} <= {None, *range(GROUPS_A_WORKER * workers)}
        assert all(shard.keys and len(shard.keys) <= 1.5 * MOST_ITEMS for shard in shards)
        assert [shard.number for shard in shards] == list(range(len(shards)))

    def test_many_workers_share_a_kind_that_all_items_are_of_and_no_earlier_file_is_written_again(
        self, tmp_path: Path
    ) -> None:
        keys = [str(number) for number in range(100)]
        shards = cut(keys, range(100), tmp_path, 8, alike=lambda item: 0)
        assert {len(shard.keys) for shard in shards} <= {8, 9}
        shards[0].path.touch()
        assert cut(["a"], [1], tmp_path, 2)[0].path.name > shards[0].path.name


class TestAFile:
    def test_it_holds_each_line_with_its_key_behind_who_wrote_it(self, tmp_path: Path) -> None:
        shard = shard_of(tmp_path)
        worker().do(shard)
        own = os.getpid()
        assert records(shard) == [
            {"begun": own}, {"ready": own}, *({"key": str(n), "line": line_of(n)} for n in range(8))
        ]  # fmt: skip
        assert list(shard.lines()) == [line_of(number) for number in range(8)]
        assert ShardFolder(tmp_path).kept() == {str(number): line_of(number) for number in range(8)}
        assert ShardFolder(tmp_path).workers() == [own]

    @pytest.mark.parametrize("cut_off", [0, 20, 48, 240])
    def test_what_a_killed_worker_left_is_gone_on_with(self, tmp_path: Path, cut_off: int) -> None:
        shard = shard_of(tmp_path)
        worker().do(shard)
        shard.path.write_bytes(shard.path.read_bytes()[:cut_off])
        there = len(list(shard.lines()))
        worker().do(shard)
        assert list(shard.lines()) == [line_of(number) for number in range(8)]
        again = [record["key"] for record in records(shard)[there:] if "key" in record]
        assert len(again) == len(set(again)) and shard.progress().key is None

    def test_the_last_try_does_one_item_at_a_time_and_then_it_is_over(self, tmp_path: Path) -> None:
        shard = shard_of(tmp_path)
        calls: list[int] = []
        for number in range(TRIES):
            assert not shard.progress().hopeless, number
            fail(shard, 0)
            calls.append(shard.progress().begun)
        assert calls == [1, 2, 3] and shard.progress().hopeless
        with pytest.raises(WorkerError, match="3 workers in a row died at 0"):
            worker().do(shard)

    def test_a_line_further_is_no_death_in_a_row(self, tmp_path: Path) -> None:
        shard = shard_of(tmp_path)
        for poison in (1, 2, 3, 4, 5):
            fail(shard, poison)
        worker().do(shard)
        assert list(shard.lines()) == [line_of(number) for number in range(8)]

    @pytest.mark.parametrize("text", ["nonsense\n", "[]\n", '{"key":"1","line":{}}\n{"other":1}\n'])
    def test_a_damaged_one_is_named(self, tmp_path: Path, text: str) -> None:
        shard = shard_of(tmp_path)
        shard.path.write_text(text)
        with pytest.raises(DataError, match=r"0001-000000.jsonl, line \d: expected a line as it was written"):
            ShardFolder(tmp_path).kept()
        with pytest.raises(DataError, match="expected a line as it was written"):
            worker().do(shard)


def test_one_of_this_machine_works_alone_and_others_and_results_without_a_name_are_refused() -> None:
    assert Workers().alone and not Workers(2).alone and not Workers(1, "ray").alone
    for count, engine, said in ((0, "local", "at least 1 worker, not 0"), (2, "rai", "did you mean 'ray'")):
        with pytest.raises(UsageError, match=said):
            Workers(count, engine)  # type: ignore[arg-type]
    with pytest.raises(ResultsError, match="it is a folder, and results need a file"):
        ShardFolder.of(Path("/"))


# Which worker does which shard ------------------------------------------------------------------------------------


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
def test_where_none_falls_behind_each_group_has_one_worker(count: int, groups_a_worker: int, stretches: int) -> None:
    begun = simulated([*range(count * groups_a_worker)] * stretches, count, lambda number: 1)
    assert len({(one.shard.group, one.worker) for one in begun}) == count * groups_a_worker
    assert set(Counter(one.worker for one in begun).values()) == {groups_a_worker * stretches}


def test_one_group_is_done_in_order_by_all_workers_to_the_end() -> None:
    begun = simulated([0] * 20, 4, lambda number: 1)
    assert [one.shard.number for one in begun] == [*range(20)]
    assert Counter(one.worker for one in begun) == dict.fromkeys(range(4), 5)


@pytest.mark.parametrize(
    ("groups", "workers", "expected"),
    [
        # Without a group each takes the next; with them, its groups in their order.
        ([None] * 3, [1, 0, 0, 1], [0, 1, 2, None]),
        ([0, 1, None, 0, 1, None, 0, 1], [0, 1, 0, 0, 1, 1, 1, 0, 0, 1], [0, 1, 2, 3, 4, 5, 7, 6, None, None]),
        # One that would run ahead takes a group over for which three wait; the rest of it is left until the end.
        ([0, 1, 0, 2, 0, 0, 1], [0, 1, 1, 1, 1, 0, 1], [0, 1, 3, 2, 4, 5, 6]),
        # Two that wait are passed over until nothing else waits.
        ([0, 1, 0, 0, 1], [0, 1, 1, 1, 0, 0, 1], [0, 1, 4, 2, 3, None, None]),
    ],
)
def test_a_worker_does_its_groups_and_helps_with_others(
    groups: list[int | None], workers: list[int], expected: list[int | None]
) -> None:
    assert given_to(WaitingShards(grouped(groups)), workers) == expected
