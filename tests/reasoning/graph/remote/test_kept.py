from __future__ import annotations

import pytest

from reasoning.graph.remote.client import Kept


def test_those_that_were_not_used_for_longest_go_where_all_weigh_too_much() -> None:
    kept: Kept[str, list[int]] = Kept(60, 10, len)
    for key in ("a", "b", "c"):
        kept.keep(key, [1, 2, 3])
    assert kept.get("a") == [1, 2, 3]
    kept.keep("d", [1, 2, 3])
    assert kept.get("b") is None and all(kept.get(key) for key in ("a", "c", "d"))


def test_what_weighs_more_than_all_may_is_not_kept() -> None:
    kept: Kept[str, list[int]] = Kept(60, 10, len)
    kept.keep("a", [0] * 11)
    assert kept.get("a") is None
    kept.keep("a", [0] * 10)
    assert kept.get("a") == [0] * 10


def test_what_is_kept_anew_weighs_once() -> None:
    kept: Kept[str, list[int]] = Kept(60, 10, len)
    for _ in range(5):
        kept.keep("a", [0] * 6)
    kept.keep("b", [0] * 4)
    assert kept.get("a") and kept.get("b")


def test_what_is_old_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("reasoning.graph.remote.client.time.monotonic", lambda: now[0])
    kept: Kept[str, list[int]] = Kept(60, 10, len)
    kept.keep("a", [1])
    now[0] = 59.5
    assert kept.get("a") == [1]
    now[0] = 60.5
    assert kept.get("a") is None
