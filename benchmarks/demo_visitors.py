"""Many visitors at once, through the named endpoints: some ask, some send recordings and pictures, each one request
after another.

A visitor who is told to wait waits and asks again; that counts into the time.
"""

from __future__ import annotations

import base64
import concurrent.futures
import json
import re
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from rapidfuzz import fuzz, process
from rapidfuzz.utils import default_process

from tests.reasoning.speech.recordings import spoken

COUNTRIES = ("Portugal", "France", "Germany", "Italy", "Spain", "Poland", "Norway", "Sweden", "Finland", "Greece")
SPOKEN = (
    "Which countries border Germany?", "What is the capital of Portugal?", "Which currency does Poland use?",
    "How many countries border France?", "What is the population of Spain?", "Which languages are spoken in Finland?",
)  # fmt: skip
MARKS = 5
"""Readings of the memory, spread evenly over the requests."""


@dataclass(frozen=True)
class Asked:
    """One request.

    Attributes:
        kind: what was asked for.
        seconds: how long it took, all waiting included.
        waits: how often the visitor was told to wait.
        right: whether the answer is that of this visitor.
        told: the sentence on why what was heard has no answer; "" where it has one.
    """

    kind: str
    seconds: float
    waits: int
    right: bool
    told: str = ""


@dataclass(frozen=True)
class Recording:
    """What somebody says.

    Attributes:
        name: of the file.
        words: what is said.
        content: the file.
    """

    name: str
    words: str
    content: bytes


@dataclass(frozen=True)
class Baggage:
    """What visitors send.

    Attributes:
        picture: an image.
        questions: recordings of questions, which are asked once they are heard.
        captions: recordings that are heard alone.
    """

    picture: bytes
    questions: Sequence[Recording]
    captions: Sequence[Recording]

    def is_nearest(self, recording: Recording, text: str) -> bool:
        """Whether a text has more of what is said in a recording than of what is said in any other."""
        said = list(dict.fromkeys(one.words for one in (*self.questions, *self.captions)))
        found = process.extractOne(text, said, scorer=fuzz.ratio, processor=default_process, score_cutoff=50)
        return found is not None and found[0] == recording.words


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
            with urllib.request.urlopen(f"{url}/gradio_api/call/{name}/{event}", timeout=300) as events:
                return events.read().decode(), waits
        except urllib.error.HTTPError as error:
            if error.code not in (429, 503):
                raise
            waits += 1
            time.sleep(0.5)


def upload(url: str, name: str, content: bytes) -> str:
    """The path that an upload is given, "" where it is refused."""
    head = f'--x\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'.encode()
    request = urllib.request.Request(
        f"{url}/gradio_api/upload", head + content + b"\r\n--x--\r\n",
        {"Content-Type": "multipart/form-data; boundary=x"},
    )  # fmt: skip
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return str(json.load(answer)[0])
    except urllib.error.HTTPError as error:
        assert 400 <= error.code < 500 or error.code == 500
        return ""


def asks(url: str, number: int) -> Asked:
    """The numbered question, of two kinds."""
    country = COUNTRIES[number % len(COUNTRIES)]
    kind, name, arguments, expected = [
        ("formal query", "query", {"graph": "world", "query": f'capital("{country}")'}, f'capital(\\"{country}\\")'),
        ("question", "ask", {"graph": "world", "question": f"Which countries border {country}?"}, country),
    ][number % 2]
    began = time.perf_counter()
    events, waits = call(url, name, arguments)
    return Asked(kind, time.perf_counter() - began, waits, "event: complete" in events and expected in events)


def looks(url: str, picture: bytes, uploads: bool) -> Asked:
    """A look at a picture, inside the request or uploaded first."""
    began = time.perf_counter()
    image = upload(url, "photo.png", picture) if uploads else _inside("image/png", picture)
    events, waits = call(url, "detect", {"image": image, "instruction": "every person"})
    right = "event: complete" in events and '"person"' in events
    return Asked("picture, uploaded" if uploads else "picture", time.perf_counter() - began, waits, right)


