"""Calls of programs: over HTTP and as tools of MCP, checked before they run.

Gradio checks no argument of a named endpoint: what does not fit fails inside, as status 500 and a word or nothing; a
call to `/run` or `/api` it answers beside its queue, without bounds. So calls in one request are found by name,
checked, bounded in number and run here. As tools Gradio's own say neither the form of their results nor that they
change nothing, and cut what a parameter is after the first line.
"""

from __future__ import annotations

import contextlib
import functools
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, NamedTuple, cast, get_type_hints

import anyio.to_thread
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.types import CallToolResult, TextContent, Tool, ToolAnnotations
from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from app.server.descriptions import CallError, Json, description, named, nearest
from app.server.serving import JSON_BYTES, QUEUE_LIMIT, replayed
from skylark.installation import version


class Group(NamedTuple):
    """Endpoints that take from the same store."""

    name: str
    at_once: int
    endpoints: tuple[Callable[..., Any], ...]


class Calls:
    """The endpoints by name."""

    def __init__(self, groups: Sequence[Group]) -> None:
        self._endpoints: dict[str, tuple[Callable[..., Any], anyio.CapacityLimiter]] = {}
        for group in groups:
            limiter = anyio.CapacityLimiter(group.at_once)
            self._endpoints |= {endpoint.__name__: (endpoint, limiter) for endpoint in group.endpoints}

    @property
    def names(self) -> tuple[str, ...]:
        """Those of the endpoints."""
        return tuple(self._endpoints)

    def endpoint(self, name: str) -> Callable[..., Any]:
        """The endpoint of this name (raises CallError: there is none)."""
        return self._found(name)[0]

    def arguments(self, name: str, given: Mapping[str, Any] | Sequence[Any]) -> Json:
        """All arguments of a call by name, as `named` gives them (raises CallError: there is no such endpoint, or an
        argument is wrong)."""
        return named(self.endpoint(name), given)

    async def answer(self, name: str, given: Mapping[str, Any] | Sequence[Any]) -> Json:
        """What a call gives (raises CallError: it has no answer, or too many others wait)."""
        endpoint, limiter = self._found(name)
        arguments = named(endpoint, given)
        if limiter.statistics().tasks_waiting >= QUEUE_LIMIT:
            raise CallError(f"{QUEUE_LIMIT} requests wait already, the most here: try again in a moment", 503)
        given_back: Json = await anyio.to_thread.run_sync(functools.partial(endpoint, **arguments), limiter=limiter)
        return given_back

    def _found(self, name: str) -> tuple[Callable[..., Any], anyio.CapacityLimiter]:
        if name not in self._endpoints:
            there = ", ".join(f"`{each}`" for each in self._endpoints)
            raise CallError(f"there is no `{name[:100]}`{nearest(name, self._endpoints)}; there are {there}", 404)
        return self._endpoints[name]


ADDRESS = re.compile(r"/gradio_api/(call/v2|call|run|api)/([^/]+)/?")
"""Named arguments into the queue, those in order into the queue, and twice without it; then the endpoint's name."""


class CheckedCalls:
    """ASGI middleware."""

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


PLACE = "/gradio_api/mcp"
INSTRUCTIONS = """\
Skylark answers questions about knowledge graphs and about images, in plain English, and shows what an answer rests \
on.

Graphs: list_graphs says which there are; "world" is always there. ask_graph takes a question in English. Compare \
`query` and `verbalised` of its answer with what was meant; if they differ, or the question is not understood, write \
the formal query yourself: list_relations has its words, describe_graph what they lead from and to, find_entity the \
names, query_graph answers it. Of many answers the first are listed, `answers_total` says how many there are, and \
`limit` lists more.

Images: detect_objects finds, outlines or counts things, ask_image answers a question, describe_scene gives all \
objects and how they lie. An image is first uploaded to this server, as the form field `files` of a POST to \
/gradio_api/upload: curl -F files=@photo.jpg http://SERVER/gradio_api/upload gives a list with a path, which is then \
`image`. A small one may be given itself, as "data:image/jpeg;base64,...". No other address is fetched.

Recordings: hear_question gives the words of somebody who speaks English, which ask_graph or the tools for images then \
take. A recording is sent as an image is.

All tools only read. A mistake comes back as a sentence that says what was expected."""


class Named(NamedTuple):
    """How an endpoint is called as a tool, where it stands beside those of other servers."""

    name: str
    title: str


TOOLS = {
    "datasets": Named("list_graphs", "List the knowledge graphs"),
    "relations": Named("list_relations", "List a graph's relations"),
    "describe": Named("describe_graph", "Describe a knowledge graph"),
    "find_entity": Named("find_entity", "Find an entity of a graph by name"),
    "ask": Named("ask_graph", "Ask a knowledge graph a question"),
    "query": Named("query_graph", "Ask a knowledge graph a formal query"),
    "detect": Named("detect_objects", "Find objects in an image"),
    "ask_image": Named("ask_image", "Ask a question about an image"),
    "scene": Named("describe_scene", "Describe an image as a graph"),
    "hear": Named("hear_question", "Hear a spoken question"),
}
"""By endpoint."""


class ToolServer:
    """The endpoints as a server of MCP: each request stands for itself, none is remembered."""

    def __init__(self, calls: Calls) -> None:
        server: Server[Any, Any] = Server("skylark", version=version(), instructions=INSTRUCTIONS)
        tools = [_tool(calls, endpoint, tool) for endpoint, tool in TOOLS.items()]
        endpoints = {tool.name: endpoint for endpoint, tool in TOOLS.items()}

        @server.list_tools()  # type: ignore[no-untyped-call,untyped-decorator]
        async def list_tools() -> list[Tool]:
            return tools

        # Checked by the endpoint itself, whose sentences name what is nearest.
        @server.call_tool(validate_input=False)  # type: ignore[untyped-decorator]
        async def call_tool(name: str, arguments: Json) -> CallToolResult:
            try:
                if name not in endpoints:
                    there = ", ".join(f"`{each}`" for each in endpoints)
                    raise CallError(f"there is no tool `{name[:100]}`{nearest(name, endpoints)}; there are {there}")
                given = await calls.answer(endpoints[name], arguments)
            except CallError as error:
                return CallToolResult(content=[TextContent(type="text", text=error.message)], isError=True)
            text = json.dumps(given, ensure_ascii=False)
            return CallToolResult(content=[TextContent(type="text", text=text)], structuredContent=given)

        self._manager = StreamableHTTPSessionManager(server, stateless=True, max_request_body_size=JSON_BYTES)

    @property
    def routes(self) -> list[Route]:
        """Where it is reached. Nothing is told to clients that did not ask, so there is no stream to open with GET."""
        return [Route(place, self, methods=["POST"]) for place in (PLACE, f"{PLACE}/")]

    @contextlib.asynccontextmanager
    async def lifespan(self, _: object) -> AsyncIterator[None]:
        """Runs for as long as the page's server does."""
        async with self._manager.run():
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._manager.handle_request(scope, receive, send)


def _tool(calls: Calls, endpoint: str, tool: Named) -> Tool:
    """How one tool is described: with the endpoint's own words and forms."""
    called = calls.endpoint(endpoint)
    return Tool(
        name=tool.name,
        title=tool.title,
        description=description(called),
        inputSchema=TypeAdapter(cast(Any, called)).json_schema(),
        outputSchema=TypeAdapter(get_type_hints(called)["return"]).json_schema(mode="serialization"),
        annotations=ToolAnnotations(
            title=tool.title, readOnlyHint=True, destructiveHint=False, idempotentHint=True, openWorldHint=False
        ),
    )
