"""How the page is served: behind a guard, within limits, with a folder of its own for uploads.

A page that strangers reach is only as strong as its bounds. They stand here in one place, the documentation states
them, and each error that comes of one says what it is and what to do. Gradio serves more than this page uses: pages
of other apps through its own address, files by their path, editors of its own source. Only what the page and its
programs need is let through, so that what a later version adds is shut until somebody looks at it.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, TimeoutError
from contextlib import AbstractAsyncContextManager
from contextvars import Context
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar
from urllib.parse import unquote

import anyio.to_thread
import gradio as gr
from gradio.state_holder import SessionState
from starlette.middleware import Middleware
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.server.views import read_static, theme
from reasoning.lm.calls import until
from skylark.errors import SkylarkError
from vision.images import MAX_BYTES

T = TypeVar("T")

QUEUE_LIMIT = 64
"""Requests of all visitors that wait; the next one is told to come back."""
VISITOR_EVENTS = 12
"""Requests of one tab that wait or run. A page that opens sends six at once, one for each thing that it may have to
show again, and others follow before a busy machine has answered these."""
ADDRESS_EVENTS = 40
"""Requests from one address that wait or run: a classroom has one address."""
ADDRESS_CONNECTIONS = 240
"""Open connections from one address; a tab holds two."""
ALL_CONNECTIONS = 2_000
SESSIONS = 300
"""Tabs whose state is kept; beyond it the one that was quiet for longest starts afresh with its next request."""

JSON_BYTES = 12 * 2**20
"""Of a request that is no upload: an image or a recording inside one, in base64, has three quarters of it."""
FILE_BYTES = MAX_BYTES
"""Of one uploaded file."""
UPLOAD_BYTES = 256 * 2**20
"""Of one upload, with all its files."""
STORED_BYTES = 4 * 2**30
"""Of all that visitors have uploaded and that is not deleted yet."""
KEPT_SECONDS = 3000
"""After which a file that a visitor sent or was given is deleted: within the hour, by whoever tidies up next."""
TIDY_SECONDS = 300

ANSWER_SECONDS = 30
"""For an exact answer."""
LOOK_SECONDS = 60
"""For a look at an image."""
WATCH_SECONDS = 180
"""For looking at one video; what is seen until then is shown."""
VIDEO_SECONDS = 60
"""Of a video that are looked at, from its beginning."""
VIDEO_FRAMES = 60 * VIDEO_SECONDS
"""Frames of a video that are looked at, which is as long at 60 a second."""
VIDEO_PIXELS = 3840 * 2160
"""Of a frame of a video; larger ones are refused."""
VIDEOS_AT_ONCE, VIDEOS_WAITING = 2, 4
"""Videos of all visitors that are looked at, and that wait for it."""
RUN_SECONDS = 600
"""For the language model's chain of one question."""
AUDIO_SECONDS = 60
"""Of a recording that is heard; a longer one is refused."""
AUDIO_BYTES = 32 * 2**20
"""Of a recording that is heard: room for a minute in the largest usual form."""
HEAR_SECONDS = 120
"""For hearing a recording, with the wait for those before it."""
HEARD_AT_ONCE = 1
"""Recordings of all visitors that are heard; each takes a core."""
TEXT_TO_GRAPH_SECONDS = 600
"""For reading a pasted text; what was read until then is kept."""
TEXT_TO_GRAPH_AT_ONCE = 2
"""Texts of all visitors that are read at the same time."""
PREDICTION_SECONDS = 120
"""For the likely answers to one question."""
LEARN_SECONDS = 600
"""That anybody waits for the rules of a graph to be learned."""


class TookTooLongError(SkylarkError):
    """The time for one request is over."""


