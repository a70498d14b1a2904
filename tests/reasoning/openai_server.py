"""A server that speaks the OpenAI protocol, and misbehaves on request.

Only the model is made up: a reader that answers every prompt by its context without fault.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from tests.reasoning.chat_models import faultless_reply
from tests.reasoning.scripted_server import ScriptedServer

KEY = "sk-for-this-test-alone"


@dataclass(frozen=True)
class Behaviour:
    """What the server does with one request; any status but 200 is sent with an error in OpenAI's form."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0  # seconds before the answer
    cut: bool = False  # close the connection in the middle of the body
    body: bytes | None = None  # sent instead of a completion
    reply: str | Callable[[str], str] = faultless_reply  # the model's words, or how it makes them of the prompt
    finish: str = "stop"  # why the reply ended
    choices: int = 1  # replies that the completion holds
    code: str | None = None  # OpenAI's, of the error
    usage: dict[str, int] | None = None  # stated instead of the real counts
    thinks: bool = False  # refuse to be asked at a temperature, as models that think do


NO_TEMPERATURE = b"""{"error": {"message": "Unsupported value: 'temperature' does not support 0 with this model.",
"type": "invalid_request_error", "param": "temperature", "code": "unsupported_value"}}"""


class OpenAIServer(ScriptedServer[Behaviour]):
    """What was asked of the server, in order, and what it is to do next."""

    path = "/v1"

    def __init__(self) -> None:
        super().__init__(Behaviour())
        self.requests: list[dict[str, Any]] = []
        self.times: list[float] = []  # when each request came, by the monotonic clock
        self.most_at_once = self._under_way = 0

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        asked = json.loads(body)
        with self._lock:
            self.requests.append(asked)
            self.times.append(time.monotonic())
            behaviour = self._next(request)
            self._under_way += 1
            self.most_at_once = max(self.most_at_once, self._under_way)
        try:
            if request.path != "/v1/chat/completions":
                behaviour = Behaviour(status=404)
            if behaviour.thinks and "temperature" in asked:
                behaviour = Behaviour(status=400, body=NO_TEMPERATURE)
            self._released.wait(behaviour.delay)
            self._send(request, behaviour, _answer(behaviour, asked))
        finally:
            with self._lock:
                self._under_way -= 1

    def _send(self, request: BaseHTTPRequestHandler, behaviour: Behaviour, answer: bytes) -> None:
        request.send_response(behaviour.status)
        for name, value in {"Content-Type": "application/json", **behaviour.headers}.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(answer)))
        request.end_headers()
        request.wfile.write(answer[: len(answer) // 2] if behaviour.cut else answer)
        if behaviour.cut:
            request.close_connection = True


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
    server = OpenAIServer()
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    # A machine's proxy is for the world outside; it must not stand before this server.
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("SKYLARK_CACHE", str(tmp_path / "cache"))
    with server.running():
        yield server
