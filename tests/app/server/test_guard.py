"""What the guard lets through to the page's server, and with which sentence the rest is answered."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from app.server import serving
from app.server.serving import Guard, delete_old, stored_bytes

API = "/gradio_api"
FETCHED = {"path": "http://127.0.0.1:9/secret", "meta": {"_type": "gradio.FileData"}}


async def reached(request: Request) -> JSONResponse:
    """Stands for the page's server: says that it was reached, and with how much."""
    return JSONResponse({"reached": request.url.path, "bytes": len(await request.body())})


@pytest.fixture
def live() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def client(live: list[tuple[str, str]], tmp_path: Path) -> Iterator[TestClient]:
    inner = Starlette(routes=[Route("/{path:path}", reached, methods=["GET", "POST", "DELETE", "PUT"])])
    guard = Guard(inner, waiting=lambda: live, uploads=tmp_path)
    with TestClient(guard, client=("10.0.0.7", 1234)) as opened:
        yield opened


def test_what_the_page_reads_is_let_through_and_what_it_does_not_use_is_shut(client: TestClient) -> None:
    for path in (
        "/", "/config", "/assets/index.js", "/static/img/logo.svg", "/theme.css", f"{API}/info", f"{API}/heartbeat/abc",
        f"{API}/queue/data?session_hash=abc", f"{API}/call/ask/123", f"{API}/file=/tmp/gradio/photo.jpg", f"{API}/mcp/",
    ):  # fmt: skip
        answer = client.get(path)
        assert (answer.status_code, answer.headers["x-content-type-options"]) == (200, "nosniff"), path
    for path in (
        "/monitoring", "/monitoring/summary", f"{API}/vibe-code", f"{API}/proxy=http://example.org/x",
        f"{API}/dev/reload", f"{API}/run-history/records", f"{API}/deep_link", f"{API}/profiling/traces",
        "/custom/app.py", "/login", f"{API}/stream/a/b/c/playlist.m3u8", "/assets/..%2f..%2fetc/passwd",
    ):  # fmt: skip
        assert client.get(path).status_code == client.post(path, json={}).status_code == 404, path
    for name in (
        "http://127.0.0.1:1/x", "HTTP:/127.0.0.1/x", "//example.org/x", "http%3A%2F%2F127.0.0.1%2Fx",
        "..%2F..%2Fetc%2Fpasswd", "file:///etc/passwd", "/tmp/a%00.jpg",
    ):  # fmt: skip
        assert client.get(f"{API}/file={name}").status_code in (403, 404), name


@pytest.mark.parametrize(
    ("path", "data"),
    [("queue/join", FETCHED), ("call/detect", [FETCHED]), ("run/detect", {"deep": [{"deeper": FETCHED}]}),
     ("mcp/", FETCHED)],
)  # fmt: skip
def test_nothing_is_fetched_for_a_request(client: TestClient, path: str, data: Any) -> None:
    answer = client.post(f"{API}/{path}", json={"data": [data], "session_hash": "abc"})
    assert answer.status_code == 400
    assert "upload the file" in answer.json()["detail"]


def test_an_address_is_seen_however_it_is_written_and_a_question_about_one_is_no_file(client: TestClient) -> None:
    for scheme in ("HTTP", " http", "https"):
        body = json.dumps({"data": [{"path": f"{scheme}://10.0.0.1/", "meta": {"_type": "gradio.FileData"}}]})
        for written in (body, body.replace("meta", "m\\u0065ta"), body.replace("://", ":\\/\\/")):
            assert client.post(f"{API}/call/detect", content=written).status_code == 400
    question = {"data": ["world", "what is http://example.org?"]}
    assert client.post(f"{API}/call/ask", json=question).status_code == 200


