"""A real HTTP server that answers SPARQL queries by pyoxigraph, and misbehaves on request.

It listens on this machine alone, so the client, its connections, headers and error types are the real ones.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pyoxigraph

from reasoning import KnowledgeGraph

RESULTS_JSON = "application/sparql-results+json"
BLOCK = 1 << 14


@dataclass(frozen=True)
class Behaviour:
    """What the server does with one request.

    Attributes:
        status: the HTTP status; anything but 200 is sent with a sentence as its body.
        headers: sent along.
        delay: seconds before the answer.
        drip: seconds between two blocks of the answer.
        block: bytes of a block.
        head_drip: seconds between two bytes of a header that never ends.
        cut: close the connection in the middle of the body.
        body: sent instead of the results.
        content_type: of the body.
        rows: instead of the results as many rows of one variable, `?entity`.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    drip: float = 0.0
    block: int = BLOCK
    head_drip: float | None = None
    cut: bool = False
    body: bytes | None = None
    content_type: str = RESULTS_JSON
    rows: int | None = None


GOOD = Behaviour()


class EndpointServer:
    """What was asked of the server, and what it is to do next.

    Attributes:
        store: what is queried; change it as you like.
        queries: the queries received, in order.
        keys: the authorization headers received.
        forms: the content types of the requests.
    """

    def __init__(self, store: pyoxigraph.Store) -> None:
        self.store = store
        self.queries: list[str] = []
        self.keys: list[str] = []
        self.forms: list[str] = []
        self._script: list[Behaviour] = []
        self._for_ever = GOOD
        self._released = threading.Event()
        self._lock = threading.Lock()
        self._http = _QuietServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/query"

    def then(self, *behaviours: Behaviour, for_ever: Behaviour = GOOD) -> None:
        """Do these in turn, one a request, and `for_ever` afterwards."""
        self._script, self._for_ever = list(behaviours), for_ever
        self._released.clear()

    @contextmanager
    def running(self) -> Iterator[EndpointServer]:
        """Serve while the block lasts."""
        thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.kill()
            thread.join()

    def kill(self) -> None:
        """Stop listening; whoever connects is refused."""
        self._released.set()
        self._http.shutdown()
        self._http.server_close()

    def _next(self, query: str, key: str, form: str) -> Behaviour:
        with self._lock:
            self.queries.append(query)
            self.keys.append(key)
            self.forms.append(form)
            return self._script.pop(0) if self._script else self._for_ever

    def _handler(server) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Head and body are two packets: the second would wait 40 ms for the first's acknowledgement.
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                form = self.headers.get("Content-Type", "").partition(";")[0]
                query = body if form == "application/sparql-query" else parse_qs(body).get("query", [""])[0]
                behaviour = server._next(query, self.headers.get("Authorization", ""), form)
                if self.path != "/query":
                    behaviour = Behaviour(status=404)
                server._released.wait(behaviour.delay)
                try:
                    self._send(behaviour, query)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True  # the client has gone

            def _send(self, behaviour: Behaviour, query: str) -> None:
                if behaviour.head_drip is not None:
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Endless: ")
                    while not server._released.wait(behaviour.head_drip):
                        self.wfile.write(b"x")
                    self.close_connection = True
                    return
                blocks, status = _answer(behaviour, query, server.store)
                self.send_response(status)
                content_type = behaviour.content_type if status == 200 else "text/plain"
                for name, value in {"Content-Type": content_type, **behaviour.headers}.items():
                    self.send_header(name, value)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                sent = False
                for block in blocks:
                    if behaviour.cut:
                        block = block[: len(block) // 2]
                    server._released.wait(behaviour.drip if sent else 0)
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(block), block) if block else b"")
                    sent = True
                if behaviour.cut:
                    self.close_connection = True
                else:
                    self.wfile.write(b"0\r\n\r\n")

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing: the tests' output is no log."""

        return Handler


class _QuietServer(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: clients of these tests go away in the middle, and that is no error of the server."""


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