class TimeLimit:
    """Runs work on a few threads, each piece for at most so many seconds; whoever asks for more waits or gets an error.

    Python cannot end a thread: work whose time is over is abandoned, and keeps its thread until it notices. So the
    number of threads bounds what abandoned work can take, and those who come meanwhile get the error that all are busy.

    Args:
        at_once: threads.
        seconds: that a caller waits, for a thread and for the work together.
        doing: what is done, for the messages: "the answer".
        waiting: callers that may wait for a thread; None bounds them by nothing but the queue before.

    Attributes:
        callers: those who wait for a thread or a result now.
    """

    def __init__(self, at_once: int, seconds: float, doing: str, waiting: int | None = None) -> None:
        self._at_once, self._seconds, self._doing = at_once, seconds, doing
        self._most = None if waiting is None else at_once + waiting
        self.callers, self._came = 0, 0
        self._work: SimpleQueue[tuple[Callable[[], Any], Future[Any], Context]] = SimpleQueue()
        self._started, self._lock = 0, threading.Lock()

    def run(self, work: Callable[[], T]) -> T:
        """What `work` gives (raises TookTooLongError: it took too long, or nobody was free to begin it)."""
        with self._lock:
            if self._most is not None and self.callers >= self._most:
                raise TookTooLongError(
                    f"{self._doing} cannot be waited for, since {self.callers} others are before it: try again in a "
                    "few minutes"
                )
            self.callers += 1
            self._came += 1
            if self._started < self._at_once:
                self._started += 1
                threading.Thread(target=self._serve, name="skylark-limited", daemon=True).start()
        try:
            return self._waited_for(work)
        finally:
            with self._lock:
                self.callers -= 1

    def _waited_for(self, work: Callable[[], T]) -> T:
        future: Future[T] = Future()
        others, came = self.callers - 1, self._came
        gone = threading.Event()
        # The caller's context, which knows whose request this is.
        self._work.put((work, future, until(gone)))
        try:
            return future.result(self._seconds)
        except TimeoutError:
            if future.done():  # just now; or the work itself raised it
                return future.result()
            gone.set()
            if future.cancel():
                raise TookTooLongError(
                    f"{self._doing} was not begun within {self._seconds:g} seconds, since all are busy with other "
                    "visitors: try again in a minute"
                ) from None
            if others := others + self._came - came:
                raise TookTooLongError(
                    f"{self._doing} was not done within {self._seconds:g} seconds, which is the limit here, with "
                    f"{others} of other visitors under way: try again in a minute"
                ) from None
            raise TookTooLongError(
                f"{self._doing} took more than {self._seconds:g} seconds, which is the limit here: ask for less, or "
                "run Skylark on your own machine, where there is none"
            ) from None

    def _serve(self) -> None:
        while True:
            work, future, context = self._work.get()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = context.run(work)
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)
            del work, future, context


log = logging.getLogger(__name__)

API = "/gradio_api"
GETS = (
    "/static/", "/assets/", "/svelte/", f"{API}/heartbeat/", f"{API}/call/", f"{API}/file=", f"{API}/mcp",
)  # fmt: skip
"""Beginnings of addresses that are read."""
PAGES = frozenset(
    ("/", "/config", "/theme.css", "/robots.txt", "/favicon.ico", "/manifest.json", "/pwa_icon", "/login_check",
     *(f"{API}/{name}" for name in ("info", "openapi.json", "startup-events", "queue/data", "queue/status", "theme.css",
                                    "upload_progress", "app_id", "user", "token", "login_check")))
)  # fmt: skip
POSTS = (f"{API}/call/", f"{API}/run/", f"{API}/api/", f"{API}/mcp")
FORMS = frozenset(f"{API}/{name}" for name in ("queue/join", "upload", "cancel", "reset", "component_server"))
STREAMS = (f"{API}/heartbeat/", f"{API}/queue/data", f"{API}/mcp")
"""What stays open; the rest is over in a moment."""
BEGINS_EVENT = (f"{API}/queue/join", f"{API}/call/", f"{API}/run/", f"{API}/api/", f"{API}/mcp")
HEADERS = ((b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"same-origin"))

Waiting = Callable[[], Iterable[tuple[str, str]]]
"""Gives the session and the address of each request that waits or runs."""


