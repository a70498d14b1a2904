"""What the page is like to use: for eyes, keyboards, screen readers and phones, on every tab that it has."""

from __future__ import annotations

from typing import Any

import pytest

from tests.app.browsing import DESKTOP, PHONE, expect, open_tab, serious_faults_by_theme, visit, visitor

FIRST_PAINT = 2.0
"""Seconds on two cores that nothing else uses; `benchmarks/demo_load.py` measures it. A busy machine gets more here."""
BUSY = 5
TEXT = "/^Done/.test(document.querySelector('#steps_status').textContent.trim())"


def fill(page: Any) -> None:
    """Let both kinds of answers show, so that what is looked at is not an empty page."""
    page.click("#example-2")
    expect(page, "#answer", "4 answers", 30)
    page.wait_for_function(TEXT, timeout=60_000)
    open_tab(page, "Image")
    page.click("#image-example-1")
    expect(page, "#reasoning", "person 1", 60)
    page.click("#scene summary")
    page.click("#objects_panel button")


def tabs(page: Any) -> list[Any]:
    return list(page.locator("[role=tab]:visible").all())


def test_no_tab_scrolls_sideways_on_a_phone_and_axe_finds_nothing_serious_on_any(browser: Any, copying: str) -> None:
    with visit(browser, copying, "axe", PHONE) as page:
        fill(page)
        names = dict.fromkeys(page.locator("[role=tab]").all_text_contents())
        assert "Image" in names
        for name in names:
            open_tab(page, name.strip())
            assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], name
        page.set_viewport_size(DESKTOP)
        page.wait_for_function("n => document.querySelectorAll('[role=tab]').length >= n", arg=len(names))
        for tab in tabs(page):
            tab.click()
            name = tab.text_content()
            page.wait_for_function(
                "name => document.querySelector('[role=tab][aria-selected=true]').textContent === name", arg=name
            )
            assert not serious_faults_by_theme(page), f"on the tab {name}"


def test_a_question_is_asked_and_stopped_without_a_mouse(browser: Any, copying: str) -> None:
    with visit(browser, copying, "keyboard") as page:
        page.focus("#question textarea")
        page.keyboard.type('borders("Portugal")')
        page.keyboard.press("Enter")
        expect(page, "#answer", "Spain")
        seen = []
        for _ in range(60):
            page.keyboard.press("Tab")
            at = page.evaluate(
                "() => { const a = document.activeElement, s = getComputedStyle(a), r = a.getBoundingClientRect();"
                " return [a.closest('[id]')?.id || a.tagName, a.matches(':focus-visible')"
                " && (s.outlineStyle !== 'none' || s.boxShadow !== 'none'), r.width > 0]; }"
            )
            seen.append(at)
            if at[0] == "BODY":
                break
        reached = [name for name, _, _ in seen]
        assert {"ask", "example-1"} <= set(reached), reached
        assert reached.index("ask") < reached.index("example-1"), "the order is that of the page"
        hidden = [name for name, marked, _ in seen if name in ("ask", "example-1", "example-5") and not marked]
        assert not hidden, "the focus can be seen"


def test_one_thing_lights_up_in_all_its_places(browser: Any, copying: str) -> None:
    with visit(browser, copying, "together") as page:
        open_tab(page, "Image")
        page.click("#image-example-1")
        expect(page, "#reasoning", "person 1", 60)
        page.click("#scene summary")

        def lit() -> set[str]:
            kind = "[...o.classList].find(c => c !== 'sk-lit') || o.tagName.toLowerCase()"
            return set(page.eval_on_selector_all("#image_row .sk-lit", f"found => found.map(o => {kind})"))

        page.hover("#overlay .sk-object", position={"x": 20, "y": 300})
        page.wait_for_selector("#scene .sk-scene-node.sk-lit")
        assert {"sk-object", "sk-tag", "sk-scene-node", "sk-link", "li", "tr"} <= lit()
        assert page.locator("#scene .sk-scene-node.sk-lit title").text_content() == "person 1"

        page.focus("#scene .sk-scene-node")
        page.keyboard.press("ArrowRight")
        page.wait_for_selector("#overlay .sk-reason.sk-lit")
        assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("tie 1; inside person 1")
        assert page.locator("#overlay .sk-object.sk-lit").count() == 0
        page.evaluate("document.activeElement.blur()")
        page.wait_for_function("!document.querySelector('#image_row .sk-lit')")


