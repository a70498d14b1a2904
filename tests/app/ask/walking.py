"""What walks through the first tab share: asking, and waiting for answers."""

from __future__ import annotations

import time
import urllib.request
from typing import Any

import pytest

from tests.app.browsing import expect

FIRST = 240
"""Seconds until the first answers are there on a server that has just started, on a busy machine."""


def ask(page: Any, text: str) -> None:
    page.fill("#ask_question textarea", text)
    page.press("#ask_question textarea", "Enter")


def answered(page: Any, words: str, seconds: float = 60) -> str:
    """Wait until an answer with these words is there, and nothing is looked for any more."""
    expect(page, "#cards", words, seconds)
    page.wait_for_function("!document.querySelector('#ask_page.sk-busy')")
    return str(page.inner_text("#cards"))


def until_the_first_answers(url: str) -> None:
    """Wait until the first answers are part of the page that the server sends."""
    deadline = time.monotonic() + FIRST
    while time.monotonic() < deadline:
        with urllib.request.urlopen(url, timeout=30) as page:
            if b"sk-shape-answer" in page.read():
                return
        time.sleep(0.2)
    pytest.fail("the first answers did not come")


def first_answers(page: Any) -> None:
    page.wait_for_selector("#told .sk-shape-answer", timeout=FIRST * 1000)
    page.wait_for_selector("#seen .sk-object", timeout=FIRST * 1000)
