"""A real HTTP server that speaks the OpenAI protocol, and misbehaves on request.

It listens on this machine alone, so the client, its connections, headers and error types are the real ones, and only
the model is made up: a reader that answers every prompt by its context without fault.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.reasoning.chat_models import faultless_reply

KEY = "sk-for-this-test-alone"


@dataclass(frozen=True)
class Behaviour:
    """What the server does with one request.

    Attributes:
        status: the HTTP status; anything but 200 is sent with an error in OpenAI's form.
        headers: sent along.
        delay: seconds before the answer.
        cut: close the connection in the middle of the body.
        body: sent instead of a completion.
        reply: the model's words, or how it makes them of the prompt.
        finish: why the reply ended.
        choices: how many replies the completion holds.
        code: OpenAI's code of the error.
        usage: stated instead of the real counts.
        thinks: refuse to be asked at a temperature, as models that think do.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    cut: bool = False
    body: bytes | None = None
    reply: str | Callable[[str], str] = faultless_reply
    finish: str = "stop"
    choices: int = 1
    code: str | None = None
    usage: dict[str, int] | None = None
    thinks: bool = False


GOOD = Behaviour()

NO_TEMPERATURE = b"""{"error": {"message": "Unsupported value: 'temperature' does not support 0 with this model.",
"type": "invalid_request_error", "param": "temperature", "code": "unsupported_value"}}"""


class OpenAIServer:
    """What was asked of the server, and what it is to do next.

    Attributes:
        requests: the bodies received, in order.
        keys: the authorization headers received.
        times: when each request came, by the monotonic clock.
        most_at_once: most requests that were under way at the same time.
    """

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.times: list[float] = []
        self.most_at_once = 0
        self._script: list[Behaviour] = []
        self._for_ever = GOOD
        self._under_way = 0
        self._released = threading.Event()
        self._lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def then(self, *behaviours: Behaviour, for_ever: Behaviour = GOOD) -> None:
        """Do these in turn, one a request, and `for_ever` afterwards."""
        self._script, self._for_ever = list(behaviours), for_ever
        self._released.clear()

    def release(self) -> None:
        """Let every reply that is held back by a delay go out."""
        self._released.set()

    @contextmanager
    def running(self) -> Iterator[OpenAIServer]:
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

    def _next(self, body: dict[str, Any], key: str) -> Behaviour:
        with self._lock:
            self.requests.append(body)
            self.keys.append(key)
            self.times.append(time.monotonic())
            return self._script.pop(0) if self._script else self._for_ever

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._lock:
            self._under_way += 1
            self.most_at_once = max(self.most_at_once, self._under_way)
        try:
            yield
        finally:
            with self._lock:
                self._under_way -= 1

    def _handler(server) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Head and body are two packets: the second would wait 40 ms for the first's acknowledgement.
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with server._counted():
                    behaviour = server._next(body, self.headers.get("Authorization", ""))
                    if self.path != "/v1/chat/completions":
                        behaviour = Behaviour(status=404)
                    if behaviour.thinks and "temperature" in body:
                        behaviour = Behaviour(status=400, body=NO_TEMPERATURE)
                    server._released.wait(behaviour.delay)
                    try:
                        self._send(behaviour, _answer(behaviour, body))
                    except (BrokenPipeError, ConnectionResetError):
                        self.close_connection = True  # the client has gone

            def _send(self, behaviour: Behaviour, answer: bytes) -> None:
                self.send_response(behaviour.status)
                for name, value in {"Content-Type": "application/json", **behaviour.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer[: len(answer) // 2] if behaviour.cut else answer)
                if behaviour.cut:
                    self.close_connection = True

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing: the tests' output is no log."""

        return Handler


def _answer(behaviour: Behaviour, body: dict[str, Any]) -> bytes:
    if behaviour.body is not None:
        return behaviour.body
    if behaviour.status != 200:
        error = {"message": f"refused with {behaviour.status}", "type": "error", "code": behaviour.code}
        return json.dumps({"error": error}).encode()
    texts = [_text(message["content"]) for message in body["messages"]]
    # Shown its error, a reader goes back to the question: the last message with a context, or with names to write.
    asked = next((text for text in reversed(texts) if "<context>" in text or text.endswith("\nQuery:")), texts[-1])
    words = behaviour.reply if isinstance(behaviour.reply, str) else behaviour.reply(asked)
    choice = {"index": 0, "message": {"role": "assistant", "content": words}, "finish_reason": behaviour.finish}
    usage = {"prompt_tokens": sum(len(text.split()) for text in texts), "completion_tokens": len(words.split())}
    return json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 0,
            "model": body["model"],
            "choices": [choice] * behaviour.choices,
            "usage": behaviour.usage or {**usage, "total_tokens": sum(usage.values())},
        }
    ).encode()


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[OpenAIServer]:
    """A server that the client of OpenAI's models asks, with nothing kept of what it replied before."""
    pytest.importorskip("langchain_openai")
    server = OpenAIServer()
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    # A machine's proxy is for the world outside; it must not stand before this server.
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("SKYLARK_CACHE", str(tmp_path / "cache"))
    with server.running():
        yield server