def test_a_request_is_bounded_in_bytes_and_depth(client: TestClient) -> None:
    answer = client.post(f"{API}/call/ask", content=b"x" * (serving.JSON_BYTES + 1))
    assert (answer.status_code, "more than 12 MB, the limit here" in answer.json()["detail"]) == (413, True)
    unstated = (b"x" * 2**20 for _ in range(13))
    assert client.post(f"{API}/call/ask", content=unstated).status_code == 413
    assert client.post(f"{API}/call/ask", content=b"[" * 200_000).status_code == 400
    whole = client.post(f"{API}/call/ask", json={"data": ["x" * 1000]})
    assert whole.json()["bytes"] > 1000


def test_an_upload_is_bounded_as_a_whole(client: TestClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(serving, "UPLOAD_BYTES", 1000)
    assert client.post(f"{API}/upload", content=b"x" * 1000).status_code == 200
    assert client.post(f"{API}/upload", content=b"x" * 1001).status_code == 413
    assert client.post(f"{API}/upload", content=(b"x" * 500 for _ in range(3))).status_code == 413
    (tmp_path / "sent").write_bytes(b"x" * 5000)
    monkeypatch.setattr(serving, "STORED_BYTES", 5000)
    full = client.post(f"{API}/upload", content=b"x")
    assert (full.status_code, full.headers["retry-after"]) == (507, "5")


def test_one_visitor_does_not_take_the_queue_of_all(client: TestClient, live: list[tuple[str, str]]) -> None:
    live += [("mine", "10.0.0.7")] * serving.VISITOR_EVENTS
    mine = client.post(f"{API}/queue/join", json={"data": [], "session_hash": "mine"})
    assert mine.status_code == 429
    assert "wait until one is done" in mine.json()["detail"]
    assert client.post(f"{API}/queue/join", json={"data": [], "session_hash": "other"}).status_code == 200
    live += [(f"tab {number}", "10.0.0.7") for number in range(serving.ADDRESS_EVENTS)]
    for path in ("queue/join", "call/ask", "mcp/"):
        assert client.post(f"{API}/{path}", json={"data": [], "session_hash": "new"}).status_code == 429
    assert client.post(f"{API}/cancel", json={"session_hash": "mine"}).status_code == 200, "to stop is always allowed"
    live[:] = [(session, "10.0.0.8") for session, _ in live]
    assert client.post(f"{API}/call/ask", json={"data": []}).status_code == 200, "others are not held responsible"


def test_a_thousand_tabs_are_told(live: list[tuple[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "ADDRESS_CONNECTIONS", 3)
    release = threading.Event()

    def held(request: Request) -> JSONResponse:
        release.wait(30)
        return JSONResponse({})

    inner = Starlette(routes=[Route("/{path:path}", held)])
    guard = Guard(inner, waiting=lambda: live, uploads=tmp_path)
    with TestClient(guard, client=("10.0.0.7", 1)) as client:
        tabs = [threading.Thread(target=client.get, args=(f"{API}/heartbeat/{n}",)) for n in range(3)]
        for tab in tabs:
            tab.start()
        deadline = time.monotonic() + 20
        while guard.open_connections < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        refused = client.get(f"{API}/heartbeat/4")
        assert (refused.status_code, "close some" in refused.json()["detail"]) == (429, True)
        release.set()
        for tab in tabs:
            tab.join(20)
        assert guard.open_connections == 0
        assert client.get(f"{API}/heartbeat/5").status_code == 200


def test_old_uploads_go_and_links_are_not_followed(tmp_path: Path) -> None:
    folder, outside = tmp_path / "uploads", tmp_path / "precious"
    (folder / "aa").mkdir(parents=True)
    outside.mkdir()
    (outside / "file").write_bytes(b"x" * 10_000)
    for name in ("old", "new"):
        (folder / "aa" / name).write_bytes(b"x" * 100)
    (folder / "link").symlink_to(outside)
    assert stored_bytes(folder) < 5_000 + (folder / "aa").lstat().st_size
    past = time.time() - 7200
    for path in (folder / "aa" / "old", folder / "link"):
        os.utime(path, (past, past), follow_symlinks=False)
    assert delete_old(folder, 3600) == 2
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["new"]
    assert (outside / "file").exists()
