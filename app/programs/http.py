"""Calls over HTTP before Gradio sees them: mistakes are told at once, in a sentence, and calls in one request answered.

Gradio checks no argument of a named endpoint: whatever does not fit fails somewhere inside, which is status 500 and a
word or nothing. A call to `/run` or `/api` it answers beside its queue, without bounds, and every mistake with 500.
"""

from __future__ import annotations

import json
import re
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from app.programs.calls import Calls
from app.programs.parameters import CallError, Json
from app.server.guard import replayed

ADDRESS = re.compile(r"/gradio_api/(call/v2|call|run|api)/([^/]+)/?")
"""Named arguments into the queue, those in order into the queue, and twice without it; then the endpoint's name."""


class CheckedCalls:
    """ASGI middleware.

    Args:
        app: the page's server.
        calls: the endpoints.
    """

    def __init__(self, app: ASGIApp, calls: Calls) -> None:
        self._app, self._calls = app, calls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a call, hand it on with all its arguments, or say what is wrong with it."""
        found = ADDRESS.fullmatch(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if found is None:
            await self._app(scope, receive, send)
            return
        way, name = found.groups()
        body = await Request(scope, receive).body()
        try:
            content = _content(body)
            if "fn_index" in content and name not in self._calls.names:  # an event of the page
                await self._app(scope, replayed(body, receive), send)
                return
            given = content if way == "call/v2" else content.get("data", content)
            if not isinstance(given, dict | list):
                raise CallError("`data` is to be a list of the arguments in order")
            if way in ("run", "api"):
                await JSONResponse({"data": [await self._calls.answer(name, given)]})(scope, receive, send)
                return
            arguments = self._calls.arguments(name, given)
        except CallError as error:
            headers = {"Retry-After": "5"} if error.status == 503 else None
            told = {"detail": error.message, "error": error.message}
            await JSONResponse(told, error.status, headers)(scope, receive, send)
            return
        whole = arguments if way == "call/v2" else {**content, "data": list(arguments.values())}
        await self._app(scope, replayed(json.dumps(whole).encode(), receive), send)


def _content(body: bytes) -> Json:
    try:
        content: Any = json.loads(body)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise CallError('the body is to be a JSON object of the parameters, such as {"graph": "world"}', 400)
    return content
