"""Make the pictures of the documentation from the running demo, so that they never show a page that no longer exists.

    python docs/make_screenshots.py

Needs Playwright and a Chromium. Writes `first.png`, `demo.png`, `likely.png`, `vision.png`, `video.png`, `batch.png`
and `phone.png` into `docs/images`.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
EXAMPLE, IMAGE_EXAMPLE, VIDEO_EXAMPLE = "#example-2", "#image-example-1", "#video-example-2"
QUESTION = "Which is the most populous country that borders Chad?"
LIKELY_QUERY, LIKELY_TOLD, LIKELY_PLACE = 'timezone("Odisha")', "Odisha", "50"
BATCH = "\n".join(
    (
        "Which countries border France and use the euro?",
        'capital(borders("Germany") & !~currency("Euro"))',
        "How many airports are there in Iceland?",
        'population("Portugal")',
        "Which languages do Belgium and Switzerland have in common?",
    )
)
COLOURS, PHOTOGRAPH_COLOURS = 128, 256
"""Of the palettes that pictures are reduced to: the page has few colours, and the repository keeps every version."""


@contextlib.contextmanager
def served() -> Iterator[str]:
    """The demo on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen([sys.executable, "-m", "app", "--port", str(port)], cwd=ROOT)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2):
                break
            time.sleep(0.2)
        yield url
    finally:
        server.terminate()
        server.wait(20)


def main() -> None:
    """Keep the page with an example whose chain has ended, an image and a video that were looked at, a batch; and on
    a phone."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    chromium = next(filter(None, map(shutil.which, names)), None)
    with served() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(f"{url}/?__theme=light")
        page.wait_for_selector("#told .sk-shape-answer", timeout=600_000)
        keep(page, "first.png", PHOTOGRAPH_COLOURS)
        page.click("role=tab[name='Graph']")
        page.wait_for_function("document.querySelector('#graph_note')?.textContent.includes('facts')", timeout=60_000)
        page.click(EXAMPLE)
        page.wait_for_function(
            "/^Done/.test(document.querySelector('#steps_status').textContent.trim())", timeout=180_000
        )
        keep(page, "demo.png", COLOURS)
        page.uncheck("#run_llm input")
        page.fill("#question textarea", LIKELY_QUERY)
        page.press("#question textarea", "Enter")
        page.wait_for_function(
            "told => document.querySelector('#answer')?.textContent.includes(told)", arg=LIKELY_TOLD, timeout=60_000
        )
        page.fill("#sure_range", LIKELY_PLACE)
        page.wait_for_selector("#likely_sentence", timeout=600_000)
        keep(page, "likely.png", COLOURS)
        page.click("role=tab[name='Image']")
        page.click(IMAGE_EXAMPLE)
        page.wait_for_selector("#overlay .sk-object", state="attached", timeout=60_000)
        keep(page, "vision.png", PHOTOGRAPH_COLOURS)
        page.click("role=tab[name='Video']")
        page.click(VIDEO_EXAMPLE)
        page.wait_for_selector("#video_stage video", timeout=300_000)
        page.click("#video_timeline .sk-sign >> nth=1")
        keep(page, "video.png", PHOTOGRAPH_COLOURS)
        page.click("#batch_tab-button")
        page.fill("#batch_typed textarea", BATCH)
        page.click("#batch_estimate")
        page.wait_for_selector("#batch_go:not([disabled])", timeout=60_000)
        page.click("#batch_go")
        page.wait_for_selector("#job_figures .sk-plot", timeout=60_000)
        keep(page, "batch.png", COLOURS)
        phone = browser.new_page(viewport={"width": 390, "height": 844}, device_scale_factor=2)
        phone.goto(f"{url}/?__theme=dark")
        phone.wait_for_selector("#told .sk-shape-answer", timeout=60_000)
        phone.fill("#ask_question textarea", QUESTION)
        phone.click("#ask_go")
        phone.wait_for_function("document.querySelector('#told')?.textContent.includes('Chad')", timeout=60_000)
        keep(phone, "phone.png", COLOURS, whole=False)
        browser.close()


def keep(page: Page, name: str, colours: int, whole: bool = True) -> None:
    """The whole page, or what is seen of it, as a PNG of few colours."""
    target = IMAGES / name
    page.mouse.move(0, 0)
    page.wait_for_timeout(1000)
    page.screenshot(path=target, full_page=whole)
    Image.open(target).convert("RGB").quantize(colours, dither=Image.Dither.NONE).save(target, optimize=True)
    print(f"{target.relative_to(ROOT)}: {target.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
