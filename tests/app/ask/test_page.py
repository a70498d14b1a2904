"""The first tab as a stranger meets it, in headless Chromium, over the server of the other walks."""

from __future__ import annotations

from typing import Any

import pytest
from PIL import Image

from app.image.examples import PHOTOGRAPHS
from app.image.overlay import jpeg_uri
from tests.app.ask.walking import answered, ask, first_answers, until_the_first_answers
from tests.app.browsing import DESKTOP, PHONE, SCRIPT, serious_faults_by_theme, visit, visitor


def test_the_page_begins_with_two_answers_and_what_proves_them(browser: Any, copying: str) -> None:
    with visit(browser, copying, "first", PHONE, tab="Ask") as page:
        first_answers(page)
        assert "person 1 is right of car 1" in str(page.inner_text("#seen"))
        for viewport in (PHONE, DESKTOP):
            page.set_viewport_size(viewport)
            assert page.locator("#seen svg.sk-photo .sk-object").count() == 1
            assert page.locator("#told .sk-canvas .sk-shape-answer").count() == 7
            assert page.locator("h1:visible").count() == 1
            tops = [page.locator(part).bounding_box()["y"] for part in ("#composer", "#seen", "#told")]
            assert tops[0] < tops[1] <= tops[2]
            assert (tops[1] < tops[2]) == (viewport is PHONE), "side by side, but on a phone"
            assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


def test_axe_finds_nothing_serious_in_any_state(browser: Any, copying: str) -> None:
    def check(state: str) -> None:
        for viewport in (DESKTOP, PHONE):
            page.set_viewport_size(viewport)
            assert not serious_faults_by_theme(page), state
            assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"], state

    with visit(browser, copying, "ask-axe", PHONE, "/?__theme=dark", tab="Ask") as page:
        assert page.evaluate("document.body.classList.contains('dark')"), "what the theme of a link sets"
        first_answers(page)
        check("the first answers")
        for text, told in (
            ("What is the capital of Australia?", "Canberra"), ("Find every car", "Found a car"),
            ("Find every helicopter", "no class"), ("Who is the president of France?", "president"),
        ):  # fmt: skip
            ask(page, text)
            answered(page, told)
            page.eval_on_selector_all("#cards details", "all => all.forEach((one) => { one.open = true; })")
            check(text)


def test_every_chip_is_answered_with_a_click_and_has_a_link(browser: Any, copying: str) -> None:
    answers = ("A cat, and perhaps a remote.", "Outlined a bus.", "There is a person.", "Canberra", "9 ", "Algeria")
    with visit(browser, copying, "chips", tab="Ask") as page:
        first_answers(page)
        for number, words in enumerate(answers):
            page.locator("#starters .sk-ask").nth(number).click()
            answered(page, words)
        link = page.url
        assert "q=Which" in link
    with visit(browser, link, "chip-link", tab="Ask") as page:
        answered(page, answers[-1])
        assert page.input_value("#ask_question textarea").startswith("Which")


def test_a_text_goes_to_the_reader_that_it_is_for(browser: Any, copying: str) -> None:
    with visit(browser, copying, "routing", tab="Ask") as page:
        first_answers(page)
        for text, of, words in (
            ("What is the capital of Chad?", "the graph world", "N'Djamena"),
            ("the car left of the person", "the picture", "car"),
            ('capital("Portugal")', "the graph world", "Lisbon"),
            ("is there a dog?", "the picture", "Not that I can see."),
        ):  # fmt: skip
            ask(page, text)
            assert of in answered(page, words)


def test_a_refusal_keeps_the_picture_and_offers_what_works(browser: Any, copying: str) -> None:
    with visit(browser, copying, "refusal", tab="Ask") as page:
        first_answers(page)
        ask(page, "Find every helicopter")
        answered(page, "no class")
        assert page.locator("#seen svg.sk-photo .sk-object").count() >= 2
        offered = page.locator("#seen .sk-try .sk-ask").all_text_contents()
        assert len(offered) == 3
        for text in offered:
            ask(page, text)
            answered(page, text)
            page.wait_for_function("!document.querySelector('#seen .sk-try')")
        ask(page, "Who is the president of France?")
        answered(page, "president")
        offered = page.locator("#told .sk-try .sk-ask").all_text_contents()
        assert len(offered) == 3
        page.locator("#told .sk-try .sk-ask").last.click()
        answered(page, "France")
        page.wait_for_function("!document.querySelector('#told .sk-alert')")


