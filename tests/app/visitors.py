"""Many visitors at once: each asks for answers and looks at images through the named endpoints, one after another.

A visitor who is told to wait waits and asks again; that counts into the time.
"""

from __future__ import annotations

import base64
import concurrent.futures
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

COUNTRIES = ("Portugal", "France", "Germany", "Italy", "Spain", "Poland", "Norway", "Sweden", "Finland", "Greece")
MARKS = 5
"""Readings of the memory, spread evenly over the requests."""


@dataclass(frozen=True)
class Asked:
    """One request: what was asked for, how long it took, how often it was told to wait, whether the answer fits."""

    kind: str
    seconds: float
    waits: int
    right: bool


def call(url: str, name: str, arguments: Mapping[str, object]) -> tuple[str, int]:
    """The events of one call, and how often it was told to wait."""
    waits = 0
    while True:
        request = urllib.request.Request(
            f"{url}/gradio_api/call/v2/{name}", json.dumps(arguments).encode(), {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                event = json.load(answer)["event_id"]
            with urllib.request.urlopen(f"{url}/gradio_api/call/{name}/{event}", timeout=120) as events:
                return events.read().decode(), waits
        except urllib.error.HTTPError as error:
            if error.code not in (429, 503):
                raise
            waits += 1
            time.sleep(0.5)


def ask(url: str, number: int, photo: str) -> Asked:
    """The numbered request: every fifth is a look at an image, the others are questions of two kinds."""
    country = COUNTRIES[number % len(COUNTRIES)]
    kind, name, arguments, expected = [
        ("formal query", "query", {"graph": "world", "query": f'capital("{country}")'}, f'capital(\\"{country}\\")'),
        ("question", "ask", {"graph": "world", "question": f"Which countries border {country}?"}, country),
        ("image", "detect", {"image": photo, "instruction": "every person"}, '"person"'),
    ][2 if number % 5 == 4 else number % 2]
    began = time.perf_counter()
    told, waits = call(url, name, arguments)
    return Asked(kind, time.perf_counter() - began, waits, "event: complete" in told and expected in told)


def photograph() -> str:
    """An image as programs send it."""
    folder = find_spec("skimage").submodule_search_locations[0]  # type: ignore[union-attr,index]
    data = (Path(folder) / "data" / "astronaut.png").read_bytes()
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def load(url: str, held: Callable[[], float], visitors: int, requests: int) -> tuple[list[Asked], list[float]]:
    """All requests, and the memory before, between and after them; `held` gives the server's, in megabytes."""
    photo, memory, done, lock = photograph(), [held()], 0, threading.Lock()

    def one(number: int) -> Asked:
        nonlocal done
        asked = ask(url, number, photo)
        with lock:
            done += 1
            if done % (requests // MARKS) == 0:
                memory.append(held())
        return asked

    with concurrent.futures.ThreadPoolExecutor(visitors) as pool:
        return list(pool.map(one, range(requests))), memory
