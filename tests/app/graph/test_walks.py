"""The graph page beyond asking: a graph of one's own, its evidence, the table, the link, proposals and shapes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.app.browsing import DESKTOP, PHONE, SCRIPT, choose, expect, open_tab, visit
from tests.app.test_page import ask


def wait(page: Any, condition: str, seconds: float = 15) -> None:
    page.wait_for_function(f"() => {condition}", timeout=seconds * 1000)


def test_a_graph_of_ones_own_is_read_shown_asked_and_not_linked_to(browser: Any, copying: str, tmp_path: Path) -> None:
    broken, mine = tmp_path / "broken.tsv", tmp_path / "mine.tsv"
    broken.write_text("A\troad\tB\nA\tB\n")
    mine.write_text(f"A\troad\t{SCRIPT}\nB\troad\tC\n")
    with visit(browser, copying, "own-graph") as page:
        page.uncheck("#run_llm input")
        files = page.locator("#graph_tab input[type=file]").first
        files.set_input_files(broken)
        told = expect(page, "#upload_note", "line 2", 20)
        assert "/" not in told.split("expected")[0]
        # The chosen graph is still the one that names and shapes are looked up in.
        page.locator("#question textarea").press_sequentially("Portug")
        page.wait_for_selector("#sk-proposals[aria-busy=false] [role=option]")
        page.keyboard.press("Escape")
        page.click("#shapes_frame button")
        page.locator("#shapes .sk-shape-choice", has_text="1p").click()
        page.click("#shapes [data-example]")
        expect(page, "#shapes .sk-said", "press Ask", 20)
        files.set_input_files(mine)
        expect(page, "#graph_note", "2 facts", 20)
        wait(page, "!document.querySelector('#upload_note').textContent.trim()")
        page.click("#contents_frame button")
        assert SCRIPT in expect(page, "#contents", "Relations, with a fact of each")
        ask(page, 'road("A")')
        assert "CSV" in expect(page, "#answer", SCRIPT)
        assert page.locator("#answer [data-link]").count() == 0
        assert page.locator("#contents script, #answer script, #evidence script").count() == 0
        open_tab(page, "Batch")
        choose(page, "#batch_graph", "mine.tsv (yours)")
        page.fill("#batch_typed textarea", 'road("A")')
        page.click("#batch_estimate")
        assert "1 line of typed.txt on mine.tsv" in expect(page, "#job_estimate", "What it would take", 60)


def test_the_evidence_is_walked_by_keyboard_and_mouse(browser: Any, copying: str) -> None:
    with visit(browser, copying, "evidence") as page:
        page.uncheck("#run_llm input")
        ask(page, 'capital(borders("Portugal"))')
        expect(page, "#evidence", "Both facts")
        page.focus("#evidence [data-key][tabindex='0']")
        page.keyboard.press("ArrowRight")
        wait(page, "/^Spain/.test(document.activeElement.getAttribute('aria-label'))")
        page.keyboard.press("Enter")
        expect(page, "#evidence .sk-caption", "Spain is open")
        wait(page, "document.activeElement.getAttribute('aria-expanded') === 'true'")
        drawn = page.locator("#evidence [data-key]").count()
        assert 4 <= drawn <= 15
        page.keyboard.press("Enter")
        wait(page, "document.querySelectorAll('#evidence [data-key]').length === 3")
        seen = "document.querySelector('#evidence .sk-canvas svg').getAttribute('viewBox')"
        before = page.evaluate(seen)
        page.click("#evidence [data-do=in]")
        assert page.evaluate(seen) != before
        with page.expect_download() as saved:
            page.click("#evidence [data-do=svg]")
        assert "Madrid" in Path(saved.value.path()).read_text(encoding="utf-8")


def test_two_hundred_facts_are_read_without_magnifying_and_the_view_stays_at_the_picture(
    browser: Any, copying: str
) -> None:
    query = 'borders(borders("Germany") | borders("Russia") | borders("Brazil")) | capital(~continent("Africa"))'
    with visit(browser, copying, "many-facts") as page:
        page.uncheck("#run_llm input")
        ask(page, query)
        expect(page, "#evidence .sk-caption", "200 of")
        expect(page, "#evidence .sk-beyond", "More lies on the right")
        letters = "getComputedStyle(document.querySelector('#evidence .sk-shape text')).fontSize.replace('px', '')"
        scale = "document.querySelector('.sk-canvas svg').getScreenCTM().a"
        assert page.evaluate(f"{letters} * {scale}") >= 12
        russia = page.get_by_role("button", name="Russia, named in the question, and an answer")
        russia.click()
        expect(page, "#evidence .sk-caption", "Russia is open")
        x, y, w, h = map(float, page.get_attribute("#evidence .sk-canvas svg", "viewBox").split())
        width, height = (float(page.get_attribute("#evidence .sk-canvas svg", side)) for side in ("width", "height"))
        assert -25 <= x <= width - w + 25
        assert -25 <= y <= max(height - h, 0) + 25
        page.mouse.move(0, 0)
        russia.hover()
        wait(page, "document.querySelectorAll('#evidence .sk-edge-label.sk-lit').length > 1")
        page.locator("#evidence .sk-edge").first.dispatch_event("pointerover")
        wait(page, "document.querySelectorAll('#evidence .sk-edge-label.sk-lit').length === 1")


def test_the_table_is_sorted_and_saved_and_a_link_restores_the_question(browser: Any, copying: str) -> None:
    query = 'population(borders("Germany"))'
    with visit(browser, copying, "table") as page:
        page.uncheck("#run_llm input")
        ask(page, query)
        expect(page, "#answer", "9 answers")
        page.focus("#answer [data-by=value]")
        page.keyboard.press("Enter")
        wait(page, "document.querySelector('#answer td bdi').textContent === 'Luxembourg'")
        page.keyboard.press("Enter")
        wait(page, "document.querySelector('#answer td bdi').textContent === 'France'")
        assert page.locator("#answer th[aria-sort=descending] [data-by=value]").count() == 1
        with page.expect_download() as saved:
            page.click("#answer [data-form=csv]")
        assert len(Path(saved.value.path()).read_text(encoding="utf-8").splitlines()) == 10
        page.click("#answer [data-link]")
        expect(page, "#answer .sk-said", "link")
        link = page.url
    with visit(browser, link, "link") as page:
        expect(page, "#answer", "9 answers", 30)
        assert page.input_value("#question textarea") == query
        expect(page, "#steps_status", "not asked")


def test_a_query_is_built_from_proposals_and_from_a_shape(browser: Any, copying: str) -> None:
    with visit(browser, copying, "shape", PHONE) as page:
        page.uncheck("#run_llm input")
        box = page.locator("#question textarea")
        page.click("#shapes_frame button")
        for viewport, country, shape in ((PHONE, "Portugal", "2in"), (DESKTOP, "Denmark", "3in")):
            page.set_viewport_size(viewport)
            box.fill("")
            box.press_sequentially(f"capital(borders({country[:6]}")
            page.wait_for_selector("#sk-proposals[aria-busy=false] [role=option]")
            page.keyboard.press("ArrowDown")
            assert page.get_attribute("#question textarea", "aria-activedescendant") == "sk-proposal-0"
            page.keyboard.press("Enter")
            assert box.input_value() == f'capital(borders("{country}"'
            box.press_sequentially("))")
            box.press("Enter")
            wait(page, f"document.querySelector('#understood_query')?.textContent.includes('{country}')")
            expect(page, "#answer", "1 answer")
            page.locator("#shapes .sk-shape-choice", has_text=shape).click()
            page.click("#shapes [data-example]")
            wait(page, "document.querySelector('#question textarea').value.includes('!')")
            expect(page, "#shapes .sk-said", "press Ask", 20)
            page.click("#ask")
            wait(page, "document.querySelector('#understood_query').textContent.includes('!')")
            assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
