"""A server that answers SPARQL queries by pyoxigraph, and misbehaves on request."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs

import pyoxigraph

from reasoning import KnowledgeGraph
from tests.reasoning.scripted_server import ScriptedServer

RESULTS_JSON = "application/sparql-results+json"
BLOCK = 1 << 14


@dataclass(frozen=True)
class Behaviour:
    """What the server does with one request; any status but 200 is sent with a sentence as its body."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0  # seconds before the answer
    drip: float = 0.0  # seconds between two blocks of the answer
    block: int = BLOCK  # bytes
    head_drip: float | None = None  # seconds between two bytes of a header that never ends
    cut: bool = False  # close the connection in the middle of the body
    body: bytes | None = None  # sent instead of the results
    content_type: str = RESULTS_JSON
    rows: int | None = None  # instead of the results as many rows of one variable, `?entity`


class EndpointServer(ScriptedServer[Behaviour]):
    """What was asked of the server, in order, and what it is to do next; its store may be changed."""

    path = "/query"

    def __init__(self, store: pyoxigraph.Store) -> None:
        super().__init__(Behaviour())
        self.store = store
        self.queries: list[str] = []
        self.forms: list[str] = []  # content types of the requests

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        text, form = body.decode(), request.headers.get("Content-Type", "").partition(";")[0]
        query = text if form == "application/sparql-query" else parse_qs(text).get("query", [""])[0]
        with self._lock:
            self.queries.append(query)
            self.forms.append(form)
            behaviour = self._next(request)
        if request.path != self.path:
            behaviour = Behaviour(status=404)
        self._released.wait(behaviour.delay)
        if behaviour.head_drip is not None:
            request.wfile.write(b"HTTP/1.1 200 OK\r\nX-Endless: ")
            while not self._released.wait(behaviour.head_drip):
                request.wfile.write(b"x")
            request.close_connection = True
        else:
            self._send(request, behaviour, *_answer(behaviour, query, self.store))

    def _send(
        self, request: BaseHTTPRequestHandler, behaviour: Behaviour, blocks: Iterator[bytes], status: int
    ) -> None:
        request.send_response(status)
        content_type = behaviour.content_type if status == 200 else "text/plain"
        for name, value in {"Content-Type": content_type, **behaviour.headers}.items():
            request.send_header(name, value)
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        for number, block in enumerate(blocks):
            if behaviour.cut:
                block = block[: len(block) // 2]
            self._released.wait(behaviour.drip if number else 0)
            request.wfile.write(b"%x\r\n%b\r\n" % (len(block), block) if block else b"")
        if behaviour.cut:
            request.close_connection = True
        else:
            request.wfile.write(b"0\r\n\r\n")


def _answer(behaviour: Behaviour, query: str, store: pyoxigraph.Store) -> tuple[Iterator[bytes], int]:
    """What is sent, in blocks, and the status."""
    if behaviour.body is not None:
        return _blocks(behaviour.body, behaviour.block), behaviour.status
    if behaviour.status != 200:
        return _blocks(f"refused with {behaviour.status}".encode()), behaviour.status
    if behaviour.rows is not None:
        return _made_up(behaviour.rows), 200
    try:
        found = store.query(query)
    except (SyntaxError, ValueError, OSError, RuntimeError) as error:
        return _blocks(str(error).encode()), 400
    assert not isinstance(found, pyoxigraph.QueryTriples)
    written = found.serialize(format=pyoxigraph.QueryResultsFormat.JSON)
    assert written is not None
    return _blocks(written), 200


def _blocks(body: bytes, size: int = BLOCK) -> Iterator[bytes]:
    return (body[start : start + size] for start in range(0, len(body), size))


def _made_up(rows: int) -> Iterator[bytes]:
    yield b'{"head":{"vars":["entity"]},"results":{"bindings":['
    for first in range(0, rows, 500):
        some = range(first, min(rows, first + 500))
        row = '{"entity":{"type":"uri","value":"http://example.org/%d"}}'
        yield ("," if first else "").encode() + ",".join(row % at for at in some).encode()
    yield b"]}}"


def store_of(kg: KnowledgeGraph, folder: Path) -> pyoxigraph.Store:
    """A graph as `to_rdf` writes it, in a store in memory; `folder` holds the file."""
    path = folder / "graph.nt"
    kg.to_rdf(path)
    store = pyoxigraph.Store()
    store.bulk_load(path=path)
    return store


def store_of_turtle(text: str) -> pyoxigraph.Store:
    """A store in memory of a text in Turtle."""
    store = pyoxigraph.Store()
    store.load(text.encode(), format=pyoxigraph.RdfFormat.TURTLE)
    return store


@contextmanager
def serving(store: pyoxigraph.Store) -> Iterator[EndpointServer]:
    """A server of a store while the block lasts; the graph there is `sparql:` and its `url`."""
    with EndpointServer(store).running() as server:
        yield server
