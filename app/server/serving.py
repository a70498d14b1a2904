"""How the page is served: behind the guard, with a folder of its own for uploads, and programs' calls beside it."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.state_holder import SessionState
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from app.server import limits
from app.server.guard import Guard
from app.server.scripts import read_static
from app.server.theme import theme

SCRIPTS = ("page.js", "graph.js", "ask.js", "microphone.js")
REMEMBERED_EVENTS = 100
LOOKS_SECONDS = 0.02
"""Between two looks of the queue for what has come, so the most by which a request begins late."""


@dataclass(frozen=True)
class Beside:
    """What the page's server answers besides the page.

    Attributes:
        middleware: what requests pass through behind the guard.
        routes: further addresses.
        lifespan: runs for as long as the server does.
    """

    middleware: Middleware
    routes: Sequence[BaseRoute]
    lifespan: Callable[[Any], AbstractAsyncContextManager[None]]


def prepare() -> Path:
    """A fresh folder for uploads, which goes with this process; must run before the page is built.

    Gradio's own folder is shared by all programs of this machine, and what one of them does not delete stays for good.
    """
    folder = Path(tempfile.mkdtemp(prefix="skylark-uploads-")).resolve()
    os.environ["GRADIO_TEMP_DIR"] = str(folder)
    # Of each request Gradio keeps times, ten thousand of them, and sums all up anew after every one.
    os.environ["GRADIO_ANALYTICS_MAX_EVENTS"] = str(REMEMBERED_EVENTS)
    os.environ["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = str(10**9)
    return folder


def launch(page: gr.Blocks, uploads: Path, host: str, port: int, beside: Beside) -> str:
    """Begin to serve; returns the page's address.

    Args:
        page: the page.
        uploads: the folder of uploads, as `prepare` made it.
        host, port: where to listen.
        beside: what is served beside it.

    Raises:
        OSError: the port is taken, or the address is not this machine's.
    """

    def waiting() -> Iterator[tuple[str, str]]:
        for event in list(page._queue.event_ids_to_events.values()):
            client = event.request.client
            yield event.session_hash, client.host if client is not None else ""

    page._queue.pending_messages_per_session.max_size = limits.SESSIONS
    # Gradio looks every millisecond, which takes a twentieth of a core for as long as nobody asks.
    page._queue.sleep_when_free = page._queue.progress_update_sleep_when_free = LOOKS_SECONDS
    forget_values()
    page.launch(
        server_name=host,
        server_port=port,
        theme=theme(),
        css=read_static("page.css"),
        head="".join(f"<script>{read_static(name)}</script>" for name in SCRIPTS),
        footer_links=["api"],
        run_history=False,
        enable_monitoring=False,
        ssr_mode=False,
        share=False,
        mcp_server=False,
        max_file_size=limits.FILE_BYTES,
        state_session_capacity=limits.SESSIONS,
        app_kwargs={
            "middleware": [Middleware(Guard, waiting=waiting, uploads=uploads), beside.middleware],
            "routes": list(beside.routes),
            "lifespan": beside.lifespan,
        },
        quiet=True,
        prevent_thread_lock=True,
    )
    threading.Thread(target=_tidy, args=(page, uploads), name="skylark-tidy", daemon=True).start()
    return str(page.local_url)


def forget_values() -> None:
    """Keep of each tab only what the page itself keeps.

    Gradio also holds the last value of every field of every tab, uploads inside requests among them, so that a link can
    restore it. The address of those links is shut, and strangers would decide how much memory is held.
    """
    setattr(SessionState, "_update_value_in_config", lambda *_: None)  # noqa: B010


def clear(uploads: Path) -> None:
    """Delete what was uploaded."""
    shutil.rmtree(uploads, ignore_errors=True)


def _tidy(page: gr.Blocks, uploads: Path) -> None:
    while True:
        time.sleep(limits.TIDY_SECONDS)
        delete_old(uploads, limits.KEPT_SECONDS)
        queue = page._queue
        # A tab's list of requests outlives the tab's messages.
        for session in list(queue.pending_event_ids_session):
            if session not in queue.pending_messages_per_session:
                queue.pending_event_ids_session.pop(session, None)


def delete_old(folder: Path, seconds: float) -> int:
    """Delete files that were last written so long ago, and folders left empty; returns how many files."""
    now, deleted = time.time(), 0
    for path in sorted(folder.rglob("*"), reverse=True):
        try:
            if path.is_dir() and not path.is_symlink():
                if not any(path.iterdir()) and now - path.lstat().st_mtime > seconds:
                    path.rmdir()
            elif now - path.lstat().st_mtime > seconds:
                path.unlink()
                deleted += 1
        except OSError:  # somebody else deleted it, or is writing there
            continue
    return deleted