class Refusal(Exception):
    """A request that is not let through, with the status and the sentence that it is answered with."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Guard:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, waiting: Waiting, uploads: Path) -> None:
        self._app, self._waiting, self._uploads = app, waiting, uploads
        self._open: Counter[str] = Counter()
        self._beginning: Counter[str] = Counter()

    @property
    def open_connections(self) -> int:
        """Those that stay open, of all addresses."""
        return self._open.total()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it with a sentence."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # the page uses no web socket
        address = (scope.get("client") or ("",))[0]
        counted: list[Counter[str]] = []
        try:
            receive = await self._checked(scope, receive, address, counted)
        except Refusal as refusal:
            self._release(counted, address)
            log.info("refused %s %.100s: %s", scope["method"], scope["path"], refusal)
            await _answered(refusal)(scope, receive, send)
            return

        late: list[Refusal] = []  # of an upload that turned out too large

        async def watched() -> Message:
            try:
                return await receive()
            except Refusal as refusal:
                late.append(refusal)
                raise

        async def with_headers(message: Message) -> None:
            if late:  # the server behind would answer that something failed
                return
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *HEADERS]}
            await send(message)

        try:
            await self._app(scope, watched, with_headers)
        except Refusal:
            pass
        finally:
            self._release(counted, address)
        if late:
            await _answered(late[0])(scope, receive, send)

    def _release(self, counted: list[Counter[str]], address: str) -> None:
        for counter in counted:
            counter[address] -= 1
            if counter[address] <= 0:
                del counter[address]

    async def _checked(self, scope: Scope, receive: Receive, address: str, counted: list[Counter[str]]) -> Receive:
        method, path = scope["method"], scope["path"]
        plain = path.rstrip("/") or "/"
        if not _belongs(method, path, plain):
            raise Refusal(404, "there is no such place here")
        if plain.startswith(f"{API}/file="):
            _check_file(path, scope.get("raw_path", b""))
        if plain.startswith(STREAMS):
            if self._open[address] >= ADDRESS_CONNECTIONS or self.open_connections >= ALL_CONNECTIONS:
                raise Refusal(429, "too many tabs of this page are open at your address: close some, then reload")
            self._open[address] += 1
            counted.append(self._open)
        if method != "POST":
            return receive
        if plain == f"{API}/upload":
            return await self._upload(scope, receive)
        body = await _read(scope, receive)
        session = _looked_through(body, self._uploads) if body else ""
        if plain.startswith(BEGINS_EVENT):
            self._check_events(session, address)
            self._beginning[address] += 1
            counted.append(self._beginning)
        return replayed(body, receive)

    def _check_events(self, session: str, address: str) -> None:
        live = list(self._waiting())
        if session and sum(1 for other, _ in live if other == session) >= VISITOR_EVENTS:
            raise Refusal(
                429,
                f"{VISITOR_EVENTS} requests of yours are waiting or running, the most at a time: wait until one "
                "is done",
            )
        if sum(1 for _, other in live if other == address) + self._beginning[address] >= ADDRESS_EVENTS:
            raise Refusal(
                429,
                f"{ADDRESS_EVENTS} requests from your address are waiting or running, the most at a time: try "
                "again in a moment",
            )

    async def _upload(self, scope: Scope, receive: Receive) -> Receive:
        """Bounded as a whole: Gradio bounds each file alone."""
        _check_length(scope, UPLOAD_BYTES)
        if await anyio.to_thread.run_sync(stored_bytes, self._uploads) >= STORED_BYTES:
            raise Refusal(507, "there is no room for uploads at the moment: try again in an hour")
        received = 0

        async def bounded() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > UPLOAD_BYTES:
                raise Refusal(413, _too_large(UPLOAD_BYTES))
            return message

        return bounded


def stored_bytes(folder: Path) -> int:
    """Bytes of the files in a folder and below; links count as themselves."""
    total = 0
    for path in folder.rglob("*") if folder.is_dir() else ():
        try:
            total += path.lstat().st_size
        except OSError:  # deleted meanwhile
            continue
    return total


def _belongs(method: str, path: str, plain: str) -> bool:
    if ".." in path.split("/") or "\\" in path or "\0" in path:
        return False
    if method in ("GET", "HEAD"):
        return plain in PAGES or path.startswith(GETS)
    if method == "POST":
        return plain in FORMS or plain.startswith(POSTS)
    # MCP's clients end a session so; what a browser asks before a request from another site, Gradio answers.
    return (method == "DELETE" and plain.startswith(f"{API}/mcp")) or method == "OPTIONS"


def _check_file(path: str, raw: bytes) -> None:
    """A file of the server's own, by a plain path: no address of another machine, no way up."""
    asked = unquote(path.partition("/file=")[2])
    if "://" in asked or asked.startswith("//") or ":/" in asked[:12]:
        raise Refusal(403, "no address is fetched here: only files that this page made or was sent")
    if ".." in Path(asked).parts or b"%00" in raw:
        raise Refusal(403, "this is no file that this page made or was sent")


