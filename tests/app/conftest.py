"""Chromium, and the page served by this process, for the tests that walk it or call it."""

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.app.browsing import SCRIPT, Served, serving
from tests.missing import missing
from tests.reasoning.openai_server import OpenAIServer
from tests.reasoning.speech.recordings import packaged_model, spoken

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Callable[..., Any]]:
    """Starts Chromium with further arguments, and gives what opens pages there."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        missing("playwright is not installed")
    # The headless shell is the same engine without a window's own pages, which cost more than those that are tested.
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    usual = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--process-per-site")
    with sync_playwright() as playwright:

        def start(*arguments: str) -> Any:
            try:
                return playwright.chromium.launch(executable_path=path, args=[*usual, *arguments]).new_context()
            except Error as error:
                missing(f"Chromium cannot be started: {str(error).splitlines()[0]}")

        yield start


@pytest.fixture(scope="module")
def browser(chromium: Callable[..., Any]) -> Any:
    return chromium()


@pytest.fixture
def listening(chromium: Callable[..., Any], tmp_path: Path) -> Iterator[Any]:
    """A browser with a microphone that somebody speaks a question into, as soon as it is on."""
    packaged_model()
    (tmp_path / "spoken.wav").write_bytes(spoken())
    speaking = f"--use-file-for-fake-audio-capture={tmp_path / 'spoken.wav'}%noloop"
    context = chromium("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", speaking)
    yield context
    context.browser.close()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The page, whose model repeats its context: it answers at once and is mostly wrong.

    Beside the built-in graph it offers one some of whose names are markup.
    """
    folder = tmp_path_factory.mktemp("data")
    strange = folder / "kg" / "strange"
    strange.mkdir(parents=True)
    lines = [f"Home\tleads to\t{SCRIPT}", f"{SCRIPT}\tleads to\tEnd", "Home\tis\tplain", f"{SCRIPT}\tis\todd"]
    (strange / "train.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with serving(folder) as page:
        yield page


@pytest.fixture(scope="session")
def copying(served: Served) -> str:
    return served.url


@pytest.fixture(scope="session")
def walked(served: Served) -> Served:
    """The page once its first answers are part of it, as visitors mostly meet it."""
    served.first.begin()
    deadline = time.monotonic() + 300
    while "sk-shape-answer" not in str(served.first.told.value):
        assert time.monotonic() < deadline, "the first answers did not come"
        time.sleep(0.1)
    return served


@pytest.fixture
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the server gives to what visitors send."""
    folder = tmp_path / "uploads"
    folder.mkdir()
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(folder))
    return folder


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIServer]:
    """The provider of language models whom a visitor's key of OpenAI goes to."""
    with OpenAIServer().running() as running:
        monkeypatch.setenv("OPENAI_BASE_URL", running.url)
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)
        yield running