def says(url: str, recording: Recording, baggage: Baggage, uploads: bool) -> tuple[Asked, str]:
    """A recording that is heard, inside the request or uploaded first; and the text of it."""
    began = time.perf_counter()
    sent = upload(url, recording.name, recording.content) if uploads else _inside("audio/wav", recording.content)
    events, waits = call(url, "hear", {"recording": sent, "graph": "world"})
    seconds = time.perf_counter() - began
    text = str(_given(events).get("text", ""))
    kind = "recording, uploaded" if uploads else "recording"
    return Asked(kind, seconds, waits, baggage.is_nearest(recording, text)), text


def asks_what_was_heard(url: str, text: str) -> Asked:
    """The question that was heard; one that was misheard may be asked back, or refused in a sentence."""
    began = time.perf_counter()
    events, waits = call(url, "ask", {"graph": "world", "question": text or "?"})
    seconds = time.perf_counter() - began
    return Asked("what was heard", seconds, waits, _given(events).get("question") == text, _told(events))


def visit(url: str, visitor: int, requests: int, sends: bool, baggage: Baggage) -> Iterator[Asked]:
    """What one visitor asks for; one who sends has five kinds of requests in turn."""
    if not sends:
        yield from (asks(url, visitor + number) for number in range(requests))
        return
    heard = ""
    for number in range(requests):
        turn = visitor + number // 5
        match number % 5:
            case 0:
                asked, heard = says(url, baggage.questions[turn % len(baggage.questions)], baggage, uploads=False)
                yield asked
            case 1:
                yield asks_what_was_heard(url, heard)
            case 2:
                yield looks(url, baggage.picture, uploads=False)
            case 3:
                yield says(url, baggage.captions[turn % len(baggage.captions)], baggage, uploads=True)[0]
            case 4:
                yield looks(url, baggage.picture, uploads=True)


def picture() -> bytes:
    """An image as programs send it."""
    folder = find_spec("skimage").submodule_search_locations[0]  # type: ignore[union-attr,index]
    return (Path(folder) / "data" / "astronaut.png").read_bytes()


def spoken_questions() -> list[Recording]:
    """Questions that espeak-ng speaks; a test without it is skipped."""
    return [Recording("question.wav", text, spoken(text)) for text in SPOKEN]


def load(
    url: str, held: Callable[[], float], visitors: int, senders: int, requests: int, baggage: Baggage
) -> tuple[list[Asked], list[float]]:
    """All requests, and the memory before, between and after them.

    Args:
        url: the page's address.
        held: gives the server's memory, in megabytes.
        visitors: how many there are at once.
        senders: how many of them send recordings and pictures; the others ask.
        requests: of all visitors, who make as many each.
        baggage: what is sent.
    """
    memory, done, lock = [held()], 0, threading.Lock()
    each = requests // visitors

    def one(visitor: int) -> list[Asked]:
        nonlocal done
        asked = []
        for request in visit(url, visitor, each, visitor < senders, baggage):
            asked.append(request)
            with lock:
                done += 1
                if done % (each * visitors // MARKS) == 0:
                    memory.append(held())
        return asked

    with concurrent.futures.ThreadPoolExecutor(visitors) as pool:
        return [asked for several in pool.map(one, range(visitors)) for asked in several], memory


def _inside(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _given(events: str) -> Mapping[str, object]:
    """What a call gave; {} where it gave an error."""
    found = re.findall(r"^event: complete\ndata: (.*)$", events, re.MULTILINE)
    given: Mapping[str, object] = json.loads(found[-1])[0] if found else {}
    return given


def _told(events: str) -> str:
    """The sentence of a call that has no answer; "" where there is one, or something failed that nobody foresaw."""
    return "" if "something went wrong" in events else events.partition("event: error\ndata: ")[2].strip()
