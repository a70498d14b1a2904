"""Passes that several threads share."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from reasoning.lm import decoding
from reasoning.lm.decoding import SharedPasses

WAIT = 10.0
"""Seconds after which a test that hangs fails, and for which a pass waits for the others on a busy machine."""


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
