"""How soon the page's first answers are there, whether anything moves, and what keeps people from using it.

    python -m benchmarks.first_screen [--visits 5]

Starts the page as `make demo` does and waits until its models are loaded and the first answers computed. Then fresh
browsers, which have cached nothing, visit it: the first contentful paint, the time until both first answers can be
read, and the sum of layout shifts, on a desktop and on a phone. Then axe-core looks at every state of the first tab, in
light and dark: the first answers, answers of both readers, a picture that was given, refusals, a link that leads
nowhere. Writes `results/first_screen.md`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from app.ask.page import CHIPS
from app.image.examples import PHOTOGRAPHS
from benchmarks.demo_load import served
from benchmarks.machine import machine, machine_words

RESULTS = Path(__file__).resolve().parent / "results" / "first_screen.md"
SIZES = {"desktop, 1280 px": (1280, 900), "phone, 390 px": (390, 844)}
PAINT, VISIBLE, SHIFT = 1.0, 2.5, 0.02
"""What is aimed at: seconds, seconds, and the sum of layout shifts."""
PATIENCE = 120_000
"""Milliseconds that an answer may take on a busy machine."""
SETTLED = 2_500
"""Milliseconds after the answers in which shifts still count."""
ASKED = (*((chip.text, chip.picture) for chip in CHIPS), ("the car left of the person", "street"))
REFUSED = ("Find every helicopter", "Who is the president of France?", "asdf qwer", 'borders("Xq"')
WATCH = (
    "window.shifts = []; new PerformanceObserver((list) => list.getEntries().forEach((e) => shifts.push(e.value)))"
    ".observe({type: 'layout-shift', buffered: true});"
)


def visited(browser: Any, url: str, size: tuple[int, int]) -> tuple[float, float, float]:
    """Of one visit: seconds to the first paint, seconds to both answers, and the shifts."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]})
    page = context.new_page()
    page.add_init_script(WATCH)
    page.goto(url, wait_until="commit")
    page.wait_for_function(
        "() => document.querySelector('#told .sk-shape-answer') && document.querySelector('#seen .sk-object')"
    )
    visible = page.evaluate("performance.now()") / 1000
    page.wait_for_timeout(SETTLED)
    painted = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime") / 1000
    shifts = sum(page.evaluate("shifts"))
    context.close()
    return painted, visible, shifts


def states(page: Any, url: str, theme: str) -> Iterator[str]:
    """Bring the page into one state after the other; gives what each is called."""

    def settled() -> None:
        page.wait_for_function("!document.querySelector('#ask_page.sk-busy, .sk-linked, .sk-waiting')")
        page.wait_for_timeout(300)
        page.eval_on_selector_all("#cards details", "all => all.forEach((one) => { one.open = true; })")

    page.goto(f"{url}/?__theme={theme}")
    page.wait_for_selector("#told .sk-shape-answer")
    settled()
    yield "the first answers"
    for text, picture in ASKED:
        page.goto(f"{url}/?__theme={theme}&q={text}" + (f"&picture={picture}" if picture else ""))
        page.wait_for_selector("#cards .sk-large")
        settled()
        yield text
    for text in REFUSED:
        page.fill("#ask_question textarea", text)
        page.press("#ask_question textarea", "Enter")
        page.wait_for_selector("#ask_page.sk-busy", state="attached")
        settled()
        yield f"{text} (refused)"
    page.set_input_files("#composer input[type=file]", PHOTOGRAPHS["bus"].path)
    page.wait_for_selector("#seen .sk-try")
    settled()
    yield "a picture that was given"
    page.goto(f"{url}/?__theme={theme}&graph=atlantis&q=Where")
    page.wait_for_selector("#cards .sk-alert")
    settled()
    yield "a link that leads nowhere"


def faults(page: Any) -> list[str]:
    """What axe-core finds serious or critical."""
    from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]

    found = Axe().run(page).response["violations"]
    return [
        f"{fault['id']}: {fault['nodes'][0]['html'][:80]}"
        for fault in found
        if fault["impact"] in ("serious", "critical")
    ]


def measured(url: str, visits: int) -> tuple[list[str], list[str]]:
    """Rows of both tables."""
    from playwright.sync_api import sync_playwright

    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    chromium = next(filter(None, map(shutil.which, names)), None)
    rows, seen = [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for name, size in SIZES.items():
            found = np.array([visited(browser, url, size) for _ in range(visits)])
            middle, most = np.median(found, axis=0), found.max(axis=0)
            cells = [f"{m:.{digits}f} ({w:.{digits}f})" for m, w, digits in zip(middle, most, (2, 2, 4), strict=True)]
            rows.append(f"| {name} | {' | '.join(cells)} |")
        for name, (width, height) in SIZES.items():
            for theme in ("light", "dark"):
                page = browser.new_page(viewport={"width": width, "height": height})
                page.set_default_timeout(PATIENCE)
                looked = [(state, faults(page)) for state in states(page, url, theme)]
                told = [f"{state}: {fault}" for state, ones in looked for fault in ones]
                seen.append(f"| {name}, {theme} | {len(looked)} | {'; '.join(told) or 'none'} |")
                page.close()
        browser.close()
    return rows, seen


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visits", type=int, default=5)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, served(Path(folder) / "log") as (url, _):
        while (Path(folder) / "log").read_text(encoding="utf-8").count(" ready") < 4:
            time.sleep(0.5)  # the first answers, both readers and the detector
        load = os.getloadavg()[0]
        rows, seen = measured(url, options.visits)
    text = (
        f"# The first screen\n\n`python -m benchmarks.first_screen`, {machine_words(machine())}; load average when it "
        f"began, other work included: {load:.1f}. {options.visits} visits each, by browsers that have cached "
        f"nothing, with a warm server: the median, and the most in brackets. Aimed at: {PAINT:g} s, {VISIBLE:g} s, "
        f"{SHIFT:g}.\n\n"
        "| | first contentful paint, s | both first answers visible, s | layout shift |\n|---|---|---|---|\n"
        + "\n".join(rows)
        + "\n\nWhat axe-core finds serious or critical, with all folds open:\n\n| | states | faults |\n|---|---|---|\n"
        + "\n".join(seen)
        + "\n"
    )
    part = options.out.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    part.replace(options.out)
    print(text)


if __name__ == "__main__":
    main()
