"""How the demo bears many visitors: times and memory over some hundred requests, and the first paint.

    python -m benchmarks.demo_load [--visitors 20] [--requests 500]

Starts the page as `make demo` does, measures the first paint in Chromium while the models still load, then lets so many
visitors at once ask for exact answers and looks at images through the named endpoints, one request after another each.
A visitor who is told to wait waits and asks again; that counts into the time. Writes `results/demo_load.md`.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil  # type: ignore[import-untyped]

from benchmarks.machine import machine, machine_words
from tests.app.visitors import MARKS, Asked, call, load, photograph

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "demo_load.md"


@contextlib.contextmanager
def served(log: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The page on a free port, and its process; what it tells goes to `log`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    began = time.perf_counter()
    with log.open("wb") as told:
        server = subprocess.Popen(
            [sys.executable, "-m", "app", "--port", str(port)], cwd=ROOT, stdout=told, stderr=subprocess.STDOUT
        )
    url = f"http://127.0.0.1:{port}"
    try:
        while True:
            with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2):
                break
            if server.poll() is not None or time.perf_counter() - began > 120:
                raise SystemExit("the page did not start")
            time.sleep(0.05)
        yield url, server
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()


def first_paint(url: str) -> list[float]:
    """Seconds to the first contentful paint and to the question box, in a browser that has cached nothing."""
    from playwright.sync_api import sync_playwright

    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    chromium = next(filter(None, map(shutil.which, names)), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(url, wait_until="commit")
        page.wait_for_selector("#question textarea", timeout=60_000)
        usable = page.evaluate("performance.now()") / 1000
        painted = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime") / 1000
        browser.close()
    return [painted, usable]


def report(asked: list[Asked], memory: list[float], paint: list[float], visitors: int, seconds: float) -> str:
    rows = []
    for kind in dict.fromkeys(one.kind for one in asked):
        times = np.array([one.seconds for one in asked if one.kind == kind])
        p50, p95 = np.percentile(times, [50, 95])
        waits = sum(one.waits for one in asked if one.kind == kind)
        rows.append(f"| {kind} | {len(times)} | {p50:.2f} | {p95:.2f} | {times.max():.2f} | {waits} |")
    step = len(asked) // MARKS
    marks = " | ".join(f"{number * step}" for number in range(len(memory)))
    held = " | ".join(f"{megabytes:,.0f}" for megabytes in memory)
    right = sum(one.right for one in asked)
    return (
        f"# {visitors} visitors at once, {len(asked)} requests\n\n"
        f"`python -m benchmarks.demo_load`, {machine_words(machine())}; load average when it ended, "
        f"other work included: {os.getloadavg()[0]:.1f}. "
        f"{len(asked) / seconds:.1f} requests a second; {right} of {len(asked)} answers were "
        "those of the visitor who asked. Seconds as the visitor sees them, all waiting included.\n\n"
        "| what | requests | p50 | p95 | most | told to wait |\n|---|---|---|---|---|---|\n" + "\n".join(rows) + "\n\n"
        f"| requests so far | {marks} |\n|---|{'---|' * len(memory)}\n| memory of the server, MB | {held} |\n\n"
        f"First contentful paint {paint[0]:.2f} s after the address was opened, the question box after "
        f"{paint[1]:.2f} s, in a browser that has cached nothing, while the models load.\n"
    )


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visitors", type=int, default=20)
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, served(Path(folder) / "log") as (url, server):
        paint = first_paint(url)
        while (Path(folder) / "log").read_text(encoding="utf-8").count(" ready") < 2:  # both models
            time.sleep(0.5)
        call(
            url, "detect", {"image": photograph(), "instruction": "every person and helicopter"}
        )  # the models are there
        call(url, "ask", {"graph": "world", "question": "Which countries border Portugal?"})
        began = time.perf_counter()
        process = psutil.Process(server.pid)
        asked, memory = load(url, lambda: process.memory_info().rss / 2**20, options.visitors, options.requests)
        text = report(asked, memory, paint, options.visitors, time.perf_counter() - began)
    part = options.out.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    part.replace(options.out)
    print(text)


if __name__ == "__main__":
    main()
