"""The store of replies: shared by threads and processes, whole after a kill, bounded, and never in the way."""

import hashlib
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, Generation

from reasoning.lm import LLMError, load_llm, response_cache
from reasoning.lm.replies import is_cached
from reasoning.lm.response_cache import ResponseCache
from tests.reasoning.chat_models import ScriptedChatModel

ROOT = Path(__file__).parents[3]
WRITER = """
import sys
from itertools import count
from pathlib import Path
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration
from reasoning.lm.response_cache import ResponseCache
cache = ResponseCache(folder=Path(sys.argv[1]))
for number in count():
    cache.update(f"a {number}", "m", [ChatGeneration(message=AIMessage(f"reply {number}"))])
    print(number, flush=True)
"""


def said(text: str = "e1", **about: Any) -> list[Generation]:
    return [ChatGeneration(message=AIMessage(text, **about))]


def looked_up(cache: ResponseCache, prompt: str = "p", model: str = "m") -> AIMessage | None:
    found = cache.lookup(prompt, model)
    if found is None:
        return None
    (generation,) = found
    assert isinstance(generation, ChatGeneration) and isinstance(generation.message, AIMessage)
    return generation.message


@pytest.fixture
def cache(tmp_path: Path) -> ResponseCache:
    return ResponseCache(folder=tmp_path)


def test_a_reply_comes_back_with_its_usage_and_marked_until_it_is_spoilt_or_cleared(
    cache: ResponseCache, tmp_path: Path
) -> None:
    assert looked_up(cache) is None and not cache.path.exists(), "looking up makes no file"
    usage = {"input_tokens": 7, "output_tokens": 2, "total_tokens": 9}
    cache.update("p", "m", said(usage_metadata=usage, response_metadata={"finish_reason": "stop"}, id="run-1"))
    reply = looked_up(cache)
    assert reply is not None and (reply.text, reply.usage_metadata, reply.id) == ("e1", usage, None)
    assert is_cached(reply)
    assert looked_up(cache, "q") is looked_up(cache, model="n") is None
    assert looked_up(ResponseCache("http://elsewhere/v1", tmp_path)) is None
    with sqlite3.connect(cache.path) as store:
        store.execute("UPDATE replies SET reply = '{\"content\": 5'")
    assert looked_up(cache) is None, "a spoilt record is asked for again"
    cache.update("p", "m", said())
    assert looked_up(cache) is not None
    cache.clear()
    assert looked_up(cache) is None
    with pytest.raises(LLMError, match="cannot be cached: it states no parameters"):
        load_llm(ScriptedChatModel("none"), cache=True)


def test_a_store_of_0_1_0_is_read_and_one_of_another_version_is_another_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "replies-1.sqlite3"
    key = hashlib.sha256(b'["https://api/v1", "m", "p"]').digest()
    stored = '{"content": "e7, e9", "type": "ai", "response_metadata": {"finish_reason": "stop"}}'
    with closing(sqlite3.connect(path)) as store:
        store.execute("CREATE TABLE replies (key BLOB PRIMARY KEY, reply TEXT NOT NULL, used REAL NOT NULL)")
        store.execute("INSERT INTO replies VALUES (?, ?, 0)", (key, stored))
        store.commit()
    reply = looked_up(ResponseCache("https://api/v1", tmp_path))
    assert reply is not None and reply.text == "e7, e9" and is_cached(reply)
    before = path.read_bytes()
    monkeypatch.setattr(response_cache, "VERSION", 2)
    cache = ResponseCache("https://api/v1", tmp_path)
    assert looked_up(cache) is None
    cache.update("p", "m", said("e1"))
    assert path.read_bytes() == before


def test_what_is_no_whole_reply_is_not_kept(cache: ResponseCache) -> None:
    for reply in (
        said(response_metadata={"finish_reason": "length"}),
        said(response_metadata={"stop_reason": "max_tokens"}),
        said(" \n"),
        [*said(), *said()],
        [Generation(text="e1")],
    ):
        cache.update("p", "m", reply)
        assert looked_up(cache) is None


def test_the_store_is_bounded_and_keeps_what_was_used_last(tmp_path: Path) -> None:
    cache = ResponseCache(folder=tmp_path, max_bytes=200_000)
    for number in range(100):
        cache.update(f"p{number}", "m", said("x" * 4000))
        assert looked_up(cache, "p0") is not None
    assert cache.path.stat().st_size < 300_000
    assert looked_up(cache, "p99") is not None and looked_up(cache, "p1") is None


def test_threads_share_it(cache: ResponseCache) -> None:
    together = threading.Barrier(8)

    def work(worker: int) -> list[str]:
        together.wait(10)
        for number in range(20):
            cache.update(f"{worker} {number}", "m", said(f"{worker} {number}"))
        return [reply.text for number in range(20) if (reply := looked_up(cache, f"{worker} {number}"))]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == [[f"{worker} {number}" for number in range(20)] for worker in range(8)]


@pytest.mark.slow
def test_a_killed_process_leaves_all_that_it_had_stored(cache: ResponseCache) -> None:
    command = [sys.executable, "-c", WRITER, str(cache.path.parent)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    stored = [int(process.stdout.readline()) for _ in range(30)]
    os.kill(process.pid, signal.SIGKILL)
    process.wait(10)
    assert all(looked_up(cache, f"a {number}") for number in stored)
    cache.update("p", "m", said())
    assert looked_up(cache) is not None


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> pytest.LogCaptureFixture:
    monkeypatch.setattr(response_cache, "_warned", set())
    caplog.set_level(logging.WARNING)
    return caplog


@pytest.mark.parametrize("folder", [False, True])
def test_a_store_that_cannot_be_used_is_told_once_and_does_without(
    tmp_path: Path, told: pytest.LogCaptureFixture, folder: bool
) -> None:
    cache = ResponseCache(folder=tmp_path / "replies")
    if folder:
        cache.path.parent.mkdir()
        cache.path.write_bytes(b"this is no database " * 1000)
    else:
        cache.path.parent.write_text("a file where a folder should be")
    for _ in range(3):
        cache.update("p", "m", said())
        assert looked_up(cache) is None
    (record,) = told.records
    assert str(cache.path) in record.getMessage() and "going on without it" in record.getMessage()


def test_a_full_disk_is_told_once(cache: ResponseCache, told: pytest.LogCaptureFixture) -> None:
    cache.update("p", "m", said())
    with sqlite3.connect(cache.path) as store:
        pages = store.execute("PRAGMA page_count").fetchone()[0]

    class Full(sqlite3.Connection):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.execute(f"PRAGMA max_page_count = {pages}")  # SQLite's own "database or disk is full"

    connect = sqlite3.connect
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sqlite3, "connect", lambda *a, **k: connect(*a, **k, factory=Full))
        for number in range(3):
            cache.update(f"big {number}", "m", said("x" * 100_000))
    assert [("full" in record.getMessage()) for record in told.records] == [True]
    assert looked_up(cache) is not None