@pytest.mark.parametrize(("viewport", "name"), [(DESKTOP, "desktop"), (PHONE, "phone")])
def test_the_first_paint_waits_for_no_model_and_nothing_jumps_as_the_page_loads_or_an_answer_comes(
    browser: Any, copying: str, viewport: dict[str, int], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with visitor(browser, copying, viewport, apart=True) as page:
        page.add_init_script(
            "window.shifts = []; new PerformanceObserver((list) => list.getEntries().forEach((e) =>"
            " shifts.push([e.value, ...e.sources.map((s) => s.node?.id).filter((id) => id)])))"
            ".observe({type: 'layout-shift', buffered: true});"
        )
        page.goto(f"{copying}/?tab=graph")
        page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length > 0")
        page.wait_for_selector("#question textarea")
        seconds = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime") / 1000
        with capsys.disabled():
            print(f"\nfirst contentful paint on a {name} after {seconds:.2f} s")
        assert seconds < FIRST_PAINT * BUSY
        expect(page, "#graph_note", "facts", 60)
        page.wait_for_timeout(500)
        ours = [shift for shift in page.evaluate("shifts") if len(shift) > 1]  # the others are of Gradio's own spinner
        assert sum(shift[0] for shift in ours) < 0.01, ours
        top = "document.querySelector('#answer').getBoundingClientRect().top + scrollY"
        before = page.evaluate(top)
        page.click("#example-2")
        expect(page, "#understood", "Germany")
        assert page.evaluate(top) == before


def test_what_comes_in_answer_comes_into_view_and_leaves_the_keyboard_where_it_is(browser: Any, copying: str) -> None:
    box = "document.querySelector(s)?.getBoundingClientRect()"
    seen = f"s => {{ const r = {box}; return r?.height && r.top >= 0 && r.top < innerHeight - 60; }}"

    shown = "document.querySelector('#overlay .sk-look')?.dataset.key"

    def ask(words: str) -> None:
        page.evaluate("scrollTo(0, 0)")
        page.fill("#question textarea", words)
        page.press("#question textarea", "Enter")

    with visit(browser, copying, "in-view") as page:
        page.emulate_media(reduced_motion="reduce")
        moving = page.evaluate(
            "() => [...document.querySelectorAll('*')].filter((o) => { const s = getComputedStyle(o);"
            " return Math.max(...s.animationDuration.split(',').map(parseFloat)) > 0.001"
            " || Math.max(...s.transitionDuration.split(',').map(parseFloat)) > 0.001; }).length"
        )
        assert moving == 0, "who wants no motion sees none"
        page.uncheck("#run_llm input")
        for viewport, example in ((DESKTOP, "#image-example-1"), (PHONE, "#image-example-2")):
            page.set_viewport_size(viewport)
            open_tab(page, "Graph")
            ask('capital("Portugal")')
            page.wait_for_function(seen, arg="#sentence")
            assert page.evaluate("document.activeElement.matches('#question textarea')")
            ask('capital("Xqzzyfoo")')
            page.wait_for_function(seen, arg="#error .sk-alert")
            ask("What is the capital of the Congo?")
            page.wait_for_function(seen, arg="#choice-1")
            open_tab(page, "Image")
            before = page.evaluate(shown)
            page.evaluate("scrollTo(0, 0)")
            page.click(example)
            page.wait_for_function(f"before => {shown} !== before", arg=before, timeout=60_000)
            page.wait_for_selector("#overlay .sk-photo", timeout=60_000)
            page.wait_for_function(seen, arg="#image_found")
