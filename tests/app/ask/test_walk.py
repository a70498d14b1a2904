"""A newcomer's first minutes, from the open page to the link that is sent on, with what there is to wait for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from app.image.examples import PHOTOGRAPHS
from tests.app.ask.walking import answered, ask, first_answers
from tests.app.browsing import expect, serious_faults, visit
from tests.reasoning.speech.recordings import QUESTION

MOST_WAITED = 90.0
"""Seconds of waiting in all."""


class Waiting:
    """Adds up how long somebody waits."""

    def __init__(self) -> None:
        self.seconds = 0.0

    @contextmanager
    def measured(self) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.seconds += time.monotonic() - began


@pytest.mark.timing
def test_a_newcomer_meets_no_dead_end(listening: Any, copying: str, tmp_path: Path) -> None:
    own, waiting = tmp_path / "own.jpg", Waiting()
    with Image.open(PHOTOGRAPHS["bus"].path) as photo:
        photo.rotate(2).save(own)
    with visit(listening, copying, "newcomer", tab="Ask") as page:
        first_answers(page)  # the server has just started, and its models load

        def step(words: str, act: Any) -> None:
            act()
            with waiting.measured():
                answered(page, words)
            assert page.locator("#cards .sk-card").count() == 1
            assert page.locator("#cards :is(.sk-evidence, .sk-try)").count(), "evidence, or what works instead"

        for number, words in ((1, "Outlined a bus."), (3, "Canberra"), (4, "9 ")):
            step(words, page.locator("#starters .sk-ask").nth(number).click)
        step("Portugal", lambda: ask(page, "Which countries border Spain?"))
        step("Nairobi", lambda: ask(page, "what's the capital of Kenya"))
        step("Kenya", lambda: ask(page, "and its population?"))
        step("Ask about this picture", lambda: page.set_input_files("#composer input[type=file]", own))
        step("There is a bus.", lambda: ask(page, "how many buses are there?"))

        page.get_by_role("button", name="Ask by voice").click()
        # The text comes while the recording goes on, and is not asked by itself.
        page.wait_for_function("document.querySelector('#ask_question textarea').value.includes('Germany')")
        assert not serious_faults(page)
        page.get_by_role("button", name="Stop recording").click()
        with waiting.measured():
            expect(page, "#ask_status", "Heard in English", 60)
        assert "Germany" in page.input_value("#ask_question textarea")
        assert "There is a bus." in page.inner_text("#cards"), "nothing is asked yet"
        page.fill("#ask_question textarea", QUESTION)
        step("Poland", lambda: page.press("#ask_question textarea", "Enter"))

        link = page.url
        page.locator("#told details.sk-fold > summary").first.click()
        page.get_by_role("button", name="Copy link").click()
        expect(page, "#told", "link")
    with visit(listening, link, "newcomer-link", tab="Ask") as page, waiting.measured():
        answered(page, "Poland")
    assert waiting.seconds <= MOST_WAITED
