"""How the page is served: what is kept of visitors, and for how long."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import gradio as gr
import pytest
from gradio.state_holder import SessionState

import app.page
from app.server.serving import clear, forget_values, prepare
from skylark.process import INTERRUPTED
from tests.app.browsing import ROOT


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
    def interrupted(_: str) -> None:
        raise KeyboardInterrupt

    uploads = tmp_path / "uploads"
    uploads.mkdir()
    monkeypatch.setattr(app.page, "prepare", lambda: uploads)
    monkeypatch.setattr(app.page, "LanguageModel", interrupted)
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert app.page.serve("copy", "embedded", "127.0.0.1", 7860) == INTERRUPTED
    finally:
        signal.signal(signal.SIGTERM, before)
    assert not uploads.exists()
    assert capsys.readouterr().err == "interrupted\n"


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
