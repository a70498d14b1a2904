"""The slider from what the graph says to what is likely, in headless Chromium."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

from tests.app.browsing import DESKTOP, PHONE, choose, expect, open_tab, serious_faults_by_theme, visit
from tests.app.couples import as_file
from tests.app.test_page import ask

RESIDENTS = '~"lives in"("Town 1")'
STEPS = 10
"""Of the slider, of five in a hundred each: to where the graph of couples has a likely answer."""

LEARNED = 120
"""Seconds for the rules of a small graph, most of them the compiler's on a busy machine."""


def bring(page: Any, folder: Path) -> None:
    """Upload the graph of couples."""
    path = folder / "couples.tsv"
    path.write_text(as_file(), encoding="utf-8")
    page.locator("#graph_tab input[type=file]").first.set_input_files(path)
    expect(page, "#graph_note", "154 facts", 60)


def slide(page: Any, steps: int) -> None:
    page.focus("#sure_range")
    for _ in range(steps):
        page.keyboard.press("ArrowRight")


def looks(page: Any) -> str:
    """What is shown, but neither times nor where more of it lies: the page adds that once it has laid it out."""
    parts = "#answer .sk-answer, #evidence .sk-caption, #evidence .sk-canvas, #evidence_table"
    shown = page.evaluate(f"[...document.querySelectorAll('{parts}')].map((part) => part.textContent).join()")
    return re.sub(r"[\d.]+ m?s\b", "", str(shown))


def test_the_slider_shows_what_is_likely_and_takes_it_back_and_a_job_runs_by_it(
    browser: Any, copying: str, tmp_path: Path
) -> None:
    with visit(browser, copying, "likely", PHONE) as page:
        page.uncheck("#run_llm input")
        bring(page, tmp_path)
        ask(page, RESIDENTS)
        expect(page, "#answer", "9 answers", 60)
        expect(page, "#evidence .sk-caption", "All 9 facts")
        expect(page, "#evidence_table", "The facts as a table")
        expect(page, "#steps_status", "not asked")
        page.wait_for_function("!document.body.textContent.includes('processing |')")  # nothing is on its way
        before = looks(page)
        assert page.locator(".sk-likely, .sk-predicted").count() == 0
        slide(page, STEPS)
        expect(page, "#likely_sentence", "Likely as well, though the graph does not say so: Bob 1 (", LEARNED)
        assert page.evaluate("document.activeElement.id") == "sure_range", "the keyboard stays at the slider"
        assert page.get_attribute("#sure_range", "aria-valuetext") == (
            "what the graph says, and what is at least 50% likely"
        )
        assert "9 answers and 1 likely" in str(page.text_content("#answer_headline"))
        row = page.locator("#answer tr.sk-likely")
        assert row.count() == 1
        assert "%" in str(row.text_content())
        line = page.locator("#evidence path.sk-predicted").first
        assert line.evaluate("line => getComputedStyle(line).strokeDasharray") == "6px, 4px"
        known = page.locator("#evidence path.sk-edge:not(.sk-predicted)").first
        assert known.evaluate("line => getComputedStyle(line).strokeDasharray") == "none"
        assert "lives in" in str(page.text_content("#evidence .sk-guess"))
        assert "predicted, with its confidence" in str(page.text_content("#evidence .sk-legend"))
        assert "(predicted, " in str(page.get_attribute("#evidence .sk-canvas svg", "aria-label"))
        page.click("#answer .sk-proof summary")
        expect(page, "#answer .sk-proof", "Bob 1 lives in Town 1: predicted, ")
        page.click("#answer [data-by=name]")
        page.wait_for_selector("#answer th[aria-sort=ascending]")
        assert page.locator("#answer tr.sk-likely").count() == 1, "sorting keeps what is likely"
        page.focus("#evidence [data-key][tabindex='0']")
        page.keyboard.press("Enter")
        page.wait_for_selector("#evidence [aria-expanded=true]")
        assert page.locator("#evidence .sk-canvas path.sk-predicted").count() == 1, "opening keeps what is predicted"
        page.click("#evidence_table summary")
        for viewport in (PHONE, DESKTOP):
            page.set_viewport_size(viewport)
            assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
        assert not serious_faults_by_theme(page)
        page.focus("#sure_range")
        page.keyboard.press("Home")
        page.wait_for_function("!document.querySelector('.sk-likely, .sk-predicted')", timeout=LEARNED * 1000)
        until = time.monotonic() + LEARNED
        while looks(page) != before and time.monotonic() < until:
            page.wait_for_timeout(200)
        assert looks(page) == before
        assert page.locator(".sk-likely, .sk-predicted").count() == 0
        open_tab(page, "Batch")
        choose(page, "#batch_graph", "couples.tsv (yours)")
        choose(page, "#batch_method", "likely answers too")
        page.fill("#batch_typed textarea", 'spouse("Bob 1")')
        page.click("#batch_estimate")
        page.wait_for_selector("#batch_go:not([disabled])", timeout=LEARNED * 1000)
        page.click("#batch_go")
        assert "Ann 1 (" in expect(page, "#job_answers", "%", 120)


def test_a_graph_that_is_too_small_is_told_and_its_answer_stays(browser: Any, copying: str) -> None:
    with visit(browser, copying, "likely-small") as page:
        page.uncheck("#run_llm input")
        choose(page, "#graph", "strange")
        expect(page, "#graph_note", "4 facts")
        ask(page, '"leads to"("Home")')
        expect(page, "#answer", "1 answer")
        slide(page, 1)
        expect(page, "#likely_status", "too few to learn from", 60)
        assert "1 answer" in str(page.text_content("#answer"))
        assert page.locator("#likely_stop:visible").count() == 0
