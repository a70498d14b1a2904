"""A real HTTP server on this machine alone that does as it is told: late, slowly, in part, or with an error.

So the client, its connections, headers and error types are the real ones.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Generic, Self, TypeVar

Behaviour = TypeVar("Behaviour")


class ScriptedServer(Generic[Behaviour]):
    """A server of one kind of requests; subclasses `answer` them. Unless it is told otherwise it is `good`."""

    path: ClassVar[str]

    def __init__(self, good: Behaviour) -> None:
        self.keys: list[str] = []  # authorization headers received
        self._good = self._for_ever = good
        self._script: list[Behaviour] = []
        self._released = threading.Event()
        self._lock = threading.Lock()
        self._http = _Server(("127.0.0.1", 0), _Handler)
        self._http.scripted = self
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}{self.path}"

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        """Answer a request."""
        raise NotImplementedError

    def then(self, *behaviours: Behaviour, for_ever: Behaviour | None = None) -> None:
        """Do these in turn, one a request, and `for_ever` afterwards."""
        self._script, self._for_ever = list(behaviours), for_ever or self._good
        self._released.clear()

    def release(self) -> None:
        """Let every reply that is held back by a delay go out."""
        self._released.set()

    @contextmanager
    def running(self) -> Iterator[Self]:
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
        self.release()
        self._http.shutdown()
        self._http.server_close()

    def _next(self, request: BaseHTTPRequestHandler) -> Behaviour:
        """What is done with a request; the lock is held."""
        self.keys.append(request.headers.get("Authorization", ""))
        return self._script.pop(0) if self._script else self._for_ever


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    scripted: ScriptedServer[Any]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: clients of these tests go away in the middle, and that is no error of the server."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    # Head and body are two packets: the second would wait 40 ms for the first's acknowledgement.
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            self.server.scripted.answer(self, body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the client has gone

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the tests' output is no log."""
