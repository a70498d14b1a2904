"""The page served by this process, a visitor who walks through it, and waiting for words to appear."""

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from gradio.state_holder import SessionState

from app.api import Programs
from app.ask.page import AskTab
from app.ask.speech import SharedSpeech
from app.graph.graphs import GraphRegistry
from app.image.looking import SharedDetector
from app.models import LanguageModel
from app.page import build, programs_beside
from app.server.serving import clear, launch, prepare

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "test-output"
SCRIPT = "<script>alert(1)</script>"
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
GRADIO_S_OWN = [[".toast-wrap"], ["[aria-label='common.upload']"]]
"""Parts that are no faults of this page: messages of refusals, and the field for several files."""
SHIFTS = """window.shifts = []; new PerformanceObserver((list) => list.getEntries().forEach((e) =>
shifts.push([e.value, ...e.sources.map((s) => s.node?.id).filter((id) => id)]))).observe(
{type: 'layout-shift', buffered: true});"""
"""Keeps each movement of the layout: how much, and the ids of what moved; Gradio's own spinner has none."""


@dataclass(frozen=True)
class Served:
    """The page at an address, the folder of what visitors send, and the first tab, which finds the first answers."""

    url: str
    uploads: Path
    first: AskTab


@contextlib.contextmanager
def serving(data: Path) -> Iterator[Served]:
    """The page over the built-in graph and the graph "strange" of a data folder, on a thread of this process.

    A server of its own would load every library and model once more.
    """
    with pytest.MonkeyPatch.context() as patched:
        # What `prepare` and `launch` change in this process goes with the page; uploads need their folder until then.
        for name in ("GRADIO_TEMP_DIR", "GRADIO_ANALYTICS_MAX_EVENTS", "GRADIO_ANALYTICS_CACHE_FREQUENCY"):
            patched.setenv(name, "")
        patched.setattr(SessionState, "_update_value_in_config", SessionState._update_value_in_config)
        uploads = prepare()
        with pytest.MonkeyPatch.context() as loading:
            loading.setenv("SKYLARK_DATA", str(data))
            shelf = GraphRegistry(["world", "strange"])
            shelf.get("strange")
        model, detector, speech = LanguageModel("copy"), SharedDetector(), SharedSpeech()
        programs = Programs(shelf, model, detector, speech)
        page, _, first = build(shelf, model, detector, speech, programs)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        url = launch(page, uploads, "127.0.0.1", port, programs_beside(programs))
        try:
            yield Served(url.rstrip("/"), uploads, first)
        finally:
            page.close(verbose=False)
            clear(uploads)


@contextlib.contextmanager
def visit(
    browser: Any, url: str, name: str, viewport: dict[str, int] = DESKTOP, tab: str = "Graph", refused: bool = False
) -> Iterator[Any]:
    """A fresh visitor at a tab of the loaded page; a picture is kept where it fails. Nothing may fail in the page.

    Where one who was `refused` meets status 429, that is no fault. At the end axe finds nothing serious, light or dark,
    and the page is no wider than a phone.
    """
    problems: list[str] = []
    site = "/".join(url.split("/")[:3])
    page = _forgetful(browser, site).new_page()
    page.set_viewport_size(viewport)
    page.add_init_script(SHIFTS)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("dialog", lambda dialog: (problems.append("a script ran"), dialog.dismiss()))
    page.on("request", lambda r: problems.append(r.url) if r.url.startswith("http") and site not in r.url else None)
    try:
        page.goto(url)
        open_tab(page, tab)
        if tab == "Graph":
            expect(page, "#graph_note", "facts", 60)
        yield page
        check(page)
        assert not [problem for problem in problems if not (refused and "status of 429" in problem)]
    except BaseException as error:
        error.add_note(f"what failed in the page before: {problems}")
        PICTURES.mkdir(exist_ok=True)
        page.screenshot(path=PICTURES / f"{name}.png", full_page=True)
        raise
    finally:
        page.close()


def _forgetful(context: Any, site: str) -> Any:
    """The context, without what visitors kept in it, but with the cache of what the server sends to all.

    To fetch and compile all of that anew costs a visit half a second.
    """
    quiet = f"{site}/robots.txt"  # shows nothing, and keeps the site's process, with what was compiled
    keeper = next((page for page in context.pages if page.url == quiet), None) or context.new_page()
    if keeper.url != quiet:
        keeper.goto(quiet)
    keeper.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
    context.clear_permissions()
    return context


def expect(page: Any, selector: str, words: str, seconds: float = 60) -> str:
    """Wait until an element holds these words, and give its whole text."""
    holds = "([selector, words]) => document.querySelector(selector)?.textContent.includes(words)"
    page.wait_for_function(holds, arg=[selector, words], timeout=seconds * 1000)
    return str(page.text_content(selector))


def wait(page: Any, condition: str, seconds: float = 30) -> None:
    page.wait_for_function(f"() => {condition}", timeout=seconds * 1000)


def text(page: Any, selector: str) -> str:
    return str(page.text_content(selector)).strip()


def ask(page: Any, question: str, box: str = "#question") -> None:
    page.fill(f"{box} textarea", question)
    page.press(f"{box} textarea", "Enter")


def open_tab(page: Any, name: str) -> None:
    """Open a tab; where the screen is narrow, those that have no place are in a menu."""
    page.wait_for_selector("[role=tab]")
    tab = page.locator("[role=tab]:visible", has_text=name)
    if not tab.count():
        page.locator(".overflow-menu > button").first.click()
        tab = page.locator(".overflow-dropdown button", has_text=name)
    tab.first.click()


def opened_anew(page: Any, tab: str) -> Any:
    """The page once more, as after a reload, of which Gradio's own script logs that it cut what it followed."""
    with page.expect_popup() as opened:
        page.evaluate("window.open(location.href)")
    open_tab(opened.value, tab)
    return opened.value


def choose(page: Any, selector: str, option: str) -> None:
    page.click(f"{selector} input")
    page.get_by_role("option", name=option).first.click()


def saved(page: Any, selector: str) -> Path:
    with page.expect_download() as download:
        page.locator(selector).first.click()
    return Path(download.value.path())


def fits(page: Any, *viewports: dict[str, int]) -> None:
    for viewport in viewports:
        page.set_viewport_size(viewport)
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


def check(page: Any, state: str = "") -> None:
    """What axe finds serious in the page as it stands, light and dark: impact, rule, the first element. None."""
    from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]

    fits(page, page.viewport_size)
    for dark in (True, False):  # the same page shows both by one class
        page.evaluate(
            "dark => { document.body.classList.toggle('dark', dark);"
            " const changing = document.getAnimations().filter((one) => one instanceof CSSTransition);"
            " return Promise.all(changing.map((one) => one.finished.catch(() => null))); }",
            dark,
        )
        serious: list[Any] = []
        for _ in range(2):  # what is half shown while the page is at work is looked at again
            found = Axe().run(page, {"exclude": GRADIO_S_OWN}).response["violations"]
            serious = [one for one in found if one["impact"] in ("serious", "critical")]
            if not serious:
                break
            page.wait_for_timeout(1000)
        assert not [(one["impact"], one["id"], one["nodes"][0]["html"][:200]) for one in serious], state