def test_a_picture_that_is_given_dropped_or_pasted_is_shown_and_asked(
    browser: Any, copying: str, tmp_path: Any
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    own = tmp_path / "own.jpg"
    with Image.open(PHOTOGRAPHS["bus"].path) as photo:
        photo.rotate(2).save(own)
    with visit(browser, copying, "given", tab="Ask") as page:
        first_answers(page)
        page.set_input_files("#composer input[type=file]", broken)
        assert "/tmp" not in answered(page, "no image that can be read")
        page.set_input_files("#composer input[type=file]", own)
        assert "Ask about this picture" in answered(page, "bus")
        ask(page, "how many buses are there?")
        answered(page, "There is a bus.")
        assert "q=" not in page.url, "a visitor's own picture has no link"

        page.evaluate(
            """() => {
                window.told = [];
                const status = document.querySelector('#ask_status');
                new MutationObserver(() => told.push(status.textContent.trim())).observe(
                    status, {subtree: true, childList: true, characterData: true});
            }"""
        )
        for way, shows in (("drop", "cat"), ("paste", "bus")):
            assert shows not in str(page.inner_text("#cards"))
            page.evaluate("told.length = 0")
            page.evaluate(
                """async ([address, way]) => {
                    const blob = await (await fetch(address)).blob(), held = new DataTransfer();
                    held.items.add(new File([blob], 'own.jpg', {type: 'image/jpeg'}));
                    const held_by = way === 'drop' ? 'dataTransfer' : 'clipboardData';
                    const event = new (way === 'drop' ? DragEvent : ClipboardEvent)(
                        way, {[held_by]: held, bubbles: true, cancelable: true});
                    document.querySelector('#ask_question textarea').dispatchEvent(event);
                }""",
                [jpeg_uri(Image.open(PHOTOGRAPHS[shows].path).convert("RGB"), 600, 80), way],
            )
            assert "Ask about this picture" in answered(page, shows)
            assert page.evaluate("told") == ["Looking for the answer …", ""]


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/?graph=atlantis&q=Where", "a graph that is not here"),
        ("/?picture=../../etc/passwd&q=Find+every+car", "a picture that is not here"),
        (f"/?graph=world&q={SCRIPT}", "script"),
        ("/?tab=nowhere", "a tab that is not here"),
        ("/?q=and+its+population%3F", "there is no answer before"),
    ],
)
def test_a_link_that_leads_nowhere_is_said(browser: Any, copying: str, path: str, told: str) -> None:
    with visit(browser, copying, "lost-link", path=path, tab="Ask") as page:
        answered(page, told)
        assert page.locator("#cards script").count() == 0
        assert page.locator("#told .sk-try .sk-ask").count() == 3, "questions that can be asked instead"


def test_tabs_and_pictures_have_links(browser: Any, copying: str) -> None:
    with visit(browser, copying, "tab-link", path="/?picture=cat", tab="Ask") as page:
        answered(page, "A cat, and perhaps a remote.")
        page.click("role=tab[name='Video']")
        page.wait_for_function("location.search === '?tab=video'")
        page.click("role=tab[name='Ask']")
        page.wait_for_function("location.search === '?picture=cat'")
    with visit(browser, copying, "lost-image", path="/?tab=image&picture=nope", tab="Image") as page:
        page.wait_for_function("document.querySelector('#image_error').textContent.includes('a picture that is not')")
    with visitor(browser, copying) as page:
        page.goto(f"{copying}/?tab=models")
        page.wait_for_selector("role=tab[name='Models'][selected]")


def test_the_first_answers_neither_move_nor_wait(browser: Any, copying: str) -> None:
    until_the_first_answers(copying)
    with visitor(browser, copying, apart=True) as page:
        page.add_init_script(
            "window.shifts = []; new PerformanceObserver((list) =>"
            " list.getEntries().forEach((e) => shifts.push(e.value))).observe({type: 'layout-shift', buffered: true});"
        )
        page.goto(copying, wait_until="commit")
        page.wait_for_selector("#told .sk-large")
        assert "2 others border France" in page.inner_text("#told"), "the answers come with the page"
        page.wait_for_timeout(1500)
        assert sum(page.evaluate("shifts")) < 0.02
