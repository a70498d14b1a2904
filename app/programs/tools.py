"""The endpoints as tools of MCP, over Streamable HTTP.

Gradio serves endpoints as tools by itself, but says neither the form of their results nor that they change nothing, has
no instructions, gives the library's version as the server's, and cuts what a parameter is after the first line.
"""

import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any, NamedTuple, cast, get_type_hints

from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.types import CallToolResult, TextContent, Tool, ToolAnnotations
from pydantic import TypeAdapter
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from app.programs.calls import Calls
from app.programs.parameters import CallError, Json, description, nearest
from app.server.limits import JSON_BYTES
from kg_data.installation import version

PLACE = "/gradio_api/mcp"
INSTRUCTIONS = """\
Skylark answers questions about knowledge graphs and about images, in plain English, and shows what an answer rests \
on.

Graphs: list_graphs says which there are; "world" is always there. ask_graph takes a question in English. Compare \
`query` and `verbalised` of its answer with what was meant; if they differ, or the question is not understood, write \
the formal query yourself: list_relations has its words, find_entity the names, query_graph answers it. Of many \
answers the first are listed, `answers_total` says how many there are, and `limit` lists more.

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
    """The endpoints as a server of MCP: each request stands for itself, none is remembered.

    Args:
        calls: the endpoints.
    """

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
