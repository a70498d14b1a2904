"""Make the pictures of the documentation from the running demo, so that they never show a page that no longer exists.

    python docs/make_screenshots.py

Needs Playwright and a Chromium. Writes `docs/images/demo.png` and `docs/images/vision.png`.
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
EXAMPLE, IMAGE_EXAMPLE = "#example-2", "#image-example-1"
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
    """Keep the whole page twice: with an example whose chain has ended, and with an image that was looked at."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with served() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(f"{url}/?__theme=light")
        page.wait_for_function("document.querySelector('#graph_note')?.textContent.includes('triples')", timeout=60_000)
        page.click(EXAMPLE)
        page.wait_for_function(
            "/^Done/.test(document.querySelector('#steps_status').textContent.trim())", timeout=180_000
        )
        keep(page, "demo.png", COLOURS)
        page.click("role=tab[name='Look at an image']")
        page.click(IMAGE_EXAMPLE)
        page.wait_for_selector("#overlay .sk-object", state="attached", timeout=60_000)
        keep(page, "vision.png", PHOTOGRAPH_COLOURS)
        browser.close()


def keep(page: Page, name: str, colours: int) -> None:
    """The whole page as a PNG of few colours."""
    target = IMAGES / name
    page.mouse.move(0, 0)
    page.wait_for_timeout(1000)
    page.screenshot(path=target, full_page=True)
    Image.open(target).convert("RGB").quantize(colours, dither=Image.Dither.NONE).save(target, optimize=True)
    print(f"{target.relative_to(ROOT)}: {target.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
