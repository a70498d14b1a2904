"""A hosted model's replies kept on disk, so that asking the same again sends nothing and costs nothing.

It is a cache of LangChain's own kind: LangChain looks here before a request and stores after it. The store is SQLite
from the standard library, with a write-ahead log: several processes may share it, and a process that is killed
leaves it whole. Replies are JSON, never a pickle. A cache that cannot be used is no reason to stop: it says so once.
"""

from __future__ import annotations

import hashlib
import json
import logging
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, TypeVar

from langchain_core.caches import BaseCache
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, Generation
from pydantic_core import PydanticSerializationError, ValidationError

from reasoning.lm.replies import CACHED, is_cached, is_cut_off
from skylark.files import CACHE_VARIABLE, cache_dir

log = logging.getLogger(__name__)

T = TypeVar("T")

VERSION = 1
"""To raise whenever what is stored changes; a store of another version is another file."""

MAX_BYTES = 256 * 2**20
"""Size at which the replies that were not used for longest go; a reply takes about 1 kB."""

KEPT = 0.8
"""Share of the replies that stays then."""

WAIT = 5.0
"""Seconds that one process waits for another's write."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS replies (key BLOB PRIMARY KEY, reply TEXT NOT NULL, used REAL NOT NULL);
CREATE INDEX IF NOT EXISTS by_use ON replies (used);
"""

_warned: set[Path] = set()


class ResponseCache(BaseCache):
    """Replies by model, parameters and messages.

    Kept is what was said in full: no error, no reply that ended at its length limit, no empty one.
    """

    def __init__(self, scope: str = "", folder: Path | None = None, max_bytes: int = MAX_BYTES) -> None:
        self.path = (folder or cache_dir() / "replies") / f"replies-{VERSION}.sqlite3"
        self._scope, self._max_bytes = scope, max_bytes

    def lookup(self, prompt: str, llm_string: str) -> list[Generation] | None:
        """The reply to this prompt by this model, marked as cached; None where there is none."""
        key = self._key(prompt, llm_string)
        if not self.path.exists():
            return None

        def read(store: sqlite3.Connection) -> Any:
            row = store.execute("SELECT reply FROM replies WHERE key = ?", (key,)).fetchone()
            if row is not None:
                store.execute("UPDATE replies SET used = ? WHERE key = ?", (time.time(), key))
            return row

        row = self._with_store(read)
        try:
            message = None if row is None else AIMessage.model_validate_json(row[0])
        except ValidationError:
            return None
        if message is None:
            return None
        message.response_metadata[CACHED] = True
        return [ChatGeneration(message=message)]

    def update(self, prompt: str, llm_string: str, return_val: Sequence[Generation]) -> None:
        """Keep a reply, if it is one to keep."""
        message = return_val[0].message if len(return_val) == 1 and isinstance(return_val[0], ChatGeneration) else None
        if not isinstance(message, AIMessage) or is_cut_off(message) or is_cached(message):
            return
        if not message.text.strip() and not message.tool_calls:
            return
        try:
            reply = json.dumps(message.model_copy(update={"id": None}).model_dump(mode="json"), ensure_ascii=False)
        except (PydanticSerializationError, ValueError):
            return  # a provider's own objects inside; asking again is the safe thing
        row = (self._key(prompt, llm_string), reply, time.time())

        def write(store: sqlite3.Connection) -> None:
            store.execute("INSERT OR REPLACE INTO replies VALUES (?, ?, ?)", row)
            self._bound(store)

        self._with_store(write)

    def clear(self, **kwargs: Any) -> None:
        """Forget every reply, of all models."""
        self._with_store(lambda store: store.executescript("DELETE FROM replies; VACUUM"))

    def _bound(self, store: sqlite3.Connection) -> None:
        pages, free, size = (
            store.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
        if (pages - free) * size > self._max_bytes:
            store.execute(
                "DELETE FROM replies WHERE key IN (SELECT key FROM replies ORDER BY used "
                "LIMIT (SELECT CAST(COUNT(*) * ? AS INTEGER) + 1 FROM replies))",
                (1 - KEPT,),
            )

    def _with_store(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """What `work` does with the store, made where it is absent; what goes wrong is told once and forgiven."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # A connection for each use: none is shared by threads or survives a fork.
            with closing(sqlite3.connect(self.path, timeout=WAIT, isolation_level=None)) as store:
                with suppress(sqlite3.OperationalError):
                    # Refused while another process does the same; what follows waits until that is done.
                    store.execute("PRAGMA journal_mode = WAL")
                store.execute("PRAGMA synchronous = NORMAL")
                store.executescript(_SCHEMA)
                return work(store)
        except (OSError, sqlite3.Error) as error:
            if self.path not in _warned:
                _warned.add(self.path)
                log.warning(
                    "the cache of replies %s cannot be used (%s); going on without it: make room, delete it, "
                    "or set %s to another folder", self.path, error, CACHE_VARIABLE,
                )  # fmt: skip
            return None

    def _key(self, prompt: str, llm_string: str) -> bytes:
        return hashlib.sha256(json.dumps([self._scope, llm_string, prompt]).encode()).digest()
