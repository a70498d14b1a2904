"""Chromium and a running page, for the tests that walk it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.app.browsing import SCRIPT, serve
from tests.missing import missing
from tests.reasoning.openai_server import OpenAIServer

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """What opens pages for the visits of a module; see `chromium`."""
    with chromium() as opening:
        yield opening


@contextmanager
def chromium(*arguments: str) -> Iterator[Any]:
    """A context of Chromium with further arguments of its own; one at a time in a module.

    The visits share the cache of what the server sends, and a process for the pages of a site: to fetch and compile all
    of it anew costs a visit half a second. What a visitor keeps goes with the visit, see `visit`.
    """
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        missing("playwright is not installed")
    # The headless shell is the same engine without a window's own pages, which cost more than those that are tested.
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    usual = (
        "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--process-per-site",
    )  # fmt: skip
    with sync_playwright() as playwright:
        try:
            launched = playwright.chromium.launch(executable_path=path, args=[*usual, *arguments])
        except Error as error:
            missing(f"Chromium cannot be started: {str(error).splitlines()[0]}")
        yield launched.new_context()
        launched.close()


@pytest.fixture(scope="session")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with one small graph, some of whose names are markup; a server keeps its log and its temporary
    files there too."""
    folder = tmp_path_factory.mktemp("data")
    strange = folder / "kg" / "strange"
    strange.mkdir(parents=True)
    lines = [f"Home\tleads to\t{SCRIPT}", f"{SCRIPT}\tleads to\tEnd", "Home\tis\tplain", f"{SCRIPT}\tis\todd"]
    (strange / "train.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def provider() -> Iterator[OpenAIServer]:
    """The provider of language models whom a visitor's key of OpenAI goes to."""
    with OpenAIServer().running() as running:
        yield running


@pytest.fixture(scope="session")
def copying(data_folder: Path, provider: OpenAIServer) -> Iterator[str]:
    """A server whose model repeats its context: it answers at once and is mostly wrong."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("OPENAI_BASE_URL", provider.url)
        patched.delenv("OPENAI_API_KEY", raising=False)
        serving = serve("copy", data_folder)
        address = next(serving)
    yield address
    serving.close()
