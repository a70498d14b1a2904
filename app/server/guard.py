"""Stands before the page's server: what does not belong to the page, or is too much, never reaches it.

Gradio serves more than this page uses: pages of other apps through its own address, files by their path, editors of
its own source. Only what the page and its programs need is let through, so that what a later version adds is shut
until somebody looks at it.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import anyio.to_thread
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.server import limits

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
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
)

Waiting = Callable[[], Iterable[tuple[str, str]]]
"""Gives the session and the address of each request that waits or runs."""


class Refusal(Exception):
    """A request that is not let through, with the status and the sentence that it is answered with."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Guard:
    """ASGI middleware.

    Args:
        app: the page's server.
        waiting: what waits or runs in the page's queue.
        uploads: the folder of uploads.
    """

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
            if self._open[address] >= limits.ADDRESS_CONNECTIONS or self.open_connections >= limits.ALL_CONNECTIONS:
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
        """One visitor's requests do not fill the queue of all."""
        live = list(self._waiting())
        if session and sum(1 for other, _ in live if other == session) >= limits.VISITOR_EVENTS:
            raise Refusal(
                429,
                f"{limits.VISITOR_EVENTS} requests of yours are waiting or running, the most at a time: wait until one "
                "is done",
            )
        if sum(1 for _, other in live if other == address) + self._beginning[address] >= limits.ADDRESS_EVENTS:
            raise Refusal(
                429,
                f"{limits.ADDRESS_EVENTS} requests from your address are waiting or running, the most at a time: try "
                "again in a moment",
            )

    async def _upload(self, scope: Scope, receive: Receive) -> Receive:
        """Bounded as a whole: Gradio bounds each file alone."""
        _check_length(scope, limits.UPLOAD_BYTES)
        if await anyio.to_thread.run_sync(stored_bytes, self._uploads) >= limits.STORED_BYTES:
            raise Refusal(507, "there is no room for uploads at the moment: try again in an hour")
        received = 0

        async def bounded() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limits.UPLOAD_BYTES:
                raise Refusal(413, _too_large(limits.UPLOAD_BYTES))
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
    _check_length(scope, limits.JSON_BYTES)
    parts, size = list[bytes](), 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b""
        part = message.get("body", b"")
        size += len(part)
        if size > limits.JSON_BYTES:
            raise Refusal(413, _too_large(limits.JSON_BYTES))
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