def _check_length(scope: Scope, most: int) -> None:
    stated = dict(scope["headers"]).get(b"content-length", b"")
    if stated.isdigit() and int(stated) > most:
        raise Refusal(413, _too_large(most))


def _too_large(most: int) -> str:
    return f"the request has more than {most / 2**20:g} MB, the limit here: send less at a time"


async def _read(scope: Scope, receive: Receive) -> bytes:
    _check_length(scope, JSON_BYTES)
    parts, size = list[bytes](), 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b""
        part = message.get("body", b"")
        size += len(part)
        if size > JSON_BYTES:
            raise Refusal(413, _too_large(JSON_BYTES))
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def replayed(body: bytes, receive: Receive) -> Receive:
    """What gives a body that was read already once more, then what comes after it."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _looked_through(body: bytes, uploads: Path) -> str:
    """Refuses a body that would have something fetched, or names a file that was not sent here; gives the session that
    it names, "" for none."""
    try:
        content = json.loads(body)
    except ValueError:  # a form, or nothing that Gradio could read either
        return ""
    except RecursionError:
        raise Refusal(400, "the request is nested too deeply to be read") from None
    _check_files(content, uploads)
    session = content.get("session_hash") if isinstance(content, dict) else None
    return session if isinstance(session, str) else ""


def _check_files(content: Any, uploads: Path) -> None:
    """Refuses what Gradio would take for a file that lies at an address, or elsewhere on this machine.

    Gradio refuses the latter as well, but tells the caller nothing and the log all that was sent.
    """
    todo = [content]
    while todo:
        item = todo.pop()
        if isinstance(item, dict):
            path = item.get("path")
            if isinstance(path, str) and "meta" in item:
                if path.strip().lower().startswith(("http:", "https:")):
                    raise Refusal(400, "no address is fetched here: upload the file, then name what the upload gave")
                if not _is_within(path, uploads):
                    raise Refusal(400, "this file was not sent to this page: upload it first")
            todo.extend(item.values())
        elif isinstance(item, list):
            todo.extend(item)


def _is_within(path: str, folder: Path) -> bool:
    try:
        return "\0" not in path and Path(path).resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError):
        return False


def _answered(refusal: Refusal) -> JSONResponse:
    headers = {"Retry-After": "5"} if refusal.status in (429, 507) else None
    return JSONResponse({"detail": str(refusal), "error": str(refusal)}, refusal.status, headers)


SCRIPTS = ("page.js", "graph.js", "ask.js", "microphone.js")
REMEMBERED_EVENTS = 100
LOOKS_SECONDS = 0.02
"""Between two looks of the queue for what has come, so the most by which a request begins late."""


@dataclass(frozen=True)
class Beside:
    """What the page's server answers besides the page."""

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
    """Begin to serve; returns the page's address (raises OSError: the port is taken, or the address is not this
    machine's)."""

    def waiting() -> Iterator[tuple[str, str]]:
        for event in list(page._queue.event_ids_to_events.values()):
            client = event.request.client
            yield event.session_hash, client.host if client is not None else ""

    page._queue.pending_messages_per_session.max_size = SESSIONS
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
        max_file_size=FILE_BYTES,
        state_session_capacity=SESSIONS,
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
        time.sleep(TIDY_SECONDS)
        delete_old(uploads, KEPT_SECONDS)
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
