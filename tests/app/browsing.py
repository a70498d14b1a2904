"""What walks through the page share: a server of their own, a visitor, and waiting for words to appear."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from reasoning import KnowledgeGraph
from skylark.files import cache_dir

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "test-output"
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
SCRIPT = "<script>alert(1)</script>"


def serve(llm: str, data_folder: Path) -> Generator[str]:
    """The address of a page that runs until the iterator is closed."""
    place = cache_dir()
    place.mkdir(parents=True, exist_ok=True)
    with FileLock(place / "first.lock"):
        # Two servers that start at once would each build what the first thing they show needs.
        KnowledgeGraph.load("world")
    port = free_port()
    log = data_folder / f"{llm}.log"
    temporary = data_folder / "temporary"
    temporary.mkdir(exist_ok=True)
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "app", "--port", str(port), "--llm", llm],
            cwd=ROOT, stdout=output, stderr=subprocess.STDOUT,
            env=os.environ | {"SKYLARK_DATA": str(data_folder), "TMPDIR": str(temporary)},
        )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and server.poll() is None:
            with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2):
                break
            time.sleep(0.2)
        else:
            pytest.fail(f"the server did not start: {log.read_text(errors='replace')}")
        yield url
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextlib.contextmanager
def visit(
    browser: Any,
    url: str,
    name: str,
    viewport: dict[str, int] = DESKTOP,
    path: str = "/",
    hurried: bool = False,
    tab: str = "Graph",
    apart: bool = False,
) -> Iterator[Any]:
    """A fresh visitor at a tab of the loaded page; a picture is kept where it fails. Nothing may fail in the page.

    One who is `hurried` asks faster than a busy machine answers, and may be told to wait (status 429). `apart` is as
    `visitor` has it.
    """
    problems: list[str] = []
    site = url.partition("?")[0]
    with visitor(browser, site, viewport, apart) as page:
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.on("dialog", lambda dialog: (problems.append("a script ran"), dialog.dismiss()))
        page.on("request", lambda r: problems.append(r.url) if r.url.startswith("http") and site not in r.url else None)
        try:
            page.goto(url + path)
            open_tab(page, tab)
            if tab == "Graph":
                expect(page, "#graph_note", "facts", 60)
            yield page
            assert not [problem for problem in problems if not (hurried and "status of 429" in problem)]
        except BaseException as error:
            error.add_note(f"what failed in the page before: {problems}")
            PICTURES.mkdir(exist_ok=True)
            page.screenshot(path=PICTURES / f"{name}.png", full_page=True)
            raise


@contextlib.contextmanager
def visitor(browser: Any, site: str, viewport: dict[str, int] = DESKTOP, apart: bool = False) -> Iterator[Any]:
    """An empty page of somebody who was never here.

    Of earlier visits nothing is left but the cache of what the server sends to all. Who comes `apart` has not even
    that, and shares nothing with another who is here at the same time.
    """
    context = browser.browser.new_context() if apart else _forgetful(browser, site.rstrip("/"))
    before = set(context.pages)
    page = context.new_page()
    try:
        page.set_viewport_size(viewport)
        yield page
    finally:
        for opened in set(context.pages) - before:
            opened.close()
        if apart:
            context.close()


def _forgetful(context: Any, site: str) -> Any:
    """The context, without what visitors kept in it."""
    # A page of the site that shows nothing; it also keeps the site's process, with what was compiled, until the next.
    quiet = f"{site}/robots.txt"
    keeper = next((page for page in context.pages if page.url == quiet), None)
    if keeper is None:
        keeper = context.new_page()
        keeper.goto(quiet)
    keeper.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
    context.clear_cookies()
    context.clear_permissions()
    return context


def expect(page: Any, selector: str, words: str, seconds: float = 30) -> str:
    """Wait until an element holds these words, and give its whole text."""
    page.wait_for_function(
        "([selector, words]) => { const e = document.querySelector(selector);"
        " return e && e.textContent.includes(words); }",
        arg=[selector, words],
        timeout=seconds * 1000,
    )
    return str(page.text_content(selector))


def insist(page: Any, act: Callable[[], object], selector: str, words: str, again: Callable[[], object] = int) -> None:
    """Do something until the page says so: what a hurried visitor asks for may be refused, to be asked again later.

    Only what was refused is done again: an answer that is late would change the page under whoever goes on.
    """
    refused: list[Any] = []
    page.on("response", lambda response: refused.append(response) if response.status == 429 else None)
    for _ in range(6):
        refused.clear()
        act()
        for _ in range(300):
            if words in page.text_content(selector):
                return
            if refused:
                break
            page.wait_for_timeout(200)
        page.wait_for_timeout(1000)
        again()
    expect(page, selector, words)


def choose_graph(page: Any, name: str, other: str, words: str) -> None:
    """Choose a graph until the page says so."""
    insist(page, lambda: choose(page, "#graph", name), "#graph_note", words, lambda: choose(page, "#graph", other))


def open_tab(page: Any, name: str) -> None:
    """Open a tab; where the screen is narrow, those that have no place are in a menu."""
    page.wait_for_selector("[role=tab]")
    tab = page.locator("[role=tab]:visible", has_text=name)
    if not tab.count():
        page.locator(".overflow-menu > button").first.click()
        tab = page.locator(".overflow-dropdown button", has_text=name)
    tab.first.click()


def name_a_model(page: Any) -> None:
    """Use a model of one's own in the tab for models, which the provider has to answer once."""
    page.fill("#own_name input, #own_name textarea", "gpt-5-mini")
    page.fill("#own_key input", "vk9-Visitors.Secret_Key-0123456789")
    page.press("#own_key input", "Enter")
    expect(page, "#own_status", "In use now: openai:gpt-5-mini")


def choose(page: Any, selector: str, option: str) -> None:
    """Choose from a dropdown."""
    page.click(f"{selector} input")
    page.get_by_role("option", name=option).first.click()


def serious_faults_by_theme(page: Any) -> list[tuple[str, str, str]]:
    """What axe finds serious in the page as it stands, light and dark: the same page shows both by one class."""
    found = []
    for dark in (True, False):
        page.evaluate(
            "dark => { document.body.classList.toggle('dark', dark);"
            " const changing = document.getAnimations().filter((one) => one instanceof CSSTransition);"
            " return Promise.all(changing.map((one) => one.finished.catch(() => null))); }",
            dark,
        )
        found += serious_faults(page)
    return found


def serious_faults(page: Any) -> list[tuple[str, str, str]]:
    """What axe finds serious in the page as it stands: impact, rule, the first element."""
    from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]

    return [
        (violation["impact"], violation["id"], violation["nodes"][0]["html"][:200])
        for violation in Axe().run(page).response["violations"]
        if violation["impact"] in ("serious", "critical")
    ]
