"""How the demo bears many visitors: times and memory over some hundred requests, and the first paint.

    python -m benchmarks.demo_load [--visitors 20] [--senders 10] [--requests 500]

Starts the page as `make demo` does, measures the first paint in Chromium while the models still load, then lets so many
visitors come at once, each of whom makes as many requests through the named endpoints, one after another. The senders
among them send recordings of questions, ask what was heard of each, and send pictures and further recordings, inside
the request or uploaded first; the others ask for exact answers. A visitor who is told to wait waits and asks again;
that counts into the time. Who only asks is done long before those who send, since hearing takes a core for seconds.

The same questions and recordings come many times, and the page reads a text once as long as it remembers it; visitors
who all ask something else wait longer.

Questions are spoken by espeak-ng, the further recordings are captions of `speech/spoken_captions` in the data folder;
where one of these is absent the other takes its place, and the results say so. Writes `results/demo_load.md`.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import psutil  # type: ignore[import-untyped]

import kg_data
from benchmarks.demo_visitors import (
    MARKS,
    Asked,
    Baggage,
    Recording,
    call,
    load,
    looks,
    picture,
    says,
    spoken_questions,
)
from benchmarks.machine import machine, machine_words
from reasoning.speech import check_speech_model
from skylark.errors import SkylarkError

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "demo_load.md"
CAPTIONS = 6
"""Recordings of the data folder that are sent."""
READY = ("the language model is ready", "the detector is ready", "the speech model is ready")
"""What the server's log says once all models are there."""


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
        page.wait_for_selector("#ask_question textarea", timeout=60_000)
        usable = page.evaluate("performance.now()") / 1000
        painted = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime") / 1000
        browser.close()
    return [painted, usable]


def baggage() -> tuple[Baggage, str]:
    """What is sent, and in words where its recordings come from."""
    folder = kg_data.data_root() / "speech" / "spoken_captions"
    questions: Sequence[Recording] = spoken_questions() if shutil.which("espeak-ng") else ()
    captions: Sequence[Recording] = ()
    if (folder / "transcripts.tsv").is_file():
        with (folder / "transcripts.tsv").open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))[:CAPTIONS]
        captions = [
            Recording(row["file"], row["spoken"], (folder / "audio" / row["file"]).read_bytes()) for row in rows
        ]
    if not questions and not captions:
        raise SystemExit(
            f"there is no recording to send: espeak-ng is not installed, and the data folder has no {folder}"
        )
    words = [
        f"{len(questions)} questions that espeak-ng speaks" if questions else "no question: espeak-ng is not installed",
        f"{len(captions)} captions" if captions else "no caption: the data folder has no speech/spoken_captions",
    ]
    return Baggage(picture(), questions or captions, captions or questions), ", ".join(words)


def report(
    asked: list[Asked], memory: list[float], paint: list[float], senders: int, visitors: int, seconds: float, sent: str
) -> str:
    rows = []
    for kind in dict.fromkeys(one.kind for one in asked):
        times = np.array([one.seconds for one in asked if one.kind == kind])
        p50, p95 = np.percentile(times, [50, 95])
        waits = sum(one.waits for one in asked if one.kind == kind)
        rows.append(f"| {kind} | {len(times)} | {p50:.2f} | {p95:.2f} | {times.max():.2f} | {waits} |")
    step = len(asked) // MARKS
    marks = " | ".join(f"{number * step}" for number in range(len(memory)))
    held = " | ".join(f"{megabytes:,.0f}" for megabytes in memory)
    right, told = sum(one.right for one in asked), sum(bool(one.told) for one in asked)
    return (
        f"# {visitors} visitors at once, {len(asked)} requests\n\n"
        f"`python -m benchmarks.demo_load`, {machine_words(machine())}; load average when it ended, "
        f"other work included: {os.getloadavg()[0]:.1f}. {senders} of the visitors send recordings ({sent}) and "
        f"pictures, the others ask; each makes {len(asked) // visitors} requests. "
        "The same texts come again and again; the page reads each once.\n\n"
        f"All was over after {seconds:.0f} s. {right} of {len(asked)} answers were those of the visitor who asked, and "
        f"{told} times a sentence said why what was heard has none. Seconds as the visitor sees them, all waiting "
        "included.\n\n"
        "| what | requests | p50 | p95 | most | told to wait |\n|---|---|---|---|---|---|\n" + "\n".join(rows) + "\n\n"
        f"| requests so far | {marks} |\n|---|{'---|' * len(memory)}\n| memory of the server, MB | {held} |\n\n"
        f"First contentful paint {paint[0]:.2f} s after the address was opened, the question box after "
        f"{paint[1]:.2f} s, in a browser that has cached nothing, while the models load.\n"
    )


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visitors", type=int, default=20)
    parser.add_argument("--senders", type=int, default=10, help="visitors who send recordings and pictures")
    parser.add_argument("--requests", type=int, default=500, help="of all visitors")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    if not 0 <= options.senders <= options.visitors or options.requests < options.visitors:
        parser.error("expected no more senders than visitors, and a request for each visitor at least")
    try:
        check_speech_model()
    except SkylarkError as error:
        raise SystemExit(str(error)) from error
    things, sent = baggage()
    with tempfile.TemporaryDirectory() as folder, served(Path(folder) / "log") as (url, server):
        paint = first_paint(url)
        while not all(words in (Path(folder) / "log").read_text(encoding="utf-8") for words in READY):
            if server.poll() is not None:
                raise SystemExit("the page ended while its models loaded")
            time.sleep(0.5)
        # What is loaded with the first request of a kind is there.
        looks(url, things.picture, uploads=False)
        says(url, things.questions[0], things, uploads=False)
        call(url, "ask", {"graph": "world", "question": "Which countries border Portugal?"})
        began = time.perf_counter()
        process = psutil.Process(server.pid)
        asked, memory = load(
            url, lambda: process.memory_info().rss / 2**20, options.visitors, options.senders, options.requests, things
        )
        seconds = time.perf_counter() - began
        text = report(asked, memory, paint, options.senders, options.visitors, seconds, sent)
    for one in asked:
        if not one.right:
            print(f"{one.kind}: {one.told or 'not the answer of this visitor'}", file=sys.stderr)
    part = options.out.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    part.replace(options.out)
    print(text)


if __name__ == "__main__":
    main()
