"""How the page is served: what the guard lets through, how long work may take, what is kept of visitors."""

import contextvars
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from unittest.mock import Mock

import gradio as gr
import pytest
from gradio.state_holder import SessionState
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

import app.page
from app.server import serving
from app.server.serving import (
    Guard,
    TimeLimit,
    TookTooLongError,
    clear,
    delete_old,
    forget_values,
    prepare,
    stored_bytes,
)
from reasoning.lm.calls import abandoned
from skylark.process import INTERRUPTED
from tests.app.browsing import ROOT

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


def test_nothing_is_fetched_for_a_request(client: TestClient) -> None:
    for path, data in (("queue/join", FETCHED), ("call/detect", [FETCHED]), ("run/detect", {"deep": [{"d": FETCHED}]}),
                       ("mcp/", FETCHED)):  # fmt: skip
        answer = client.post(f"{API}/{path}", json={"data": [data], "session_hash": "abc"})
        assert (answer.status_code, "upload the file" in answer.json()["detail"]) == (400, True), path
    # An address is seen however it is written, and a question about one is no file.
    for scheme in ("HTTP", " http", "https"):
        body = json.dumps({"data": [{"path": f"{scheme}://10.0.0.1/", "meta": {"_type": "gradio.FileData"}}]})
        for written in (body, body.replace("meta", "m\\u0065ta"), body.replace("://", ":\\/\\/")):
            assert client.post(f"{API}/call/detect", content=written).status_code == 400
    question = {"data": ["world", "what is http://example.org?"]}
    assert client.post(f"{API}/call/ask", json=question).status_code == 200


def test_a_request_is_bounded_in_bytes_and_depth_and_an_upload_as_a_whole(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answer = client.post(f"{API}/call/ask", content=b"x" * (serving.JSON_BYTES + 1))
    assert (answer.status_code, "more than 12 MB, the limit here" in answer.json()["detail"]) == (413, True)
    unstated = (b"x" * 2**20 for _ in range(13))
    for content, status in ((unstated, 413), (b"[" * 200_000, 400)):
        assert client.post(f"{API}/call/ask", content=content).status_code == status
    assert client.post(f"{API}/call/ask", json={"data": ["x" * 1000]}).json()["bytes"] > 1000
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
    with TestClient(guard, client=("10.0.0.7", 1)) as client, ThreadPoolExecutor(3) as pool:
        tabs = [pool.submit(client.get, f"{API}/heartbeat/{n}") for n in range(3)]
        deadline = time.monotonic() + 20
        while guard.open_connections < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        refused = client.get(f"{API}/heartbeat/4")
        assert (refused.status_code, "close some" in refused.json()["detail"]) == (429, True)
        release.set()
        assert not wait(tabs, 20).not_done
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


def test_work_gives_and_raises_as_without_a_limit() -> None:
    limit = TimeLimit(2, 10, "the answer")
    assert limit.run(lambda: 42) == 42
    with pytest.raises(ZeroDivisionError):
        limit.run(lambda: 1 // 0)
    with pytest.raises(TimeoutError, match="its own"):
        limit.run(lambda: (_ for _ in ()).throw(TimeoutError("its own")))
    visitor = contextvars.ContextVar("visitor", default="nobody")
    for name in ("ada", "grace"):
        visitor.set(name)
        assert limit.run(visitor.get) == name, "work knows whose request it is"


def test_work_that_takes_too_long_is_abandoned_and_told() -> None:
    limit, noticed, release = TimeLimit(1, 0.1, "the answer"), threading.Event(), threading.Event()

    def endless() -> None:
        while not abandoned():
            time.sleep(0.01)
        noticed.set()
        release.wait(30)

    with pytest.raises(TookTooLongError, match=r"the answer took more than 0\.1 seconds"):
        limit.run(endless)
    assert noticed.wait(10), "the work can notice that nobody waits for it"
    with pytest.raises(TookTooLongError, match=r"not begun .* busy with other visitors"):
        limit.run(lambda: None)  # abandoned work keeps its thread
    release.set()


def test_who_shared_the_time_with_others_is_told_to_come_back() -> None:
    limit, release = TimeLimit(2, 0.5, "the answer"), threading.Event()
    with ThreadPoolExecutor(2) as pool:
        errors = [visitor.exception(10) for visitor in [pool.submit(limit.run, lambda: release.wait(30)) for _ in "ab"]]
        release.set()
    assert all(isinstance(error, TookTooLongError) for error in errors)
    assert all("try again" in str(error) and "ask for less" not in str(error) for error in errors), errors


def test_no_more_wait_or_are_served_at_once_than_may() -> None:
    limit, release, lock, now, most = TimeLimit(3, 30, "the run", waiting=1), threading.Event(), threading.Lock(), 0, 0

    def work() -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        release.wait(30)
        with lock:
            now -= 1

    with ThreadPoolExecutor(4) as pool:
        for _ in range(4):
            pool.submit(limit.run, work)
        deadline = time.monotonic() + 10
        while limit.callers < 4 and time.monotonic() < deadline:
            time.sleep(0.01)
        with pytest.raises(TookTooLongError, match="4 others are before it"):
            limit.run(lambda: None)
        release.set()
    assert limit.run(lambda: "served") == "served" and 1 <= most <= 3


def test_uploads_have_a_folder_of_their_own_that_goes_with_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GRADIO_TEMP_DIR", "GRADIO_ANALYTICS_MAX_EVENTS", "GRADIO_ANALYTICS_CACHE_FREQUENCY"):
        monkeypatch.setenv(name, "")
    first, second = prepare(), prepare()
    try:
        assert first != second
        assert Path(os.environ["GRADIO_TEMP_DIR"]) == second
        assert second.stat().st_mode & 0o077 == 0, "others on this machine read none of it"
        (second / "sent").write_bytes(b"x")
    finally:
        clear(first)
        clear(second)
    assert not second.exists()


def test_what_is_sent_in_a_request_is_not_held_by_its_tab(monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[object] = []
    monkeypatch.setattr(SessionState, "_update_value_in_config", lambda *given: held.append(given))
    forget_values()
    with gr.Blocks() as page:
        box = gr.Textbox()
    SessionState(page)._update_value_in_config(box._id, "sent")
    assert not held


def test_ctrl_c_before_the_page_is_there_leaves_no_uploads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (uploads := tmp_path / "uploads").mkdir()
    monkeypatch.setattr(app.page, "prepare", lambda: uploads)
    monkeypatch.setattr(app.page, "LanguageModel", Mock(side_effect=KeyboardInterrupt))
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert app.page.serve("copy", "embedded", "127.0.0.1", 7860) == INTERRUPTED
    finally:
        signal.signal(signal.SIGTERM, before)
    assert not uploads.exists() and capsys.readouterr().err == "interrupted\n"


@pytest.mark.slow
def test_the_command_serves_until_it_is_ended_and_leaves_no_uploads(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "app", "--port", str(port), "--llm", "copy"]
    environment = {**os.environ, "TMPDIR": str(tmp_path), "SKYLARK_DATA": str(tmp_path)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        told = server.stdout.readline()
        assert f"Skylark is at http://127.0.0.1:{port}" in told
        assert len(list(tmp_path.glob("skylark-uploads-*"))) == 1
        with urllib.request.urlopen(f"http://127.0.0.1:{port}", timeout=60) as page:
            assert b"Skylark" in page.read()
        server.terminate()
        assert server.wait(60) == 0
    assert not list(tmp_path.glob("skylark-uploads-*"))
